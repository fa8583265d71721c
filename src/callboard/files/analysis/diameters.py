"""The filament's diameter of each tool, as slicers write it in a comment.

    ; filament_diameter = 1.75,2.85     PrusaSlicer, Slic3r, and others made from them
    ; filament_diameter: 1.75
    ; filamentDiameter,1.75             and filamentDiameters|1.75|2.85: Simplify3D
    ;CURA_PROFILE_STRING:eNrtW...       Cura up to 15: the profile, compressed, in base 64

Source: facts/print-host-facts.md 4.4.
"""

from __future__ import annotations

import base64
import binascii
import re
import zlib
from typing import Final

LARGEST: Final = 10.0
"""Millimetres: what is thicker is no filament."""

_MOST_LINES = 1000
_PROFILE_SIZE = 1024 * 1024
_WRITTEN = re.compile(rb"filament_?[Dd]iameters?[ \t]*[=:,|][ \t]*([0-9., \t|;]{1,200})")
_NUMBER = re.compile(rb"[0-9]{1,3}(?:\.[0-9]{1,9})?")
_CURA: Final = b";CURA_PROFILE_STRING:"
_IN_PROFILE = re.compile(rb"filament_diameter([2-9]?)[ \t]*=[ \t]*([0-9]{1,3}(?:\.[0-9]{1,9})?)")


class Diameters:
    """What the comments of a file say; the first that says anything counts."""

    def __init__(self) -> None:
        self._found: tuple[float, ...] = ()
        self._left = _MOST_LINES

    def read(self, text: bytes) -> None:
        """Look at whole lines; costs next to nothing where they don't speak of filament."""
        if self._found or not self._left:
            return
        if b"ilament" in text:
            self._read_written(text)
        if not self._found and _CURA in text:
            self._read_profile(text)

    def of(self, tool: int) -> float:
        """Return a tool's diameter in mm, 0 where it is not known; a single one is that of all tools."""
        if len(self._found) == 1:
            return self._found[0]
        return self._found[tool] if tool < len(self._found) else 0.0

    def _read_written(self, text: bytes) -> None:
        for found in _WRITTEN.finditer(text):
            self._left -= 1
            line = text.rfind(b"\n", 0, found.start()) + 1
            if b";" in text[line : found.start()][:256]:
                self._found = tuple(_thickness(each) for each in _NUMBER.findall(found.group(1)))
            if any(self._found) or not self._left:
                return
            self._found = ()

    def _read_profile(self, text: bytes) -> None:
        start = text.index(_CURA) + len(_CURA)
        coded = text[start : text.find(b"\n", start)].strip()[:_PROFILE_SIZE]
        try:
            profile = zlib.decompressobj().decompress(base64.b64decode(coded), _PROFILE_SIZE)
        except (binascii.Error, ValueError, zlib.error):
            return
        found = {int(number or 1): _thickness(value) for number, value in _IN_PROFILE.findall(profile)}
        if any(found.values()):
            self._found = tuple(found.get(tool, 0.0) for tool in range(1, max(found) + 1))
            if not any(self._found[1:]):
                self._found = self._found[:1]


def _thickness(digits: bytes) -> float:
    value = float(digits)
    return value if value <= LARGEST else 0.0
