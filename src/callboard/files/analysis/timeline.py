"""The seconds at each percent of a file: what the time left is told by, better than bytes alone."""

from __future__ import annotations

from callboard.files.analysis.blocks import Block
from callboard.files.analysis.tokens import Floats

PERCENT = 100


class Timeline:
    """Sums the seconds of all lines, and notes the sum at each percent of the bytes."""

    def __init__(self, size: int) -> None:
        self.seconds = 0.0
        self._size = size
        self._noted: list[float] = []

    def add(self, block: Block, seconds: Floats) -> None:
        """Take in the lines of a block: whole ones count to where they end."""
        last = 0
        while (place := self._next()) < block.end:
            line = block.text.count(b"\n", 0, max(place - block.begin, 0))
            self._sum(seconds[last:line])
            self._noted.append(self.seconds)
            last = max(last, line)
        self._sum(seconds[last:])

    def told(self, total: float) -> tuple[float, ...]:
        """Return 101 numbers, in tenths of a second, stretched so that the last is `total`."""
        if not self._size:
            return ()
        missing = PERCENT + 1 - len(self._noted)
        share = total / self.seconds if self.seconds else 0.0
        return tuple(round(each * share, 1) for each in [*self._noted, *[self.seconds] * missing])

    def _next(self) -> int:
        """Return the byte at which the next percent begins; none when all are noted."""
        return len(self._noted) * self._size // PERCENT if len(self._noted) <= PERCENT else 1 << 63

    def _sum(self, seconds: Floats) -> None:
        self.seconds += float(seconds.sum())
