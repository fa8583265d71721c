"""The receiving side of a firmware: bytes to commands, with its small buffers, numbers and checksums.

Bytes wait in the receive buffer only while the command queue is full; what does not fit is lost, as on
a real board. After a bad line the firmware throws away all that it has received and asks for the line.
Source: facts 3.3 and 3.4; the habits are those of Marlin's queue.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import reduce
from operator import xor

from msgspec import Struct

from callboard.printing.virtual.settings import Doubled, Virtual

_ENDS = re.compile(rb"[\r\n]")
_NUMBER = re.compile(r"N *([+-]?\d{1,18})")
_URGENT = re.compile(rb"(?:^|[\r\n]) *(?:N-?\d+ *)?M(108|112|410|876)(?=[\r\n* ;])([^\r\n]*)[\r\n]")
_HEAD = 96

_LINE_NUMBER = "Line Number is not Last Line Number+1, Last Line: "
_CHECKSUM = "checksum mismatch, Last Line: "
_NO_CHECKSUM = "No Checksum with line number, Last Line: "


class Verdict(Enum):
    """What became of a line."""

    TAKEN = auto()
    REFUSED = auto()
    DROPPED = auto()


class Arrival(Struct, frozen=True):
    """A line that arrived: its text, its number if it has one, and, if it is refused, why."""

    verdict: Verdict
    text: str = ""
    number: int | None = None
    error: str = ""


DROPPED = Arrival(Verdict.DROPPED)


class Rules(Struct, frozen=True, kw_only=True):
    """How a firmware judges lines."""

    doubled: Doubled = Doubled.DROP
    numbered: bool = True
    """False: it looks neither at numbers nor at checksums (Klipper)."""
    force_numbers: bool = False
    line_length: int = 96
    rx_buffer: int = 128


def rules(settings: Virtual, doubled: Doubled, numbered: bool) -> Rules:
    """Return the rules of a firmware, with what the settings change."""
    return Rules(
        doubled=settings.faults.doubled or doubled,
        numbered=numbered,
        force_numbers=settings.force_numbers,
        line_length=max(settings.line_length, 2),
        rx_buffer=settings.rx_buffer,
    )


class Intake:
    """Bytes in, judged lines out; `last` is the number of the last good line."""

    __slots__ = ("_head", "_rules", "_rx", "_skipping", "last", "lost")

    def __init__(self, rules: Rules) -> None:
        self._rules = rules
        self._rx = bytearray()
        self._head = b"\n"
        self._skipping = False
        self.last = 0
        self.lost = 0
        """Bytes that did not fit."""

    @property
    def room(self) -> int:
        """Bytes that still fit."""
        return max(self._rules.rx_buffer - len(self._rx), 0)

    def clear(self) -> None:
        """Forget all bytes that have come."""
        self._rx.clear()
        self._skipping = False

    def restart(self) -> None:
        """Forget everything, as at a reset."""
        self.clear()
        self._head = b"\n"
        self.last = 0

    def urgent(self, data: bytes) -> list[str]:
        """Return the emergency commands that became complete with these bytes.

        They are found on arrival, whatever waits before them; never inside a comment or a longer word.
        """
        seen = self._head + data
        line = max(seen.rfind(b"\n"), seen.rfind(b"\r"))
        self._head = seen[max(line, 0) :][:_HEAD]
        if b"M" not in seen:
            return []
        return [f"M{found[1].decode()}{found[2].decode('latin-1')}" for found in _URGENT.finditer(seen)]

    def feed(self, data: bytes) -> None:
        """Take bytes; call `settle` when all that could be read has been read."""
        self._rx += data

    def settle(self, full: bool) -> None:
        """Lose what the receive buffer can't hold, or, of an unfinished line, what no command can hold."""
        rx, limit = self._rx, self._rules.rx_buffer
        if full and len(rx) > limit:
            self.lost += len(rx) - limit
            del rx[limit:]
        elif not full and len(rx) > self._rules.line_length:
            del rx[self._rules.line_length :]

    def next(self, saving: bool) -> Arrival | None:
        """Return the next line that is complete, if there is one; empty lines are passed over."""
        rx = self._rx
        while rx:
            found = _ENDS.search(rx)
            if found is None:
                return None
            end = found.start()
            line = bytes(rx[:end])
            del rx[: end + 1]
            if line:
                text = self._decoded(line)
                if text:
                    return self._judged(text, saving)
        return None

    def _decoded(self, line: bytes) -> str:
        """Return a line without its comment, as much as a command can hold."""
        text = line.decode("latin-1")
        if ";" in text:
            text = _without_comment(text)
        return text[: self._rules.line_length - 1]

    def _judged(self, text: str, saving: bool) -> Arrival:
        start = text.lstrip(" ") if text[0] == " " else text
        if start[:1] != "N" or not self._rules.numbered:
            return self._bare(text, saving)
        place = start.find("N", 4) if "M110" in start else 0
        found = _NUMBER.match(start, max(place, 0))
        number = int(found[1]) if found else 0
        if number != self.last + 1 and place == 0 and "M110" not in start:
            verdict = self._other(number)
            if verdict is not None:
                return verdict
        star = start.rfind("*")
        if star < 0:
            return self._refused(_NO_CHECKSUM)
        if reduce(xor, start[:star].encode("latin-1"), 0) != _decimal(start[star + 1 :]):
            return self._refused(_CHECKSUM)
        self.last = number
        return Arrival(Verdict.TAKEN, start, number)

    def _bare(self, text: str, saving: bool) -> Arrival:
        """A line without number; while a file is written only M29 may be one, for old hosts' sake."""
        refused = (self._rules.force_numbers and "M110" not in text) or (saving and "M29" not in text)
        if refused and not text.startswith("!!DEBUG"):
            return self._refused(_NO_CHECKSUM)
        return Arrival(Verdict.TAKEN, text)

    def _other(self, number: int) -> Arrival | None:
        """Judge a line whose number is not the next one; None lets it pass."""
        if self.last - 1 <= number <= self.last and self._rules.doubled is not Doubled.REFUSE:
            return DROPPED if self._rules.doubled is Doubled.DROP else None
        return self._refused(_LINE_NUMBER)

    def _refused(self, reason: str) -> Arrival:
        self.clear()
        return Arrival(Verdict.REFUSED, error=f"{reason}{self.last}")


def _decimal(text: str) -> int:
    """Return the number that a text begins with, as C's strtol does, or -1."""
    found = re.match(r" *\d{1,9}", text)
    return int(found[0]) if found else -1


def _without_comment(text: str) -> str:
    at = text.find(";")
    while at > 0 and text[at - 1] == "\\":
        at = text.find(";", at + 1)
    return text if at < 0 else text[:at]
