"""When moves end: a queue of 16, each with its way, speed and acceleration.

A move keeps its speed through a bend as far as the bend allows, so many short segments of a curve run
as fast as one long line, and each corner costs its braking. That is what Marlin's look-ahead amounts
to; it is computed forward only, in constant time a move.
"""

from __future__ import annotations

from collections import deque
from math import sqrt

_LONGEST = 1e6
_LIMITS = (300.0, 300.0, 15.0, 80.0)
"""Millimetres a second of x, y, z and the filament."""


class Planner:
    """The moves that wait for the motors; times are those of the caller's clock."""

    __slots__ = ("_acceleration", "_ends", "_jerk", "_scale", "_size", "_speed", "_way")

    def __init__(self, size: int, acceleration: float, jerk: float, scale: float) -> None:
        self._size = max(size - 1, 1)  # a ring that is full when one place is left, as in Marlin
        self._acceleration, self._jerk, self._scale = acceleration, jerk, scale
        self._ends: deque[float] = deque()
        self._way = (0.0, 0.0, 0.0)
        self._speed = 0.0

    def clear(self) -> None:
        """Drop all moves."""
        self._ends.clear()

    def free(self, now: float) -> int:
        """Return how many more moves fit."""
        ends = self._ends
        while ends and ends[0] <= now:
            ends.popleft()
        return self._size - len(ends)

    def room_at(self) -> float:
        """Return when the oldest move ends."""
        return self._ends[0] if self._ends else 0.0

    def empty_at(self) -> float:
        """Return when the last move ends; 0 if there is none."""
        return self._ends[-1] if self._ends else 0.0

    def plan(self, now: float, x: float, y: float, z: float, e: float, feed: float) -> None:
        """Append a move by so many millimetres at `feed` mm/s; a move of nothing is none."""
        way = sqrt(x * x + y * y + z * z)
        speed = max(feed, 0.05)
        if way > 0:
            direction = (x / way, y / way, z / way)
            if z and speed * abs(direction[2]) > _LIMITS[2]:
                speed = _LIMITS[2] / abs(direction[2])
            speed = min(speed, _LIMITS[0])
        elif e:
            way, direction, speed = abs(e), (0.0, 0.0, 0.0), min(speed, _LIMITS[3])
        else:
            return
        start = self._ends[-1] if self._ends else now
        going = start > now
        self._ends.append(max(start, now) + self._lasts(way, direction, speed, going) / self._scale)

    def _lasts(self, way: float, direction: tuple[float, float, float], speed: float, going: bool) -> float:
        """Return seconds: at its speed, and what the bend before it cost both moves."""
        a, last, was = self._acceleration, self._way, self._speed if going else 0.0
        bend = direction[0] * last[0] + direction[1] * last[1] + direction[2] * last[2]
        slow = min(speed, was) if bend > 0.999 else min(speed, was, self._jerk / max(1.0 - bend, 0.05))
        speed = min(speed, sqrt(slow * slow + 2.0 * a * way))
        lost = speed - slow
        lasts = way / speed + lost * lost / (2.0 * a * speed)
        if was > slow:
            lasts += (was - slow) * (was - slow) / (2.0 * a * was)
        self._way, self._speed = direction, speed
        return min(lasts, _LONGEST)
