"""WebSocket frames from a server to its clients: unmasked, so the same bytes for everyone (RFC 6455, 5.2)."""

from __future__ import annotations

from struct import Struct

_TEXT, _CLOSE, _PING, _PONG = 0x81, 0x88, 0x89, 0x8A
_CONTROL = 125

_tiny = Struct("!BB").pack
_short = Struct("!BBH").pack
_long = Struct("!BBQ").pack


def head(size: int) -> bytes:
    """Return the header of a whole text message of `size` bytes."""
    if size < 126:
        return _tiny(_TEXT, size)
    if size < 65536:
        return _short(_TEXT, 126, size)
    return _long(_TEXT, 127, size)


def text(payload: bytes) -> bytes:
    """Return a whole text message. `payload` is UTF-8."""
    return head(len(payload)) + payload


def ping(payload: bytes = b"") -> bytes:
    """Return a ping; `payload` (at most 125 bytes) comes back in the pong."""
    return _control(_PING, payload)


def pong(payload: bytes = b"") -> bytes:
    """Return the answer to a ping with `payload`."""
    return _control(_PONG, payload)


def close(code: int = 1000, reason: str = "") -> bytes:
    """Return a close frame; `reason` is cut at 123 bytes.

    Say goodbye in the protocol's own words first (`Session.close`): the official Python client
    never comes back from a bare close frame (facts, rule 5).
    """
    told = reason.encode(errors="replace")[: _CONTROL - 2].decode(errors="ignore").encode()
    return _control(_CLOSE, code.to_bytes(2, "big") + told)


def _control(kind: int, payload: bytes) -> bytes:
    if len(payload) > _CONTROL:
        raise ValueError(f"A control frame holds {_CONTROL} bytes, not {len(payload)}: send less.")
    return _tiny(kind, len(payload)) + payload
