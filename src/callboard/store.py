"""callboard.db: what Callboard must remember beside the log, in one SQLite file.

    run(work) --> one worker thread, in the order of the calls --> one transaction each --> Future

A `concurrent.futures.Future` serves both worlds: the command line takes its `result()`, the loop
awaits `read` and `write`. Each room brings its own tables (`apply`) and never reads another's.
Several processes may have the file open: SQLite's write-ahead log keeps them apart.
"""

from __future__ import annotations

import asyncio
import re
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from importlib.resources import files
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

from callboard.errors import StorageFailed

T = TypeVar("T")
Params = Sequence[Any]
Row = tuple[Any, ...]

_BUSY = 10.0
"""Seconds to wait for another process that is writing."""
_STEP = re.compile(r"^-- version \d+\n", re.MULTILINE)


class Store:
    """An open callboard.db; `with open_store(path) as store`."""

    def __init__(self, path: Path, connection: sqlite3.Connection, reader: sqlite3.Connection) -> None:
        self.path = path
        self._connection = connection
        self._reader = reader
        self._worker = ThreadPoolExecutor(max_workers=1, thread_name_prefix="callboard.db")

    def run(self, work: Callable[[sqlite3.Connection], T]) -> Future[T]:
        """Call `work` with the connection, inside one transaction, after all that was asked before.

        It is committed when the future is done, and undone when `work` raises. SQLite's own
        errors come out as StorageFailed.
        """
        return self._worker.submit(self._transact, work)

    async def read(self, sql: str, params: Params = ()) -> list[Row]:
        """Return the rows of a query, once all that was asked before is done."""
        return await asyncio.wrap_future(
            self.run(lambda connection: connection.execute(sql, params).fetchall())
        )

    async def write(self, sql: str, params: Params = ()) -> int:
        """Run one statement; returns how many rows it changed, once that is committed."""
        return await asyncio.wrap_future(
            self.run(lambda connection: connection.execute(sql, params).rowcount)
        )

    def apply(self, name: str, sql: str) -> None:
        """Bring the tables of the room `name` up to date; returns once they are.

        `sql` holds its steps, each behind a line `-- version N`. Raises StorageFailed when a newer
        Callboard has written the file.
        """
        self.run(lambda connection: _migrate(connection, name, _STEP.split(sql)[1:], self.path)).result()

    def peek(self, sql: str, params: Params = ()) -> list[Row]:
        """Return the rows of a query as they are now, at once, on a connection that only reads.

        `PRAGMA data_version` there changes with each commit, of this process or another.
        """
        with _translated(self.path):
            return self._reader.execute(sql, params).fetchall()

    def close(self) -> None:
        """Finish what was asked, then let go of the file."""
        self._worker.shutdown()
        self._reader.close()
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _transact(self, work: Callable[[sqlite3.Connection], T]) -> T:
        with _translated(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                result = work(self._connection)
                self._connection.execute("COMMIT")
            except BaseException:
                if self._connection.in_transaction:
                    self._connection.execute("ROLLBACK")
                raise
            return result


def open_store(path: Path) -> Store:
    """Open callboard.db at `path`, made readable for its owner alone when it is new.

    Raises StorageFailed when it can't be opened or is no such file.
    """
    with _translated(path):
        path.touch(mode=0o600)
        connection = _connect(path, "journal_mode = wal", "synchronous = normal", "foreign_keys = on")
        reader = _connect(path, "query_only = on")
    store = Store(path, connection, reader)
    try:
        store.apply("store", files("callboard").joinpath("store.sql").read_text("utf-8"))
    except StorageFailed:
        store.close()
        raise
    return store


def _connect(path: Path, *pragmas: str) -> sqlite3.Connection:
    # Autocommit: transactions are begun by hand, the module's own would start them too late.
    connection = sqlite3.connect(path, timeout=_BUSY, isolation_level=None, check_same_thread=False)
    try:
        for pragma in pragmas:
            connection.execute(f"PRAGMA {pragma}")
    except sqlite3.Error:
        connection.close()
        raise
    return connection


@contextmanager
def _translated(path: Path) -> Iterator[None]:
    try:
        yield
    except (sqlite3.Error, OSError) as error:
        raise StorageFailed(
            f"{path} can't be used: {error}. Look at its disk and who may write there; "
            "if the file is damaged, move it away and start again."
        ) from error


def _migrate(connection: sqlite3.Connection, name: str, steps: Sequence[str], path: Path) -> None:
    version = _version(connection, name)
    if version > len(steps):
        raise StorageFailed(
            f"{path} was written by a newer Callboard ({name} {version}, this one knows {len(steps)}): "
            "update Callboard, or give it another data folder."
        )
    for step in steps[version:]:
        for statement in _statements(step):
            connection.execute(statement)
    if version < len(steps):
        connection.execute("REPLACE INTO schema (name, version) VALUES (?, ?)", (name, len(steps)))


def _version(connection: sqlite3.Connection, name: str) -> int:
    if not connection.execute("SELECT 1 FROM sqlite_schema WHERE name = 'schema'").fetchone():
        return 0
    row = connection.execute("SELECT version FROM schema WHERE name = ?", (name,)).fetchone()
    return int(row[0]) if row else 0


def _statements(step: str) -> Iterator[str]:
    """Split a step into its statements: executescript would commit in the middle of the transaction."""
    statement = ""
    for line in step.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
