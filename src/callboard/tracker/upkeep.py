"""Bringing the tracker's database to the tables that this version has, before anybody uses it."""

from __future__ import annotations

from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from callboard.tracker.complaints import Fault
from callboard.tracker.engines import CantOpen, engine_of, without_password, writing
from callboard.tracker.entities import MODEL
from callboard.tracker.seeding import seed
from callboard.tracker.tables import tables_of


async def keep_up(url: str | None, data: Path) -> None:
    """Make or change the tables, and put in what a new tracker has; raises CantOpen with the reason."""
    engine = engine_of(url, data, upkeep=True)
    try:
        async with writing(engine).begin() as connection:
            await connection.run_sync(_make)
    except (*Fault, ValueError) as error:
        said = without_password(_reason(error), url)
        raise CantOpen(f"The tracker's database can't be opened: {said}: look at `tracker.url`.") from None
    finally:
        await engine.dispose()


def _make(connection: Connection) -> None:
    tables = tables_of(MODEL)
    tables.metadata.create_all(connection)
    seed(connection, MODEL, tables)


def _reason(error: BaseException) -> str:
    if isinstance(error, DBAPIError):
        error = error.orig or error
    if isinstance(error, TimeoutError):
        return "it does not answer"
    return str(getattr(error, "strerror", None) or error).rstrip(".")
