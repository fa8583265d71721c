"""The two ends of an output: as much as a person wants to see, however much there was."""

from __future__ import annotations

from typing import Final

KEPT: Final = 8 * 1024
"""Bytes kept from the beginning, and as many from the end."""


class Output:
    """Collects bytes, keeps the first and the last KEPT of them and counts the rest."""

    def __init__(self) -> None:
        self.head = b""
        self.tail = b""
        self.size = 0
        self.seconds = 0.0

    def add(self, piece: bytes) -> None:
        """Take the next piece."""
        self.size += len(piece)
        room = KEPT - len(self.head)
        if room > 0:
            self.head += piece[:room]
            piece = piece[room:]
        if piece:
            self.tail = (self.tail + piece[-KEPT:])[-KEPT:]

    @property
    def text(self) -> str:
        """The output for people: what was left out is counted; bytes that are no UTF-8 are marked."""
        between = self.size - len(self.head) - len(self.tail)
        gap = f"\n... {between} bytes left out ...\n".encode() if between else b""
        return (self.head + gap + self.tail).decode(errors="replace")
