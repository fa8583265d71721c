"""One line of G-code: its comment off, its command and its numbers read.

Everything here is total: whatever a file or a person writes gives a value, never an error.

Numbers have no exponent. `G1X1E3` is X 1 and E 3, as firmwares read it, and so `X1e30` is no
coordinate of a nonillion millimetres. A number beyond `LARGEST` is none at all.

Source: facts/print-host-facts.md 1.1 (the events of commands), 1.2, 3.3 (parsing).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct

LARGEST: Final = 1e9
"""The largest number that a parameter may hold, either way."""

EVENTS: Final[Mapping[str, str]] = MappingProxyType(
    {
        "G4": "Dwelling",
        "G28": "Home",
        "M0": "Waiting",
        "M1": "Waiting",
        "M40": "Eject",
        "M80": "PowerOn",
        "M81": "PowerOff",
        "M112": "EStop",
        "M226": "Waiting",
        "M240": "Conveyor",
        "M245": "Cooling",
        "M300": "Alert",
        "M600": "FilamentChange",
        "M701": "FilamentChange",
        "M702": "FilamentChange",
    }
)
"""The event that a command fires, by its code; sub-codes fire it too."""

TEXT_COMMANDS: Final = frozenset(
    {"M16", "M23", "M28", "M30", "M32", "M33", "M36", "M70", "M117", "M118", "M486", "M928"}
)
"""Commands that carry words or a file's name: brackets in them are text, and they have no numbers."""

_MOVES: Final = {"G0 ": "G0", "G1 ": "G1"}
_KEPT = re.compile(r"(?:[^;\\\0\r\n]+|\\[^\0\r\n]?)*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_BRACKETS = re.compile(r"\([^)]*\)?")
_NUMBERED = re.compile(r"[Nn]\s*-?\d+\s*(?=[A-Za-z@])")
_CHECKSUM = re.compile(r"\*\s*\d+$")
_CODE = re.compile(r"([GMTgmt]) ?([0-9]{1,6})(?![0-9])(?:\.([0-9]{1,6}))?")
_QUOTED = re.compile(r'"[^"]*"?')
_WORD = re.compile(r"([A-Za-z])\s*([-+]?(?:[0-9]+\.?[0-9]*|\.[0-9]+))?")


class Command(Struct, frozen=True):
    """One command: `code` is "G28", "M300" or "T0" ("" where the line has none), `text` the whole line.

    `text` has no comment. `sub` is what stands behind a point: M300.1 has the code M300 and sub 1.
    """

    code: str
    text: str
    sub: int = 0

    def number(self, letter: str) -> float | None:
        """Return the number behind `letter`, or None where there is none; the last one counts."""
        found: float | None = None
        for name, number in words(self):
            if name == letter:
                found = number
        return found

    def has(self, letter: str) -> bool:
        """Return whether the parameter `letter` is there, with a number or bare as in `G28 X`."""
        return any(name == letter for name, _ in words(self))


def words(command: Command) -> Iterator[tuple[str, float | None]]:
    """Yield the parameters of a command in order: the letter in upper case, and its number or None."""
    head = _CODE.match(command.text)
    if head is None or command.code in TEXT_COMMANDS:
        return
    text = command.text[head.end() :]
    if '"' in text:
        text = _QUOTED.sub(" ", text)
    for letter, digits in _WORD.findall(text):
        number = float(digits) if digits else None
        if number is not None and not -LARGEST <= number <= LARGEST:
            number = None
        yield letter.upper(), number


def strip(line: str) -> str:
    r"""Return `line` as it may go to a printer: trimmed, without comment, line number and controls.

    A comment begins at `;` unless that is escaped as `\;`, and stands in brackets in commands that
    carry no text. A line number, and the checksum behind it, are the sender's: both go.
    """
    if ";" in line and "\\" not in line:
        line = line[: line.index(";")]
    line = line.strip()
    if line.isprintable() and ";" not in line and "(" not in line and line[:1] not in {"N", "n"}:
        return line
    return _stripped(line)


def _stripped(line: str) -> str:
    kept = _KEPT.match(line)
    line = _CONTROL.sub(" ", kept.group() if kept else "").strip()
    number = _NUMBERED.match(line)
    if number is not None:
        line = _CHECKSUM.sub("", line[number.end() :])
    if "(" in line and (line[0] == "(" or _code(line)[0] not in {"", *TEXT_COMMANDS}):
        line = _BRACKETS.sub(" ", line)
    return line.strip()


def command(line: str) -> Command:
    """Return the command in a line; its code is empty where the line has none that is known by letter."""
    text = strip(line)
    code = _MOVES.get(text[:3])
    if code is not None:
        return Command(code, text)
    return Command(*_split(text))


def _split(text: str) -> tuple[str, str, int]:
    code, sub = _code(text)
    return code, text, sub


def _code(text: str) -> tuple[str, int]:
    head = _CODE.match(text)
    if head is None:
        return "", 0
    letter, number, sub = head.groups()
    return f"{letter.upper()}{int(number)}", int(sub or 0)


def is_host_command(text: str) -> bool:
    """Return whether a line is for the host, as `@pause` is, and never for the printer."""
    return text.startswith("@")
