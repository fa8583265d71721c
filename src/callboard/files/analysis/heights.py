"""The layers of a file: the moves that lay material, of which few need to be looked at one by one."""

from __future__ import annotations

import numpy as np

from callboard.files.analysis.moves import Moves
from callboard.files.analysis.tokens import Flags, Indices
from callboard.files.layers import LayerChange, Layers, Point


class Heights:
    """Counts layers; `add` each block in order, then `finish`."""

    def __init__(self) -> None:
        self.layers = 0
        self._rule = Layers()

    def add(self, moves: Moves, printing: Indices) -> None:
        """Take in the moves of a block that extrude on their way.

        Once the rule is settled on a height, the level moves at this height are passed over; while it
        rests there, those that go on where the one before has ended.
        """
        laying = printing[self._across(moves, printing)]
        if not len(laying):
            return
        level, apart = self._runs(moves, laying)
        begins = np.append(np.flatnonzero(~level), len(laying)).tolist()
        travels = np.append(np.flatnonzero(apart), len(laying)).tolist()
        after = np.searchsorted(travels, begins[:-1]).tolist()
        for begin, until, travel in zip(begins[:-1], begins[1:], after, strict=True):
            self._run(moves, laying, begin, until, travels, travel)

    def _run(
        self, moves: Moves, laying: Indices, begin: int, until: int, travels: list[int], travel: int
    ) -> None:
        """Take in level moves at one height, those between two travels as one once the rule rests."""
        self._lay(moves, int(laying[begin]), int(laying[begin]))
        at = begin + 1
        while at < until and not self._rule.settled:
            end = at + 1
            if self._rule.resting:
                while travels[travel] <= at:
                    travel += 1
                end = min(travels[travel], until)
            self._lay(moves, int(laying[at]), int(laying[end - 1]))
            at = end

    def _runs(self, moves: Moves, laying: Indices) -> tuple[Flags, Flags]:
        """Return which moves go on level at the height of the one before, and which begin elsewhere."""
        level, apart = np.zeros(len(laying), np.bool_), np.ones(len(laying), np.bool_)
        end, begin = laying[:-1] + 1, laying[1:]
        height = moves.z[end]
        level[1:] = (moves.z[begin + 1] == height) & (moves.z[begin] == height)
        apart[1:] = (moves.x[begin] != moves.x[end]) | (moves.y[begin] != moves.y[end])
        return level, apart

    def finish(self) -> int:
        """Return how many layers there are."""
        self._count(self._rule.end())
        return self.layers

    def _lay(self, moves: Moves, line: int, last: int) -> None:
        """Give the rule what is laid from `line` on to the end of `last`."""
        x, y, z = moves.x, moves.y, moves.z
        end = (float(x[last + 1]), float(y[last + 1]), float(z[last + 1]))
        start = (float(x[line]), float(y[line]), float(z[line]))
        if line <= moves.told:
            start = self._as_known(moves, line, start, end)
        via = self._via(moves, line, end) if moves.arcs is not None else ()
        changes = self._rule.lay(start, end, *via)
        if changes:
            self._count(changes)

    def _as_known(self, moves: Moves, line: int, start: Point, end: Point) -> Point:
        """Return where a move began, as far as lines before it have told; else where it ends."""
        x, y, z = (
            begin if line > moves.first_told[axis] else stop
            for axis, begin, stop in zip("XYZ", start, end, strict=True)
        )
        return x, y, z

    def _via(self, moves: Moves, line: int, end: Point) -> tuple[Point, ...]:
        assert moves.arcs is not None
        at = int(np.searchsorted(moves.arcs.lines, line))
        if at == len(moves.arcs.lines) or moves.arcs.lines[at] != line:
            return ()
        low = (float(moves.arcs.low_x[at]), float(moves.arcs.low_y[at]), end[2])
        high = (float(moves.arcs.high_x[at]), float(moves.arcs.high_y[at]), end[2])
        return low, high

    def _across(self, moves: Moves, printing: Indices) -> Flags:
        after = printing + 1
        across = (moves.x[printing] != moves.x[after]) | (moves.y[printing] != moves.y[after])
        return np.asarray(across if moves.arcs is None else across | np.isin(printing, moves.arcs.lines))

    def _count(self, changes: tuple[LayerChange, ...]) -> None:
        for change in changes:
            self.layers = change.layer
