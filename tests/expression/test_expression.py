"""Expressions as values: equality, joining, writing, and errors that point."""

from __future__ import annotations

import gc
from collections.abc import Iterator, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import BadExpression
from callboard.event import Document, Envelope, Event, seal
from callboard.expression import (
    EVERYTHING,
    And,
    Comparison,
    Not,
    Or,
    both,
    either,
    equals,
    parse,
    parse_target,
    quote,
)
from tests.expression.strategies import documents, expressions


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("a=x", " ( a = 'x' ) "),
        ("a=x and b=y", 'b=y AND a="x"'),
        ("a=x and (b=y and c=z)", "(c=z and b=y) and a=x"),
        ("a=x or (b=y or a=x)", "b=y or a=x"),
        ("not not a=x", "a=x"),
        ("not (a=x or b=y)", "not a=x and not b=y"),
        ("not (a=x or not b=y)", "b=y and not a=x"),
        ("a=x and a=x", "a=x"),
        ("a=x*", "a='x*'"),
        ("", "  "),
    ],
)
def test_expressions_that_say_the_same_are_equal(one: str, other: str) -> None:
    assert parse(one) == parse(other)
    assert hash(parse(one)) == hash(parse(other))


@pytest.mark.parametrize(
    ("one", "other"),
    [("a=1", "a='1'"), ("a=x", "a=X"), ("a=x", "a!=x"), ("a=x*", "a>=x"), ("a=x and b=y", "a=x or b=y")],
)
def test_expressions_that_say_something_else_differ(one: str, other: str) -> None:
    assert parse(one) != parse(other)


def test_the_text_stays_as_it_was_given() -> None:
    assert parse(" a = 'x' ").text == str(parse(" a = 'x' ")) == " a = 'x' "
    assert parse("a=x") != "a=x"


def test_nodes_are_in_normal_form() -> None:
    x, y = Comparison(("a",), "=", "x"), Comparison(("data", "b"), "=", "1", typed=True)
    negated = parse("not (data.b=1 and a=x)").node
    assert isinstance(negated, Not)
    assert isinstance(negated.child, And)
    assert negated.child.children == (x, y)  # what needs no decoding comes first
    turned = parse("not (data.b=1 or not a=x)").node
    assert isinstance(turned, And)
    assert turned.children[0] == x
    assert isinstance(turned.children[1], Not)
    assert isinstance(parse("a=x or data.b=1").node, Or)


@given(expressions, expressions, documents)
def test_both_and_either_join_two_expressions(one: str, other: str, document: Mapping[str, Any]) -> None:
    first, second = parse(one), parse(other)
    assert both(first, second).matches(document) == (first.matches(document) and second.matches(document))
    assert either(first, second).matches(document) == (first.matches(document) or second.matches(document))
    for joined in (both(first, second), either(first, second)):
        assert parse(joined.text) == joined


def test_everything_is_neutral() -> None:
    one = parse("a=x")
    assert both(one, EVERYTHING) is one
    assert both(EVERYTHING, one) is one
    assert either(one, EVERYTHING) == EVERYTHING == parse("")


@given(st.text())
def test_a_quoted_value_means_exactly_itself_or_is_refused(value: str) -> None:
    try:
        written = quote(value)
    except BadExpression:
        assert value.endswith("*") or ("'" in value and '"' in value) or set(value) & set("\n\r\\")
    else:
        assert parse(f"a={written}") == equals("a", value)


@given(st.text(), st.text())
def test_equals_is_true_for_this_text_alone(value: str, other: str) -> None:
    assert equals("a.b", value).matches({"a": {"b": value}})
    assert equals("a.b", value).matches({"a": {"b": other}}) == (value == other)


@pytest.mark.parametrize("subscriber", ["{3f2a-11}", "urn:uuid:1 2", "a\"b'c", "x*", "ünï", "a=b and ("])
def test_a_reply_target_may_hold_any_id(subscriber: str) -> None:
    target = parse_target(f"id={subscriber}")
    assert target.matches({"id": subscriber}) or subscriber == "x*"
    assert target.matches({"id": "other"}) is False


def test_a_target_is_otherwise_an_expression() -> None:
    assert parse_target('applicationId=ftrack.client.web and user.id="u 1"') == parse(
        "user.id='u 1' and applicationId=ftrack.client.web"
    )
    assert parse_target("") == EVERYTHING
    for wrong in ("host=a b", "id:x", "id="):
        with pytest.raises(BadExpression):
            parse_target(wrong)


def test_an_error_draws_a_caret_under_the_fault() -> None:
    with pytest.raises(BadExpression) as caught:
        parse("topic=ftrack.update and data.colon=a:b")
    message, text, caret = str(caught.value).split("\n")
    assert message == 'This character needs quotes: write the whole value as "...".'
    assert text[caret.index("^")] == ":"


@given(st.text("ab=. \n\t", max_size=200), st.text("ab=. \n\t", max_size=200))
def test_the_caret_stands_under_the_fault_in_a_long_text_too(before: str, after: str) -> None:
    text = f"a='{before.replace(chr(10), ' ')}' \u2620{after}"
    with pytest.raises(BadExpression) as caught:
        parse(text)
    _, shown, caret = str(caught.value).split("\n")
    assert shown[caret.index("^")] == "\u2620"
    assert len(shown) <= 70


class Broken(Mapping[str, Any]):
    """A mapping that lists keys it can't read."""

    def __getitem__(self, key: str) -> Any:
        raise RuntimeError(key)

    def __iter__(self) -> Iterator[str]:
        return iter(["topic"])

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("text", ["topic=x", "topic!=x", "topic>1", "topic.a=x", "topic=*"])
def test_a_document_that_raises_does_not_match(text: str) -> None:
    assert parse(text).matches(Broken()) is False
    assert parse(text).matches({"topic": Broken()}) is (text == "topic!=x")


def test_only_what_an_expression_asks_for_is_decoded() -> None:
    document = Document(seal(Event("a.b", {"n": 1}, {"id": "x"})))
    assert not parse("data.n=1 and topic=other").matches(document)
    assert "data" not in document
    assert parse("data.n=1 and topic=a.b").matches(document)
    assert "data" in document
    assert "source" not in document


def test_both_spellings_of_in_reply_to_event_are_read() -> None:
    document = Document(Envelope(topic="ftrack.meta.reply", in_reply_to_event="e1"))
    assert parse("inReplyToEvent=e1 and in_reply_to_event=e1").matches(document)


def test_short_expressions_are_remembered_and_long_ones_are_not() -> None:
    assert parse("topic=remembered") is parse("topic=remembered")
    long = "topic=" + "x" * 1000
    assert parse(long) is not parse(long)


def test_expressions_are_no_work_for_the_garbage_collector() -> None:
    expression = parse("topic=x and (a=y or not b=z)")
    assert not gc.is_tracked(expression)
    assert not gc.is_tracked(expression.node)
