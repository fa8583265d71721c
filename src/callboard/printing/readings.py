"""Temperatures and positions in a line of the printer, whichever firmware wrote it. Pure, linear, total.

Source: facts/print-host-facts.md 3.6.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Final, TypeAlias

from callboard.printing.reports import PositionIs

Readings: TypeAlias = Mapping[str, tuple[float, float | None]]
"""{name: (actual, target or None)}, °C."""

_NUMBER: Final = r"[-+]?\d{1,9}+(?:\.\d{0,9}+)?"
# A name begins where a word does, so a line is gone through once however many letters it has.
_ENTRY: Final = re.compile(
    rf"(?<![A-Za-z0-9_@])([A-Z][A-Z0-9_]{{0,31}}+): {{0,2}}({_NUMBER})(?: {{0,2}}/ {{0,2}}({_NUMBER}))?"
)
_SENSOR: Final = re.compile(r"(?<![A-Za-z0-9_@])(?:T\d{0,2}|B): {0,2}[-+]?\d")
_AXIS: Final = re.compile(rf"(?<![A-Za-z0-9_@])([XYZE]|E0): {{0,2}}({_NUMBER})")
_TARGET: Final = re.compile(rf"Target(Extr\d{{1,2}}|Bed|Chamber): {{0,2}}({_NUMBER})")


def temperatures(text: str) -> Readings | None:
    """Return what the sensors read, each at its first occurrence; None where there is no T:, T0: or B:."""
    if ":" not in text or not _SENSOR.search(text):
        return None
    found: dict[str, tuple[float, float | None]] = {}
    for name, actual, target in _ENTRY.findall(text):
        if name not in found:
            found[name] = (float(actual), float(target) if target else None)
    if "A" in found:  # then A, B and C are axes
        found = {name: value for name, value in found.items() if name not in {"A", "B", "C"}}
    for axis in ("X", "Y", "Z", "E"):
        found.pop(axis, None)
    return found or None


def by_tool(readings: Readings, tool: int) -> Readings:
    """Return readings by tool number: a lone T is the current tool's, T beside T1 is T0's."""
    if "T" not in readings:
        return readings
    named = dict(readings)
    lone = named.pop("T")
    if "T0" not in named:
        numbered = any(name[0] == "T" and name[1:].isdigit() for name in named)
        name = "T0" if numbered else f"T{tool}"
        named = {name: lone} | named
    return named


def target(text: str) -> tuple[str, float] | None:
    """Return what Repetier says of a target: `TargetExtr0:210` is ("T0", 210.0)."""
    found = _TARGET.match(text)
    if not found:
        return None
    name = found[1]
    return (f"T{name[4:]}" if name.startswith("Extr") else name[0]), float(found[2])


def position(text: str) -> PositionIs | None:
    """Return the position in the answer to M114 (`X: Y: Z: E:` or `E0:`), or None."""
    if "X:" not in text or "Y:" not in text:
        return None
    found: dict[str, float] = {}
    for axis, number in _AXIS.findall(text):
        found.setdefault(axis, float(number))
    if "X" not in found or "Y" not in found:
        return None
    return PositionIs(found["X"], found["Y"], found.get("Z"), found.get("E", found.get("E0")))
