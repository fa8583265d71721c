"""One event among the handlers of this client: who is called before whom, and when it stops.

Lower priorities are done before higher ones begin; equal ones run side by side, begun in the order
in which they were registered. `event.stop()` keeps it from those that have not begun.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable

from callboard.event import Event


class Round:
    """An event's way through the handlers whose priorities are given."""

    __slots__ = ("_left", "_moved", "event")

    def __init__(self, event: Event, priorities: Iterable[int]) -> None:
        self.event = event
        self._left = Counter(priorities)
        self._moved: asyncio.Event | None = None

    def _waits(self, priority: int) -> bool:
        return len(self._left) > 1 and any(other < priority for other in self._left)

    async def turn(self, priority: int) -> bool:
        """Wait until all with a lower priority are done; return False when one of them stopped the event."""
        while self._waits(priority):
            if self._moved is None:
                self._moved = asyncio.Event()
            self._moved.clear()
            await self._moved.wait()
        return not self.event.stopped

    def done(self, priority: int) -> None:
        """A handler with this priority has returned, or will never be called."""
        self._left[priority] -= 1
        if self._left[priority] <= 0:
            del self._left[priority]
        if self._moved is not None:
            self._moved.set()
