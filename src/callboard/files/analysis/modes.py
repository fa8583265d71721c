"""What holds from one line to the next: positions, units, modes, the tool; and how it is spread over a block.

A state that some lines set and all others keep is a series, (lines, values): `held` makes of it an
array with one value a line. So a file of a million changes of mode costs no more than one without any.
"""

from __future__ import annotations

import numpy as np

from callboard.files.analysis.tokens import Flags, Floats, Indices, Lines, code

Series = tuple[Indices, Floats]
"""Lines in rising order, and the value of each."""


class Modes:
    """The state of a printer between two blocks: millimetres, and millimetres a minute."""

    def __init__(self, feed: float) -> None:
        self.places = dict.fromkeys("XYZE", 0.0)
        self.told: set[str] = set()
        """The axes whose place a line has told."""
        self.feed = feed
        self.inches = self.relative = self.relative_e = False
        self.tool = 0
        self.duplicates = False
        self.withdrawn = False
        """Whether G10 has withdrawn the filament."""
        self.withdrawing = {(207, "S"): 0.0, (207, "F"): 0.0, (208, "S"): 0.0, (208, "F"): 0.0}
        """What M207 and M208 have set: length and speed back, more length and speed forth."""


class Specials:
    """The lines of a block whose command is not plain G0 or G1, by command; usually few."""

    def __init__(self, lines: Lines) -> None:
        self.lines = lines.specials
        self.codes = lines.codes[lines.specials]

    def of(self, letter: str, *numbers: int) -> Indices:
        """Return the lines with any of these commands."""
        found = np.zeros(len(self.codes), np.bool_)
        for number in numbers:
            found |= self.codes == code(letter, number)
        return self.lines[found]

    def tools(self, count: int) -> Series:
        """Return the lines that choose one of so many tools, and which."""
        number = self.codes - code("T", 0)
        chosen = (number >= 0) & (number < count)
        return self.lines[chosen], number[chosen].astype(np.float64)


def held(series: Series, count: int, before: float) -> Floats:
    """Return the value at each of `count` lines; `before` is what holds until a line sets another."""
    lines, values = series
    if not len(lines):
        return np.full(count, before)
    times = np.diff(lines, prepend=0, append=count)
    return np.repeat(np.concatenate(([before], values)), times)


def switched(on: Indices, off: Indices, count: int, before: bool) -> Flags | None:
    """Return for each line whether something is on; None where it is off all the time."""
    if not len(on) and not before:
        return None
    series = merged((on, np.ones(len(on))), (off, np.zeros(len(off))))
    return np.asarray(held(series, count, float(before)) != 0)


def merged(*series: Series) -> Series:
    """Return several series as one, in the order of their lines."""
    lines = np.concatenate([each[0] for each in series])
    values = np.concatenate([each[1] for each in series])
    order = np.argsort(lines, kind="stable")
    return lines[order], values[order]


def picked(series: Series, lines: Indices) -> Series:
    """Return of a series what stands in one of `lines`."""
    kept = np.isin(series[0], lines)
    return series[0][kept], series[1][kept]
