"""JSON text that every client can read."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import BadEvent
from callboard.jsontext import MAX_CONTAINERS, MAX_DEPTH, MAX_DIGITS, MAX_KEY, fit, mend, small

BIG = b'{"pad":"' + b"x" * MAX_DIGITS + b'","value":'
"""What goes before a value so that `fit` takes a close look."""
LONE = re.compile("[\ud800-\udfff]")
ANY_TEXT = st.text(st.characters(exclude_categories=[]) | st.sampled_from('[]{}":\\\ud800\udc00'), max_size=6)
ANY_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | ANY_TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(ANY_TEXT, inner, max_size=4),
    max_leaves=10,
)


def look(value: bytes) -> str:
    """Return why `value` is not fit, or nothing."""
    try:
        fit(BIG + value + b"}")
    except BadEvent as error:
        return str(error)
    return ""


def depth(value: Any) -> int:
    children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else None
    return 0 if children is None else 1 + max(map(depth, children), default=0)


@pytest.mark.parametrize(
    ("opening", "closing", "levels"), [("[", "]", 1), ('{"a":', "}", 1), ('[{"]":', "}]", 2)]
)
def test_nesting_is_bounded(opening: str, closing: str, levels: int) -> None:
    most = (MAX_DEPTH - 1) // levels  # one level stands around
    for count, reason in ((most, ""), (most + 1, "nested deeper than 100")):
        assert reason in look((opening * count + "1" + closing * count).encode())
    assert look((opening * most + "1" + closing * most).encode()) == ""


def test_brackets_in_text_are_text() -> None:
    assert look(b'["' + b"[" * 5000 + b'","]]","\\"[[","\\\\",["{"]]') == ""


def test_closing_brackets_in_text_hide_no_nesting() -> None:
    assert "nested deeper" in look(b'["]",' * 150 + b"1" + b"]" * 150)
    assert "nested deeper" in look(b'["\\"]",' * 150 + b"1" + b"]" * 150)
    assert "nested deeper" in look(b'["\\\\","]",' * 150 + b"1" + b"]" * 150)


def test_the_number_of_lists_and_objects_is_bounded() -> None:
    assert look(b"[" + b"[]," * (MAX_CONTAINERS - 3) + b"[]]") == ""
    assert "more than 500000 lists" in look(b"[" + b"[]," * MAX_CONTAINERS + b"[]]")


@pytest.mark.parametrize("before_colon", [b"", b" ", b" " * 500, b"\n"])
def test_a_key_is_bounded(before_colon: bytes) -> None:
    assert look(b'{"' + b"k" * MAX_KEY + b'"' + before_colon + b":1}") == ""
    assert "a key of more than 65536" in look(b'{"' + b"k" * (MAX_KEY + 1) + b'"' + before_colon + b":1}")


@pytest.mark.parametrize(
    "value",
    [
        b'"' + b"v" * (3 * MAX_KEY) + b'"',
        b'{"a":"' + b"v" * (3 * MAX_KEY) + b'","b":1}',
        b"[" + b" " * (3 * MAX_KEY) + b'":"]',
        b"[" + b"1," * (2 * MAX_KEY) + b'":x:"]',
        b'{"a":' + b" " * (3 * MAX_KEY) + b'"x","b":1}',
        b'["' + b":" * (3 * MAX_KEY) + b'",":"]',
    ],
)
def test_only_keys_are_bounded(value: bytes) -> None:
    json.loads(value)
    assert look(value) == ""


def test_a_number_is_bounded_by_what_python_reads() -> None:
    assert look(b"9" * MAX_DIGITS) == ""
    assert "a number of more than 4300 digits" in look(b"-" + b"9" * (MAX_DIGITS + 1))
    assert "a number of more than 4300 digits" in look(b"[1,[" + b"9" * 100_000 + b"]]")
    assert look(b'"' + b"9" * 100_000 + b'"') == ""
    assert look(b"0." + b"3" * 100_000) == ""


@given(ANY_VALUES, st.integers(0, 3))
def test_what_is_fit_is_known_without_decoding(value: Any, more: int) -> None:
    for _ in range(more):
        value = [value, {"[": [value]}]
    text = json.dumps({"pad": "x" * MAX_DIGITS, "value": value}, allow_nan=True).encode()
    fit(text)
    assert depth(value) < MAX_DEPTH


@given(
    st.lists(
        st.sampled_from(["[", '{"k":', '["]",', '["\\"[",', '[{}, "{",', '{"]": 1, "k": ']), max_size=130
    )
)
def test_depth_is_exact(opened: list[str]) -> None:
    closing = {"[": "]", "{": "}"}
    text = "".join(opened) + "1" + "".join(closing[each[0]] for each in reversed(opened))
    whole = (BIG.decode() + text + "}").encode()
    deep = depth(json.loads(whole)) > MAX_DEPTH
    assert ("nested deeper" in look(text.encode())) == deep


def test_most_events_need_no_look() -> None:
    assert small(b'{"topic":"x","data":' + b"[" * 99 + b"]" * 99 + b"}")
    assert not small(b'{"topic":"x","data":' + b"[" * 100 + b"]" * 100 + b"}")
    assert not small(b"x" * (MAX_DIGITS + 1))


@given(ANY_VALUES)
def test_whatever_python_writes_becomes_strict_json(value: Any) -> None:
    for ascii_only in (True, False):
        text = json.dumps(value, ensure_ascii=ascii_only)
        if ascii_only or not LONE.search(text):
            mended = mend(text.encode()).decode()
            assert same(json.loads(mended), json.loads(text))
            assert "NaN" not in re.sub(r'"(?:[^"\\]|\\.)*"', "", mended)


def same(mended: Any, original: Any) -> bool:
    """Return whether only NaN, infinities and lone surrogates have changed."""
    if isinstance(original, dict):
        names = {LONE.sub("\ufffd", name): name for name in original}
        return set(mended) == set(names) and all(
            same(mended[new], original[old]) for new, old in names.items()
        )
    if isinstance(original, list):
        return len(mended) == len(original) and all(map(same, mended, original))
    if isinstance(original, str):
        return bool(mended == LONE.sub("\ufffd", original))
    if isinstance(original, float) and not math.isfinite(original):
        return mended is None
    return bool(mended == original)


@pytest.mark.parametrize(
    "text", [b"", b"{", b"[1,]", b"nan", b"undefined", b"'x'", b"{1:2}", b'"\\x"', b"\xff", b"[] []"]
)
def test_what_is_no_json_at_all_is_not_mended(text: bytes) -> None:
    with pytest.raises(ValueError):
        mend(text)


def test_what_nests_too_deep_is_not_mended() -> None:
    with pytest.raises(RecursionError):
        mend(b"[" * 2000 + b"NaN" + b"]" * 2000)
    with pytest.raises(RecursionError):
        mend(b"[" * 150 + b'"\\ud800"' + b"]" * 150)


def test_what_holds_too_much_is_not_mended() -> None:
    with pytest.raises(ValueError, match="500000"):
        mend(b"[NaN," + b"[]," * MAX_CONTAINERS + b"[]]")
