"""Where material was laid down: what a picture of the print needs, in bounded memory."""

from __future__ import annotations

from array import array

_MOST = 120_000
_WIDTH = 5


class Trail:
    """Lines of material, five numbers each: x, y, z of the start, x, y of the end, in millimetres."""

    __slots__ = ("lines",)

    def __init__(self) -> None:
        self.lines = array("f")

    def __len__(self) -> int:
        return len(self.lines) // _WIDTH

    def clear(self) -> None:
        """Begin a new print."""
        self.lines = array("f")

    def add(self, x: float, y: float, z: float, to_x: float, to_y: float) -> None:
        """Remember a line; when there are too many, every second one of the older half is forgotten."""
        self.lines.extend((x, y, z, to_x, to_y))
        if len(self.lines) >= _MOST * _WIDTH:
            self._thin()

    def _thin(self) -> None:
        half = _MOST // 2 * _WIDTH
        kept = array("f")
        for start in range(0, half, 2 * _WIDTH):
            kept.extend(self.lines[start : start + _WIDTH])
        kept.extend(self.lines[half:])
        self.lines = kept
