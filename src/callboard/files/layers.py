"""Where a layer begins, told by where material is laid and by nothing else.

A layer is a height at which material is laid across the bed. Hops, travels, retractions and purges
in one spot lay none. The count is the one of the slicers, so:

    higher than the layer        a new layer
    back down at the bottom      the next object of a print that makes one after another: its layers
                                 count on, as slicers count them
    down to a height between     a wipe tower that lags behind: no layer; but where the next height
                                 lies above that one and still below, it was an object after all
    rising while laying          a spiral or a ramp: a layer for each layer's height that it climbs
    below all that was           what was laid before lay in the air: a prime line

A prime line at the height of the first layer makes no difference. One at another height would be
a layer too many, so the first layer is reported only when it is surely none: once it is more than a
line (wider than `THIN`, or more than `MANY` moves). A line which the next height leaves alone, because
it begins elsewhere or below, was for priming.

Heights of less than `SAME` between them are the same: slicers write three digits.

It stands in this room since both the analysis of a file and the host that prints it count by it.

Source: facts/print-host-facts.md 1.3 (ZChange storms), users.md 14; measured against PrusaSlicer,
Slic3r and CuraEngine in tests/printing/sliced.
"""

from __future__ import annotations

from math import dist, hypot
from typing import Final

from msgspec import Struct

SAME: Final = 0.0005
"""Millimetres within which two heights are one."""

CLIMB: Final = 0.002
"""Millimetres that a spiral may run over the end of its layer: rounding of every end on the way."""

THIN: Final = 5.0
"""Millimetres: what is narrower than this may be a prime line."""

HIGHEST: Final = 1.2
"""Millimetres: no layer of a spiral is higher."""

NEAR: Final = 1.0
"""Millimetres beside the start of a spiral's turn within which the turn closes."""

THINNEST: Final = 0.05
"""Millimetres: no layer of a spiral is lower."""

USUAL: Final = 0.2
"""Millimetres: the layer's height of a spiral that stands on nothing."""

LEVEL: Final = 20.0
"""Millimetres laid level that end a ramp; a spiral has shorter ones, where its height is rounded."""

JOINED: Final = 0.2
"""Millimetres, less than a line is wide: a travel as short as this joins two lines to one stroke."""

MANY: Final = 32
"""Moves: what has more than these is no prime line."""

Point = tuple[float, float, float]
"""Millimetres: x, y, z."""


class LayerChange(Struct, frozen=True):
    """The first line of a layer is laid: its number, from 1, and its height in mm."""

    layer: int
    z: float


class _Trace:
    """The first material of a job: how far it reaches, and of how many moves it is."""

    __slots__ = ("high_x", "high_y", "low_x", "low_y", "moves", "z")

    def __init__(self, z: float) -> None:
        self.z = z
        self.moves = 0
        self.low_x = self.low_y = float("inf")
        self.high_x = self.high_y = float("-inf")

    def add(self, *points: Point) -> None:
        self.moves += 1
        for x, y, _ in points:
            self.low_x, self.high_x = min(self.low_x, x), max(self.high_x, x)
            self.low_y, self.high_y = min(self.low_y, y), max(self.high_y, y)

    def may_prime(self) -> bool:
        width, depth = self.high_x - self.low_x, self.high_y - self.low_y
        return self.moves <= MANY and min(width, depth) < THIN

    def left_alone_by(self, point: Point) -> bool:
        x, y, z = point
        around = THIN / 2
        inside = self.low_x - around <= x <= self.high_x + around
        inside = inside and self.low_y - around <= y <= self.high_y + around
        return z < self.z or not inside


class _Turn:
    """The first turn of a spiral that stands on too little to tell how high its layers are."""

    __slots__ = ("_away", "_course", "_seam")

    def __init__(self, start: Point, end: Point) -> None:
        self._seam = start
        self._course = (end[0] - start[0], end[1] - start[1])
        self._away = False

    def height(self, start: Point, end: Point) -> float | None:
        """Return how far the turn has climbed, in hundredths of a mm, where this move closes it."""
        x, y = end[0] - start[0], end[1] - start[1]
        to_x, to_y = self._seam[0] - start[0], self._seam[1] - start[1]
        length = x * x + y * y
        share = min(max((to_x * x + to_y * y) / length, 0.0), 1.0) if length else 0.0
        apart = hypot(to_x - share * x, to_y - share * y)
        if apart > 3 * NEAR:
            self._away = True
        beside = apart <= (NEAR if share < 1 else JOINED)
        if not self._away or not beside or x * self._course[0] + y * self._course[1] <= 0:
            return None
        climbed = round(start[2] + share * (end[2] - start[2]) - self._seam[2], 2)
        return climbed if climbed >= THINNEST else None


class Layers:
    """The layers of one job: give it each move that lays material, it says which of them begin one."""

    __slots__ = (
        "_base",
        "_bottom",
        "_guessed",
        "_height",
        "_known",
        "_last",
        "_level",
        "_number",
        "_one_stroke",
        "_top",
        "_trace",
        "_turn",
        "_visited",
        "settled",
    )

    def __init__(self) -> None:
        self.settled = False
        """True when a further level move at this height can begin no layer."""
        self._number = 0
        self._bottom = self._base = self._top = 0.0
        self._height = USUAL
        self._guessed = False  # the top is a guess: the layer climbs
        self._one_stroke = False  # this layer's material was laid without a travel so far
        self._level = 0.0  # millimetres laid at one height, up to `_last`
        self._last: Point | None = None
        self._known = False  # the height is that of a layer, not the way from the bed to the first one
        self._turn: _Turn | None = None
        self._trace: _Trace | None = None
        self._visited: float | None = None

    @property
    def resting(self) -> bool:
        """True when level moves at this height that go on where one ended can begin no layer.

        Those between two travels may be given as one, from where the first begins to where the last ends.
        """
        flat = self._number > 0 and not self._guessed
        return self.settled or (flat and self._last is not None and self._last[2] == self._top)

    def lay(self, start: Point, end: Point, *via: Point) -> tuple[LayerChange, ...]:
        """Return the layer that begins as material is laid from `start` to `end`.

        `via` are points that a bent way reaches besides. Two layers come at once where the first
        one was held back.
        """
        level = abs(end[2] - start[2]) <= SAME
        joined = self._last is not None and dist(start, self._last) <= JOINED
        self._one_stroke = self._one_stroke and joined
        self._level = self._level + dist(start, end) if level and joined else 0.0
        self._last = end
        changes = self._laid(start[2], end[2]) if self._number else self._held(level, start, end, *via)
        if self._guessed and not self._known:
            self._measure(start, end)
        self.settled = level and self._number > 0 and end[2] == self._top and not self._one_stroke
        return changes

    def _measure(self, start: Point, end: Point) -> None:
        if self._turn is None:
            self._turn = _Turn(start, end)
            self._top = max(self._top, start[2] + HIGHEST)
            return
        height = self._turn.height(start, end)
        if height is not None:
            self._height, self._known, self._turn = height, True, None
            self._top = max(self._base + height, end[2] - CLIMB)

    def end(self) -> tuple[LayerChange, ...]:
        """Return the layer that was still taken for a prime line: the job is over, it was the only one."""
        return self._first(self._trace.z) if self._trace is not None else ()

    def _held(self, level: bool, start: Point, *reached: Point) -> tuple[LayerChange, ...]:
        z = reached[0][2]
        trace = self._trace
        if trace is not None and abs(z - trace.z) > SAME:
            held = () if trace.left_alone_by((start[0], start[1], z)) else self._first(trace.z)
            self._trace = None
            return held + (self._laid(start[2], z) if held else self._held(level, start, *reached))
        if not level:
            changes = self._first(z)
            self._base, self._guessed = start[2], True
            return changes
        if trace is None:
            trace = self._trace = _Trace(z)
        trace.add(start, *reached)
        return () if trace.may_prime() else self._first(z)

    def _first(self, z: float) -> tuple[LayerChange, ...]:
        self._trace = None
        self._bottom = z
        self._height = z if z >= THINNEST else USUAL
        return self._begin(z)

    def _laid(self, start: float, z: float) -> tuple[LayerChange, ...]:
        if abs(z - self._top) <= SAME:
            self._visited = None
            return ()
        level = abs(z - start) <= SAME
        if z > self._top:
            return self._higher(z) if level else self._climbed(start, z)
        if z > max(self._base, self._bottom) + SAME:
            return self._within(z)
        return self._lower(z)

    def _higher(self, z: float) -> tuple[LayerChange, ...]:
        self._height, self._known = max(z - self._top, THINNEST), True
        return self._begin(z)

    def _climbed(self, start: float, z: float) -> tuple[LayerChange, ...]:
        if z <= self._top + (CLIMB if self._guessed else SAME):
            return ()
        goes_on = self._one_stroke and not self._guessed and self._number > 1
        base = max(self._top, start)
        self._known = self._known or self._turn is not None
        changes = () if goes_on else self._begin(z)
        self._base, self._top, self._guessed = base, max(base + self._height, z), True
        return changes

    def _within(self, z: float) -> tuple[LayerChange, ...]:
        """No layer; but where a ramp goes on level below the height that was guessed, there is its top."""
        if self._guessed and self._level >= LEVEL:
            self._top, self._guessed = z, False
        return ()

    def _lower(self, z: float) -> tuple[LayerChange, ...]:
        if z <= self._bottom + SAME:
            if z < self._bottom - SAME and self._number == 1:
                self._number = 0
            return self._first(z)
        below, self._visited = self._visited, z
        if below is None or z <= below + SAME:
            return ()
        self._top = below
        return self._begin(below) + self._higher(z)

    def _begin(self, z: float) -> tuple[LayerChange, ...]:
        self._number += 1
        self._base, self._top = min(self._top, z), z
        self._visited = None
        self._guessed = False
        self._one_stroke = True
        return (LayerChange(self._number, round(z, 5)),)
