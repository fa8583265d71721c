"""How far a job is, and how long it will still take.

Four sources, best first: what the file itself says in M73 lines; how long this file took before on
this printer; its analysis; and what the time so far promises for the rest (elapsed / fraction).
The last one jumps about at the start of a job, so it counts once its mean over `window` updates
has moved by less than `STEADY` from one to the next; until then the older knowledge does, and over
the first half of the job the one fades into the other.

Older knowledge that is plainly wrong, because the job would be more than `AMISS` further by it, is
dropped for the promise of the moment. Without any, the promise of the moment is told once 30 % of
the job or half an hour is past.

Times are seconds, pauses left out; fractions run from 0 to 1.

Source: facts/print-host-facts.md 3.10.
"""

from __future__ import annotations

from collections import deque
from enum import StrEnum
from typing import Final

from callboard.printing.gcode import Command

LOCAL_WINDOW: Final = 250
"""Updates over which a local print's promise is averaged: some seconds of lines."""

SD_WINDOW: Final = 15
"""The same for a print from the printer's card, which tells its position every second or so."""

STEADY: Final = 60.0
AMISS: Final = 0.15
BLEND_UNTIL: Final = 0.5
BEGUN: Final = 1e-9
LINEAR_FROM: Final = 0.3
LINEAR_AFTER: Final = 1800.0
LONGEST: Final = 10 * 365 * 86400.0
"""Ten years: no job takes longer, and what says so is no number to show."""


class Origin(StrEnum):
    """Where a time left comes from; the words are those of today's hosts."""

    LINEAR = "linear"
    ANALYSIS = "analysis"
    AVERAGE = "average"
    ESTIMATE = "estimate"
    MIXED_ANALYSIS = "mixed-analysis"
    MIXED_AVERAGE = "mixed-average"
    PRINTER = "printer"


_MIXED: Final = {Origin.ANALYSIS: Origin.MIXED_ANALYSIS, Origin.AVERAGE: Origin.MIXED_AVERAGE}


def fraction(done: int, size: int | None) -> float | None:
    """Return how much of a file of `size` bytes is done, from 0 to 1; None for an empty file."""
    if not size or size < 0:
        return None
    return min(max(done / size, 0.0), 1.0)


class Estimator:
    """The time left of one job; a new job has a new one."""

    def __init__(self, window: int = LOCAL_WINDOW) -> None:
        self._totals: deque[float] = deque(maxlen=window)
        self._sum = 0.0
        self._mean: float | None = None
        self._steady = False
        self._said_fraction: float | None = None
        self._said_left: tuple[float, float] | None = None  # seconds left, and when that was said

    def hear(self, command: Command, elapsed: float) -> None:
        """Take what an M73 line of the file says: P percent done, R minutes left. Others say nothing."""
        if command.code != "M73":
            return
        percent, minutes = command.number("P"), command.number("R")
        if percent is not None and 0 <= percent <= 100:
            self._said_fraction = percent / 100
        if minutes is not None and 0 <= minutes * 60 <= LONGEST:
            self._said_left = minutes * 60, elapsed

    def fraction(self, read: float | None) -> float | None:
        """Return how far the job is: what the file said last in M73, else `read`, its bytes' share."""
        return read if self._said_fraction is None else self._said_fraction

    def left(
        self, elapsed: float, fraction: float | None, statistic: float | None, analysis: float | None
    ) -> tuple[float | None, Origin | None]:
        """Return the seconds left and where that comes from, or None and None as long as nobody can tell.

        `statistic` is the mean of earlier prints, `analysis` the estimate from the file; each is the
        whole time, or None. Call it at each update: the mean is taken over the calls.
        """
        if self._said_left is not None:
            left, when = self._said_left
            return max(left - max(elapsed - when, 0.0), 0.0), Origin.PRINTER
        total, origin = self._total(elapsed, fraction, _known(statistic, analysis))
        if total is None or not 0 <= total <= LONGEST:
            return None, None
        return max(total - elapsed, 0.0), origin

    def _total(
        self, elapsed: float, fraction: float | None, known: tuple[float, Origin] | None
    ) -> tuple[float | None, Origin | None]:
        if fraction is None or not fraction > BEGUN:
            return known or (None, None)
        linear = elapsed / fraction
        steady = self._average(linear)
        if known is None:
            return _from_time(elapsed, fraction, linear, steady)
        total, origin = known
        if abs(elapsed / total - fraction) > AMISS:
            return linear, Origin.LINEAR
        if steady is None:
            return known
        share = min(fraction / BLEND_UNTIL, 1.0)
        blend = total * (1 - share) + steady * share
        return blend, Origin.ESTIMATE if share == 1 else _MIXED[origin]

    def _average(self, linear: float) -> float | None:
        """Return the mean promise once it is steady; once steady, it stays so."""
        if len(self._totals) == self._totals.maxlen:
            self._sum -= self._totals[0]
        self._totals.append(linear)
        self._sum += linear
        before, self._mean = self._mean, self._sum / len(self._totals)
        full = len(self._totals) == self._totals.maxlen
        self._steady = self._steady or (full and before is not None and abs(self._mean - before) < STEADY)
        return self._mean if self._steady else None


def _known(statistic: float | None, analysis: float | None) -> tuple[float, Origin] | None:
    for total, origin in ((statistic, Origin.AVERAGE), (analysis, Origin.ANALYSIS)):
        if total is not None and 0 < total <= LONGEST:
            return total, origin
    return None


def _from_time(
    elapsed: float, fraction: float, linear: float, steady: float | None
) -> tuple[float | None, Origin | None]:
    if steady is not None:
        return steady, Origin.ESTIMATE
    if fraction > LINEAR_FROM or elapsed > LINEAR_AFTER:
        return linear, Origin.LINEAR
    return None, None
