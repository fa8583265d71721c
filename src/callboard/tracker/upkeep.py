"""Bringing the tracker's database to the tables that this version has, before anybody uses it.

    nothing there         the tables of the model, then what a new tracker has
    an older revision     a copy beside it (SQLite), then the revisions that are missing
    no revision, tables   of the version that knew no revisions: it has the first one
    an unknown revision   a newer version made it: nothing is touched

All of it is one transaction; of several nodes that start at once the first does it.
"""

from __future__ import annotations

import asyncio
import contextlib
import shutil
import sqlite3
from pathlib import Path
from typing import Final

import structlog
from alembic import command
from sqlalchemy import Connection, inspect
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine

from callboard.tracker.complaints import Fault
from callboard.tracker.engines import CantOpen, engine_of, file_of, without_password, writing
from callboard.tracker.entities import MODEL
from callboard.tracker.migrations import config_of, current, head, known
from callboard.tracker.seeding import seed
from callboard.tracker.tables import tables_of

log = structlog.get_logger("callboard.tracker")

_FIRST: Final = "0001"
_OF_THE_FIRST: Final = frozenset({"context", "outbox"})
_NEWER: Final = (
    "The tracker's database was made by a newer Callboard (revision {}; this one knows {} at most): "
    "install that version again, or take back the copy that it made."
)
_NOT_OURS: Final = (
    "The database that `tracker.database` names has tables that are not the tracker's ({}): "
    "name an empty database, or a schema of its own."
)
_NOT_UTF8: Final = "The tracker's database has the encoding {}: make one with ENCODING 'UTF8'."
_DANGLING: Final = "The tracker's database has rows that point to rows that are not there (table {})."


async def keep_up(url: str | None, data: Path) -> None:
    """Make or change the tables, and put in what a new tracker has; raises CantOpen with the reason."""
    engine = engine_of(url, data, upkeep=True)
    try:
        await _copy_if_older(engine, file_of(url, data))
        async with writing(engine).begin() as connection:
            await connection.run_sync(_bring_up)
    except (*Fault, ValueError, shutil.Error) as error:
        said = without_password(_reason(error), url)
        raise CantOpen(
            f"The tracker's database can't be opened: {said}: look at `tracker.database`."
        ) from None
    finally:
        await engine.dispose()


async def _copy_if_older(engine: AsyncEngine, file: Path | None) -> None:
    """Keep what is there before it is changed; PostgreSQL is for its operators to copy."""
    if file is None or not await asyncio.to_thread(file.exists):
        return
    async with engine.connect() as connection:
        at = await connection.run_sync(_revision)
    if at is not None and at != head():
        copy = file.with_name(f"{file.stem}-{at}{file.suffix}")
        await asyncio.to_thread(_copy, file, copy)
        log.info("the tracker's database is brought up to date", copy=str(copy))


def _copy(file: Path, copy: Path) -> None:
    """Copy a database as it is at this moment, whole or not at all."""
    part = copy.with_name(copy.name + ".part")
    with (
        contextlib.closing(sqlite3.connect(file)) as source,
        contextlib.closing(sqlite3.connect(part)) as into,
    ):
        source.backup(into)
    shutil.copymode(file, part)
    part.replace(copy)


def _revision(connection: Connection) -> str | None:
    """Return which revision a database has, None if it is empty; raises CantOpen if it is not for us."""
    at = current(connection)
    if at is not None:
        if at not in known():
            raise CantOpen(_NEWER.format(at, head()))
        return at
    there = set(inspect(connection).get_table_names())
    if there >= _OF_THE_FIRST and connection.dialect.name == "sqlite":
        return _FIRST
    others = sorted(there & set(tables_of(MODEL).metadata.tables))
    if others:
        raise CantOpen(_NOT_OURS.format(", ".join(others[:3])))
    return None


def _bring_up(connection: Connection) -> None:
    if connection.dialect.name == "postgresql":
        encoding = connection.exec_driver_sql("SHOW server_encoding").scalar_one()
        if encoding != "UTF8":
            raise CantOpen(_NOT_UTF8.format(encoding))
    at, tables = _revision(connection), tables_of(MODEL)
    if at is None:
        tables.metadata.create_all(connection)
        command.stamp(config_of(connection), "head")
    elif at != head():
        _migrate(connection, at)
    seed(connection, MODEL, tables)
    if at != head():
        _check(connection)


def _migrate(connection: Connection, at: str) -> None:
    config = config_of(connection)
    if current(connection) is None:
        command.stamp(config, at)
    command.upgrade(config, "head")


def _check(connection: Connection) -> None:
    """See that all is as foreign keys want it: SQLite looks away while tables are made anew."""
    if connection.dialect.name == "sqlite":
        dangling = connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        if dangling is not None:
            raise CantOpen(_DANGLING.format(dangling[0]))


def _reason(error: BaseException) -> str:
    if isinstance(error, DBAPIError):
        error = error.orig or error
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(getattr(error, "strerror", None) or error).rstrip(".")
