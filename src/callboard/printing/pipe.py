"""What was written and not yet answered: whether a line that is asked for is on its way already.

The firmware answers lines in the order in which they were written. So a request for a line that was written
again behind the refused one is an *echo* of an earlier request, and must not be obeyed.
"""

from __future__ import annotations

from collections import deque


class Pipe:
    """Numbers in the order in which they were written; `expected` is the number that the firmware awaits."""

    __slots__ = ("_expected", "_numbers")

    def __init__(self) -> None:
        self._numbers: deque[int] = deque()
        self._expected = 1

    def clear(self) -> None:
        """Nothing written before is on its way any more."""
        self._numbers.clear()

    def restart(self) -> None:
        """Numbers begin anew."""
        self._numbers.clear()
        self._expected = 1

    def wrote(self, number: int) -> None:
        """A line was written, for the first time or again."""
        self._numbers.append(number)

    def taken(self, number: int) -> None:
        """A line was taken; whatever was written before it has had its answer."""
        numbers = self._numbers
        if numbers and (numbers[0] == number or number in numbers):
            while numbers.popleft() != number:
                pass
        self._expected = number + 1

    def refused(self, number: int, *, echo: bool) -> bool:
        """A line was refused and this number asked for; return whether that comes anyway.

        The numbers are gone through as the firmware did: it took lines up to the number, then refused one.
        Not an `echo`: it was the very line that was hurt.
        """
        numbers = self._numbers
        while numbers and self._expected < number:
            if numbers.popleft() == self._expected:
                self._expected += 1
        self._expected = number
        if echo:
            if numbers:
                numbers.popleft()
            return number in numbers
        while numbers and numbers.popleft() != number:
            pass
        return False
