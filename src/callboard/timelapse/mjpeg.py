"""The first picture of an MJPEG stream: a body of parts, each a JPEG with a few headers. Pure, bytes come in.

    --frame CRLF Content-Type: image/jpeg CRLF Content-Length: 3 CRLF CRLF ... CRLF --frame CRLF ...

Cameras differ in what they call the boundary, so the line that begins the first part is taken as it comes.
"""

from __future__ import annotations

import re
from typing import Final

from callboard.timelapse.refusals import NotTaken

_MOST_HEAD: Final = 16 * 1024
_HEAD_ENDS: Final = re.compile(rb"\r?\n\r?\n")
_LENGTH: Final = re.compile(rb"^content-length:[ \t]*(\d{1,15})[ \t]*\r?$", re.IGNORECASE | re.MULTILINE)


class FirstPart:
    """Takes bytes until the body of the first part is there; that may have `most` bytes."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._bytes = bytearray()
        self._begins = self._looked = 0
        self._length: int | None = None
        self._ends = b""

    def feed(self, block: bytes) -> bytes | None:
        """Take what came; returns the body once it is whole. Raises NotTaken."""
        self._bytes += block
        if not self._begins:
            self._read_head()
        if not self._begins:
            return None
        end = self._find_end()
        if max(end, len(self._bytes) if end < 0 else 0) - self._begins > self._most:
            raise NotTaken(f"The camera's answer is larger than {self._most} bytes (webcam.max_size).")
        return bytes(self._bytes[self._begins : end]) if 0 <= end <= len(self._bytes) else None

    def _read_head(self) -> None:
        blank = len(self._bytes) - len(self._bytes.lstrip(b"\r\n"))
        found = _HEAD_ENDS.search(self._bytes, blank, _MOST_HEAD)
        if found is None:
            if len(self._bytes) > _MOST_HEAD:
                raise NotTaken("The camera's stream is no MJPEG: its first part has no beginning.")
            return
        head = bytes(self._bytes[blank : found.start()])
        if not head.startswith(b"--"):
            raise NotTaken("The camera's stream is no MJPEG: its first part has no boundary.")
        length = _LENGTH.search(head)
        self._length = int(length[1]) if length else None
        self._ends = b"\n" + head.splitlines()[0].rstrip()
        self._begins = self._looked = found.end()

    def _find_end(self) -> int:
        """Return where the body ends, as far as that is known, else -1."""
        if self._length is not None:
            return self._begins + self._length
        end = self._bytes.find(self._ends, self._looked)
        self._looked = max(self._begins, len(self._bytes) - len(self._ends))
        return end - 1 if end > self._begins and self._bytes[end - 1 : end] == b"\r" else end
