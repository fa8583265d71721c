"""Slices small models with three slicers, and writes down how many layers each says that it made.

    apt-get install --no-install-recommends prusa-slicer slic3r cura-engine
    apt-get download cura && dpkg -x cura_*.deb cura   # only its definitions are needed
    python tests/printing/sliced/make.py cura/usr/share/cura/resources

Each print becomes NAME.gcode.gz as its slicer wrote it, and a row of layers.json: which slicer, and how many
layers it says there are. The slicers say it in comments, which tests/printing/test_motion.py takes away.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from msgspec import Struct

HERE = Path(__file__).parent

Vertex = tuple[float, float, float]
Facet = tuple[Vertex, Vertex, Vertex]

PRIME_ABOVE = (
    "G28\nG1 Z2 F3000\nG1 X1 Y20 Z0.3 F5000\nG1 X1 Y120 E15 F1500\nG1 X1.4\nG1 Y20 E30\nG92 E0\nG1 Z2"
)
"""The usual start of the Ender: two lines at 0.3, above a first layer at 0.2."""
PRIME_BELOW = "G28 W\nG1 Y-3 F1000\nG92 E0\nG1 Z0.2\nG1 X60 E9 F1000\nG1 X100 E12.5 F1000\nG92 E0"
"""The usual start of the MK3: a line at 0.2, below a first layer at 0.35."""
PRIME_RELATIVE = "G28\nM83\nG1 X0 Y-2 Z0.15 F3000\n" + "\n".join(
    f"G1 X{10 * at} E{0.5 + at / 10:.1f}" for at in range(1, 11)
)
"""A line in ten pieces with growing flow, extruder relative."""


class Print(Struct, frozen=True):
    """One print: its slicer's arguments (`{model}` is a model's path), and its models."""

    slicer: str
    models: Sequence[str]
    options: Mapping[str, str | None]


def _box(x: float, y: float, width: float, depth: float, height: float) -> list[Facet]:
    low, high = ((x, y), (x + width, y), (x + width, y + depth), (x, y + depth)), height
    return _prism(low, low, high)


def _prism(
    low: Sequence[tuple[float, float]], high: Sequence[tuple[float, float]], height: float
) -> list[Facet]:
    """Return a solid between two rings of as many points, counterclockwise, at 0 and at `height`."""
    bottom = [(x, y, 0.0) for x, y in low]
    top = [(x, y, height) for x, y in high]
    facets: list[Facet] = []
    for at in range(len(low)):
        after = (at + 1) % len(low)
        facets += [(bottom[at], bottom[after], top[after]), (bottom[at], top[after], top[at])]
    for at in range(1, len(low) - 1):
        facets += [(bottom[0], bottom[at + 1], bottom[at]), (top[0], top[at], top[at + 1])]
    return facets


def _ring(radius: float, corners: int) -> list[tuple[float, float]]:
    turns = [2 * math.pi * at / corners for at in range(corners)]
    return [(radius * math.cos(turn), radius * math.sin(turn)) for turn in turns]


MODELS: Mapping[str, Callable[[], list[Facet]]] = {
    "cube": lambda: _box(0, 0, 10, 10, 10),
    "two": lambda: [*_box(0, 0, 6, 6, 3), *_box(14, 0, 6, 6, 6)],
    "cone": lambda: _prism(_ring(6, 8), _ring(0.8, 8), 7),
    "vase": lambda: _prism(_ring(9, 16), _ring(11, 16), 6),
    "wide": lambda: [
        *_box(0, 0, 4, 4, 5),
        *_prism([(4, 0), (4.001, 0), (4.001, 4), (4, 4)], [(3.9, 0), (9, 0), (9, 4), (3.9, 4)], 5),
    ],
}


def _stl(facets: Sequence[Facet]) -> str:
    lines = ["solid model"]
    for facet in facets:
        lines += ["facet normal 0 0 0", "outer loop"]
        lines += [f"vertex {x:.5f} {y:.5f} {z:.5f}" for x, y, z in facet]
        lines += ["endloop", "endfacet"]
    return "\n".join([*lines, "endsolid model", ""])


_THIN = {"layer-height": "0.2", "first-layer-height": "0.2", "fill-density": "10%", "skirts": "1"}
_VASE = {"spiral-vase": None, "perimeters": "1", "fill-density": "0", "top-solid-layers": "0"}
_TWO_TOOLS = {
    "single-extruder-multi-material": None,
    "wipe-tower": None,
    "wipe-tower-x": "130",
    "wipe-tower-y": "100",
    "wipe-tower-width": "20",
    "nozzle-diameter": "0.4,0.4",
    "filament-diameter": "1.75,1.75",
    "retract-lift": "0.4,0.4",
    "use-relative-e-distances": None,
    "layer-gcode": "G92 E0",
    "gcode-flavor": "marlin",
}
_CURA = {
    "layer_height": "0.2",
    "layer_height_0": "0.2",
    "infill_line_distance": "4",
    "adhesion_type": "skirt",
}

PRINTS: Mapping[str, Print] = {
    "prusa-cube-prime-above": Print(
        "prusa-slicer", ["cube"], {**_THIN, "start-gcode": PRIME_ABOVE, "use-relative-e-distances": None}
    ),
    "prusa-cube-prime-below": Print(
        "prusa-slicer",
        ["cube"],
        {**_THIN, "first-layer-height": "0.35", "start-gcode": PRIME_BELOW, "retract-lift": "0.6"},
    ),
    "prusa-cone-hop": Print("prusa-slicer", ["cone"], {**_THIN, "retract-lift": "0.2", "wipe": None}),
    "prusa-two-parts": Print(
        "prusa-slicer", ["two"], {**_THIN, "retract-lift": "0.4", "use-firmware-retraction": None}
    ),
    "prusa-sequential": Print(
        "prusa-slicer",
        ["cube"],
        {
            **_THIN,
            "layer-height": "0.3",
            "complete-objects": None,
            "duplicate": "2",
            "skirts": "0",
            "retract-lift": "1",
        },
    ),
    "prusa-vase": Print("prusa-slicer", ["vase"], {**_THIN, "first-layer-height": "0.3", **_VASE}),
    "prusa-raft": Print(
        "prusa-slicer", ["wide"], {**_THIN, "raft-layers": "3", "support-material": None, "brim-width": "2"}
    ),
    "prusa-volumetric": Print(
        "prusa-slicer", ["two"], {**_THIN, "use-volumetric-e": None, "start-gcode": PRIME_RELATIVE}
    ),
    "prusa-wipe-tower-lagging": Print(
        "prusa-slicer",
        ["two"],
        {
            **_THIN,
            **_TWO_TOOLS,
            "solid-infill-extruder": "2",
            "solid-infill-below-area": "0",
            "wipe-tower-no-sparse-layers": None,
        },
    ),
    "prusa-vase-bare": Print(
        "prusa-slicer",
        ["vase"],
        {
            **_THIN,
            **_VASE,
            "first-layer-height": "0.3",
            "layer-height": "0.25",
            "bottom-solid-layers": "0",
            "skirts": "0",
        },
    ),
    "slic3r-cube-prime-above": Print("slic3r", ["cube"], {**_THIN, "start-gcode": PRIME_ABOVE}),
    "slic3r-cone-hop": Print(
        "slic3r", ["cone"], {**_THIN, "retract-lift": "0.2", "use-relative-e-distances": None}
    ),
    "slic3r-sequential": Print(
        "slic3r",
        ["two"],
        {
            **_THIN,
            "complete-objects": None,
            "duplicate": "2",
            "retract-lift": "0.5",
            "extruder-clearance-radius": "10",
        },
    ),
    "slic3r-vase": Print("slic3r", ["vase"], {**_THIN, **_VASE, "start-gcode": PRIME_BELOW}),
    "slic3r-raft": Print("slic3r", ["two"], {**_THIN, "raft-layers": "2", "use-firmware-retraction": None}),
    "cura-cube-prime-above": Print("CuraEngine", ["cube"], {**_CURA, "machine_start_gcode": PRIME_ABOVE}),
    "cura-cone-hop": Print(
        "CuraEngine",
        ["cone"],
        {**_CURA, "retraction_hop_enabled": "true", "retraction_hop": "0.2", "retraction_combing": "off"},
    ),
    "cura-two-parts-relative": Print(
        "CuraEngine",
        ["two"],
        {
            **_CURA,
            "relative_extrusion": "true",
            "retraction_hop_enabled": "true",
            "machine_start_gcode": PRIME_RELATIVE,
            "layer_height_0": "0.3",
        },
    ),
    "cura-sequential": Print("CuraEngine", ["two", "cone"], {**_CURA, "layer_height_0": "0.27"}),
    "cura-vase": Print("CuraEngine", ["vase"], {**_CURA, "magic_spiralize": "true"}),
    "cura-raft": Print(
        "CuraEngine",
        ["two"],
        {**_CURA, "adhesion_type": "raft", "raft_surface_layers": "2", "layer_0_z_overlap": "0.15"},
    ),
    "cura-adaptive": Print(
        "CuraEngine",
        ["cone"],
        {**_CURA, "adaptive_layer_height_enabled": "true", "adaptive_layer_height_variation": "0.1"},
    ),
}


def _slic3r(one: Print, models: Sequence[Path], out: Path) -> list[str]:
    """Return the command for Slic3r and PrusaSlicer, which still share their options."""
    words = [one.slicer, "--gcode-comments", *(["--export-gcode"] if one.slicer == "prusa-slicer" else [])]
    for name, value in one.options.items():
        text = None if value is None else value.replace("\n", "\\n")
        words += [f"--{name}"] if text is None else [f"--{name}", text]
    return [*words, "--output", str(out), *map(str, models)]


def _cura(one: Print, models: Sequence[Path], out: Path) -> list[str]:
    settings = {"roofing_layer_count": "0", "flooring_layer_count": "0", **one.options}
    words = [one.slicer, "slice", "-j", "fdmprinter.def.json"]
    for name, value in settings.items():
        words += ["-s", f"{name}={value}"]
    words += ["-o", str(out)]
    for at, model in enumerate(models):
        words += [*(["--next"] if at else []), "-l", str(model)]
        words += ["-s", f"mesh_position_x={60 * at}"]
    return words


def _count(slicer: str, text: str) -> int:
    """Return how many layers the slicer itself says that it has made."""
    if slicer == "prusa-slicer":
        return len(re.findall(r"^;LAYER_CHANGE$", text, re.MULTILINE))
    if slicer == "CuraEngine":
        return len(re.findall(r"^;LAYER:-?\d+$", text, re.MULTILINE))
    return len(re.findall(r"; move to next layer \(\d+\)$", text, re.MULTILINE))


def _purges(slicer: str, text: str) -> int:
    """Return how many heights lie above the last layer, where PrusaSlicer empties the nozzle on its tower."""
    if slicer != "prusa-slicer":
        return 0
    after = text[text.rindex("\n;LAYER_CHANGE\n") :]
    return max(len(re.findall(r"; move to next layer \(\d+\)$", after, re.MULTILINE)) - 1, 0)


def _slice(one: Print, folder: Path, resources: Path) -> str:
    models = []
    for name in one.models:
        models.append(folder / f"{name}.stl")
        models[-1].write_text(_stl(MODELS[name]()))
    out = folder / "out.gcode"
    words = (_cura if one.slicer == "CuraEngine" else _slic3r)(one, models, out)
    search = f"{resources / 'definitions'}:{resources / 'extruders'}"
    environment = {**os.environ, "CURA_ENGINE_SEARCH_PATH": search}
    done = subprocess.run(
        words, check=False, capture_output=True, text=True, cwd=resources / "definitions", env=environment
    )
    if done.returncode or not out.exists():
        raise SystemExit(f"{' '.join(words)}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}")
    return out.read_text()


def main(resources: Path, *only: str) -> None:
    """Make all prints anew, or those that are named."""
    path = HERE / "layers.json"
    rows = json.loads(path.read_text()) if only and path.exists() else {}
    for name, one in PRINTS.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory() as folder:
            text = _slice(one, Path(folder), resources)
        layers, purges = _count(one.slicer, text), _purges(one.slicer, text)
        rows[name] = {"slicer": one.slicer, "layers": layers, "purges": purges}
        (HERE / f"{name}.gcode.gz").write_bytes(gzip.compress(text.encode(), 9, mtime=0))
        print(name, rows[name]["layers"], len(text))
    path.write_text(json.dumps(dict(sorted(rows.items())), indent=1) + "\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]).resolve(), *sys.argv[2:])
