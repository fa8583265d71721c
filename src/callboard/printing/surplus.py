"""Oks too many: firmware that says each of them twice, and noise that makes some up."""

from __future__ import annotations

from typing import Final

_DOUBLING: Final = 3
"""So many oks too many, and one for each so many lines, and this firmware doubles them."""


class Surplus:
    """Counts oks that nothing was written for; once `paired`, two oks of a kind are one."""

    __slots__ = ("_before", "_single", "count", "paired")

    def __init__(self) -> None:
        self.count = self._before = 0
        self.paired = False
        self._single = ""

    @property
    def grows(self) -> bool:
        """Whether there were some since the numbers began anew."""
        return self.count != self._before

    def mark(self) -> None:
        """Numbers begin anew."""
        self._before = self.count

    def pair(self, written: int) -> None:
        """Take oks in pairs where so many for `written` lines show that the firmware doubles them."""
        doubles = self.count >= _DOUBLING and self.count * _DOUBLING > written
        self.paired = self.paired or doubles

    def unpair(self) -> None:
        """An ok was lost: they are not doubled after all."""
        self.paired, self.count = False, 0

    def is_twin(self, kind: str) -> bool:
        """Of two oks of a kind one counts. Which one does not matter, so that a lost one costs nothing."""
        again = self._single == kind
        self._single = "" if again else kind
        return again

    def expect(self, kind: str) -> None:
        """What comes next is the twin of an ok of this kind that counted already."""
        self._single = kind

    def interrupted(self) -> None:
        """Something else was said: what comes next is no twin."""
        self._single = ""
