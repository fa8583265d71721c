"""events.db as a file: made in one move, opened, and refused when it is something else."""

from __future__ import annotations

import os
import secrets
import sqlite3
import struct
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

from callboard.errors import StorageFailed
from callboard.logs import blocks
from callboard.logs.blocks import SQL

APPLICATION = 0x43426F61  # "CBoa", in the file's header
VERSION = 1
_LATE_CHECKPOINT = 4000
"""Pages (16 MB) after which SQLite itself moves the write-ahead log, should the keeper be behind."""


@dataclass(frozen=True)
class Facts:
    """What a log knows of itself when it is opened."""

    id: str
    first: int
    last: int
    time: float
    cursors: Mapping[str, int]


def create(path: Path) -> None:
    """Make an empty log beside `path` and move it there: half a log is never found."""
    _refuse_orphan(path)
    fresh = path.with_name(path.name + ".new")
    fresh.unlink(missing_ok=True)
    with closing(sqlite3.connect(fresh)) as connection:
        connection.execute("PRAGMA auto_vacuum = INCREMENTAL")  # before anything is written, or it is ignored
        connection.executescript(f"PRAGMA application_id = {APPLICATION}; PRAGMA user_version = {VERSION};")
        connection.executescript(SQL["schema"])
        connection.execute(SQL["identify"], (secrets.token_hex(4),))
        connection.commit()
    fresh.rename(path)
    folder = os.open(path.parent, os.O_RDONLY)
    os.fsync(folder)  # else a power cut could take the name away, and acknowledged events with it
    os.close(folder)


def _refuse_orphan(path: Path) -> None:
    """A write-ahead log without its file holds events, and would be read into the new file."""
    orphan = path.with_name(path.name + "-wal")
    if orphan.exists() and orphan.stat().st_size:
        raise StorageFailed(
            f"{path} is gone, but {orphan.name} beside it holds events of it: "
            "put the file back, or move that away too to start an empty log."
        )


def connect(path: Path, *, readonly: bool = False, sync: str = "normal") -> sqlite3.Connection:
    """Open the file as it is used: write-ahead log, statements commit by themselves, any thread."""
    address = path.absolute().as_uri() + ("?mode=ro" if readonly else "?mode=rw")
    connection = sqlite3.connect(address, uri=True, isolation_level=None, check_same_thread=False)
    if not readonly:
        connection.execute("PRAGMA journal_mode = WAL")
        connection.execute(f"PRAGMA synchronous = {sync}")
        connection.execute(f"PRAGMA wal_autocheckpoint = {_LATE_CHECKPOINT}")
    return connection


def check(path: Path) -> None:
    """Refuse a file that is no log, or a newer one: by its header, so that it is not touched."""
    with path.open("rb") as file:
        header = file.read(100).ljust(100, b"\0")
    version, application = struct.unpack_from(">I4xI", header, 60)
    if header[:16] != b"SQLite format 3\0" or application != APPLICATION:
        raise StorageFailed(
            f"{path} is no log of Callboard, or it is damaged: "
            "put back a copy, or move it away to start an empty log."
        )
    if version != VERSION:
        raise StorageFailed(
            f"The log {path} has format {version}, not {VERSION}: use the version of Callboard that wrote it."
        )


def facts(connection: sqlite3.Connection) -> Facts:
    """Return what stands in the file; raises sqlite3.DatabaseError when its end is damaged."""
    log_id = connection.execute(SQL["id"]).fetchone()
    if log_id is None:
        raise sqlite3.DatabaseError("damaged: its id is gone")
    cursors = dict(connection.execute(SQL["cursors"]))
    remembered = connection.execute(SQL["remembered"]).fetchone()
    emptied = int(remembered[0]) if remembered else 0
    bounds = connection.execute(SQL["bounds"]).fetchone()
    if bounds is None:
        return Facts(str(log_id[0]), emptied + 1, emptied, 0.0, cursors)
    first, last, time = bounds
    blocks.read(connection, last - 1, 1, 1)
    return Facts(str(log_id[0]), first, last, time, cursors)


def size(connection: sqlite3.Connection) -> int:
    """Return the bytes of the file that hold something; pages that pruning freed are used again."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    (page,) = connection.execute("PRAGMA page_size").fetchone()
    return int((pages - free) * page)
