"""What is true of a printer now, as its state keys show it. Plain values, ready for JSON.

Source: facts/print-host-facts.md 3.6 (temperatures), 3.10 (progress and time left).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from callboard.printing.life import Life, Run
from callboard.printing.meaning import Meaning
from callboard.printing.steering import Steering


def status(life: Life, steering: Steering, meaning: Meaning) -> Mapping[str, Any]:
    """Return state, job, progress, temperatures, position, card, prompt, firmware and resends."""
    return {
        "state": {"id": life.state.name, "text": life.text},
        "firmware": meaning.firmware or None,
        "temperatures": {
            heater(name): {"actual": actual, "target": target}
            for name, (actual, target) in meaning.temperatures.items()
        },
        "position": steering.tracking.position(computed=not life.from_card),
        "job": _job(life),
        "progress": _progress(life, steering),
        "transfer": steering.transfers.progress(),
        "sd": {
            "mounted": steering.card.mounted,
            "files": [
                {"name": each.name, "size": each.size, "long": each.long} for each in steering.card.files
            ],
        },
        "prompt": meaning.prompt.status(),
        "waiting": steering.protocol.waiting or None,
        "waits_for_user": meaning.waits,
        "resends": steering.protocol.resends,
        "resend_ratio": meaning.resend_ratio,
    }


def heater(name: str) -> str:
    """Return what requests call the heater that firmware calls T0, B or C; a sensor keeps its name."""
    if name[:1] == "T" and name[1:].isdecimal():
        return f"tool{int(name[1:4])}"
    return {"B": "bed", "C": "chamber"}.get(name, name)


def _job(life: Life) -> Mapping[str, Any] | None:
    run = life.run
    if run is not None:
        return run.payload()
    return life.selection.payload() if life.selection is not None else None


def _progress(life: Life, steering: Steering) -> Mapping[str, Any] | None:
    """Return how far the job is; times in s."""
    run = life.run
    if run is None:
        return None
    left, origin = _left(run, steering, run.elapsed(life.now))
    return {
        "percent": run.progress,
        "done": run.done,
        "size": run.size or None,
        "time": round(run.elapsed(life.now), 1),
        "left": left,
        "left_origin": origin,
        "layer": steering.tracking.layer,
        "layers": steering.tracking.layers,
        "z": life.z,
    }


def _left(run: Run, steering: Steering, elapsed: float) -> tuple[float | None, str | None]:
    program = run.selection.program
    statistic = program.statistic if program is not None else None
    analysis = program.estimate if program is not None else None
    left, origin = steering.tracking.estimator.left(elapsed, run.progress / 100.0, statistic, analysis)
    return left, None if origin is None else origin.value
