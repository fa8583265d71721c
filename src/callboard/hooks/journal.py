"""Which runs have begun before they were stored: one line each, in a file beside callboard.db.

    note(position, hook) -> the process starts -> the run is stored with the cursor -> the line is stale

A line is one write, a twentieth of a transaction, and outlives a `kill -9` as a transaction does. At the
next start the runs named here, of events behind the cursor, are repeats.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import Final

from callboard.errors import StorageFailed
from callboard.event import encode_json
from callboard.hooks.run import number_of

MOST: Final = 64 * 1024
"""Bytes of stale lines until the file begins anew."""


class Journal:
    """The lines; `open` before all else."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file = -1
        self._size = 0
        self._begun: set[bytes] = set()

    def open(self, cursor: str) -> None:
        """Read what had begun when the last room ended, as far as it was not stored."""
        try:
            self._file = os.open(self._path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
            lines = self._path.read_bytes().splitlines()
        except OSError as error:
            raise StorageFailed(f"{self._path} can't be used: {error}. Look who may write there.") from error
        log, _, _ = cursor.rpartition("-")
        self._begun = {line for line in lines if _is_behind(line, log, number_of(cursor))}
        self._size = MOST if lines else 0

    def note(self, position: str, hook: str) -> bool:
        """Note that a run begins; False when that can't be written: then it must be stored first."""
        line = _line(position, hook) + b"\n"
        try:
            whole = os.write(self._file, line) == len(line)
        except OSError:
            return False
        self._size += len(line)
        return whole

    def has(self, position: str, hook: str) -> bool:
        """Tell whether this run had begun when the last room ended."""
        return bool(self._begun) and _line(position, hook) in self._begun

    def stale(self) -> None:
        """All that was noted is stored: begin anew when there is much."""
        if self._size >= MOST:
            self._begun.clear()
            with contextlib.suppress(OSError):
                os.ftruncate(self._file, 0)
                self._size = 0

    def close(self) -> None:
        """Let go of the file."""
        if self._file >= 0:
            os.close(self._file)
            self._file = -1


def _line(position: str, hook: str) -> bytes:
    return encode_json([position, hook])


def _is_behind(line: bytes, log: str, cursor: int) -> bool:
    """Tell whether a line is of an event that the cursor has not passed; half a line is none."""
    position = line[2:].partition(b'"')[0].decode("ascii", "replace")
    return not log or (position.rpartition("-")[0] == log and number_of(position) > cursor)
