"""A command as the firmware's parser sees it: a code, numbers by letter, and the text behind."""

from __future__ import annotations

import re
from typing import NamedTuple

_NUMBER = re.compile(r"([A-Z]) ?([+-]?(?:\d+\.?\d*|\.\d+))")
_CODE = re.compile(r" *([GMT]) ?(\d{1,9})(?:\.(\d{1,3}))?")
_FRAME = re.compile(r" *N[+-]?\d+ *")
_LIMIT = 1e9


class Words(NamedTuple):
    """One command: "G1 X10 F1200" is code "G1", rest "X10 F1200"."""

    code: str
    """ "" is no command that a firmware knows."""
    rest: str
    text: str

    def numbers(self) -> dict[str, float]:
        """Return the numbers by their letters."""
        return numbers(self.rest)

    def number(self, letter: str, default: float) -> float:
        """Return one number, or the default."""
        return numbers(self.rest).get(letter, default)

    def has(self, letter: str) -> bool:
        """Whether the letter stands there, with or without a number."""
        return letter in self.rest


def words(text: str) -> Words:
    """Return what a command says; total."""
    found = _CODE.match(text)
    if not found:
        return Words("", "", text)
    return Words(f"{found[1]}{int(found[2])}", text[found.end() :].lstrip(), text)


def numbers(text: str) -> dict[str, float]:
    """Return numbers by letter, bounded to a milliard either way: "X1Y-2.5" and "X1 Y-2.5" are the same."""
    found = {letter: float(number) for letter, number in _NUMBER.findall(text)}
    for letter, number in found.items():
        if not -_LIMIT < number < _LIMIT:
            found[letter] = _LIMIT if number > 0 else -_LIMIT
    return found


def bare(text: str) -> str:
    """Return a line without its number and checksum."""
    if text.startswith((" ", "N")):
        found = _FRAME.match(text)
        if found:
            text = text[found.end() :]
    star = text.rfind("*")
    return (text[:star] if star >= 0 else text).strip()
