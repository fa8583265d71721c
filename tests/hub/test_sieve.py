"""The sieve lets nothing out that matches."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.event import Document, open_envelope
from callboard.expression import both, equals, parse
from callboard.hub.sieve import sieve_of

TEXTS = st.text(st.characters(exclude_categories=["Cs"]), max_size=4)
VALUES = st.recursive(
    TEXTS | st.none() | st.booleans() | st.integers(-5, 5) | st.floats(-2, 2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("ab"), inner, max_size=2),
    max_leaves=6,
)


def texts_in(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for child in value.values() for text in texts_in(child)]
    if isinstance(value, list):
        return [text for child in value for text in texts_in(child)]
    return [value if isinstance(value, str) else json.dumps(value)]


@given(st.data(), VALUES, VALUES, st.booleans())
def test_what_matches_passes(data: st.DataObject, payload: Any, source: Any, escaped: bool) -> None:
    event = {"topic": "t", "data": payload, "source": {"a": source}}
    envelope = open_envelope(json.dumps(event, ensure_ascii=escaped).encode())
    text = data.draw(st.sampled_from([*texts_in(payload), *texts_in(source), "x"]))
    path = data.draw(st.sampled_from(["data", "data.a", "data.a.b", "source.a", "source.a.a"]))
    expression = both(equals(path, text), parse(data.draw(st.sampled_from(["", "topic=t", "data.a=1"]))))
    sieve = sieve_of(expression)
    if sieve is not None and expression.matches(Document(envelope)):
        assert sieve(envelope)


@pytest.mark.parametrize(
    ("expression", "passes"),
    [
        ("data.shot=sh010", True),
        ("data.shot=sh020", False),
        ("data.shot=sh0*", True),
        ("data.shot=sh2*", False),
        ("topic=t and data.shot=sh020 and data.n>1", False),
        ("source.user.username=ann", True),
        ("source.user.username=bob", False),
    ],
)
def test_what_lacks_the_letters_is_out(expression: str, passes: bool) -> None:
    event = {"topic": "t", "data": {"shot": "sh010", "n": 5}, "source": {"user": {"username": "ann"}}}
    sieve = sieve_of(parse(expression))
    assert sieve is not None
    assert sieve(open_envelope(json.dumps(event).encode())) is passes


@pytest.mark.parametrize(
    "expression", ["", "topic=t", "data.n=5", "data.n!=5", "data.x=a or data.x=b", "not data.x=a", "data.n>5"]
)
def test_where_the_text_tells_nothing_there_is_no_sieve(expression: str) -> None:
    assert sieve_of(parse(expression)) is None
