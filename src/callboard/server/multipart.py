"""Forms with files, `multipart/form-data`, read as they come: bytes in, pieces out, nothing kept.

    Form.feed(bytes) -> Head(name, filename), bytes ..., Head, bytes ...

Linear in what comes, and bounded: heads and what stands between parts are small, parts are few. How
long a part may be is for who takes its bytes. Sans-IO, so that any cut of the same bytes gives the
same parts. python-multipart lost: this is all of it that we need. Source: RFC 7578, RFC 2046 5.1.
"""

from __future__ import annotations

from email.message import Message
from enum import Enum, auto
from typing import Final

from msgspec import Struct

from callboard.errors import CallboardError

MEDIA: Final = "multipart/form-data"
MAX_PARTS: Final = 50
_MAX_HEAD: Final = 8 * 1024
_MAX_BOUNDARY: Final = 200
_MAX_BETWEEN: Final = 1024
_TRIPPED: Final = (ValueError, LookupError, TypeError)
"""What `email` raises for parameters such as `filename*0*`, one beside another."""


class BadForm(CallboardError):
    """This is no multipart form, or one that was cut off: send it again."""


class Head(Struct, frozen=True):
    """The beginning of a part: its name, and its file name if it is a file."""

    name: str
    filename: str | None


class _State(Enum):
    BETWEEN = auto()
    MARK = auto()
    HEAD = auto()
    BODY = auto()
    DONE = auto()


def boundary_of(content_type: str) -> bytes:
    """Return the boundary that a Content-Type names; raises BadForm."""
    message = Message()
    message["content-type"] = content_type[:1000]
    try:
        found = message.get_param("boundary")
    except _TRIPPED:
        raise BadForm("This form's Content-Type can't be read.") from None
    if not isinstance(found, str) or not 0 < len(found) <= _MAX_BOUNDARY or not found.isascii():
        raise BadForm("This form names no boundary, as multipart/form-data has to.")
    return found.encode()


class Form:
    """One form on its way; `done` once its end has come."""

    def __init__(self, boundary: bytes) -> None:
        self._mark = b"\r\n--" + boundary
        self._waiting = bytearray(b"\r\n")  # the first boundary may be the very first bytes
        self._state = _State.BETWEEN
        self._parts = 0

    @property
    def done(self) -> bool:
        """Whether the form has ended; what comes behind it is ignored."""
        return self._state is _State.DONE

    def feed(self, data: bytes) -> list[Head | bytes]:
        """Return what is complete with `data`: heads, each with its part's bytes behind; raises BadForm."""
        self._waiting += data
        pieces: list[Head | bytes] = []
        while self._step(pieces):
            pass
        if self.done:
            self._waiting.clear()
        return pieces

    def _step(self, pieces: list[Head | bytes]) -> bool:
        """Go on by one state; False when more bytes are needed."""
        if self._state is _State.MARK:
            return self._after_mark()
        if self._state is _State.HEAD:
            return self._read_head(pieces)
        return not self.done and self._seek_mark(pieces)

    def _seek_mark(self, pieces: list[Head | bytes]) -> bool:
        """Take bytes up to the next boundary, or so many as can't be its beginning."""
        at = self._waiting.find(self._mark)
        end = at if at >= 0 else max(len(self._waiting) - len(self._mark) + 1, 0)
        if self._state is _State.BODY and end:
            pieces.append(bytes(self._waiting[:end]))
        elif end > _MAX_BETWEEN:
            raise BadForm("There is no boundary where this form should begin.")
        if at < 0:
            if self._state is _State.BODY:
                del self._waiting[:end]
            return False
        del self._waiting[: at + len(self._mark)]
        self._state = _State.MARK
        return True

    def _after_mark(self) -> bool:
        if len(self._waiting) < 2:
            return False
        behind = bytes(self._waiting[:2])
        if behind not in {b"--", b"\r\n"}:
            raise BadForm("There is something behind a boundary of this form.")
        self._state = _State.DONE if behind == b"--" else _State.HEAD  # the line end stays for the head
        return True

    def _read_head(self, pieces: list[Head | bytes]) -> bool:
        end = self._waiting.find(b"\r\n\r\n", 0, _MAX_HEAD)
        if end < 0:
            if len(self._waiting) >= _MAX_HEAD:
                raise BadForm(f"A part's head has at most {_MAX_HEAD} bytes.")
            return False
        self._parts += 1
        if self._parts > MAX_PARTS:
            raise BadForm(f"A form has at most {MAX_PARTS} parts.")
        pieces.append(_head(bytes(self._waiting[2:end])))
        del self._waiting[: end + 4]
        self._state = _State.BODY
        return True


def _head(text: bytes) -> Head:
    """Return what a part's head says; other lines than Content-Disposition are of no use here."""
    for line in text.decode("utf-8", "replace").split("\r\n"):
        key, _, value = line.partition(":")
        if key.strip().lower() == "content-disposition":
            return _disposition(value.strip())
    raise BadForm("A part of this form has no Content-Disposition.")


def _disposition(value: str) -> Head:
    message = Message()
    message["content-disposition"] = value
    try:
        name, filename = message.get_param("name", header="content-disposition"), message.get_filename()
    except _TRIPPED:
        raise BadForm("A part of this form has a name that can't be read.") from None
    if not isinstance(name, str):
        raise BadForm("A part of this form has no name.")
    return Head(name, filename)
