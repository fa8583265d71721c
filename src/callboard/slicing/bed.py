"""The bed that a profile describes, and whether a model stands on it.

Slicers lay G-code for what hangs over the edge, too; only PrusaSlicer refuses it by itself.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from callboard.slicing.slicer import Position

Size = tuple[float, float, float]

_GRACE: Final = 0.1
"""Millimetres over the edge that are none: sizes are rounded."""


class Bed(Struct, frozen=True):
    """A bed in mm, from its low corner to its high one; `height` is 0 where it is not known."""

    low: tuple[float, float]
    high: tuple[float, float]
    height: float = 0.0

    @property
    def middle(self) -> tuple[float, float]:
        """Where a model stands that has no place of its own."""
        (left, front), (right, back) = self.low, self.high
        return (left + right) / 2, (front + back) / 2

    def off(self, position: Position) -> str:
        """Return why a place is none on this bed, as a sentence; nothing if it is one."""
        for axis, at, low, high in zip("xy", (position.x, position.y), self.low, self.high, strict=True):
            if not low <= at <= high:
                return f"position: {axis}={at:g} is not on the bed, which goes from {low:g} to {high:g}."
        return ""

    def outside(self, size: Size, position: Position | None) -> str:
        """Return where a model of a size lies outside of the bed, as a sentence; nothing if nowhere."""
        middle = (position.x, position.y) if position is not None else self.middle
        said = []
        for axis, at, long, low, high in zip("xy", middle, size[:2], self.low, self.high, strict=True):
            first, last = at - long / 2, at + long / 2
            if first < low - _GRACE or last > high + _GRACE:
                said.append(f"{axis}={first:g} to {last:g} on a bed of {low:g} to {high:g}")
        if self.height and size[2] > self.height + _GRACE:
            said.append(f"z={size[2]:g} below a height of {self.height:g}")
        if not said:
            return ""
        where = ", ".join(said)
        return f"The model reaches out of the bed, {where}: scale it, move it, or say the bed in the profile."
