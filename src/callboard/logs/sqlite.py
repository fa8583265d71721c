"""The log in one SQLite file: what was acknowledged survives the process, and the power if asked to.

    append --> pending --(one commit at a time)--> writing desk --> done: Tail, futures
    read   --> Tail, or reading desk

All state is the loop's: the writing desk gets finished blocks and gives back nothing or an
error. While a commit is under way all that comes is pending, and is the next commit.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from asyncio import Future
from collections.abc import AsyncIterator, Mapping, Sequence
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Literal

import msgspec

from callboard.errors import StorageFailed
from callboard.event import MAX_EVENT, Draft, Entry
from callboard.hub.log import Log
from callboard.hub.tail import Tail
from callboard.logs import blocks, eventsdb
from callboard.logs.blocks import SQL
from callboard.logs.desk import Desk, failed
from callboard.logs.lock import Lock

Sync = Literal["normal", "full"]

COMMIT_BYTES = 4 << 20
"""Appends are taken into one commit until they have so many bytes."""
MOVE_EVERY = 1.0
"""Seconds between two writings of moved cursors."""

_Waiting = tuple[Sequence[Draft], Future[Sequence[Entry]]]


class SqliteLog(Log):
    """The log in `path`; open it with `open_sqlite`."""

    def __init__(
        self, path: Path, lock: Lock, writer: sqlite3.Connection, max_event: int, tail: Tail | None
    ) -> None:
        self.path, self.max_event = path, max_event
        self._lock = lock
        self._loop = asyncio.get_running_loop()
        self.id, self._first, last, self._time = eventsdb.facts(writer)
        self._cursors: dict[str, int] = dict(writer.execute(SQL["cursors"]))
        self._moved: dict[str, int] = {}
        self._moving: asyncio.TimerHandle | None = None
        self._tail = tail or Tail()
        self._tail.start(last)
        self._pending: list[_Waiting] = []
        self._flushing = False
        self._closed = False
        self._idle = asyncio.Event()
        self._idle.set()
        self._writer = Desk(writer, path, "callboard log writer")
        self._reader = Desk(eventsdb.connect(path, readonly=True), path, "callboard log reader")

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        future: Future[Sequence[Entry]] = self._loop.create_future()
        if self._closed:
            future.set_exception(StorageFailed("The log is closed: nothing was stored."))
            return future
        self._pending.append((drafts, future))
        if not self._flushing:
            self._flushing = True
            self._idle.clear()
            self._loop.call_soon(self._flush)  # at the end of the turn: all that it brings is one commit
        return future

    def _flush(self) -> None:
        """Hand what is pending to the writer, stamped."""
        taken = self._take()
        self._time = now = max(time.time(), self._time)
        position = self._tail.last + 1
        drafts = chain.from_iterable([drafts for drafts, _ in taken])
        entries = [Entry(n, now, draft.publisher, draft.envelope) for n, draft in enumerate(drafts, position)]
        if entries:
            job = partial(blocks.append, blocks=blocks.to_blocks(entries))
            self._writer.ask(job, partial(self._written, taken, entries))
        else:
            self._written(taken, entries, None, None)

    def _take(self) -> list[_Waiting]:
        """Take pending appends, whole ones, of about COMMIT_BYTES."""
        size = count = 0
        while count < len(self._pending) and size < COMMIT_BYTES:
            size += sum([len(draft.envelope.json) for draft in self._pending[count][0]])
            count += 1
        taken, self._pending = self._pending[:count], self._pending[count:]
        return taken

    def _written(
        self, taken: list[_Waiting], entries: Sequence[Entry], _: None, error: Exception | None
    ) -> None:
        """Give the next commit to the writer first, then tell who waited for this one."""
        if error is None:
            self._tail.extend(entries)
        if self._pending:
            self._flush()
        else:
            self._flushing = False
            self._idle.set()
        start = 0
        for drafts, future in taken:
            stop = start + len(drafts)
            if not future.done():
                if error is None:
                    future.set_result(entries[start:stop])
                else:
                    future.set_exception(error)
            start = stop

    def follow(self, after: int) -> AsyncIterator[Sequence[Entry]]:
        return self._tail.follow(after, self._stored)

    async def read(self, after: int, limit: int = 1000, max_bytes: int = 1 << 20) -> Sequence[Entry]:
        if after >= self._tail.floor:
            return self._tail.after(after, limit, max_bytes)
        return await self._stored(after, limit, max_bytes)

    async def _stored(self, after: int, limit: int, max_bytes: int) -> Sequence[Entry]:
        self._check_open()
        after = max(after, self._first - 1)
        return await self._reader.run(partial(blocks.read, after=after, limit=limit, max_bytes=max_bytes))

    async def first(self) -> int:
        return self._first

    async def last(self) -> int:
        return self._tail.last

    async def position_at(self, time: float) -> int:
        self._check_open()
        last = self._tail.last
        return await self._reader.run(partial(blocks.position_at, time=time, first=self._first, last=last))

    async def prune(self, before: int) -> int:
        self._check_open()
        last = self._tail.last
        before = min(before, last + 1)
        self._first = max(self._first, before)  # what is going is not read any more
        self._tail.forget(before)
        pruned = 0
        while gone := await self._writer.run(partial(blocks.prune, before=before, last=last)):
            pruned += gone
        return pruned

    async def size(self) -> int:
        self._check_open()
        return await self._reader.run(eventsdb.size)

    async def cursors(self) -> Mapping[str, int]:
        return dict(self._cursors)

    def move(self, cursor: str, position: int) -> None:
        if position <= self._cursors.get(cursor, -1):
            return
        self._cursors[cursor] = self._moved[cursor] = position
        if self._moving is None and not self._closed:
            self._moving = self._loop.call_later(MOVE_EVERY, self._write_moved)

    async def drop(self, cursor: str) -> None:
        self._check_open()
        self._cursors.pop(cursor, None)
        self._moved.pop(cursor, None)
        await self._writer.run(partial(blocks.run, name="drop", value=cursor))

    def _write_moved(self) -> None:
        """Write the cursors that moved; those that could not be written are tried again."""
        self._moving = None
        moved, self._moved = self._moved, {}
        if moved:
            job = partial(blocks.run, name="move", value=msgspec.json.encode(moved).decode())
            self._writer.ask(job, partial(self._moved_on, moved))

    def _moved_on(self, moved: dict[str, int], _: None, error: Exception | None) -> None:
        if error is None or self._closed:
            return
        held = {name: self._cursors[name] for name in moved if name in self._cursors}
        self._moved = held | self._moved
        if self._moved and self._moving is None:
            self._moving = self._loop.call_later(MOVE_EVERY, self._write_moved)

    def _check_open(self) -> None:
        if self._closed:
            raise StorageFailed(f"The log {self.path} is closed.")

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._idle.wait()
        if self._moving:
            self._moving.cancel()
        self._write_moved()
        self._tail.close()
        await self._reader.close()
        await self._writer.close()
        self._lock.release()


def open_sqlite(
    path: Path, *, sync: Sync = "normal", max_event: int = MAX_EVENT, tail: Tail | None = None
) -> SqliteLog:
    """Open the log in `path`, or make one; raises StorageFailed with one sentence.

    A file that is damaged, or no log, is never replaced. One process at a time may have it open.
    """
    lock = None
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(path)
        if not path.exists():
            eventsdb.create(path)
        writer = eventsdb.connect(path, synchronous=sync.upper())
        eventsdb.check(writer, path)
        return SqliteLog(path, lock, writer, max_event, tail)
    except (OSError, sqlite3.Error) as error:
        if lock:
            lock.release()
        raise failed(path, error) from None
    except StorageFailed:
        if lock:
            lock.release()
        raise
