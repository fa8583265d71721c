"""Blocks: how entries stand in events.db, and the statements that put them there and fetch them.

A block is a run of entries of one commit: (last, first, time, publishers, events), the last two
JSON arrays. Writing one joins bytes that are there already; reading one is one step of SQLite
and one call of the decoder. Everything here is called with a connection, in a desk's thread.
"""

from __future__ import annotations

import re
import sqlite3
from collections.abc import Sequence
from importlib.resources import files
from itertools import repeat

import msgspec
from msgspec import Raw

from callboard.event import Entry, Envelope

BLOCK_BYTES = 1 << 16
"""About so many bytes of events go into one block: a kept entry keeps its block in memory."""
SLICE_BYTES = 1 << 18
SLICE_BLOCKS = 100
"""A slice of pruning touches at most so much: an append waits 1 ms for it, not 50 as for 4 MB."""

Block = tuple[int, int, float, bytes, bytes]

_PART = re.compile(r"^-- name: (\w+)\n", re.MULTILINE)
_parts = _PART.split(files("callboard.logs").joinpath("events.sql").read_text())
SQL = dict(zip(_parts[1::2], _parts[2::2], strict=True))
"""The statements of events.sql by name."""

_names = msgspec.json.Decoder(list[str])
_envelopes = msgspec.json.Decoder(list[Envelope])
_raws = msgspec.json.Decoder(list[Raw])
_encode = msgspec.json.Encoder().encode


def to_blocks(entries: Sequence[Entry], texts: Sequence[bytes]) -> list[Block]:
    """Return entries of one time, positions without a hole, and their JSON as blocks of about BLOCK_BYTES."""
    count = max(1, len(texts) * BLOCK_BYTES // (sum(map(len, texts)) + 1))
    return [
        (
            part[-1].position,
            part[0].position,
            part[0].time,
            _encode([entry.publisher for entry in part]),
            b"[%b]" % b",".join(texts[start : start + count]),
        )
        for start in range(0, len(texts), count)
        if (part := entries[start : start + count])
    ]


def to_entries(first: int, time: float, publishers: bytes, events: bytes) -> list[Entry]:
    """Return the entries of a block; raises sqlite3.DatabaseError when it is damaged."""
    try:
        names, envelopes = _names.decode(publishers), _envelopes.decode(events)
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise sqlite3.DatabaseError(f"damaged at position {first}: {error}") from None
    if len(names) != len(envelopes):
        raise sqlite3.DatabaseError(
            f"damaged at position {first}: {len(names)} of {len(envelopes)} publishers"
        )
    return list(map(Entry, range(first, first + len(names)), repeat(time), names, envelopes))


def append(connection: sqlite3.Connection, blocks: Sequence[Block]) -> None:
    """Store the blocks in one transaction: all of them, or none."""
    rows = ",(?, ?, ?, ?, ?)" * (len(blocks) - 1)
    connection.execute(SQL["append"].rstrip() + rows, [value for block in blocks for value in block])


def checkpoint(connection: sqlite3.Connection) -> None:
    """Move what the write-ahead log holds into the file, beside a writer and readers."""
    connection.execute("PRAGMA wal_checkpoint(PASSIVE)").close()


def run(connection: sqlite3.Connection, name: str, value: str) -> None:
    """Run a statement of events.sql that takes one value and gives nothing back."""
    connection.execute(SQL[name], (value,)).close()


def read(connection: sqlite3.Connection, after: int, limit: int, max_bytes: int) -> list[Entry]:
    """Return up to `limit` entries behind `after`, and about `max_bytes` at most."""
    entries: list[Entry] = []
    rows = connection.execute(SQL["read"], (after,))
    for first, time, publishers, events in rows:
        found = to_entries(first, time, publishers, events)
        entries += found[after + 1 - first :] if after >= first else found
        max_bytes -= len(events)
        if len(entries) >= limit or max_bytes <= 0:
            break
    rows.close()
    return entries[:limit]


def position_at(connection: sqlite3.Connection, time: float, first: int, last: int) -> int:
    """Return the position behind which entries are of `time` or later, by bisection."""
    found, low, high = last, first, last
    while low <= high:
        row = connection.execute(SQL["position_at"], ((low + high) // 2,)).fetchone()
        if row is None:
            break
        end, start, then = row
        if then >= time:
            found, high = start - 1, start - 1
        else:
            low = end + 1
    return found


def prune(connection: sqlite3.Connection, before: int, last: int) -> int:
    """Delete one slice of what is before the position `before`; return how many entries went.

    `last` is remembered, so that an emptied log goes on where it was.
    """
    gone, end = _slice(connection, before)
    connection.execute("BEGIN IMMEDIATE")
    with connection:
        connection.execute(SQL["forgotten"], (last,))
        if gone:
            connection.execute(SQL["delete"], (end,))
        else:
            gone = _shorten(connection, before)
    _give_back(connection)
    return gone


def _give_back(connection: sqlite3.Connection) -> None:
    """Shrink the file by a slice's pages once a quarter of it is free: less is soon used again."""
    (pages,) = connection.execute("PRAGMA page_count").fetchone()
    (free,) = connection.execute("PRAGMA freelist_count").fetchone()
    if free > pages // 4:
        # A script, because `execute` makes one step of it, which is one page.
        connection.executescript(f"PRAGMA incremental_vacuum({2 * SLICE_BYTES // 4096})")


def _slice(connection: sqlite3.Connection, before: int) -> tuple[int, int]:
    """Return how many entries the next slice has, and where it ends."""
    gone, size, end = 0, 0, 0
    for last, entries, length in connection.execute(SQL["oldest"], (before, SLICE_BLOCKS)):
        gone, size, end = gone + entries, size + length, last
        if size >= SLICE_BYTES:
            break
    return gone, end


def _shorten(connection: sqlite3.Connection, before: int) -> int:
    """Take what is before a position out of the block that holds it."""
    row = connection.execute(SQL["straddling"], (before,)).fetchone()
    if row is None:
        return 0
    last, first, publishers, events = row
    count: int = before - first
    names, texts = _names.decode(publishers)[count:], _raws.decode(events)[count:]
    connection.execute(SQL["shorten"], (last, before, _encode(names), _encode(texts)))
    return count
