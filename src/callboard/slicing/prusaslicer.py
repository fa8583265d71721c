"""PrusaSlicer, through its command line (2.4 and later; SuperSlicer answers to the same words).

Its percentages come from the program itself: `70 => Infilling layers`.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from callboard.slicing import inifile
from callboard.slicing.bed import Bed
from callboard.slicing.slicer import TOLD, Command, Settings, Work, ended, first_with, tidy

_STEP: Final = re.compile(r"(\d{1,3}) => ", re.ASCII)

_KNOWN: Final[Mapping[str, str]] = {
    "could not fit on the bed": "The model is larger than the bed: scale it, or set bed_shape.",
    "no object is fully inside": "The model does not stand on the bed: look at its place and its size.",
    "outside of the print volume": "The model does not fit into the print volume: scale it, or lower it.",
    "Loading of a model file failed": "PrusaSlicer can't read this model: export it anew as STL.",
    "There is an object with no extrusions": "Nothing of this can be printed: it is too thin or too small.",
    "No layers were detected": "Nothing of this model can be printed: it is too flat, or upside down.",
    "The print is empty": "Nothing of this model can be printed: it is too small for these settings.",
    "No such file": "The model was removed while it was sliced.",
    "bad_alloc": "There is not enough memory for this model: simplify it.",
    "No space left on device": "The disk is full: make room and slice it again.",
}


class PrusaSlicer:
    """PrusaSlicer's command line."""

    name = "prusaslicer"
    title = "PrusaSlicer"
    programs: Sequence[str] = ("prusa-slicer", "PrusaSlicer", "prusa-slicer-console", "superslicer")
    progress_available = True
    layer_mark = b""
    asked: Sequence[str] = ("--save", TOLD, "--help-fff", "--datadir", "data")

    def missing(self) -> str:
        """It brings all it needs."""
        return ""

    def read_profile(self, text: bytes) -> dict[str, str]:
        """Return the settings of File > Export > Export Config."""
        return inifile.read(text)

    def left_out(self, text: bytes) -> list[str]:
        """Return what starts programs, or is ours to say."""
        return inifile.left_out(text)

    def known(self, told: str, _settings: Settings) -> frozenset[str]:
        """Return the names in the configuration that it saved, and of its print options.

        What its help says before them are actions, such as `--load`: no settings.
        """
        saved, mark, options = told.partition("\nPrint options")
        return inifile.names(saved.partition("\nUsage:")[0] if mark else saved) | inifile.names(options)

    def bed(self, settings: Settings) -> Bed:
        """Return the bed of `bed_shape`."""
        return inifile.bed(settings)

    def check(self, settings: Settings) -> None:
        """Refuse what starts programs."""
        inifile.check(settings)

    def command(self, work: Work) -> Command:
        """Return the command: settings go through a file, so that none of them can be an option."""
        words = [work.program, "--load", "settings.ini", "--export-gcode", "--output", work.out.name]
        if work.position is not None:
            words += ["--center", f"{work.position.x:.3f},{work.position.y:.3f}"]
        files = {"settings.ini": inifile.written(work.settings) or "\n"}
        return Command(words=[*words, "--datadir", "data", work.model.name], files=files)

    def progress(self, line: str) -> float | None:
        """Return the percentage that begins a line; its exporting begins at 90 whatever comes."""
        found = _STEP.match(line)
        return min(float(found[1]), 99.0) if found else None

    def reason(self, code: int, lines: Sequence[str]) -> str:
        """Return what is known of an error, else what it said last."""
        known = first_with(lines, _KNOWN)
        said = tidy(inifile.last_words(lines).rpartition("what():")[2])
        if known or not said or said.startswith("terminate called"):
            return known or ended(self.title, code)
        return f"{self.title} can't slice this: {said}."
