"""SQLite or PostgreSQL: how each is reached, and what has both behave alike.

    what              SQLite                              PostgreSQL
    writers           BEGIN IMMEDIATE                     an advisory lock for the transaction
    readers           beside a writer (WAL)               REPEATABLE READ, read only
    order of text     by bytes                            by bytes: collation "C" (tracker/tables.py)

One writer at a time, over all nodes, is what makes the order of the outbox that of the commits: the numbers
of a sequence are given before a commit, and two commits at once could swap them.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qs, unquote, urlsplit

from sqlalchemy import Connection, event
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from callboard.errors import CallboardError
from callboard.tracker.sqlite import line, unhurried

_POSTGRESQL: Final = ("postgresql", "postgres", "postgresql+asyncpg")
_SQLITE: Final = ("sqlite", "sqlite+aiosqlite")
_CONNECT: Final = 10.0
"""Seconds until a server that does not answer counts as gone."""
_SILENT: Final = 90.0
"""Seconds until a statement without an answer means that the connection is dead."""
PATIENCE: Final = {
    "application_name": "callboard",
    "lock_timeout": "15s",
    "statement_timeout": "60s",
    "idle_in_transaction_session_timeout": "60s",
}
"""What PostgreSQL ends by itself, so that one node that hangs does not stop the others."""

_LOCK: Final = "SELECT pg_advisory_xact_lock({}, hashtext(current_schema()))"
WRITING: Final = _LOCK.format(0x63620001)
TELLING: Final = _LOCK.format(0x63620002)
"""Locks that one node at a time has, in one schema of one database: numbers that nobody else will use."""


class CantOpen(CallboardError):
    """The tracker's database can't be opened: look at `tracker.database`."""


def engine_of(url: str | None, data: Path, *, upkeep: bool = False) -> AsyncEngine:
    """Return the engine of a database: tracker.db in the data folder without a `url`.

    For `upkeep`, which changes tables, nothing takes too long and foreign keys wait. Raises CantOpen for
    an address that is none; nothing is connected yet.
    """
    if url is None:
        return _sqlite("sqlite+aiosqlite:///tracker.db", data, upkeep)
    scheme, _, rest = url.partition("://")
    if scheme in _POSTGRESQL:
        return _postgresql(f"postgresql://{rest}", upkeep)
    if scheme in _SQLITE and not rest.startswith("/?") and rest.strip("/"):
        return _sqlite(f"sqlite+aiosqlite://{rest}", data, upkeep)
    raise CantOpen(
        "`tracker.database` is postgresql://USER:PASSWORD@HOST/DATABASE or sqlite:////FOLDER/FILE: "
        "write one of these, or leave it out for tracker.db in the data folder."
    )


def file_of(url: str | None, data: Path) -> Path | None:
    """Return the file of a SQLite database; None for PostgreSQL, and for what `engine_of` refuses."""
    if url is None:
        return data / "tracker.db"
    if url.partition("://")[0] not in _SQLITE:
        return None
    with contextlib.suppress(ArgumentError):
        name = make_url(url).database
        return data / name if name else None
    return None


def _sqlite(url: str, data: Path, upkeep: bool) -> AsyncEngine:
    """Have SQLite check foreign keys, let readers be beside a writer, and begin by what will be done."""
    try:
        address = make_url(url)
        engine = create_async_engine(
            address.set(database=str(data / (address.database or ""))),
            hide_parameters=True,
            connect_args={"async_creator_fn": unhurried if upkeep else line},
        )
    except ArgumentError:
        raise CantOpen("`tracker.database` can't be read: write sqlite:////FOLDER/FILE.") from None
    pragmas = (
        "journal_mode=WAL",
        "synchronous=NORMAL",
        "busy_timeout=5000",
        f"foreign_keys={int(not upkeep)}",
    )

    @event.listens_for(engine.sync_engine, "connect")
    def connected(connection: Any, _: object) -> None:
        connection.isolation_level = None  # we say BEGIN ourselves
        cursor = connection.cursor()
        for pragma in pragmas:
            cursor.execute(f"PRAGMA {pragma}")
        cursor.close()

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE" if _writes(connection) else "BEGIN")

    return engine


def _postgresql(url: str, upkeep: bool) -> AsyncEngine:
    """Have asyncpg read the address, as PostgreSQL's own programs do: `sslmode`, `host=/socket` and all."""
    import asyncpg

    said = parse_qs(urlsplit(url).query) if _is_readable(url) else {}
    settings = {} if upkeep else {name: value for name, value in PATIENCE.items() if name not in said}

    async def connect() -> Any:
        silent = None if upkeep else _SILENT
        return await asyncpg.connect(url, timeout=_CONNECT, command_timeout=silent, server_settings=settings)

    engine = create_async_engine(
        "postgresql+asyncpg://", async_creator=connect, pool_pre_ping=True, hide_parameters=True
    )

    @event.listens_for(engine.sync_engine, "begin")
    def begun(connection: Connection) -> None:
        if _writes(connection):
            connection.exec_driver_sql(WRITING)

    return engine


def reading(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for those who only read: all that they read is of one moment."""
    if engine.dialect.name == "sqlite":
        return engine
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


def writing(engine: AsyncEngine) -> AsyncEngine:
    """Return the engine for those who write: each of its transactions is the only one that does."""
    return engine.execution_options(writes=True)


def _writes(connection: Connection) -> bool:
    options: Mapping[str, Any] = connection.get_execution_options()
    return bool(options.get("writes"))


def _is_readable(url: str) -> bool:
    try:
        return bool(urlsplit(url).scheme)
    except ValueError:
        return False


def without_password(text: str, url: str | None) -> str:
    """Return a text without the password of an address, wherever it stands in it."""
    for secret in _secrets(url or ""):
        text = text.replace(secret, "***")
    return text


def _secrets(url: str) -> set[str]:
    login = url.partition("://")[2].rpartition("@")[0]
    written = {login.partition(":")[2]}
    written |= {
        each
        for part in url.partition("?")[2].split("&")
        if part.startswith("password=")
        for each in [part.removeprefix("password=")]
    }
    return {secret for each in written if each for secret in (each, unquote(each))}
