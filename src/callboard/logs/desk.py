"""A desk: one SQLite connection in a thread of its own, which does one job after the other.

    loop: ask(job, done) --> queue --> thread: job(connection) --> loop: done(result, error)

An executor of the standard library would cost two locks, a future and a callback more for
each job; a commit is worth about one of those.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from queue import SimpleQueue
from threading import Thread
from typing import Any, TypeVar

from callboard.errors import StorageFailed

T = TypeVar("T")
Job = Callable[[sqlite3.Connection], T]
Done = Callable[[Any, Exception | None], None]


def failed(path: Path, error: Exception) -> StorageFailed:
    """Return SQLite's error as one sentence that names the file and the way out."""
    reason = str(error)
    if isinstance(error, OSError) or "unable to open" in reason or "readonly" in reason:
        way = "make the folder writable for this user, or name another"
    elif "full" in reason:
        way = "free space there; nothing of this was stored, and it goes on as soon as there is room"
    elif "malformed" in reason or "not a database" in reason or "damaged" in reason:
        way = "put back a copy, or move it away to start an empty log"
    else:
        way = "look at its disk; nothing of this was stored"
    return StorageFailed(f"The log {path} failed ({reason}): {way}.")


class Desk:
    """Runs jobs with a connection, in the order of the calls, away from the loop that asks."""

    def __init__(self, connection: sqlite3.Connection, path: Path, name: str) -> None:
        self._connection, self._path = connection, path
        self._loop = asyncio.get_running_loop()
        self._jobs: SimpleQueue[tuple[Job[Any], Done] | None] = SimpleQueue()
        self._closed = False
        self._thread = Thread(target=self._work, name=name, daemon=True)
        self._thread.start()

    def ask(self, job: Job[Any], done: Done) -> None:
        """Have `job` run; `done(result, error)` is called in the loop."""
        if self._closed:
            self._loop.call_soon(done, None, StorageFailed(f"The log {self._path} is closed."))
        else:
            self._jobs.put((job, done))

    def run(self, job: Job[T]) -> asyncio.Future[T]:
        """Have `job` run; the future gives what it returns, or SQLite's error as StorageFailed."""
        future: asyncio.Future[T] = self._loop.create_future()

        def done(result: T, error: Exception | None) -> None:
            if future.done():
                return
            if error:
                future.set_exception(error)
            else:
                future.set_result(result)

        self.ask(job, done)
        return future

    async def close(self) -> None:
        """Finish the jobs that were asked for, then let go of the connection."""
        closing = self.run(lambda connection: connection.close())
        self._closed = True
        await closing
        self._jobs.put(None)

    def _work(self) -> None:
        while asked := self._jobs.get():
            job, done = asked
            result: Any = None
            error: Exception | None = None
            try:
                result = job(self._connection)
            except sqlite3.Error as problem:
                error = failed(self._path, problem)
            except Exception as problem:  # a fault of ours: it belongs to who asked, the thread lives on
                error = problem
            with suppress(RuntimeError):  # the loop is closed: nobody waits any more
                self._loop.call_soon_threadsafe(done, result, error)
            del asked, job, done, result, error  # an idle thread holds no batch in memory
