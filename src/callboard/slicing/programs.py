"""Which slicers there are on this machine: looked up anew each time, since they come and go."""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from pathlib import Path

from callboard.config import Slicing as Settings
from callboard.slicing.curaengine import CuraEngine
from callboard.slicing.prusaslicer import PrusaSlicer
from callboard.slicing.refusals import NoSuchSlicer
from callboard.slicing.slic3r import Slic3r
from callboard.slicing.slicer import Slicer


class Programs:
    """The kinds of slicers, and their programs."""

    def __init__(self, settings: Settings) -> None:
        known: tuple[Slicer, ...] = (PrusaSlicer(), CuraEngine(settings.cura_resources), Slic3r())
        self.slicers: Mapping[str, Slicer] = {slicer.name: slicer for slicer in known}
        self._settings = settings

    def slicer(self, name: str) -> Slicer:
        """Return a kind of slicer; without a name the default one. Raises NoSuchSlicer."""
        name = name or self.default()
        if name not in self.slicers:
            raise NoSuchSlicer(f"There is no slicer {name[:80]!r}: there are {', '.join(self.slicers)}.")
        return self.slicers[name]

    def default(self) -> str:
        """Return the slicer that is meant when none is named: the first that is there. Raises NoSuchSlicer.

        One that the configuration names never gives way to the next when it is missing: that one has other
        profiles, or none.
        """
        if self._settings.default:
            return self._settings.default
        for name in self.slicers:
            why = self.why_not(name)
            if not why:
                return name
            if self._settings.program(name):
                raise NoSuchSlicer(f"{why} Mend that, or name another slicer.")
        raise NoSuchSlicer(
            "No slicer is installed: install prusa-slicer, slic3r or CuraEngine with Cura's definitions,"
            " or name its path under `slicing` in the configuration."
        )

    def lacking(self) -> list[str]:
        """Return why slicers that the configuration names can't be used here, a sentence each."""
        meant = [
            name for name in self.slicers if name == self._settings.default or self._settings.program(name)
        ]
        return [why for name in meant if (why := self.why_not(name))]

    def program(self, name: str) -> str:
        """Return the path of a slicer's program. Raises NoSuchSlicer when it can't slice here."""
        why = self.why_not(name)
        if why:
            raise NoSuchSlicer(why)
        return str(Path(self._find(name)).absolute())

    def why_not(self, name: str) -> str:
        """Return why a slicer can't be used here, as a sentence; nothing if it can."""
        slicer, named = self.slicers[name], self._settings.program(name)
        program = self._find(name)
        if not program and named:
            return f"slicing.{name} names {named}, where there is no program."
        if not program:
            return f"{slicer.title} is not installed: install it, or set slicing.{name} to its path."
        return slicer.missing()

    def _find(self, name: str) -> str:
        named = self._settings.program(name)
        words = (str(Path(named).expanduser()),) if named else self.slicers[name].programs
        return next((found for word in words if (found := shutil.which(word))), "")


def at_once(settings: Settings) -> int:
    """Return how many models are sliced at once: slicers use several cores themselves."""
    return settings.parallel or max((os.cpu_count() or 1) // 2, 1)
