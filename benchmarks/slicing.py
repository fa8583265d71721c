"""Slicing through the hub beside the slicer alone: how much longer a job takes than its slicer runs.

Ours is from the request to SlicingDone: the model is checked, the slicer run, and its G-code copied, hashed
and stored for good. The peer is the time of that very run of the slicer, noted by a script around it: two
runs, one after the other, would differ more by what else the machine does than by the hub.
"""

from __future__ import annotations

import asyncio
import shutil
import statistics
import tempfile
import time
from pathlib import Path
from typing import Any

import msgspec

import callboard.cli
from benchmarks.analysing import vase
from callboard.config import Slicing as Settings
from callboard.event import Event
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.slicing.opening import open_slicing
from tests.files.rooms import House, house
from tests.slicing.slicers import PROGRAMS, SLICERS, cura_resources, why_not

SETTINGS = {
    "prusaslicer": {"layer_height": "0.2", "fill_density": "20%"},
    "slic3r": {"layer_height": "0.2", "fill_density": "20%"},
    "curaengine": {"layer_height": "0.2", "infill_line_distance": "3", "machine_width": "200"},
}
REPEATS = 5
BOWL = Path(callboard.cli.__file__).with_name("sample.stl")
MODELS = {
    "a vase of 39,000 triangles": lambda path: vase(path, 240, 80),
    "the demo's bowl": lambda path: path.write_bytes(BOWL.read_bytes()),
}
"""How each model is made: one that takes seconds, and one that takes a moment, where what is fixed shows."""


async def job(here: House, slicer: str) -> float:
    """Return the seconds from the request to SlicingDone."""
    count = len(here.data("SlicingDone"))
    wish = {"file": "model.stl", "slicer": slicer, "overrides": SETTINGS[slicer], "to": f"{slicer}.gcode"}
    began = time.perf_counter()
    async for reply in here.bus.request(Event("callboard.slicing.slice", wish), deadline=60):
        assert reply.data["success"], reply.data
    async with asyncio.timeout(600):
        while len(here.data("SlicingDone")) == count:
            assert not here.data("SlicingFailed"), here.data("SlicingFailed")
            await asyncio.sleep(0.001)
    return time.perf_counter() - began


def timed(folder: Path, slicer: str) -> Path:
    """Write a program that is the slicer, and notes when it begins and ends."""
    program = folder / f"timed-{slicer}"
    own = shutil.which(PROGRAMS[slicer])
    note = f"date +%s.%N >>{folder}/times"
    program.write_text(f'#!/bin/sh\n{note}\n{own} "$@"\ncode=$?\n{note}\nexit $code\n')
    program.chmod(0o755)
    return program


async def measured(folder: Path, model: str, slicer: str, repeats: int) -> tuple[list[float], list[float]]:
    """Return the seconds of each job, and of its slicer."""
    settings = msgspec.structs.replace(
        Settings(cura_resources=cura_resources()), **{slicer: str(timed(folder, slicer))}
    )
    async with house(folder) as here:
        bus = HubBus(here.hub, Principal("callboard"))
        async with open_slicing(bus, here.room, settings, folder):
            await asyncio.to_thread(MODELS[model], folder / "model.stl")
            await here.upload("model.stl", (folder / "model.stl").read_bytes())
            ours = [await job(here, slicer) for _ in range(repeats + 1)]
        await bus.close()
    times = [float(line) for line in (folder / "times").read_text().split()]
    runs = [end - begin for begin, end in zip(times[::2], times[1::2], strict=True)]
    peer = runs[-len(ours) :]  # once, before the first job, it is asked which settings it knows
    print(
        *(f"  {slicer}: {one:.2f} s, {other:.2f} s" for one, other in zip(ours, peer, strict=True)), sep="\n"
    )
    return ours[1:], peer[1:]


def run(quick: bool) -> list[dict[str, Any]]:
    """Run it with each slicer that is here; `quick` only shows that it works."""
    rows = []
    for model, slicer in [(each, one) for each in MODELS for one in SLICERS if not why_not(one)]:
        with tempfile.TemporaryDirectory() as made:
            ours, peer = asyncio.run(measured(Path(made), model, slicer, 1 if quick else REPEATS))
        ratios = sorted(one / other for one, other in zip(ours, peer, strict=True))
        rows.append(
            {
                "name": f"slicing of {model} by {slicer}",
                "ours": statistics.median(ours),
                "peer": f"{statistics.median(peer):.2f} s the slicer alone",
                "ratio": statistics.median(ratios),
                "spread": f"{ratios[0]:.3f} - {ratios[-1]:.3f}",
                "goal": "at most 1.05",
                "unit": "s",
                "note": "from the request to SlicingDone, beside the slicer's own time in the same run",
            }
        )
    return rows


if __name__ == "__main__":
    import sys

    for row in run("--quick" in sys.argv):
        print(row)
