"""events.db as a file: made in one move, opened, and refused when it is something else."""

from __future__ import annotations

import secrets
import sqlite3
from pathlib import Path

from callboard.errors import StorageFailed
from callboard.logs.blocks import SQL

APPLICATION = 0x43426F61  # "CBoa", in the file's header
VERSION = 1


def create(path: Path) -> None:
    """Make an empty log beside `path` and move it there: half a log is never found."""
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    connection = sqlite3.connect(fresh)
    try:
        connection.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};")
        connection.executescript(SQL["schema"])
        connection.execute(SQL["identify"], (secrets.token_hex(4),))
        connection.commit()
    finally:
        connection.close()
    fresh.rename(path)


def connect(path: Path, *, readonly: bool = False, synchronous: str = "NORMAL") -> sqlite3.Connection:
    address = path.absolute().as_uri() + ("?mode=ro" if readonly else "?mode=rw")
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {synchronous}")
        connection.execute("PRAGMA wal_autocheckpoint = 4000")
    return connection


def check(connection: sqlite3.Connection, path: Path) -> None:
    """Refuse a file that is not a log, or a newer one."""
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    if application != APPLICATION:
        raise StorageFailed(f"{path} is no log of Callboard: name another file, or move this one away.")
    if version != VERSION:
        raise StorageFailed(
            f"The log {path} has format {version}, not {VERSION}: use the version of Callboard that wrote it."
        )


def facts(connection: sqlite3.Connection) -> tuple[str, int, int, float]:
    """Return the log's id, its first and last position, and the time of the newest entry."""
    (log_id,) = connection.execute(SQL["id"]).fetchone()
    bounds = connection.execute(SQL["bounds"]).fetchone()
    remembered = connection.execute(SQL["remembered"]).fetchone()
    last = int(remembered[0]) if remembered else 0
    if bounds is None:
        return str(log_id), last + 1, last, 0.0
    first, newest, then = bounds
    return str(log_id), first, max(newest, last), then


def size(connection: sqlite3.Connection) -> int:
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (size,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * size)
