"""Analysis of a large G-code file beside OctoPrint's own: time, memory, and whether both find the same.

The file is what a real slicer made of a vase, its layers repeated up to 100 MB. Both run as programs of
their own, one after the other, unthrottled; time and memory are what the system counts for each process.
"""

from __future__ import annotations

import gzip
import json
import math
import os
import shutil
import statistics
import struct
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hooking import PEERS, install

SIZE = 100_000_000
KEPT = Path(__file__).parent.parent / "tests/printing/sliced/prusa-sequential.gcode.gz"
"""What is repeated where no PrusaSlicer is installed."""


@dataclass(frozen=True)
class Ran:
    """What a program wrote, and what it took."""

    out: str
    seconds: float
    cpu: float
    megabytes: float


_LAUNCH = """
import json, os, subprocess, sys, time
began = time.perf_counter()
process = subprocess.Popen(sys.argv[2:], stdout=open(sys.argv[1], "wb"), stderr=subprocess.DEVNULL)
_, status, used = os.wait4(process.pid, 0)
seconds = time.perf_counter() - began
print(json.dumps([status, seconds, used.ru_utime + used.ru_stime, used.ru_maxrss / 1024]))
"""
"""A small program to start others from: a child's peak memory is at least that of who starts it."""


def ran(*command: str) -> Ran:
    with tempfile.NamedTemporaryFile() as out:
        launch = [sys.executable, "-S", "-c", _LAUNCH, out.name, *command]
        told = subprocess.run(launch, check=True, capture_output=True, timeout=1200).stdout
        status, seconds, cpu, megabytes = json.loads(told)
        if status:
            raise RuntimeError(f"{command} ended with {os.waitstatus_to_exitcode(status)}")
        return Ran(Path(out.name).read_text(), seconds, cpu, megabytes)


def vase(path: Path, around: int = 360, up: int = 120) -> None:
    """Write an STL: a ribbed, twisted vase, 100 mm high."""

    def point(turn: int, level: int) -> tuple[float, float, float]:
        angle, share = math.tau * turn / around, level / up
        radius = 30 + 8 * math.sin(3 * share) + 2 * math.sin(24 * angle + 6 * share)
        return radius * math.cos(angle), radius * math.sin(angle), 100 * share

    faces = []
    for turn in range(around):
        for level in range(up):
            one, two = point(turn, level), point(turn + 1, level)
            three, four = point(turn + 1, level + 1), point(turn, level + 1)
            faces += [(one, two, three), (one, three, four)]
        faces.append(((0.0, 0.0, 0.0), point(turn + 1, 0), point(turn, 0)))
        faces.append(((0.0, 0.0, 100.0), point(turn, up), point(turn + 1, up)))
    packed = b"".join(
        struct.pack("<12fH", 0, 0, 0, *(number for corner in face for number in corner), 0) for face in faces
    )
    path.write_bytes(bytes(80) + struct.pack("<I", len(faces)) + packed)


def sliced(folder: Path) -> tuple[bytes, str]:
    """Return what a slicer made, and which one."""
    program = shutil.which("prusa-slicer")
    if program is None:
        return gzip.decompress(KEPT.read_bytes()), "PrusaSlicer (a small print, kept in tests)"
    vase(folder / "vase.stl")
    options = (
        "--layer-height",
        "0.1",
        "--fill-density",
        "20%",
        "--retract-lift",
        "0.4",
        "--center",
        "100,100",
    )
    command = [program, "--export-gcode", *options, "--output", "vase.gcode", "vase.stl"]
    subprocess.run(command, check=True, cwd=folder, capture_output=True, timeout=600)
    return (folder / "vase.gcode").read_bytes(), "PrusaSlicer"


def enlarge(text: bytes, size: int, path: Path) -> None:
    """Write a print with its layers repeated until there are `size` bytes."""
    begin, end = text.index(b";LAYER_CHANGE"), text.index(b"\n; filament used [mm]")
    body = text[begin:end] + b"\nG92 E0\n"
    with path.open("wb") as file:
        file.write(text[:begin])
        for _ in range(size // len(body)):
            file.write(body)
        file.write(body[: body.rindex(b"\n", 0, size % len(body) + 100) + 1])
        file.write(text[end:])


def ours(path: Path, *options: str) -> Ran:
    return ran(sys.executable, "-m", "callboard.files.analysis", *options, str(path))


def theirs(path: Path) -> Ran:
    return ran(str(PEERS / "octoprint/bin/octoprint"), "analysis", "gcode", str(path))


def numbers(out: str) -> dict[str, float]:
    """Return the peer's result by the names that it has in ours: {"printingArea.minX": ...}."""
    from ruamel.yaml import YAML

    found = YAML(typ="safe").load(out.partition("RESULTS:")[2])
    told = {"estimatedPrintTime": found["total_time"] * 60}
    for tool, (length, volume) in enumerate(
        zip(found["extrusion_length"], found["extrusion_volume"], strict=True)
    ):
        told |= {f"filament.tool{tool}.length": length, f"filament.tool{tool}.volume": volume}
    for name in ("printing_area", "travel_area", "dimensions", "travel_dimensions"):
        first, _, second = name.partition("_")
        told |= {f"{first}{second.capitalize()}.{key}": value for key, value in found[name].items()}
    return told


def different(mine: Ran, peer: Ran) -> list[str]:
    """Return the fields in which both differ by more than one in 100,000."""
    result = json.loads(mine.out.splitlines()[-1])["result"]

    def of(name: str) -> float:
        value: Any = result
        for part in name.split("."):
            value = value[part]
        return float(value)

    found = numbers(peer.out)
    return [
        f"{name} {of(name)} {told}"
        for name, told in found.items()
        if abs(of(name) - told) > 1e-5 * max(1, told)
    ]


def run(quick: bool) -> list[dict[str, Any]]:
    """Run everything; `quick` only shows that it works, without OctoPrint unless it is there."""
    version = install() if not quick or (PEERS / "octoprint").exists() else "none: quick"
    repeats = 1 if quick else 3
    with tempfile.TemporaryDirectory() as made:
        path = Path(made, "large.gcode")
        text, slicer = sliced(Path(made))
        enlarge(text, SIZE // 20 if quick else SIZE, path)
        ours(path)
        mine, peers, planned = [], [], []
        for _ in range(repeats):
            mine.append(ours(path))
            planned.append(ours(path, "--settings", '{"acceleration": true}'))
            if not version.startswith("none"):
                peers.append(theirs(path))
            print(
                f"  ours {mine[-1].seconds:.2f} s, {peers[-1].seconds if peers else 0:.1f} s OctoPrint",
                flush=True,
            )
        size = path.stat().st_size / 1e6
    fields = "" if not peers else _compared(mine[0], peers[0])
    note = f"by {slicer}; OctoPrint {version}, unthrottled; {fields}"
    return list(_rows(f"{size:.0f} MB", mine, planned, peers, note))


def _compared(mine: Ran, peer: Ran) -> str:
    wrong = different(mine, peer)
    return (
        f"they differ: {', '.join(wrong)}" if wrong else f"all {len(numbers(peer.out))} fields are the same"
    )


def _rows(
    size: str, mine: list[Ran], planned: list[Ran], peers: list[Ran], note: str
) -> Iterator[dict[str, Any]]:
    for name, runs, goal in (
        (f"analysis of {size}", mine, "20 times as fast"),
        (f"analysis of {size}, time with acceleration", planned, ""),
    ):
        ratios = sorted(peer.cpu / one.cpu for one, peer in zip(runs, peers, strict=False))
        clock = sorted(peer.seconds / one.seconds for one, peer in zip(runs, peers, strict=False))
        yield {
            "name": name,
            "ours": statistics.median(one.cpu for one in runs),
            "peer": f"OctoPrint {statistics.median(one.cpu for one in peers):.1f} s" if peers else "-",
            "ratio": statistics.median(ratios) if peers else "",
            "spread": f"{ratios[0]:.1f} - {ratios[-1]:.1f}" if peers else "",
            "goal": goal,
            "unit": "CPU seconds",
            "note": f"{note}; by the clock {statistics.median(clock):.1f} times" if peers else note,
        }
    most = max(one.megabytes for one in [*mine, *planned])
    yield {
        "name": f"analysis of {size}, peak memory",
        "ours": most,
        "peer": f"OctoPrint {max(one.megabytes for one in peers):.0f} MB" if peers else "-",
        "ratio": most / 300,
        "spread": f"{min(one.megabytes for one in mine):.0f} - {most:.0f} MB",
        "goal": "under 300 MB",
        "unit": "MB resident",
        "note": "with and without acceleration",
    }


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
