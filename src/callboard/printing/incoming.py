"""Bytes of the printer -> lines of text, whatever comes. Source: facts/print-host-facts.md 3.3 (read)."""

from __future__ import annotations

from typing import Final

LONGEST: Final = 4096
"""Bytes of a line; a longer one is cut into several."""
BACKLOG: Final = 65536
"""Bytes that may wait to be looked at; what is past them is lost, as on any wire."""


class Incoming:
    """Splits at LF only; carriage returns and NULs are left out; UTF-8, or Latin-1 where it is none."""

    __slots__ = ("_rest", "lost")

    def __init__(self) -> None:
        self._rest = b""
        self.lost = 0
        """Bytes thrown away."""

    def feed(self, data: bytes) -> None:
        """Take bytes."""
        rest = self._rest + data if self._rest else data
        if len(rest) > BACKLOG:
            self.lost += len(rest) - BACKLOG
            rest = rest[-BACKLOG:]
        self._rest = rest

    def lines(self, most: int) -> list[str]:
        """Return at most so many complete lines."""
        *lines, self._rest = self._rest.split(b"\n", most)
        if len(self._rest) > LONGEST and b"\n" not in self._rest:
            lines.append(self._rest)
            self._rest = b""
        if len(lines) > most or any(len(line) > LONGEST for line in lines):
            lines = [line[at : at + LONGEST] for line in lines for at in range(0, max(len(line), 1), LONGEST)]
        return [_text(line) for line in lines]

    def waiting(self) -> bool:
        """Return whether complete lines wait."""
        return b"\n" in self._rest

    def clear(self) -> None:
        """Forget what has come."""
        self._rest = b""


def _text(line: bytes) -> str:
    if b"\0" in line:
        line = line.replace(b"\0", b"")
    try:
        return line.decode().strip("\r")
    except UnicodeDecodeError:
        return line.decode("latin-1").strip("\r")
