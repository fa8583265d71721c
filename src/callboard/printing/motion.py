"""What a job's lines do to the tool: its height, its layers, and which tool it is.

`Motion` follows one job from its first line. It is fed each line that the printer has acknowledged,
so its cost counts: an ordinary `G1 X10 Y20 E0.5` takes one pattern and three float() calls; what is
not ordinary (no spaces, inches, relative, arcs) goes the long way through `gcode.words`.

Positions are those of the file: millimetres, G92 included. Distances of relative moves are summed
with six digits, so that 0.1 and 0.2 make 0.3.

Source: facts/print-host-facts.md 1.3 (ZChange in relative mode), 1.2 (ToolChange), 4.4 (modes).
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final

from msgspec import Struct

from callboard.files.layers import LayerChange, Layers, Point
from callboard.printing.gcode import Command, command, words

__all__ = ["Change", "LayerChange", "Motion", "ToolChange", "ZChange", "count_layers"]

INCH: Final = 25.4
"""Millimetres."""

STILL: Final = 1e-6
"""Millimetres: what moves less than this stands still."""

_NUMBER = r"(-?[0-9]{0,6}\.?[0-9]{1,6})"
_ORDINARY: Final = re.compile(
    rf"G[01](?: F{_NUMBER})?(?: X{_NUMBER})?(?: Y{_NUMBER})?(?: Z{_NUMBER})?(?: E{_NUMBER})?(?: F{_NUMBER})?"
).fullmatch


class ZChange(Struct, frozen=True):
    """A move took the tool to another height, in mm; `old` is None while it was not known."""

    new: float
    old: float | None


class ToolChange(Struct, frozen=True):
    """Another tool was chosen; `old` is None for the job's first."""

    old: int | None
    new: int


Change = ZChange | LayerChange | ToolChange


class Motion:
    """The motion of one job, from nothing: a new job has a new one."""

    __slots__ = (
        "_adds",
        "_e",
        "_e_adds",
        "_f",
        "_inches",
        "_layers",
        "_m83",
        "_plain",
        "_tool",
        "_x",
        "_y",
        "z",
    )

    def __init__(self) -> None:
        self.z: float | None = None
        """The height in mm, None until a line tells it."""
        self._x: float | None = None
        self._y: float | None = None
        self._e = 0.0
        self._f: float | None = None
        self._tool: int | None = None
        self._adds = self._m83 = self._e_adds = self._inches = False
        self._plain = True
        self._layers = Layers()

    @property
    def position(self) -> Mapping[str, float | int | None]:
        """Where the tool is: x, y, z, e in mm, t its number, f in mm/min; None where no line told it."""
        return {"x": self._x, "y": self._y, "z": self.z, "e": self._e, "t": self._tool, "f": self._f}

    def feed(self, command: Command) -> tuple[Change, ...]:
        """Return what a line changes, in the order in which it does."""
        code = command.code
        if code == "G1" or code == "G0":  # noqa: PLR1714 - twice as fast as `in`
            ordinary = _ORDINARY(command.text) if self._plain else None
            if ordinary is None:
                return self._odd_move(command)
            first, x, y, z, e, last = ordinary.groups()
            if first is not None or last is not None:
                self._f = float(last or first)
            return self._go(
                x if x is None else float(x),
                y if y is None else float(y),
                z if z is None else float(z),
                e if e is None else float(e),
            )
        other = _OTHERS.get(code)
        if other is not None:
            return other(self, command)
        return self._choose(int(code[1:])) if code[:1] == "T" else ()

    def end(self) -> tuple[LayerChange, ...]:
        """Return the layer of a job that laid a single line: only its end tells it from a prime line."""
        return self._layers.end()

    def _go(
        self, x: float | None, y: float | None, z: float | None, e: float | None, *via: tuple[float, float]
    ) -> tuple[Change, ...]:
        """Move to absolute x, y and z; `e` is as in the line."""
        changes: tuple[Change, ...] = ()
        old_x, old_y, old_z = self._x, self._y, self.z
        if x is not None:
            self._x = x
        if y is not None:
            self._y = y
        if z is not None and (old_z is None or not -STILL < z - old_z < STILL):
            self.z = z
            self._layers.settled = False
            changes = (ZChange(z, old_z),)
        if e is None or not self._extrudes(e) or self._layers.settled:
            return changes
        if self._x == old_x and self._y == old_y and not via:
            return changes
        return changes + self._lay(old_x, old_y, old_z, via)

    def _extrudes(self, e: float) -> bool:
        if self._e_adds:
            self._e += e
            return e > 0
        more = e > self._e
        self._e = e
        return more

    def _lay(
        self, x: float | None, y: float | None, z: float | None, via: tuple[tuple[float, float], ...]
    ) -> tuple[LayerChange, ...]:
        height = self.z or 0.0
        end: Point = (self._x or 0.0, self._y or 0.0, height)
        start: Point = (end[0] if x is None else x, end[1] if y is None else y, height if z is None else z)
        return self._layers.lay(start, end, *((*point, height) for point in via))

    def _odd_move(self, command: Command) -> tuple[Change, ...]:
        numbers = self._numbers(command)
        if "F" in numbers:
            self._f = numbers["F"]
        x = self._target(numbers.get("X"), self._x)
        y = self._target(numbers.get("Y"), self._y)
        z = self._target(numbers.get("Z"), self.z)
        via: tuple[tuple[float, float], ...] = ()
        if command.code in _ARCS and ("I" in numbers or "J" in numbers):
            across_x, across_y = 2 * numbers.get("I", 0.0), 2 * numbers.get("J", 0.0)
            via = (((self._x or 0.0) + across_x, (self._y or 0.0) + across_y),)
        return self._go(x, y, z, numbers.get("E"), *via)

    def _target(self, number: float | None, was: float | None) -> float | None:
        if number is None or not self._adds:
            return number
        return round((was or 0.0) + number, 6)

    def _numbers(self, command: Command) -> dict[str, float]:
        scale = INCH if self._inches else 1.0
        return {name: number * scale for name, number in words(command) if number is not None}

    def _choose(self, tool: int) -> tuple[Change, ...]:
        old, self._tool = self._tool, tool
        return () if tool == old else (ToolChange(old, tool),)

    def _absolute(self, _: Command) -> tuple[Change, ...]:
        return self._set_modes(adds=False)

    def _relative(self, _: Command) -> tuple[Change, ...]:
        return self._set_modes(adds=True)

    def _absolute_e(self, _: Command) -> tuple[Change, ...]:
        return self._set_modes(m83=False)

    def _relative_e(self, _: Command) -> tuple[Change, ...]:
        return self._set_modes(m83=True)

    def _in_inches(self, _: Command) -> tuple[Change, ...]:
        return self._set_modes(inches=True)

    def _in_millimetres(self, _: Command) -> tuple[Change, ...]:
        return self._set_modes(inches=False)

    def _set_modes(
        self, *, adds: bool | None = None, m83: bool | None = None, inches: bool | None = None
    ) -> tuple[Change, ...]:
        """Set what is given. E is relative in either relative mode: most firmwares read G91 so."""
        self._adds = self._adds if adds is None else adds
        self._m83 = self._m83 if m83 is None else m83
        self._inches = self._inches if inches is None else inches
        self._e_adds = self._adds or self._m83
        self._plain = not (self._adds or self._inches)
        return ()

    def _home(self, command: Command) -> tuple[Change, ...]:
        """Homed axes are at 0; none named are all. The tool's way there is the firmware's: no ZChange."""
        named = {name for name, _ in words(command)} & {"X", "Y", "Z"} or {"X", "Y", "Z"}
        self._place(dict.fromkeys(named, 0.0))
        return ()

    def _rename(self, command: Command) -> tuple[Change, ...]:
        """G92 gives the place where the tool stands other numbers; without any, all become 0."""
        if not command.sub:
            self._place(self._numbers(command) or dict.fromkeys("XYZE", 0.0))
        return ()

    def _place(self, numbers: Mapping[str, float]) -> None:
        self._x = numbers.get("X", self._x)
        self._y = numbers.get("Y", self._y)
        self._e = numbers.get("E", self._e)
        if "Z" in numbers:
            self.z = numbers["Z"]
            self._layers.settled = False


_ARCS: Final = {"G2", "G3"}
_OTHERS: Final[Mapping[str, Callable[[Motion, Command], tuple[Change, ...]]]] = {
    "G2": Motion._odd_move,
    "G3": Motion._odd_move,
    "G5": Motion._odd_move,
    "G20": Motion._in_inches,
    "G21": Motion._in_millimetres,
    "G28": Motion._home,
    "G90": Motion._absolute,
    "G91": Motion._relative,
    "G92": Motion._rename,
    "M82": Motion._absolute_e,
    "M83": Motion._relative_e,
}


def count_layers(lines: Iterable[str]) -> int:
    """Return how many layers a job has, by the rule of LayerChange; comments play no part."""
    motion, layers = Motion(), 0
    for line in lines:
        for change in motion.feed(command(line)):
            if isinstance(change, LayerChange):
                layers = change.layer
    for change in motion.end():
        layers = change.layer
    return layers
