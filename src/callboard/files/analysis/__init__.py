"""What a G-code file will do: its time, filament, place and layers, without printing it.

    file -> blocks (whole lines, bounded) -> tokens (arrays of numbers) -> axes, moves (where, how far)
         -> measures (areas, filament), heights (layers), planner (time with acceleration) -> Analysis

All of it is NumPy over whole blocks, with the state carried from one to the next: a 100 MB file takes
about a second, and memory does not grow with the file. `python -m callboard.files.analysis FILE` does
it in a process of its own.

Source: facts/print-host-facts.md 4.4.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from callboard.errors import CallboardError, MissingExtra

BLOCK: Final = 1 << 19
"""Bytes that are looked at together: their arrays fit a processor's cache."""


class NotGcode(CallboardError):
    """This file is no G-code: choose one that a slicer made for a printer."""


class Analyser(Struct, frozen=True):
    """How a file is read, where printers differ."""

    feed: float = 6000.0
    """Millimetres a minute until the file sets another."""
    acceleration: bool = False
    """Whether time is told with acceleration; without, as the reference does, each move has full speed."""
    g90_extruder: bool = False
    """Whether G90 and G91 set the mode of E too."""
    bed: float = 0.0
    """The height of the bed, to which areas reach, in mm."""
    tools: int = 64
    """Tools that a printer may have: what T chooses beyond is passed over."""


USUAL: Final = Analyser()
"""As the reference reads files."""


class Analysis(Struct, frozen=True):
    """What a file will do: lengths in mm, volumes in cm^3, seconds."""

    estimated_print_time: float
    filament: Mapping[str, Mapping[str, float]]
    printing_area: Mapping[str, float]
    travel_area: Mapping[str, float]
    dimensions: Mapping[str, float]
    travel_dimensions: Mapping[str, float]
    layers: int
    timeline: tuple[float, ...]
    """The seconds at which each percent of the file's bytes is done, from 0 to 100; () if it is empty."""
    empty: bool = False
    """True if nothing is printed: areas and dimensions are all zero."""

    def result(self) -> dict[str, Any]:
        """Return it with the keys that others know: `result` of octoprint.MetadataAnalysisFinished."""
        found: dict[str, Any] = {
            "estimatedPrintTime": self.estimated_print_time,
            "filament": {tool: dict(used) for tool, used in self.filament.items()},
            "printingArea": dict(self.printing_area),
            "travelArea": dict(self.travel_area),
            "dimensions": dict(self.dimensions),
            "travelDimensions": dict(self.travel_dimensions),
            "layers": self.layers,
            "timeline": list(self.timeline),
        }
        return found | {"_empty": True} if self.empty else found


def analyse(
    path: Path,
    settings: Analyser = USUAL,
    progress: Callable[[float], None] | None = None,
    *,
    block: int = BLOCK,
) -> Analysis:
    """Return what the file at `path` will do; `progress` is told how much of it is read, 0 to 1.

    Raises NotGcode, OSError, or MissingExtra where NumPy is missing.
    """
    try:
        from callboard.files.analysis.reading import Reading
    except ModuleNotFoundError as error:
        raise MissingExtra("Analysing G-code needs NumPy: pip install 'callboard[print]'.") from error
    with path.open("rb", buffering=0) as file:
        return Reading(settings, file, block).read(progress)
