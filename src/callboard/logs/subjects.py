"""Names in NATS: a topic as a subject, and what the stream, its keys and the nodes are called.

Hubs filter by expressions, never by subject: subjects are for other tools that read the stream.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from hashlib import sha256
from urllib.parse import quote, unquote

LONGEST = 200
"""Characters a topic may have in a subject; the server ends a connection that sends 4,096 bytes."""


def event_subject(stream: str, topic: str) -> str:
    """Return `<stream>.events.<topic>`: dots part it, all but letters, digits, `_`, `-` and `~` is `%XX`.

    An empty part is a lone `%`. A topic that is too long is cut, and ends with `%` and its digest.
    """
    if len(topic) <= LONGEST:
        return _event_subject(stream, topic)
    digest = sha256(topic.encode(errors="replace")).hexdigest()[:16]
    return f"{_event_subject(stream, topic[:LONGEST])}.%{digest}"


@lru_cache(1024)
def _event_subject(stream: str, topic: str) -> str:
    parts = [quote(part, safe="", errors="replace") or "%" for part in topic.split(".")]
    return f"{stream}.events.{'.'.join(parts)}"


def node_subject(stream: str, subject: str) -> str:
    """Return where the nodes on a stream talk of `subject`."""
    return f"{stream}.nodes.{subject}"


@dataclass(frozen=True, slots=True)
class Key:
    """What a message is known by, `<node>-<number>/<publisher>`: one header, since each costs 12 us to read.

    NATS drops a message whose key it has seen in the last two minutes: hence never the event's id.
    """

    sender: str
    number: int
    publisher: str

    @classmethod
    def of(cls, text: str) -> Key | None:
        """Return the key in a message's header; None for a message that no hub wrote."""
        place, slash, publisher = text.partition("/")
        sender, _, number = place.rpartition("-")
        if not slash or not number.isascii() or not number.isdigit():
            return None
        return cls(sender, int(number), unquote(publisher))


@lru_cache(1024)
def quoted(publisher: str) -> str:
    """Return a publisher's name as it stands in a key."""
    return quote(publisher, errors="replace")


def cursor_key(cursor: str) -> str:
    """Return the key of a cursor; its name is in the value, whatever its length and letters."""
    return "cursor." + sha256(cursor.encode(errors="replace")).hexdigest()[:32]
