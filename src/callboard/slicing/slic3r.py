"""Slic3r 1.3, through its command line.

It tells which step it is at, not how far, so its progress counts as not available; the bar moves all the
same: a step counts as much as PrusaSlicer, its grandchild, says.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from callboard.slicing import inifile
from callboard.slicing.bed import Bed
from callboard.slicing.slicer import TOLD, Command, Position, Settings, Work, ended, first_with, tidy

_STEPS: Final[Mapping[str, float]] = {
    "=> Processing triangulated mesh": 10.0,
    "=> Generating perimeters": 20.0,
    "=> Preparing infill": 30.0,
    "=> Infilling layers": 70.0,
    "=> Generating support material": 85.0,
    "=> Generating skirt": 88.0,
    "=> Generating brim": 89.0,
    "=> Exporting G-code": 90.0,
}

_KNOWN: Final[Mapping[str, str]] = {
    "Error while reading": "Slic3r can't read this model: export it anew as STL.",
    "No such file": "The model was removed while it was sliced.",
    "No objects to slice": "There is nothing in this model to slice.",
    "The print is empty": "Nothing of this model can be printed: it is too small for these settings.",
    "Out of memory": "There is not enough memory for this model: simplify it.",
    "No space left on device": "The disk is full: make room and slice it again.",
}


class Slic3r:
    """Slic3r's command line."""

    name = "slic3r"
    title = "Slic3r"
    programs: Sequence[str] = ("slic3r", "slic3r.pl", "Slic3r")
    progress_available = False
    layer_mark = b""
    asked: Sequence[str] = ("--no-gui", "--save", TOLD, "--datadir", "data")

    def missing(self) -> str:
        """It brings all it needs."""
        return ""

    def read_profile(self, text: bytes) -> dict[str, str]:
        """Return the settings of File > Export Config."""
        return inifile.read(text)

    def left_out(self, text: bytes) -> list[str]:
        """Return what starts programs, or is ours to say."""
        return inifile.left_out(text)

    def known(self, told: str, _settings: Settings) -> frozenset[str]:
        """Return the names in the configuration that it saved."""
        return inifile.names(told)

    def bed(self, settings: Settings) -> Bed:
        """Return the bed of `bed_shape`."""
        return inifile.bed(settings)

    def check(self, settings: Settings) -> None:
        """Refuse what starts programs."""
        inifile.check(settings)

    def command(self, work: Work) -> Command:
        """Return the command; unlike PrusaSlicer it does not look for the bed's middle by itself."""
        words = [work.program, "--no-gui", "--load", "settings.ini", "--output", work.out.name]
        place = work.position or Position(*inifile.bed(work.settings).middle)
        words += ["--print-center", f"{place.x:.3f},{place.y:.3f}"]
        files = {"settings.ini": inifile.written(work.settings) or "\n"}
        return Command(words=[*words, "--datadir", "data", work.model.name], files=files)

    def progress(self, line: str) -> float | None:
        """Return how far the step is that a line names."""
        return next((percent for step, percent in _STEPS.items() if line.startswith(step)), None)

    def reason(self, code: int, lines: Sequence[str]) -> str:
        """Return what is known of an error, else what it said last."""
        known = first_with(lines, _KNOWN)
        said = tidy(inifile.last_words(lines))
        return known or (f"{self.title} can't slice this: {said}." if said else ended(self.title, code))
