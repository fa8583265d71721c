"""What was read goes into callboard.db: all that has gathered in one transaction, with the cursor.

    add(steps, position) -> ... -> Runs.store_read -> stored(steps, ids)

Events come faster than transactions end, so each one takes what has gathered meanwhile. A store that
fails is tried again until it takes them: nothing is lost, and nothing more is read.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Final

import structlog

from callboard.errors import StorageFailed
from callboard.hooks.run import Step
from callboard.hooks.runs import Runs

log_ = structlog.get_logger("callboard.hooks")

_MOST_WAITING: Final = 64
"""Events that may wait to be stored before no more are taken: few, for each may have megabytes."""
_RETRY: Final = 1.0


class Intake:
    """Stores steps in order; `cursor` is how far events were read, `saved` how far that is stored."""

    def __init__(self, runs: Runs, stored: Callable[[Sequence[Step], Sequence[int | None]], None]) -> None:
        self.cursor: str | None = None
        self.saved: str | None = None
        self._runs, self._stored = runs, stored
        self._steps: list[Step] = []
        self._events = 0
        self._wake, self._room, self._settled = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._settled.set()
        self._task: asyncio.Task[None] | None = None
        self._closing = False

    def start(self) -> None:
        """Begin to store."""
        self._task = asyncio.create_task(self._write())

    def add(self, steps: Collection[Step], position: str) -> None:
        """Take the steps of one event, and move the cursor to it."""
        self._steps.extend(steps)
        self._events += bool(steps)
        self.cursor = position
        self._settled.clear()
        self._wake.set()

    async def room(self) -> None:
        """Wait while too much is waiting to be stored."""
        if self._events > _MOST_WAITING and not self._closing:
            self._room.clear()
            await self._room.wait()

    @property
    def waiting(self) -> bool:
        """Whether anything waits to be stored."""
        return self._wake.is_set()

    async def settled(self) -> None:
        """Wait until all that was added is stored."""
        await self._settled.wait()

    async def close(self) -> None:
        """Store what is waiting, and stop."""
        self._closing = True
        self._wake.set()
        if self._task is not None:
            await self._task
        self._room.set()

    async def _write(self) -> None:
        while self._wake.is_set() or not self._closing:
            await self._wake.wait()
            self._wake.clear()
            steps, self._steps, self._events = self._steps, [], 0
            cursor = self.cursor
            ids = await self._safely(steps, cursor)
            self.saved = cursor
            self._room.set()
            self._stored(steps, ids)
            if not self._wake.is_set():
                self._settled.set()

    async def _safely(self, steps: Sequence[Step], cursor: str | None) -> list[int | None]:
        while True:
            try:
                return await self._runs.store_read(steps, cursor)
            except StorageFailed as error:
                log_.error("hook runs can't be stored; trying again", error=str(error))
                await asyncio.sleep(_RETRY)
