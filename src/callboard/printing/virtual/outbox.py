"""What the printer says, on its way to the host: line ends, noise, delays."""

from __future__ import annotations

from math import inf

from callboard.printing.virtual.noise import Spoiler

_BOUND = 65536


class Outbox:
    """Lines in, bytes out. A host that reads nothing loses what is past 64 KiB."""

    __slots__ = ("_end", "_late", "_ready", "_spoil", "silent_until")

    def __init__(self, line_end: str, spoil: Spoiler) -> None:
        self._end, self._spoil = line_end, spoil
        self._ready = bytearray()
        self._late: list[tuple[float, str]] = []
        self.silent_until = -inf

    def say(self, line: str, now: float) -> None:
        """Say a line; nothing while the printer is silent."""
        if now < self.silent_until or len(self._ready) > _BOUND:
            return
        self._ready += self._spoil(f"{line}{self._end}".encode("latin-1", "replace"))

    def raw(self, data: bytes) -> None:
        """Say bytes as they are."""
        if len(self._ready) <= _BOUND:
            self._ready += data

    def say_at(self, line: str, at: float) -> None:
        """Say a line later."""
        if len(self._late) < 1000:
            self._late.append((at, line))
            self._late.sort()

    def due(self) -> float:
        """Return when there is something to take."""
        if self._ready:
            return -inf
        return self._late[0][0] if self._late else inf

    def take(self, now: float) -> bytes:
        """Return what is to be written now."""
        while self._late and self._late[0][0] <= now:
            self.say(self._late.pop(0)[1], now)
        data = bytes(self._ready)
        self._ready.clear()
        return data

    def clear(self) -> None:
        """Forget what was not taken."""
        self._ready.clear()
        self._late.clear()
