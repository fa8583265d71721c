"""Text -> tokens, in one pass: a whole condition is one token.

What a character means depends on where it stands (`and` is a keyword behind a condition, a key
before an operator and a value behind one), so the lexer knows two places: where an operand must
come, and behind one. It takes exactly what the official parser takes; facts 3.1 has the grammar.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal, NamedTuple, TypeAlias, cast

from callboard.errors import BadExpression
from callboard.expression.literals import comparison
from callboard.expression.nodes import Comparison, Operator

Kind: TypeAlias = Literal["condition", "not", "and", "or", "(", ")", "end"]

_SPACE = re.compile(r"[ \t\r\n]*")
_KEY = re.compile(r"[A-Za-z0-9_.]+")
_OPERATOR = re.compile(r"[!><]?=|[><]")
_BARE = re.compile(r"[A-Za-z0-9\-_,./*@+]+")
# A doubled quote and a backslash pair belong to the body and stay as they are written. Nothing
# gives back: what the body has taken is never tried as the closing quote.
_BODIES = {
    '"': re.compile(r'"(?:[^"\n\r\\]++|""|\\(?:[^x]|x[0-9a-fA-F]+))*+'),
    "'": re.compile(r"'(?:[^'\n\r\\]++|''|\\(?:[^x]|x[0-9a-fA-F]+))*+"),
}
_NOT = re.compile(r"not(?![A-Za-z0-9_$])(?![ \t\r\n]*[=!<>])", re.IGNORECASE | re.ASCII)
_JOINT = re.compile(r"(?:and|or)(?![A-Za-z0-9_$])", re.IGNORECASE | re.ASCII)


class Token(NamedTuple):
    """A piece of an expression, and where it starts."""

    kind: Kind
    start: int
    condition: Comparison | None = None


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text`, the last of kind `end`; raises BadExpression at the first fault."""
    position = len(text) - len(text.lstrip())
    end = len(text.rstrip())
    operand = True
    while True:
        position = _skip(text, position, end)
        token, position = (_operand if operand else _joint)(text, position, end)
        yield token
        if token.kind == "end":
            return
        operand = token.kind not in ("condition", ")")


def quoted_end(text: str, start: int) -> int:
    """Return where the quoted value that opens at `start` ends, or -1 when nothing closes it."""
    body = _BODIES[text[start]].match(text, start)
    end = body.end() if body else start
    return end + 1 if text.startswith(text[start], end) else -1


def _skip(text: str, position: int, end: int) -> int:
    space = _SPACE.match(text, position, end)
    return space.end() if space else position


def _operand(text: str, position: int, end: int) -> tuple[Token, int]:
    if text.startswith("(", position):
        return Token("(", position), position + 1
    if negation := _NOT.match(text, position, end):
        return Token("not", position), negation.end()
    key = _KEY.match(text, position, end)
    if key is None:
        raise BadExpression("A condition should start here: write key=value", text, position)
    return _condition(text, key.group(), position, _skip(text, key.end(), end), end)


def _condition(text: str, key: str, start: int, position: int, end: int) -> tuple[Token, int]:
    operator = _OPERATOR.match(text, position, end)
    if operator is None:
        raise BadExpression("An operator should stand here: one of = != >= <= > <", text, position)
    position = _skip(text, operator.end(), end)
    literal, quoted, position = _value(text, position, end)
    condition = comparison(key, cast(Operator, operator.group()), literal, quoted)
    return Token("condition", start, condition), position


def _value(text: str, position: int, end: int) -> tuple[str, bool, int]:
    if position < end and text[position] in _BODIES:
        close = quoted_end(text, position)
        if close < 0:
            raise BadExpression("This quote is never closed: repeat it behind the value", text, position)
        return text[position + 1 : close - 1], True, close
    bare = _BARE.match(text, position, end)
    if bare is None:
        raise BadExpression('A value should stand here: put it in quotes ("...") if in doubt', text, position)
    return bare.group(), False, bare.end()


def _joint(text: str, position: int, end: int) -> tuple[Token, int]:
    if position == end:
        return Token("end", position), position
    if text.startswith(")", position):
        return Token(")", position), position + 1
    joint = _JOINT.match(text, position, end)
    if joint is None:
        raise BadExpression(_unjoined(text, position), text, position)
    return Token(cast(Kind, joint.group().lower()), position), joint.end()


def _unjoined(text: str, position: int) -> str:
    if _BARE.match(text, position - 1):
        return 'This character needs quotes: write the whole value as "..."'
    return "`and` or `or` should stand here"
