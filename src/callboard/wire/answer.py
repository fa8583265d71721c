"""The answer to what a peer published: one object, {"success", "message"}, in both protocols."""

from __future__ import annotations

import msgspec
from msgspec import Struct

from callboard.wire import frames

SUCCESS = b'[{"success":true}]'
"""Nearly every answer, so it is not encoded each time."""

_encode = msgspec.json.Encoder().encode


class _Answer(Struct):
    success: bool
    message: str


def heads(before: bytes, after: bytes) -> tuple[bytes, ...]:
    """Return frame header and `before` for a text of `before`, n digits and `after`; n is the index."""
    around = len(before) + len(after)
    return tuple(frames.head(around + digits) + before for digits in range(20))


def answer(success: bool, message: str) -> bytes:
    """Return the arguments of an answer with a message: a list of one object."""
    return b"[" + _encode(_Answer(success, message)) + b"]"
