"""The words of a query: text -> tokens, in one pass."""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum
from typing import NamedTuple

from callboard.tracker.refusals import BadQuery


class Sort(Enum):
    """What a token is."""

    WORD = "a name"
    TEXT = "text"
    SYMBOL = "a symbol"
    END = "the end"


class Token(NamedTuple):
    """One token, and where it begins."""

    sort: Sort
    text: str
    at: int

    @property
    def word(self) -> str:
        """The word in lower case; empty for what is none."""
        return self.text.lower() if self.sort is not Sort.TEXT else ""


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text, and its end; raises BadQuery for a quote that is not closed."""
    at, end = 0, len(text)
    while at < end:
        character = text[at]
        if character.isspace():
            at += 1
        elif character in "\"'":
            value, after = _quoted(text, at)
            yield Token(Sort.TEXT, value, at)
            at = after
        elif character in "(),":
            yield Token(Sort.SYMBOL, character, at)
            at += 1
        elif character in "=<>!":
            after = at + 2 if text[at + 1 : at + 2] == "=" else at + 1
            yield Token(Sort.SYMBOL, text[at:after], at)
            at = after
        else:
            after = at + 1
            while after < end and not (text[after].isspace() or text[after] in "\"'(),=<>!"):
                after += 1
            yield Token(Sort.WORD, text[at:after], at)
            at = after
    yield Token(Sort.END, "", end)


def _quoted(text: str, start: int) -> tuple[str, int]:
    """Return what stands between quotes, and where they end; a backslash takes the next one as it is."""
    parts: list[str] = []
    quote, at = text[start], start + 1
    while at < len(text) and text[at] != quote:
        if text[at] == "\\" and text[at + 1 : at + 2] in ("\\", '"', "'"):
            at += 1
        parts.append(text[at])
        at += 1
    if at >= len(text):
        raise BadQuery(f"The quote at character {start + 1} is not closed.")
    return "".join(parts), at + 1
