"""The expression: a text, what it means, and whether a document matches it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import Struct
from msgspec.structs import force_setattr

from callboard.errors import BadExpression
from callboard.expression.lexer import quoted_end
from callboard.expression.literals import path_of
from callboard.expression.nodes import (
    EVERYTHING_NODE,
    Comparison,
    Node,
    conjunction,
    disjunction,
    flat,
)
from callboard.expression.parser import parse_node
from callboard.expression.predicates import Predicate, compiled

LONGEST = 64 * 1024
"""Characters that an expression may have."""
_CACHED_LENGTH = 512
_BARE_ID = re.compile(r"id=(?s:(.+))\Z")


class Expression(Struct, frozen=True, eq=False, gc=False):
    """A filter over documents; equal when the normal forms are.

    So spaces, quotes, parentheses and order make no difference: `a=x and b=y` equals
    `b="y" AND (a=x)`. (`a=1` and `a="1"` differ: the first also means the number.)
    """

    text: str
    node: Node
    _test: Predicate | None = None

    def matches(self, document: Mapping[str, Any]) -> bool:
        """Tell whether `document` matches; never raises, and reads only the keys it needs."""
        test = self._test
        if test is None:
            test = compiled(self.node)
            force_setattr(self, "_test", test)
        return test(document)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        if not isinstance(other, Expression):
            return NotImplemented
        return flat(self.node) == flat(other.node)

    def __hash__(self) -> int:
        return hash(flat(self.node))  # not kept: dicts keep it themselves

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"Expression({self.text!r})"


EVERYTHING = Expression("", EVERYTHING_NODE)


def parse(text: str) -> Expression:
    """Return the expression that `text` writes; empty or blank text matches everything.

    Raises BadExpression with the fault's position. Short texts are remembered.
    """
    return _parse_short(text) if len(text) <= _CACHED_LENGTH else _parse(text)


def parse_target(text: str) -> Expression:
    """Return the expression that a target writes: as `parse`, and `id=` with anything behind it.

    The official clients write reply targets without quotes, whatever the id is made of.
    """
    try:
        return parse(text)
    except BadExpression:
        bare = _BARE_ID.match(text)
        if bare is None or len(text) > LONGEST:
            raise
        return equals("id", bare.group(1))


def equals(path: str, value: str) -> Expression:
    """Return the expression that is true where `path` has exactly the text `value`, whatever it holds."""
    try:
        text = f"{path}={quote(value)}"
    except BadExpression:
        text = f"{path}={value}"
    return Expression(text, Comparison(path_of(path), "=", value))


def both(one: Expression, other: Expression) -> Expression:
    """Return the expression that matches where both do."""
    if one.node is EVERYTHING_NODE or other.node is EVERYTHING_NODE:
        return other if one.node is EVERYTHING_NODE else one
    return Expression(f"({one.text}) and ({other.text})", conjunction((one.node, other.node)))


def either(one: Expression, other: Expression) -> Expression:
    """Return the expression that matches where at least one of them does."""
    if one.node is EVERYTHING_NODE or other.node is EVERYTHING_NODE:
        return EVERYTHING
    return Expression(f"({one.text}) or ({other.text})", disjunction((one.node, other.node)))


def quote(value: str) -> str:
    """Return `value` as it is written behind `=` to mean exactly this text.

    Raises BadExpression for what the grammar can't say: it has no escapes.
    """
    if value.endswith("*"):
        reason = "A text that ends with * can't be written: it would mean a prefix"
        raise BadExpression(reason, value, len(value) - 1)
    for mark in "\"'":
        written = f"{mark}{value}{mark}"
        if quoted_end(written, 0) == len(written):
            return written
    raise BadExpression("This text can't be written in an expression: it needs both kinds of quotes", value)


def _parse(text: str) -> Expression:
    if len(text) > LONGEST:
        reason = f"This expression has {len(text)} characters; the most are {LONGEST}"
        raise BadExpression(reason, text, LONGEST)
    return Expression(text, parse_node(text))


_parse_short = lru_cache(maxsize=2048)(_parse)
