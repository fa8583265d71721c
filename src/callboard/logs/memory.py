"""A log in memory: for trying things out and for tests; it is gone with its process."""

from __future__ import annotations

import asyncio
import secrets
import time
from asyncio import Future
from bisect import bisect_left
from collections.abc import AsyncIterator, Mapping, Sequence

from callboard.errors import StorageFailed
from callboard.event import MAX_EVENT, Draft, Entry
from callboard.hub.log import Log
from callboard.hub.tail import Tail


class MemoryLog(Log):
    """A log that holds what its bounds let it hold; the oldest entries go first."""

    def __init__(
        self, *, max_entries: int = 1_000_000, max_bytes: int = 256 << 20, max_event: int = MAX_EVENT
    ) -> None:
        self.id = secrets.token_hex(4)
        self.max_event = max_event
        self._tail = Tail(max_entries=max_entries, max_bytes=max_bytes)
        self._cursors: dict[str, int] = {}
        self._time = 0.0
        self._closed = False

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        future: Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
        if self._closed:
            future.set_exception(StorageFailed("The log is closed: nothing was stored."))
            return future
        self._time = now = max(time.time(), self._time)
        entries = [
            Entry(position, now, draft.publisher, draft.envelope)
            for position, draft in enumerate(drafts, self._tail.last + 1)
        ]
        self._tail.extend(entries)
        future.set_result(entries)
        return future

    def follow(self, after: int) -> AsyncIterator[Sequence[Entry]]:
        return self._tail.follow(after, self.read)

    async def read(self, after: int, limit: int = 1000, max_bytes: int = 1 << 20) -> Sequence[Entry]:
        return self._tail.after(max(after, self._tail.floor), limit, max_bytes)

    async def first(self) -> int:
        return self._tail.floor + 1

    async def last(self) -> int:
        return self._tail.last

    async def position_at(self, time: float) -> int:
        entries = self._tail.entries
        index = bisect_left(entries, time, key=lambda entry: entry.time)
        return entries[index].position - 1 if index < len(entries) else self._tail.last

    async def prune(self, before: int) -> int:
        return self._tail.forget(min(before, self._tail.last + 1))

    async def size(self) -> int:
        return self._tail.bytes

    async def cursors(self) -> Mapping[str, int]:
        return dict(self._cursors)

    def move(self, cursor: str, position: int) -> None:
        self._cursors[cursor] = max(position, self._cursors.get(cursor, 0))

    async def drop(self, cursor: str) -> None:
        self._cursors.pop(cursor, None)

    async def close(self) -> None:
        self._closed = True
        self._tail.close()
