"""The parser is total, takes what the official one takes, and is linear at any depth."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from callboard.errors import BadExpression
from callboard.expression import Expression, parse
from callboard.expression.expression import LONGEST
from callboard.expression.parser import parse_node
from tests.expression.strategies import documents, expressions

# fmt: off
PIECES = [
    "a", "b.c", ".x", "and", "or", "not", "AND", "Or", "nOt", "not.x", "=", "=", "=", "!=", ">=", "<=", ">",
    "<", "x", "and=x", "not=x", "(", ")", "a=b", "a=b", "c=d", "a='x'", 'a="y"', '"', '""', "'", "\\", '\\"',
    "\\x", "\\x4", "*", "x*", "1", "-1.5", ":", "å", "$", "ſ", "_", "a-b", "@", "+", "/", ",", "notx", "andx",
    "x=y", "&", "!", "\ufeff", " ", " ", " ", "\t", "\n", "\r", "\v", "\u00a0", "\u0085", "\\\n",
    "a=b and c=d", "not a=b",
]
# fmt: on
TEXTS = {"a": "b", "b": {"c": "x"}, "c": "d", "x": "y", "": {"x": "y"}, "and": "x", "not": "x", "or": "b"}
DEEPEST = 2  # the reference takes seconds at six parentheses
NESTINGS: list[Callable[[int], str]] = [
    lambda n: "(" * n + "a=b" + ")" * n,
    lambda n: "not " * n + "a=b",
    lambda n: "not (a=b and " * n + "c=d" + ")" * n,
    lambda n: "(" * n + "a=b" + " and c=d)" * n,
    lambda n: "(a=b or (c=d and " * n + "x=y" + "))" * n,
    lambda n: "a=b" + " or c=d" * n,
    lambda n: "a" + ".a" * n + "=b",
    lambda n: "a='" + "''" * n + "'",
    lambda n: "a=" + "1" * n,
]


def parsed(text: str) -> Expression | None:
    try:
        return parse(text)
    except BadExpression as error:
        fault = error
    assert 0 <= fault.position <= len(text)
    assert str(fault).startswith(fault.reason)
    return None


@given(st.one_of(st.text(), st.lists(st.sampled_from(PIECES)).map("".join)), documents)
def test_any_text_is_an_expression_or_is_refused(text: str, document: Any) -> None:
    expression = parsed(text)
    assert expression is None or expression.matches(document) in {True, False}


@given(expressions, documents)
def test_any_expression_tells_of_any_document(text: str, document: Any) -> None:
    assert parse(text).matches(document) is not parse(f"not ({text or '.=x or not .=x'})").matches(document)


@pytest.mark.slow
@settings(max_examples=1500, deadline=None)
@given(st.lists(st.sampled_from(PIECES), max_size=9).map("".join))
@example("not.x=y and not=x or not not and='a\\x41'")
def test_what_the_official_parser_takes_is_taken_and_nothing_else(text: str) -> None:
    from ftrack_api.event.expression import Parser
    from ftrack_api.exception import ParseError

    if not text.strip() or text.count("(") > DEEPEST or text.lower().count("not") > DEEPEST + 1:
        return
    try:
        reference = Parser().parse(text)
    except ParseError:
        assert parsed(text) is None
        return
    ours = parsed(text)
    assert ours is not None
    if "*" not in text and "\t" not in text.strip() and '""' not in text:  # tabs: it makes spaces of them
        assert ours.matches(TEXTS) == reference.match(TEXTS)


def lines_run(function: Callable[[], object]) -> int:
    """Return how many lines of Python a call runs: work without a clock."""
    count = 0

    def trace(frame: FrameType, event: str, arg: Any) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        function()
    finally:
        sys.settrace(before)
    return count


def work(text: str) -> None:
    expression = Expression(text, parse_node(text))
    expression.matches(TEXTS)
    hash(expression)


@pytest.mark.parametrize("nest", NESTINGS)
def test_work_grows_as_the_text_does(nest: Callable[[int], str]) -> None:
    small, large = (lines_run(lambda n=n: work(nest(n))) for n in (200, 800))  # type: ignore[misc]
    assert large <= 4.1 * small


@pytest.mark.parametrize(("nest", "depth"), [(NESTINGS[0], 100_000), *((nest, 10_000) for nest in NESTINGS)])
def test_a_hundred_thousand_levels_need_no_recursion(nest: Callable[[int], str], depth: int) -> None:
    first, second = (Expression("", parse_node(nest(depth))) for _ in range(2))
    assert first == second
    assert hash(first) == hash(second)
    assert first.matches(TEXTS) in {True, False}


def test_an_expression_of_64_kib_is_the_longest() -> None:
    text = "a=" + "b" * (LONGEST - 2)
    assert parse(text).matches({"a": text[2:]})
    with pytest.raises(BadExpression, match="65537 characters") as caught:
        parse(text + "b")
    assert len(str(caught.value)) < 300
