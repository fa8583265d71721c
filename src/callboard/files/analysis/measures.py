"""What is kept of all blocks: the areas, the filament of each tool, the layers, the time at each percent."""

from __future__ import annotations

import math
from typing import Final

import numpy as np

from callboard.files.analysis.modes import Series
from callboard.files.analysis.moves import Moves
from callboard.files.analysis.tokens import Floats, Indices

SECOND_TOOL: Final = 1


class Area:
    """The box around places, in millimetres."""

    def __init__(self) -> None:
        self._low = [math.inf] * 3
        self._high = [-math.inf] * 3

    def add(self, axis: int, values: Floats) -> None:
        """Take in what an axis reaches: 0 is x, 1 y, 2 z."""
        if len(values):
            self._low[axis] = min(self._low[axis], float(values.min()))
            self._high[axis] = max(self._high[axis], float(values.max()))

    def include(self, axis: int, value: float) -> None:
        """Take in one place."""
        self._low[axis], self._high[axis] = min(self._low[axis], value), max(self._high[axis], value)

    @property
    def empty(self) -> bool:
        """Whether nothing was taken in."""
        return self._low[0] > self._high[0]

    def told(self) -> dict[str, float]:
        """Return {minX ... maxZ}, zeros if it is empty."""
        if self.empty:
            return {f"{end}{axis}": 0.0 for end in ("min", "max") for axis in "XYZ"}
        low = {f"min{axis}": value for axis, value in zip("XYZ", self._low, strict=True)}
        return low | {f"max{axis}": value for axis, value in zip("XYZ", self._high, strict=True)}

    def size(self) -> dict[str, float]:
        """Return {width, depth, height}: along x, y and z."""
        if self.empty:
            return dict.fromkeys(("width", "depth", "height"), 0.0)
        width, depth, height = (high - low for low, high in zip(self._low, self._high, strict=True))
        return {"width": width, "depth": depth, "height": height}


class Filament:
    """The filament that each tool used: the most that it had pushed forth at any time, in mm."""

    def __init__(self) -> None:
        self._sums: dict[int, float] = {}
        self.used: dict[int, float] = {}

    def add(self, series: Series, tool: Floats | int, copies: Floats | bool) -> None:
        """Take what the lines of a block pushed forth and drew back."""
        lines, steps = series
        tools = tool[lines] if isinstance(tool, np.ndarray) else None
        if tools is None:
            self._move(int(tool if not isinstance(tool, np.ndarray) else 0), steps)
        else:
            for one in np.unique(tools):
                self._move(int(one), steps[tools == one])
        if isinstance(copies, np.ndarray) or copies:
            first = np.ones(len(lines), np.bool_) if tools is None else tools == 0
            copied = copies[lines] != 0 if isinstance(copies, np.ndarray) else first
            if tools is not None or tool == 0:
                self._move(SECOND_TOOL, steps[first & copied])

    def _move(self, tool: int, steps: Floats) -> None:
        if not len(steps):
            return
        before = self._sums.get(tool, 0.0)
        sums = np.cumsum(steps)
        self.used[tool] = max(self.used.get(tool, 0.0), before + float(sums.max()))
        self._sums[tool] = before + float(sums[-1])


def take_in(moves: Moves, printing: Indices, printed: Area, travelled: Area) -> None:
    """Add a block's places to both areas."""
    ends = printing + 1
    for axis, places in enumerate((moves.x, moves.y, moves.z)):
        printed.add(axis, places[printing])
        printed.add(axis, places[ends])
        travelled.add(axis, places)
    if moves.arcs is not None:
        bulging = np.isin(moves.arcs.lines, printing)
        for axis, (low, high) in enumerate(
            ((moves.arcs.low_x, moves.arcs.high_x), (moves.arcs.low_y, moves.arcs.high_y))
        ):
            for reach in (low, high):
                travelled.add(axis, reach)
                printed.add(axis, reach[bulging])
