"""Where material was laid down: what a picture of the print needs, in bounded memory."""

from __future__ import annotations

from array import array

_MOST = 120_000
_WIDTH = 5

Point = tuple[float, float, float]


class Trail:
    """Lines of material, five numbers each: x, y, z of the start, x, y of the end, in millimetres."""

    __slots__ = ("_box", "_boxed", "era", "lines")

    def __init__(self) -> None:
        self.era = 0
        """Changes when lines were forgotten."""
        self.clear()

    def __len__(self) -> int:
        return len(self.lines) // _WIDTH

    def clear(self) -> None:
        """Begin a new print."""
        self.era += 1
        self.lines = array("f")
        self._box: tuple[Point, Point] = ((1e9, 1e9, 1e9), (-1e9, -1e9, -1e9))
        self._boxed = 0

    def add(self, x: float, y: float, z: float, to_x: float, to_y: float) -> None:
        """Remember a line; when there are too many, every second one of the older half is forgotten."""
        self.lines.extend((x, y, z, to_x, to_y))
        if len(self.lines) >= _MOST * _WIDTH:
            self._thin()

    def box(self) -> tuple[Point, Point]:
        """Return the lowest and highest corner of all; the first above the second when there is nothing."""
        lines, start = self.lines, self._boxed * _WIDTH
        if start < len(lines):
            low, high = self._box
            xs = (*lines[start::_WIDTH], *lines[start + 3 :: _WIDTH])
            ys = (*lines[start + 1 :: _WIDTH], *lines[start + 4 :: _WIDTH])
            zs = lines[start + 2 :: _WIDTH]
            self._box = (
                (min(low[0], *xs), min(low[1], *ys), min(low[2], *zs)),
                (max(high[0], *xs), max(high[1], *ys), max(high[2], *zs)),
            )
            self._boxed = len(self)
        return self._box

    def _thin(self) -> None:
        self.box()
        half = _MOST // 2 * _WIDTH
        kept = array("f")
        for start in range(0, half, 2 * _WIDTH):
            kept.extend(self.lines[start : start + _WIDTH])
        kept.extend(self.lines[half:])
        self.lines = kept
        self.era += 1
        self._boxed = len(self)
