"""Lines on the wire: number, checksum, and the history that resends come from.

`N<n> <command>*<xor>`: the checksum is the XOR of all bytes before `*`, in decimal. A line without a
number goes bare. Source: facts/print-host-facts.md 3.3.
"""

from __future__ import annotations

from enum import Enum
from functools import reduce
from operator import xor
from typing import Final

from callboard.printing.reports import Line

HELLO: Final = b"N0 M110 N0*125\n"
"""The greeting: numbers begin at 1 after it."""


def checksum(data: bytes) -> int:
    """Return the XOR of all bytes. Folding it as one big number lost: half as fast at usual lengths."""
    return reduce(xor, data, 0)


def frame(number: int, text: str) -> bytes:
    """Return a numbered line with its checksum and line end; what is not ASCII becomes `?`."""
    body = f"N{number} {text}".encode("ascii", "replace")
    return b"%b*%d\n" % (body, checksum(body))


def bare(text: str) -> bytes:
    """Return a line as it is."""
    return text.encode("ascii", "replace") + b"\n"


class Anchor(Enum):
    """Numbers begin anew: M110, then one numbered line alone that proves it."""

    NONE = "numbers stand"
    DUE = "M110 has to be written"
    SENT = "M110 is written"
    PROVING = "N1 is written"


class Entry:
    """A line that was written: what the protocol has to know until it is acknowledged, and for a resend.

    `line` is None for the protocol's own; `told` once it was acknowledged to the machine;
    `weight` are its bytes as long as they may be in the receive buffer.
    """

    __slots__ = ("alone", "data", "fence", "line", "number", "text", "told", "weight")

    def __init__(self, text: str, line: Line | None, number: int | None, data: bytes) -> None:
        self.text, self.line, self.number, self.data = text, line, number, data
        self.weight = len(data)
        self.told = line is None
        self.fence = text == "M105" or text.startswith("M105 ")
        self.alone = False


class History:
    """The latest numbered lines, by number; `next` is the number that the next new line gets."""

    __slots__ = ("_entries", "_size", "next")

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: dict[int, Entry] = {}
        self.next = 1

    def restart(self, at: int = 1) -> None:
        """Forget all; numbers go on with `at`."""
        self._entries.clear()
        self.next = at

    def append(self, entry: Entry) -> None:
        """Keep a line that got the number `next`."""
        number = self.next
        self._entries[number] = entry
        self._entries.pop(number - self._size, None)
        self.next = number + 1

    def __getitem__(self, number: int) -> Entry:
        return self._entries[number]

    def __contains__(self, number: int) -> bool:
        return number in self._entries

    def meant(self, asked: tuple[int, ...]) -> int | None:
        """Return the number that is meant by a request that was heard once or twice, or None.

        `next` itself says that all was received. Where two numbers differ one was hurt on its way, and the
        lower one that can be is safe. Some firmware loses a leading digit ("34497" for 134497): then the
        latest line whose number ends so is meant.
        """
        digits = tuple(str(number) for number in asked)
        known = [number for number in asked if self._has(number) and not _cut_short(str(number), digits)]
        if known:
            return min(known)
        if any(len(text) < len(str(self.next)) - 1 or len(text) < 2 for text in digits):
            return None
        newest_first = range(self.next, max(self.next - self._size, 0), -1)
        return next((n for n in newest_first if str(n).endswith(digits) and self._has(n)), None)

    def _has(self, number: int) -> bool:
        return number in self._entries or number == self.next


def _cut_short(digits: str, others: tuple[str, ...]) -> bool:
    """Return whether the same number stands there with more digits before it."""
    return any(other != digits and other.endswith(digits) for other in others)
