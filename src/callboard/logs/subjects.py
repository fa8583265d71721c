"""Names in NATS: a topic as a subject, and what the stream, its keys and the nodes are called.

Hubs filter by expressions, never by subject: subjects are for other tools that read the stream.
"""

from __future__ import annotations

from hashlib import sha256
from urllib.parse import quote

LONGEST = 200
"""Characters a topic may have as a subject; the server ends a connection that sends 4,096."""


def event_subject(stream: str, topic: str) -> str:
    """Return `<stream>.events.<topic>`: dots part it, all but letters, digits, `_`, `-` and `~` is `%XX`.

    An empty part is a lone `%`. A topic that is too long is cut, and ends with `%` and its digest.
    """
    parts = [quote(part, safe="", errors="replace") or "%" for part in topic.split(".")]
    subject = ".".join(parts)
    if len(subject) > LONGEST:
        digest = sha256(topic.encode(errors="replace")).hexdigest()[:16]
        subject = f"{subject[:LONGEST].rstrip('.%')}.%{digest}"
    return f"{stream}.events.{subject}"


def node_subject(stream: str, subject: str) -> str:
    """Return where the nodes on a stream talk of `subject`."""
    return f"{stream}.nodes.{subject}"


def cursor_key(cursor: str) -> str:
    """Return the key of a cursor; its name is in the value, whatever its length and letters."""
    return "cursor." + sha256(cursor.encode(errors="replace")).hexdigest()[:32]
