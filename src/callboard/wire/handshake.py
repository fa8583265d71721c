"""The body of the 0.9 handshake: `<session id>:<heartbeat timeout>:<close timeout>:<transports>`."""

from __future__ import annotations

HEARTBEAT_TIMEOUT = 15
"""Seconds without `2::` after which an old 0.9 client reconnects; the official JavaScript client has
the same number built in."""
CLOSE_TIMEOUT = 25
"""Seconds, used by old 0.9 clients while they reconnect."""


def handshake_body(session_id: str) -> str:
    """Return the handshake's answer. `session_id` goes into a URL path and must hold no colon.

    No space and no newline: the official Python client looks for the exact item `websocket`.
    """
    return f"{session_id}:{HEARTBEAT_TIMEOUT}:{CLOSE_TIMEOUT}:websocket"
