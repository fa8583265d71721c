"""The log in one SQLite file: what was acknowledged survives the process, and the power if asked to.

    append --> Commits --> writing desk, then Tail        read, follow <-- Tail, or reading desk

Three connections, each in a thread of its own: one writes, one reads, one moves the
write-ahead log into the file.
"""

from __future__ import annotations

import asyncio
import sqlite3
from asyncio import Future
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Literal

import msgspec

from callboard.errors import StorageFailed
from callboard.event import MAX_EVENT, Draft, Entry
from callboard.hub.log import Log
from callboard.hub.tail import Tail
from callboard.logs import blocks, eventsdb
from callboard.logs.commits import Commits
from callboard.logs.cursors import Cursors, Written
from callboard.logs.desk import Desk, failed
from callboard.logs.lock import Lock

Sync = Literal["normal", "full"]

_PAUSE = 0.005
"""Seconds between two slices of pruning: the disk is the appends' first."""


class SqliteLog(Log):
    """The log in `path`; open it with `open_sqlite`."""

    def __init__(self, path: Path, lock: Lock, sync: Sync, max_event: int, tail: Tail) -> None:
        self.path, self.max_event = path, max_event
        eventsdb.check(path)
        with closing(eventsdb.connect(path)) as connection:
            facts = eventsdb.facts(connection)
        self.id, self._first, self._lock, self._tail = facts.id, facts.first, lock, tail
        self._tail.start(facts.last)
        self._writer = Desk(eventsdb.connect(path, sync=sync), path, "callboard log writer")
        self._reader = Desk(eventsdb.connect(path, readonly=True), path, "callboard log reader")
        self._keeper = Desk(eventsdb.connect(path, sync=sync), path, "callboard log keeper")
        self._commits = Commits(self._writer, self._keeper, tail, facts.time)
        self._cursors = Cursors(facts.cursors, self._write_cursors)
        self._closed = False

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        if self._closed:
            future: Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
            future.set_exception(StorageFailed(f"The log {self.path} is closed: nothing was stored."))
            return future
        return self._commits.append(drafts)

    def behind(self) -> bool:
        return self._commits.checkpoints.behind

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
            self._commits.checkpoints.ahead(blocks.SLICE_BYTES)
            await asyncio.sleep(_PAUSE)
        return pruned

    async def size(self) -> int:
        self._check_open()
        return await self._reader.run(eventsdb.size)

    async def cursors(self) -> Mapping[str, int]:
        return self._cursors.all()

    def move(self, cursor: str, position: int) -> None:
        self._cursors.move(cursor, position)

    async def drop(self, cursor: str) -> None:
        self._check_open()
        self._cursors.drop(cursor)
        await self._writer.run(partial(blocks.run, name="drop", value=cursor))

    def _write_cursors(self, moved: Mapping[str, int], done: Written) -> None:
        self._writer.ask(partial(blocks.run, name="move", value=msgspec.json.encode(moved).decode()), done)

    def _check_open(self) -> None:
        if self._closed:
            raise StorageFailed(f"The log {self.path} is closed.")

    async def close(self) -> None:
        if self._closed:
            return
        self._closed = True
        await self._commits.idle()
        self._cursors.close()
        self._tail.close()
        for desk in (self._reader, self._keeper, self._writer):
            await desk.close()
        self._lock.release()


def open_sqlite(
    path: Path, *, sync: Sync = "normal", max_event: int = MAX_EVENT, tail: Tail | None = None
) -> SqliteLog:
    """Open the log in `path`, or make one; raises StorageFailed with one sentence.

    A file that is damaged, or no log, is never replaced. One process at a time may have it open.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        lock = Lock(path)
    except OSError as error:
        raise failed(path, error) from None
    try:
        if not path.exists():
            eventsdb.create(path)
        return SqliteLog(path, lock, sync, max_event, tail or Tail())
    except BaseException as error:
        lock.release()
        if isinstance(error, OSError | sqlite3.Error):
            raise failed(path, error) from None
        raise
