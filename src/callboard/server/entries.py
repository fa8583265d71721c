"""Entries as the outside sees them: composed from the JSON that is there, not encoded once more."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import lru_cache

from callboard.event import Entry, Event, encode_json, seal
from callboard.hub.log import Log


def entry_json(log: Log, entry: Entry) -> bytes:
    """Return an entry as {position, time, publisher, event}."""
    return compose(log.text(entry.position), entry.time, entry.publisher, entry.envelope.json)


def reply_json(reply: Event) -> bytes:
    """Return a delivered event, a reply say, in the same form."""
    stamp = reply.entry
    if stamp is None:
        return compose("", 0.0, "", seal(reply).json)
    return compose(stamp.position, stamp.time, stamp.publisher, seal(reply).json)


def compose(position: str, time: float, publisher: str, event: bytes) -> bytes:
    """Return the JSON object; positions and times never hold what JSON would escape."""
    head = f'{{"position":"{position}","time":"{iso(time)}","publisher":'
    return b'%b%b,"event":%b}' % (head.encode(), _quoted(publisher), event)


@lru_cache(1024)
def iso(time: float) -> str:
    """Return seconds since 1970 as ISO 8601 in UTC; entries of one commit share theirs."""
    return datetime.fromtimestamp(time, UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")


@lru_cache(1024)
def _quoted(name: str) -> bytes:
    return encode_json(name)
