"""The moves of a block: where each line leaves the tool, how far it went, what it extruded, how long it took.

Source: facts/print-host-facts.md 4.4.
"""

from __future__ import annotations

from typing import Final

import numpy as np

from callboard.files.analysis.arcs import Arcs, Ends, arcs
from callboard.files.analysis.axes import LARGEST_NUMBER, Axes, Way
from callboard.files.analysis.modes import Modes, Series, Specials, held, merged, picked
from callboard.files.analysis.tokens import Floats, Indices, Lines, code

_COPIES: Final = (2, 3)
"""The modes of M605 in which the second tool does what the first does."""


class Moves:
    """One block as arrays with a value a line; `x`, `y` and `z` have one more: the place before line 0.

    Reading it moves `modes` on to the end of the block.
    """

    def __init__(self, lines: Lines, modes: Modes, *, g90_extruder: bool, tools: int) -> None:
        self.lines = lines
        self._modes = modes
        self._specials = specials = Specials(lines)
        self._axes = Axes(lines, specials, modes, g90_extruder=g90_extruder)
        self.renaming = self._axes.renaming
        self.first_told: dict[str, int] = {}
        """The line that first says where an axis is; -1 if an earlier block did."""
        ways = self._axes.ways()
        self.x, self.y, self.z = (self._places(letter, ways[letter]) for letter in "XYZ")
        self.told = max(self.first_told.values())
        """The line by which all axes are told."""
        self.distance = np.sqrt(self._squared())
        self.arcs = self._bend()
        self.feeds = self._feeds()
        self.extruding, self.extruded = ways["E"].lines, ways["E"].steps
        self.withdrawing, self._withdrawing_speed = self._withdraw()
        self.tool = self._tool(tools)
        self.copies = self._copies()

    def seconds(self) -> Floats:
        """Return the seconds of each line: the longer of way and filament at its speed, and waiting."""
        longest = self.distance.copy()
        at = self.extruding
        longest[at] = np.maximum(longest[at], np.abs(self.extruded))
        seconds = longest / self.feeds
        seconds *= 60
        lines, lengths = self.withdrawing
        seconds[lines] += np.abs(lengths) / self._withdrawing_speed * 60
        waiting, waited = self.waits()
        seconds[waiting] += waited
        return np.asarray(seconds)

    def filament(self) -> Series:
        """Return the lines that move filament, and how far in mm; back is negative."""
        own = (self.extruding, self.extruded)
        return merged(own, self.withdrawing) if len(self.withdrawing[0]) else own

    def printing(self) -> Indices:
        """Return the lines that extrude on their way."""
        lines = self.extruding[self.extruded > 0]
        return np.asarray(lines[self.distance[lines] > 0])

    def waits(self) -> Series:
        """Return the lines with G4, and their seconds: P in milliseconds, S in seconds, which wins."""
        lines = self._specials.of("G", 4)
        waited = np.zeros(self.lines.count if len(lines) else 0)
        for letter, unit in (("P", 0.001), ("S", 1.0)) if len(lines) else ():
            at, values = picked(self.lines.numbers(letter, LARGEST_NUMBER), lines)
            waited[at] = np.maximum(values, 0) * unit
        return lines, waited[lines]

    def stops(self) -> Indices:
        """Return the lines at which all motion ends before the next begins."""
        return np.sort(
            np.concatenate((self._specials.of("G", 4, 28, 29), self._specials.of("M", 0, 1, 109, 190, 400)))
        )

    def _places(self, letter: str, way: Way) -> Floats:
        self._tell(letter, way)
        return held((way.lines + 1, way.places), self.lines.count + 1, way.before)

    def _tell(self, letter: str, way: Way) -> None:
        told = self._modes.told
        first = int(way.lines[0]) if len(way.lines) else self.lines.count
        self.first_told[letter] = -1 if letter in told else first
        if len(way.lines):
            told.add(letter)

    def _squared(self) -> Floats:
        """Return the squares of the ways; to be renamed or homed is none."""
        squared = np.square(np.diff(self.x))
        squared += np.square(np.diff(self.y))
        squared += np.square(np.diff(self.z))
        squared[self.renaming] = 0
        squared[self._specials.of("G", 28)] = 0
        return squared

    def _bend(self) -> Arcs | None:
        """Return the arcs, and put their true lengths among the distances."""
        lines = self._specials.of("G", 2, 3)
        if not len(lines):
            return None
        given = [self._of_arcs(letter, lines) for letter in "IJRP"]
        clockwise = (self.lines.codes[lines] == code("G", 2)).astype(np.float64)
        after = lines + 1
        found = arcs(
            lines, Ends(self.x[lines], self.y[lines], self.x[after], self.y[after], clockwise, *given)
        )
        self.distance[lines] = np.hypot(found.lengths, self.z[after] - self.z[lines])
        return found

    def _of_arcs(self, letter: str, lines: Indices) -> Floats:
        spread = np.full(self.lines.count, np.nan)
        at, values = self._axes.given(letter) if letter != "P" else self.lines.numbers(letter, LARGEST_NUMBER)
        spread[at] = values
        return np.asarray(spread[lines])

    def _feeds(self) -> Floats:
        """Return mm a minute at each line; what is not above 0 changes nothing."""
        lines, values = self._axes.given("F", LARGEST_NUMBER)
        if len(values) and values.min() <= 0:
            lines, values = lines[values > 0], values[values > 0]
        feeds = held((lines, values), self.lines.count, self._modes.feed)
        if len(feeds):
            self._modes.feed = float(feeds[-1])
        return feeds

    def _withdraw(self) -> tuple[Series, Floats]:
        """Return what G10 and G11 move, and how fast: each but the first of several of a kind is none."""
        back, forth = self._specials.of("G", 10), self._specials.of("G", 11)
        setting = self._withdrawing_set()
        if not len(back) and not len(forth):
            return (back, np.zeros(0)), np.zeros(0)
        for letter in "PLXYZ" if len(back) else "":  # offsets and temperatures of tools
            back = back[~self.lines.having(letter, back)]
        lines, kinds = merged((back, np.ones(len(back))), (forth, np.zeros(len(forth))))
        before = np.concatenate(([float(self._modes.withdrawn)], kinds[:-1]))
        real = kinds != before
        if len(kinds):
            self._modes.withdrawn = bool(kinds[-1])
        lines, backwards = lines[real], kinds[real] != 0
        length, speed, more, forth_speed = (
            each[lines] if isinstance(each, np.ndarray) else each for each in setting
        )
        lengths = np.where(backwards, -length, length + more)
        speeds = np.where(backwards, speed, np.where(forth_speed > 0, forth_speed, speed))
        return (lines, lengths), np.where(speeds > 0, speeds, self.feeds[lines])

    def _withdrawing_set(self) -> list[Floats | np.float64]:
        """Return M207 S and F, M208 S and F: at each line, or one number where none sets it."""
        found: list[Floats | np.float64] = []
        for (number, letter), before in self._modes.withdrawing.items():
            lines = self._specials.of("M", number)
            if len(lines):
                at, values = picked(self.lines.numbers(letter, LARGEST_NUMBER), lines)
                spread = held((at, np.maximum(values, 0)), self.lines.count, before)
                self._modes.withdrawing[number, letter] = float(spread[-1])
                found.append(spread)
            else:
                found.append(np.float64(before))
        return found

    def _tool(self, tools: int) -> Floats | int:
        """Return the tool at each line, or the one of all lines."""
        chosen = self._specials.tools(tools)
        if not len(chosen[0]):
            return self._modes.tool
        spread = held(chosen, self.lines.count, self._modes.tool)
        self._modes.tool = int(spread[-1])
        return spread

    def _copies(self) -> Floats | bool:
        """Return at which lines the second tool does what the first does."""
        lines = self._specials.of("M", 605)
        if not len(lines):
            return self._modes.duplicates
        modes = np.ones(self.lines.count)
        at, values = picked(self.lines.numbers("S", LARGEST_NUMBER), lines)
        modes[at] = values
        copying = np.isin(modes[lines], _COPIES).astype(np.float64)
        spread = held((lines, copying), self.lines.count, float(self._modes.duplicates))
        self._modes.duplicates = bool(spread[-1])
        return spread
