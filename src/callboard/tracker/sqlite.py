"""SQLite's driver: one step to its thread and back for each statement.

aiosqlite takes one step each to make a cursor, to execute, to fetch and to close; a step costs about 50 us
of CPU, more than most statements. SQLAlchemy asks for all rows at once anyway. A statement that takes longer
than a minute, or that nobody waits for any more, is interrupted, as PostgreSQL does by itself: a query may
join what it likes, and a hub that stops can't wait for it.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Awaitable, Callable, Iterable, Sequence
from functools import partial
from time import monotonic
from types import TracebackType
from typing import Any, Final, NamedTuple

import aiosqlite

LONGEST: Final = 60.0
"""Seconds that a statement may take."""
_GOODBYE: Final = 1.0
"""Seconds that a thread has to say that it has ended."""
_STEPS: Final = 100_000
"""Steps of SQLite's machine between two looks at the clock: about a millisecond."""


class Done(NamedTuple):
    """What a statement gave."""

    description: Any
    rowcount: int
    lastrowid: int | None
    rows: list[Any]


class Cursor:
    """The rows of one statement, as SQLAlchemy's adapter for aiosqlite asks for them."""

    arraysize = 1

    def __init__(self, line: Line) -> None:
        self._line = line
        self._keep(Done(None, -1, None, []))

    async def __aenter__(self) -> Cursor:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Nothing is open: see `execute`."""

    async def execute(self, statement: str, parameters: Iterable[Any] = ()) -> Cursor:
        """Execute a statement and fetch its rows."""
        return self._keep(await self._line.run(_executed, statement, parameters))

    async def executemany(self, statement: str, parameters: Iterable[Iterable[Any]]) -> Cursor:
        """Execute a statement once for each of the parameters."""
        return self._keep(await self._line.run(_executed_many, statement, parameters))

    def _keep(self, done: Done) -> Cursor:
        self.description, self.rowcount, self.lastrowid, self._rows = done
        return self

    async def fetchall(self) -> Sequence[Any]:
        """Return the rows that are left."""
        rows, self._rows = self._rows, []
        return rows

    async def close(self) -> None:
        """Nothing is open: see `execute`."""


class Line(aiosqlite.Connection):
    """aiosqlite's connection, with cursors that need no step of their own."""

    longest = LONGEST

    def cursor(self) -> Cursor:  # type: ignore[override] # the adapter enters it, and awaits nothing else
        """Return a cursor."""
        return Cursor(self)

    async def run(self, do: Callable[..., Done], statement: str, parameters: Any) -> Done:
        """Do something with the connection in its thread."""
        step: Callable[..., Awaitable[Done]] = self._execute
        left: list[bool] = []
        try:
            return await step(_in_time, self.longest, left, do, self._conn, statement, parameters)
        except asyncio.CancelledError:
            left.append(True)
            raise

    async def close(self) -> None:
        """Close once the statement that runs has ended.

        SQLAlchemy may have stopped the thread meanwhile: then it never says that it has ended.
        """
        if self._connection is None:
            return
        try:
            step: Callable[..., Awaitable[None]] = self._execute
            await step(self._conn.close)
        finally:
            self._connection = None
            ended = self.stop()
            if ended is not None:
                await asyncio.wait([ended], timeout=_GOODBYE)


def line(database: str, **options: Any) -> Line:
    """Return a connection that opens when awaited; its thread ends with the program."""
    made = Line(partial(sqlite3.connect, database, **options), iter_chunk_size=64)
    thread: Any = getattr(made, "_thread", made)  # before aiosqlite 0.22 it was the thread itself
    thread.daemon = True
    return made


def unhurried(database: str, **options: Any) -> Line:
    """Return a connection as `line` does, for upkeep: its statements take as long as they need."""
    made = line(database, **options)
    made.longest = float("inf")
    return made


def _in_time(
    longest: float,
    left: Sequence[bool],
    do: Callable[..., Done],
    connection: sqlite3.Connection,
    statement: str,
    parameters: Any,
) -> Done:
    """Do something; SQLite interrupts it when it takes too long, or something is in `left`."""
    until = monotonic() + longest
    connection.set_progress_handler(lambda: bool(left) or monotonic() > until, _STEPS)
    return do(connection, statement, parameters)


def _executed(connection: sqlite3.Connection, statement: str, parameters: Any) -> Done:
    cursor = connection.execute(statement, parameters)
    rows = cursor.fetchall() if cursor.description else []
    return Done(cursor.description, cursor.rowcount, cursor.lastrowid, rows)


def _executed_many(connection: sqlite3.Connection, statement: str, parameters: Any) -> Done:
    cursor = connection.executemany(statement, parameters)
    return Done(None, cursor.rowcount, cursor.lastrowid, [])
