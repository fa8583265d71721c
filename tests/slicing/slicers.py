"""Which real slicers tests may use here, and programs that behave as no slicer should."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Final

import pytest

from callboard.slicing.curaengine import PLACES

ROOT: Final = Path(__file__).parents[2]
PROGRAMS: Final = {"prusaslicer": "prusa-slicer", "curaengine": "CuraEngine", "slic3r": "slic3r"}
SLICERS: Final = tuple(PROGRAMS)


def cura_resources() -> str | None:
    """Return where Cura's definitions are: where it installs them, or where ./dev put Debian's."""
    named = os.environ.get("CURA_RESOURCES")
    places = [*([named] if named else []), *PLACES, str(ROOT / ".venv/cura/usr/share/cura/resources")]
    return next((at for at in places if Path(at, "definitions/fdmprinter.def.json").is_file()), None)


def why_not(slicer: str) -> str:
    """Return why a real slicer can't be used here; nothing if it can."""
    if shutil.which(PROGRAMS[slicer]) is None:
        return f"{PROGRAMS[slicer]} is not installed: ./dev test as root on Debian does it"
    if slicer == "curaengine" and cura_resources() is None:
        return "Cura's definitions are not here: ./dev test on Debian fetches them"
    return ""


def need(slicer: str) -> None:
    """Skip a test whose slicer is not here."""
    why = why_not(slicer)
    if why:
        pytest.skip(why)


SETTINGS: Final = {
    "prusaslicer": {"layer_height": "0.3", "fill_density": "10%", "skirts": "0"},
    "slic3r": {"layer_height": "0.3", "fill_density": "10%", "skirts": "0"},
    "curaengine": {
        "layer_height": "0.3",
        "infill_line_distance": "4",
        "adhesion_type": "none",
        "machine_width": "200",
        "machine_depth": "200",
    },
}
"""The same print for each of them."""


def program(folder: Path, body: str, name: str = "fake-slicer") -> Path:
    """Write a program that is called as PrusaSlicer is; `body` is its shell, `$out` what it shall write."""
    path = folder / name
    path.write_text(f"#!/bin/sh\nout=out.gcode\n{body}\n")
    path.chmod(0o755)
    return path


GOOD: Final = 'printf "; made\\nG28\\nG1 Z0.2 F600\\nG1 X10 E1 F600\\n" >"$out"'
CRASHES: Final = "kill -SEGV $$"
FAILS: Final = 'echo "Layer height can\'t be greater than nozzle diameter"; exit 1'
SILENT: Final = "exit 3"
WRITES_NOTHING: Final = "exit 0"
HANGS: Final = 'echo "10 => Processing"; touch began; exec sleep 600'
HANGS_WITH_CHILDREN: Final = 'sleep 600 & echo $! >../../../child; touch began; trap "" TERM; wait'
WRITES_TOO_MUCH: Final = 'exec yes "G1 X1 Y1 E1" >"$out"'
