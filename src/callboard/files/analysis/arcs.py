"""Arcs: how long a G2 or G3 is, and how far it bulges.

As firmwares read them: I and J are from the start to the centre, R is a radius (a negative one is the
long way round), P is further full turns; the plane is X and Y.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from callboard.files.analysis.tokens import Floats, Indices

TURN = 2 * np.pi
_LEAST = 1e-9


class Ends(NamedTuple):
    """Where arcs begin and end, how they turn, and what says where their centres are; NaN: not given."""

    x: Floats
    y: Floats
    to_x: Floats
    to_y: Floats
    clockwise: Floats
    """1 or 0."""
    i: Floats
    j: Floats
    radius: Floats
    turns: Floats


class Arcs(NamedTuple):
    """Arcs of a block: their lines, their lengths in the plane, and the box of each."""

    lines: Indices
    lengths: Floats
    low_x: Floats
    low_y: Floats
    high_x: Floats
    high_y: Floats


def arcs(lines: Indices, ends: Ends) -> Arcs:
    """Return the arcs; what has neither a centre nor a radius that fits is a straight line."""
    x, y = _centres(ends)
    radius = np.hypot(ends.x - x, ends.y - y)
    bent = np.isfinite(radius) & (radius > _LEAST) & (radius < 1e6)
    begin = np.arctan2(ends.y - y, ends.x - x)
    end = np.arctan2(ends.to_y - y, ends.to_x - x)
    sign = np.where(ends.clockwise != 0, -1.0, 1.0)
    sweep = np.mod(sign * (end - begin), TURN)
    sweep = np.where((sweep < _LEAST) | (sweep > TURN - _LEAST), _closed(ends), sweep)
    sweep += TURN * np.floor(np.clip(np.nan_to_num(ends.turns), 0, 1000))
    straight = np.hypot(ends.to_x - ends.x, ends.to_y - ends.y)
    lengths = np.where(bent & (sweep > 0), radius * sweep, straight)
    sweep = np.where(bent, sweep, 0.0)
    box = [_reach(axis, begin, sweep, sign, ends, x, y, radius) for axis in range(4)]
    return Arcs(lines, lengths, box[2], box[3], box[0], box[1])


def _closed(ends: Ends) -> Floats:
    """Return the sweep of arcs that end in the direction where they began: a full turn, or none."""
    same = np.hypot(ends.to_x - ends.x, ends.to_y - ends.y) < 1e-6
    return np.where(same, TURN, 0.0)


def _centres(ends: Ends) -> tuple[Floats, Floats]:
    """Return the centres: from I and J where one is given, else from R."""
    given = ~(np.isnan(ends.i) & np.isnan(ends.j))
    x, y = ends.x + np.nan_to_num(ends.i), ends.y + np.nan_to_num(ends.j)
    across, along = ends.to_x - ends.x, ends.to_y - ends.y
    chord = np.hypot(across, along)
    height = np.sqrt(np.maximum(ends.radius**2 - chord**2 / 4, 0.0))
    height[chord < _LEAST] = np.nan
    side = np.where((ends.clockwise != 0) ^ (ends.radius < 0), 1.0, -1.0) * height / np.maximum(chord, _LEAST)
    by_radius_x = ends.x + across / 2 + side * along
    by_radius_y = ends.y + along / 2 - side * across
    return np.where(given, x, by_radius_x), np.where(given, y, by_radius_y)


def _reach(
    quarter: int, begin: Floats, sweep: Floats, sign: Floats, ends: Ends, x: Floats, y: Floats, radius: Floats
) -> Floats:
    """Return how far arcs reach towards +X, +Y, -X or -Y (`quarter` 0 to 3)."""
    start, end, centre = (ends.x, ends.to_x, x) if quarter % 2 == 0 else (ends.y, ends.to_y, y)
    low = quarter >= 2
    reached = np.minimum(start, end) if low else np.maximum(start, end)
    passed = np.mod(sign * (quarter * np.pi / 2 - begin), TURN) < sweep
    top = centre - radius if low else centre + radius
    further = np.minimum(reached, top) if low else np.maximum(reached, top)
    return np.where(passed, further, reached)
