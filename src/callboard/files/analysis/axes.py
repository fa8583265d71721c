"""Where each line of a block leaves an axis: absolute and relative, inches, G92, G28.

Positions are those of the file, in millimetres: G92 gives the tool's place another number. The offset
of a tool (M218) is the firmware's to add: a file says where the nozzle that prints shall be.

Source: facts/print-host-facts.md 4.4; E is relative in either relative mode, as most firmwares read it.
"""

from __future__ import annotations

from typing import Final, NamedTuple

import numpy as np

from callboard.files.analysis.modes import Modes, Series, Specials, merged, switched
from callboard.files.analysis.tokens import MOVE, Flags, Floats, Indices, Lines

LARGEST: Final = 1e6
"""Millimetres: a coordinate beyond a kilometre is none, and is passed over."""

LARGEST_NUMBER: Final = 1e9
"""The same for all other numbers: feed rates, filament, milliseconds."""

INCH: Final = 25.4
"""Millimetres."""


class Way(NamedTuple):
    """The lines that say where an axis goes, where it then is, and how far it went (0 for a new number)."""

    lines: Indices
    places: Floats
    steps: Floats
    before: float


class Axes:
    """The axes in one block; it moves `modes` on to the end of the block."""

    def __init__(self, lines: Lines, specials: Specials, modes: Modes, *, g90_extruder: bool) -> None:
        self._lines, self._modes = lines, modes
        self._homing, self.renaming = specials.of("G", 28), specials.of("G", 92)
        self._moving = lines.codes == MOVE
        self._moving[specials.of("G", 2, 3, 5, 92)] = True
        self._switch(specials, g90_extruder)

    def given(self, letter: str, largest: float = LARGEST) -> Series:
        """Return the numbers of a letter in moves and G92, in millimetres."""
        lines, values = self._lines.numbers(letter, largest)
        kept = self._moving[lines]
        if not kept.all():
            lines, values = lines[kept], values[kept]
        return (lines, values) if self._inches is None else (lines, values * self._scale(lines))

    def ways(self) -> dict[str, Way]:
        """Return what becomes of X, Y, Z and E."""
        series = {
            letter: self.given(letter, LARGEST_NUMBER if letter == "E" else LARGEST) for letter in "XYZE"
        }
        named = self._named(series)
        return {letter: self._way(letter, series[letter], named) for letter in "XYZE"}

    def _named(self, series: dict[str, Series]) -> Flags | None:
        """Add the zeros of G28, and of G92 alone; return the lines that move nothing but say a place."""
        if not len(self.renaming) and not len(self._homing):
            return None
        named = np.zeros(self._lines.count, np.bool_)
        for lines, _ in series.values():
            named[lines] = True
        bare = self.renaming[~named[self.renaming]]
        having = {letter: self._lines.having(letter, self._homing) for letter in "XYZ"}
        every = ~np.logical_or.reduce(list(having.values()))
        for letter in "XYZE":
            homed = self._homing[having[letter] | every] if letter != "E" else bare[:0]
            series[letter] = _with_zeros(series[letter], np.concatenate((homed, bare)))
        named[:] = False
        named[self.renaming] = named[self._homing] = True
        return named

    def _way(self, letter: str, series: Series, named: Flags | None) -> Way:
        lines, values = series
        relative = self._relative_e if letter == "E" else self._relative
        still = None if named is None else named[lines]
        before = self._modes.places[letter]
        places = values
        if relative is not None:
            adds = relative[lines]
            places = _summed(values, adds if still is None else adds & ~still, before)
        steps = np.diff(places, prepend=before)
        if still is not None:
            steps[still] = 0
        if len(lines):
            self._modes.places[letter] = float(places[-1])
        return Way(lines, places, steps, before)

    def _switch(self, specials: Specials, g90_extruder: bool) -> None:
        """Spread the modes over the block."""
        modes, count = self._modes, self._lines.count
        away, back = specials.of("G", 91), specials.of("G", 90)
        adding, setting = specials.of("M", 83), specials.of("M", 82)
        if g90_extruder:
            adding, setting = np.concatenate((adding, away)), np.concatenate((setting, back))
        self._relative = switched(away, back, count, modes.relative)
        relative_e = switched(adding, setting, count, modes.relative_e)
        self._inches = switched(specials.of("G", 20), specials.of("G", 21), count, modes.inches)
        modes.relative = _last(self._relative)
        modes.relative_e = _last(relative_e)
        modes.inches = _last(self._inches)
        self._relative_e = _either(self._relative, relative_e)

    def _scale(self, lines: Indices) -> Floats:
        assert self._inches is not None
        return np.where(self._inches[lines], INCH, 1.0)


def _with_zeros(series: Series, lines: Indices) -> Series:
    return merged(series, (lines, np.zeros(len(lines)))) if len(lines) else series


def _summed(values: Floats, adds: Flags, before: float) -> Floats:
    """Return the places that come of values which add to the last place, or set it."""
    added = np.cumsum(np.where(adds, values, 0.0))
    at = np.arange(len(values))
    setter = np.maximum.accumulate(np.where(adds, -1, at))
    bases = np.where(setter < 0, before, (values - added)[setter])
    return np.asarray(bases + added)


def _last(flags: Flags | None) -> bool:
    return flags is not None and len(flags) > 0 and bool(flags[-1])


def _either(one: Flags | None, other: Flags | None) -> Flags | None:
    if one is None or other is None:
        return other if one is None else one
    return np.asarray(one | other)
