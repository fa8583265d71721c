"""A program: a file of G-code, read line by line as it is printed.

A file is read in blocks, never as a whole, and each line comes with the position behind it in bytes.
Line ends are LF, CRLF or CR; a byte order mark is no part of the first line. What is no G-code is
found before it reaches a printer: NUL bytes, and lines that are too long and no comment.
"""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final, Literal, Protocol

from callboard.errors import CallboardError

BLOCK: Final = 64 * 1024
"""How many bytes are read at once."""

LONGEST: Final = 4096
"""How many bytes of a line are kept; only a comment may be longer (firmwares take about 96)."""

LONGEST_COMMENT: Final = 4 * 1024 * 1024
"""How long a line may be if it is a comment: slicers write whole pictures and settings into one."""

_BOM: Final = b"\xef\xbb\xbf"


class BadProgram(CallboardError):
    """This file can't be printed: slice it again."""


class Program(Protocol):
    """A file to print.

    `path` is relative to its storage (`parts/arm.gcode`), `name` the last part of it, `size` in bytes.
    `layers`, `estimate` (s, by analysis) and `statistic` (s, of past prints) are None while unknown.
    """

    path: str
    name: str
    size: int
    origin: Literal["local", "sdcard"]
    user: str | None
    owner: str | None
    layers: int | None
    estimate: float | None
    statistic: float | None

    def line(self) -> tuple[str, int] | None:
        """Return the next line, raw, and the position behind it; None at the end.

        Raises BadProgram and OSError.
        """

    def rewind(self) -> None:
        """Go back to the first line. Raises OSError."""

    def close(self) -> None:
        """Let go of the file; it may be called twice."""


class FileProgram:
    """A local file, opened and looked at when it is made. Raises BadProgram and OSError."""

    origin: Literal["local", "sdcard"] = "local"

    def __init__(
        self,
        file: Path | BinaryIO,
        *,
        path: str = "",
        user: str | None = None,
        owner: str | None = None,
        facts: Mapping[str, Any] | None = None,
    ) -> None:
        """Open `file`, called `path` in its storage; `facts` may hold layers, estimate, statistic."""
        self._file = file.open("rb", buffering=0) if isinstance(file, Path) else file
        self.path = path or (file.name if isinstance(file, Path) else "program.gcode")
        self.name = self.path.rpartition("/")[2]
        self.user, self.owner = user, owner
        known = facts or {}
        self.layers: int | None = known.get("layers")
        self.estimate: float | None = known.get("estimate")
        self.statistic: float | None = known.get("statistic")
        self.size = self._file.seek(0, os.SEEK_END)
        self.rewind()
        try:
            self._read()
        except BadProgram:
            self.close()
            raise
        self.rewind()

    def rewind(self) -> None:
        """Go back to the first line."""
        self._file.seek(0)
        self._position = 0
        self._read_to = 0
        self._number = 0
        self._rest = b""
        self._ended = False
        self._lines: deque[bytes] = deque()

    def line(self) -> tuple[str, int] | None:
        """Return the next line, raw, and the position behind it."""
        while not self._lines:
            if self._ended:
                return None
            self._read()
        line = self._lines.popleft()
        self._position += len(line)
        self._number += 1
        if len(line) > LONGEST:
            line = self._comment(line, self._number)
        return line.decode("utf-8", "replace"), self._position

    def close(self) -> None:
        """Let go of the file."""
        self._ended = True
        self._lines.clear()
        self._file.close()

    def _read(self) -> None:
        """Read one block and cut it into lines; what has no end yet waits for the next one."""
        block = self._file.read(BLOCK)
        if b"\0" in block:
            at = self._read_to + block.index(b"\0")
            raise BadProgram(f"{self.name} is no G-code: byte {at:,} is NUL. Slice it as plain text.")
        if self._read_to == 0 and block.startswith(_BOM):
            block, self._position = block[len(_BOM) :], len(_BOM)
            self._read_to = len(_BOM)
        self._read_to += len(block)
        self._ended = not block
        self._cut(self._rest + block)

    def _cut(self, text: bytes) -> None:
        lines = text.splitlines(keepends=True)
        self._rest = b""
        if lines and not self._ended and not lines[-1].endswith(b"\n"):
            self._rest = lines.pop()
        self._lines.extend(lines)
        if len(self._rest) > LONGEST:
            self._comment(self._rest, self._number + len(lines) + 1)

    def _comment(self, line: bytes, number: int) -> bytes:
        """Return the beginning of a long line if a comment is what makes it long."""
        if b";" not in line[:LONGEST]:
            raise BadProgram(f"{self.name} is no G-code: line {number:,} is longer than {LONGEST:,} bytes.")
        if len(line) > LONGEST_COMMENT:
            raise BadProgram(f"{self.name} can't be read: line {number:,} is longer than 4 MB.")
        return line[:LONGEST]
