"""The newest entries of a log, in memory: followers at its head are fed from here, not from the store.

    stored --> Tail.extend --> Tail.after --> followers
                 |  full: the oldest go
               floor

Every entry behind `floor` is here. Who stands before `floor` reads the store until it
stands behind it; both sides are asked by position, so nothing is missed or seen twice.
Cumulated sizes stand beside the entries, so that both bounds (entries and bytes) are bisections.
"""

from __future__ import annotations

import asyncio
from bisect import bisect_left, bisect_right
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import accumulate
from operator import attrgetter

from callboard.event import Entry

BATCH_ENTRIES = 1024
BATCH_BYTES = 1 << 18
"""A follower gets at most so many entries, and about so many bytes, at a time."""

Read = Callable[[int, int, int], Awaitable[Sequence[Entry]]]
"""Reads from the store: (after, limit, max_bytes)."""

_position = attrgetter("position")


class Tail:
    """A ring of the newest entries, bounded by number and by bytes, that wakes its followers.

    An entry of 320 bytes of JSON takes 1.5 KB here, and twice that once it was decoded.
    """

    def __init__(self, max_entries: int = 8_192, max_bytes: int = 8 << 20) -> None:
        self.floor = self.last = 0
        self._max_entries, self._max_bytes = max_entries, max_bytes
        self._entries: list[Entry] = []
        self._ends: list[int] = []
        self._start = 0
        self._waiting: list[asyncio.Future[None]] = []
        self._closed = False

    def start(self, last: int) -> None:
        """Begin behind the position `last`: what is up to it is in the store."""
        self.floor = self.last = last

    @property
    def entries(self) -> Sequence[Entry]:
        """All entries that are here, oldest first; not to be kept across an await."""
        return self._entries

    @property
    def bytes(self) -> int:
        """Bytes of the events that are here."""
        return (self._ends[-1] if self._ends else self._start) - self._start

    def extend(self, entries: Sequence[Entry], sizes: Sequence[int] | None = None) -> None:
        """Take entries that are stored, in order, and wake who waits; `sizes` are the bytes of their JSON."""
        if not entries:
            return
        if sizes is None:
            sizes = [len(entry.envelope.json) for entry in entries]
        ends = accumulate(sizes, initial=self._ends[-1] if self._ends else self._start)
        next(ends)
        self._entries.extend(entries)
        self._ends.extend(ends)
        self.last = entries[-1].position
        self._trim()
        self._wake()

    def after(self, position: int, limit: int = BATCH_ENTRIES, max_bytes: int = BATCH_BYTES) -> list[Entry]:
        """Return entries behind `position`, which is not before `floor`: at least one if there is one."""
        if position >= self.last:
            return []
        start = bisect_right(self._entries, position, key=_position)
        before = self._ends[start - 1] if start else self._start
        stop = bisect_right(self._ends, before + max_bytes, start)
        return self._entries[start : min(max(stop, start + 1), start + limit)]

    def forget(self, before: int) -> int:
        """Let go of the entries before the position `before`; return how many went."""
        count = bisect_left(self._entries, before, key=_position)
        self._drop(count)
        self.floor = max(self.floor, before - 1)
        return count

    async def follow(self, after: int, read: Read) -> AsyncIterator[Sequence[Entry]]:
        """Yield batches behind `after` from here, or from `read` when further back; ends on close."""
        while True:
            if after < self.floor:
                if self._closed:
                    return
                batch = await read(after, BATCH_ENTRIES, BATCH_BYTES)
                if not batch:  # all that was between is pruned
                    after = max(after, self.floor)
                    continue
            else:
                batch = self.after(after)
            if batch:
                after = batch[-1].position
                yield batch
            elif self._closed:
                return
            else:
                await self._more()

    def close(self) -> None:
        """End all followers once they have what is here."""
        self._closed = True
        self._wake()

    async def _more(self) -> None:
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            if not waiter.done() or waiter.cancelled():
                self._waiting = [other for other in self._waiting if other is not waiter]

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)

    def _trim(self) -> None:
        """Keep to the bounds; a little more is let go, so that it is seldom done."""
        over = len(self._entries) > self._max_entries or self.bytes > self._max_bytes
        if not over:
            return
        count = max(0, len(self._entries) - self._max_entries * 7 // 8)
        size = self._ends[-1] - self._max_bytes * 7 // 8
        count = max(count, bisect_left(self._ends, size) + 1 if size > self._start else 0)
        self._drop(min(count, len(self._entries) - 1))

    def _drop(self, count: int) -> None:
        if count <= 0:
            return
        self.floor = self._entries[count - 1].position
        self._start = self._ends[count - 1]
        del self._entries[:count], self._ends[:count]
