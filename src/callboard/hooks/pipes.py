"""What a process reads and writes: pipes that are there before they are wanted, files for what is long."""

from __future__ import annotations

import asyncio
import os
import tempfile
from typing import Final, NamedTuple

PIPE_HOLDS: Final = 4096
"""Bytes that every pipe takes at once, so that writing them can't block."""


class Pipes(NamedTuple):
    """The ends of a process's standard input and of its output: ours and its own."""

    reads: int
    """Where its output is read; never blocks."""
    output: int
    stdin: int
    feeds: int
    """Where its input is written."""

    def close(self) -> None:
        """Close all four."""
        for descriptor in self:
            os.close(descriptor)


def pipes() -> Pipes:
    """Return new pipes; raises OSError when there are too many."""
    reads, output = os.pipe()
    try:
        stdin, feeds = os.pipe()
    except OSError:
        os.close(reads)
        os.close(output)
        raise
    os.set_blocking(reads, False)
    return Pipes(reads, output, stdin, feeds)


class Spare:
    """Pipes for the next process, made once the last one has begun: a start is in a hurry."""

    def __init__(self) -> None:
        self._next: Pipes | None = None
        self._closed = False

    def take(self) -> Pipes:
        """Return pipes; raises OSError."""
        taken, self._next = self._next, None
        asyncio.get_running_loop().call_soon(self._make)
        return taken or pipes()

    def close(self) -> None:
        """Let go of those that nobody took."""
        self._closed = True
        if self._next is not None:
            self._next.close()
            self._next = None

    def _make(self) -> None:
        if self._next is None and not self._closed:
            try:
                self._next = pipes()
            except OSError:  # too many are open: whoever needs them will say so
                self._next = None


def file_with(data: bytes) -> int:
    """Return the descriptor of a file without a name that holds `data`, at its beginning."""
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())
