"""How long moves take with acceleration: what a planner that looks ahead without end makes of them.

Each move has a speed that it is asked for, an acceleration, and a speed at the corner before it (the
jerk that each axis takes). How fast it may begin follows from what lies behind and before it:

    v[i]^2 = min(corner[i]^2, v[i-1]^2 + 2 a d)     forwards, and the same backwards

which, with S the running sum of 2 a d, is the running minimum of corner^2 - S: two passes of NumPy
over all moves instead of a loop over each. A firmware sees 16 moves ahead, or 64; where moves are so
short that this shows, it is a little slower than this.

Source: Marlin's planner (trapezoids, classic jerk) as its documentation describes it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from callboard.files.analysis.axes import LARGEST_NUMBER
from callboard.files.analysis.modes import Specials, held, picked
from callboard.files.analysis.moves import Moves
from callboard.files.analysis.tokens import Floats, Indices, Lines

TOGETHER: Final = 1 << 16
"""Moves that are planned together; between two such lots the planner stops, which costs some 0.1 s."""

_AXES: Final = "XYZE"
_LIMITS: Final = {
    **{("M201", axis): limit for axis, limit in zip(_AXES, (3000.0, 3000.0, 100.0, 10000.0), strict=True)},
    **{("M203", axis): limit for axis, limit in zip(_AXES, (500.0, 500.0, 12.0, 120.0), strict=True)},
    **{("M205", axis): limit for axis, limit in zip(_AXES, (10.0, 10.0, 0.3, 5.0), strict=True)},
    **{("M204", kind): limit for kind, limit in zip("PRT", (3000.0, 3000.0, 3000.0), strict=True)},
}
"""mm/s^2, mm/s, mm/s (jerk), mm/s^2 (printing, withdrawing, travelling): Marlin's, until a line sets them."""

_SLOWEST: Final = 0.01
"""The least that a line can set any of them to."""


class _Lot(NamedTuple):
    """Moves: lengths in mm, speeds asked for, accelerations, and speeds at the corners before."""

    lengths: Floats
    speeds: Floats
    accelerations: Floats
    corners: Floats


class Planner:
    """The time of all moves; `add` each block in order, then `finish`."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self._limits = dict(_LIMITS)
        self._waiting: list[_Lot] = []
        self._count = 0
        self._velocity, self._speed = np.zeros((4, 1)), np.zeros(1)
        self._stopped = True

    def add(self, moves: Moves) -> None:
        """Take in a block."""
        self.seconds += float(moves.waits()[1].sum())
        self._waiting.append(self._lot(moves))
        self._count += len(self._waiting[-1].lengths)
        while self._count >= TOGETHER:
            self._plan(TOGETHER)

    def finish(self) -> float:
        """Return the seconds of everything."""
        if self._waiting:
            self._plan(self._count)
        return self.seconds

    def _plan(self, count: int) -> None:
        whole = _Lot(*(np.concatenate(parts) for parts in zip(*self._waiting, strict=True)))
        self.seconds += _duration(_Lot(*(part[:count] for part in whole)))
        self._waiting = [_Lot(*(part[count:] for part in whole))]
        self._count -= count

    def _lot(self, moves: Moves) -> _Lot:
        filament = np.zeros(moves.lines.count)
        np.add.at(filament, *moves.filament())
        moved = np.flatnonzero((moves.distance > 0) | (filament != 0))
        limits, standing = self._limits_at(moves.lines, moved), self._standing(moves.stops(), moved)
        if not len(moved):
            return _Lot(*[np.zeros(0)] * 4)
        filament, distance = filament[moved], moves.distance[moved]
        steps = np.stack(
            [np.diff(moves.x)[moved], np.diff(moves.y)[moved], np.diff(moves.z)[moved], filament]
        )
        lengths = np.where(distance > 0, distance, np.abs(filament))
        units = steps / lengths
        speeds = np.minimum(moves.feeds[moved] / 60, _least(limits["M203"], units))
        printing, withdrawing, travelling = limits["M204"]
        wanted = np.where(distance <= 0, withdrawing, np.where(filament > 0, printing, travelling))
        accelerations = np.minimum(wanted, _least(limits["M201"], units))
        corners = self._corners(limits["M205"], units * speeds, speeds)
        corners[standing] = 0
        return _Lot(lengths, speeds, accelerations, corners)

    def _corners(self, jerks: list[Floats], velocities: Floats, speeds: Floats) -> Floats:
        """Return how fast each move may begin, by the change of speed that each axis takes at once."""
        before = np.concatenate((self._velocity, velocities[:, :-1]), axis=1)
        slower = np.minimum(speeds, np.concatenate((self._speed, speeds[:-1])))
        self._velocity, self._speed = velocities[:, -1:], speeds[-1:]
        change = np.abs(velocities - before)
        with np.errstate(divide="ignore"):
            share = np.minimum.reduce([jerk / axis for jerk, axis in zip(jerks, change, strict=True)])
        return np.asarray(slower * np.minimum(share, 1.0))

    def _standing(self, stops: Indices, moved: Indices) -> Indices:
        """Return which moves begin from a standstill: each first one after a stop."""
        first = np.searchsorted(moved, stops)
        late = bool(len(first)) and first[-1] == len(moved)
        if self._stopped and len(moved):
            first = np.concatenate(([0], first))
            self._stopped = False
        self._stopped = self._stopped or late
        return np.unique(first[first < len(moved)])

    def _limits_at(self, lines: Lines, moved: Indices) -> dict[str, list[Floats]]:
        """Return each kind of limit, axis by axis, at the moves, or one for all of them."""
        found: dict[str, list[Floats]] = {"M201": [], "M203": [], "M204": [], "M205": []}
        specials = Specials(lines)
        for (name, letter), before in self._limits.items():
            setting = specials.of("M", int(name[1:]))
            if not len(setting):
                found[name].append(np.asarray(before))
                continue
            at, values = picked(lines.numbers(letter, LARGEST_NUMBER), setting)
            spread = held((at, np.maximum(values, _SLOWEST)), lines.count, before)
            self._limits[name, letter] = float(spread[-1])
            found[name].append(spread[moved])
        return found


def _least(limits: list[Floats], units: Floats) -> Floats:
    """Return what moves may have at most, so that no axis has more than its limit."""
    with np.errstate(divide="ignore"):
        return np.asarray(
            np.minimum.reduce([limit / np.abs(unit) for limit, unit in zip(limits, units, strict=True)])
        )


def _duration(lot: _Lot) -> float:
    """Return the seconds of moves that begin and end at a standstill."""
    if not len(lot.lengths):
        return 0.0
    gains = 2 * lot.accelerations * lot.lengths
    entries = np.square(lot.corners)
    entries[0] = 0
    entries = _reachable(entries, gains)
    exits = np.append(entries[1:], 0.0)
    exits = _reachable(exits[::-1], gains[::-1])[::-1]
    entries = np.append(0.0, exits[:-1])
    peaks = np.minimum(np.square(lot.speeds), (gains + entries + exits) / 2)
    top = np.sqrt(peaks)
    ramps = (2 * top - np.sqrt(entries) - np.sqrt(exits)) / lot.accelerations
    cruise = lot.lengths - (2 * peaks - entries - exits) / (2 * lot.accelerations)
    return float(np.sum(ramps + np.maximum(cruise, 0) / lot.speeds))


def _reachable(limits: Floats, gains: Floats) -> Floats:
    """Return the squares of the speeds at which moves begin, when none gains more than it can.

    v[i] = min(limits[i], v[i-1] + gains[i-1]), which is the running minimum of limits - sums.
    """
    sums = np.concatenate(([0.0], np.cumsum(gains[:-1])))
    return np.asarray(np.minimum(np.minimum.accumulate(limits - sums) + sums, limits))
