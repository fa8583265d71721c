"""Named cursors: moved in memory at every event, written at most once a second."""

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
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    def all(self) -> Mapping[str, int]:
        """Return every cursor."""
        return dict(self._positions)

    def move(self, name: str, position: int) -> None:
        """Move a cursor forward; a position that it has passed changes nothing."""
        if position > self._positions.get(name, -1):
            self._positions[name] = self._moved[name] = position
            self._later()

    def drop(self, name: str) -> None:
        """Forget a cursor here."""
        self._positions.pop(name, None)
        self._moved.pop(name, None)

    def close(self) -> None:
        """Write what moved, for the last time."""
        self._closed = True
        if self._timer:
            self._timer.cancel()
        self._flush()

    def _later(self) -> None:
        if self._timer is None and not self._closed:
            self._timer = asyncio.get_running_loop().call_later(EVERY, self._flush)

    def _flush(self) -> None:
        self._timer = None
        moved, self._moved = self._moved, {}
        if moved:
            self._write(moved, lambda _, error: self._again(moved) if error else None)

    def _again(self, moved: Mapping[str, int]) -> None:
        held = {name: position for name, position in moved.items() if name in self._positions}
        self._moved = held | self._moved
        if self._moved:
            self._later()
