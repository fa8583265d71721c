"""Lines that wait: MANUAL before HOST before SCRIPT before FILE."""

from __future__ import annotations

from collections import deque
from typing import Final

from callboard.printing.reports import Kind, Line

_ORDER: Final = (Kind.MANUAL, Kind.HOST, Kind.SCRIPT, Kind.FILE)


class Queues:
    """One queue for each kind; `count` lines in all."""

    __slots__ = ("_by_kind", "_ordered", "count", "file")

    def __init__(self) -> None:
        self._by_kind: dict[Kind, deque[Line]] = {kind: deque() for kind in _ORDER}
        self._ordered = tuple(self._by_kind[kind] for kind in _ORDER)
        self.file = self._by_kind[Kind.FILE]
        self.count = 0

    def append(self, line: Line) -> None:
        """Queue a line behind others of its kind."""
        self._by_kind[line.kind].append(line)
        self.count += 1

    def first(self) -> Line | None:
        """Return the line whose turn it is; it stays."""
        for queue in self._ordered:
            if queue:
                return queue[0]
        return None

    def take(self, line: Line) -> None:
        """Remove the line that `first` returned."""
        self._by_kind[line.kind].popleft()
        self.count -= 1

    def drop(self, kind: Kind) -> int:
        """Forget a kind's lines; return how many."""
        queue = self._by_kind[kind]
        count = len(queue)
        queue.clear()
        self.count -= count
        return count

    def clear(self) -> None:
        """Forget all."""
        for queue in self._ordered:
            queue.clear()
        self.count = 0

    def has(self, kind: Kind) -> bool:
        """Return whether lines of a kind wait."""
        return bool(self._by_kind[kind])

    def has_own(self, text: str) -> bool:
        """Return whether the host's line with this text waits."""
        return any(line.text == text for line in self._by_kind[Kind.HOST])
