"""Named cursors: moved in memory at every event, written at most once a second, a new one at once.

A cursor that lags behind a crash brings some events twice; one that was never written would lose all
that its subscriber missed. So a new one is on its way to the disk before its subscriber is told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

EVERY = 1.0
"""Seconds between two writings."""

Written = Callable[[None, Exception | None], None]
Write = Callable[[Mapping[str, int], Written], None]
"""Stores moved cursors, never back, and says when it is done."""


class Cursors:
    """Positions by name that only go forward; what could not be written is tried again."""

    def __init__(self, positions: Mapping[str, int], write: Write) -> None:
        self._positions, self._write = dict(positions), write
        self._moved: dict[str, int] = {}
        self._writing: dict[str, int] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._soon = False
        self._closed = False

    def all(self) -> Mapping[str, int]:
        """Return every cursor."""
        return dict(self._positions)

    def learn(self, stored: Mapping[str, int]) -> None:
        """Take over what is stored, where other nodes write too, as far as it is ahead.

        What another node dropped stays here until it is dropped here: it can't be told from
        what was moved here while `stored` was read.
        """
        for name, position in stored.items():
            self._positions[name] = max(position, self._positions.get(name, -1))

    def move(self, name: str, position: int) -> None:
        """Move a cursor forward; a position that it has passed changes nothing."""
        if position > self._positions.get(name, -1):
            self._soon = self._soon or name not in self._positions
            self._positions[name] = self._moved[name] = position
            self._later()

    def drop(self, name: str) -> None:
        """Forget a cursor here."""
        self._positions.pop(name, None)
        self._moved.pop(name, None)
        self._writing.pop(name, None)

    def close(self) -> None:
        """Write what moved, for the last time."""
        self._closed = True
        self._stop()
        self._flush()

    def _later(self) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        delay = 0.0 if self._soon else EVERY
        if self._timer is None or self._timer.when() > loop.time() + delay:
            self._stop()
            self._timer = loop.call_later(delay, self._flush)

    def _stop(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _flush(self) -> None:
        """Write what moved, unless a writing is under way: that one comes back here."""
        self._timer = None
        if self._moved and (self._closed or not self._writing):
            self._writing, self._moved, self._soon = self._moved, {}, False
            self._write(self._writing, self._written)

    def _written(self, _: None, error: Exception | None) -> None:
        if error:
            self._moved = self._writing | self._moved
        self._writing = {}
        if self._moved:
            self._later()
