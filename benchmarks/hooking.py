"""Hooks beside OctoPrint's own event manager: from an event to the start of its command, in one run.

Both fire events inside their own process; both run the same script, which writes when it began.
OctoPrint is installed into a virtual environment of its own and run there, as another program.
"""

from __future__ import annotations

import contextlib
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
import venv
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

PEERS = Path(os.environ.get("CALLBOARD_BENCH_PEERS", Path(tempfile.gettempdir(), "callboard-bench-peers")))
"""Where other programs are installed, and stay for the next run."""

PATIENCE = 60.0
"""Seconds until a run that does not end is given up."""


@dataclass
class Shop:
    """A program that fires events at its hooks, and what their commands wrote."""

    process: subprocess.Popen[str]
    log: Path

    def fire(self, event: str, count: int, pause: float, **data: Any) -> float:
        """Fire events; return the CPU seconds that the program had used by then."""
        assert self.process.stdin
        asked = {"event": event, "count": count, "pause": pause, "data": data}
        self.process.stdin.write(json.dumps(asked) + "\n")
        self.process.stdin.flush()
        return float(self._line())

    def _line(self) -> str:
        assert self.process.stdout
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("the program ended")
        return line

    def delays(self, count: int) -> list[float]:
        """Wait for so many commands; return the seconds from each event to its command's start, sorted."""
        end = time.monotonic() + PATIENCE
        while len(lines := self.log.read_text().splitlines()) < count:
            if time.monotonic() > end:
                raise TimeoutError(f"{len(lines)} of {count} commands began within {PATIENCE:g} s")
            time.sleep(0.01)
        pairs = [line.split() for line in lines]
        return sorted((int(began) - int(fired)) / 1e9 for fired, began in pairs)

    def clear(self) -> None:
        self.log.write_text("")


@contextlib.contextmanager
def running(folder: Path, command: list[str]) -> Iterator[Shop]:
    log = folder / "log"
    log.touch()
    with (folder / "errors").open("wb") as errors:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, text=True
        )
        assert process.stdin
        assert process.stdout
        try:
            while (line := process.stdout.readline()) != "ready\n":
                if not line:
                    raise RuntimeError((folder / "errors").read_text()[-500:])
            yield Shop(process, log)
        finally:
            process.kill()
            process.wait()
            process.stdin.close()
            process.stdout.close()


def config(folder: Path, hooks: list[Mapping[str, Any]]) -> Path:
    """Write hooks as a configuration: JSON is YAML."""
    path = folder / "config.yaml"
    path.write_text(json.dumps({"events": {"enabled": True, "subscriptions": hooks}}))
    return path


@contextlib.contextmanager
def callboard(folder: Path, hooks: list[Mapping[str, Any]]) -> Iterator[Shop]:
    path = config(folder, hooks)
    path.write_text(path.read_text()[:-1] + ', "hub": {"port": 0}}')
    data = str(folder / "data")
    with running(folder, [sys.executable, "-m", "benchmarks.firing", str(path), data]) as shop:
        yield shop


@contextlib.contextmanager
def octoprint(folder: Path, hooks: list[Mapping[str, Any]]) -> Iterator[Shop]:
    config(folder, hooks)
    program = folder / "firing.py"
    program.write_text(_OCTOPRINT)
    with running(folder, [str(PEERS / "octoprint/bin/python"), str(program), str(folder)]) as shop:
        yield shop


_OCTOPRINT = """
import json, sys, time
from octoprint.settings import settings
settings(init=True, basedir=sys.argv[1])
from octoprint.plugin import plugin_manager
plugin_manager(init=True, plugin_folders=[], plugin_bases=[], plugin_entry_points=[])
from octoprint.events import CommandTrigger, eventManager
class Idle:
    def get_current_data(self):
        return {"state": {}, "job": {"file": {}}, "progress": {}, "currentZ": None}
events = eventManager()
CommandTrigger(Idle())
events.fire("Startup")
print("ready", flush=True)
for line in sys.stdin:
    asked = json.loads(line)
    for _ in range(asked["count"]):
        events.fire(asked["event"], dict(asked["data"], file=str(time.time_ns())))
        time.sleep(asked["pause"])
    print(time.process_time(), flush=True)
"""
"""Ours, for OctoPrint's Python: the same as benchmarks/firing.py, through OctoPrint's own event manager."""

Opens = Callable[[Path, list[Mapping[str, Any]]], contextlib.AbstractContextManager[Shop]]


def install() -> str:
    """Install OctoPrint where it is not; return its version, or why there is none."""
    python = PEERS / "octoprint/bin/python"
    ask = [str(python), "-c", "from octoprint import __version__; print(__version__)"]
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    try:
        venv.create(PEERS / "octoprint", with_pip=True)
        pip = [str(python), "-m", "pip", "install", "--quiet", "octoprint"]
        subprocess.run(pip, check=True, capture_output=True, timeout=1200)
        return subprocess.run(ask, check=True, capture_output=True, text=True).stdout.strip()
    except (OSError, subprocess.SubprocessError) as error:
        said = getattr(error, "stderr", b"") or str(error)
        return f"none: {said[-200:]!r}"


def stamping(folder: Path, event: str = "PrintDone", **more: Any) -> Mapping[str, Any]:
    """Return a hook whose command writes the event's time and its own."""
    script = folder / "stamp"
    if not script.exists():
        _make_stamp(script, folder / "log")
    return {"event": event, "type": "system", "command": f"{script} {{file}}", **more}


def _make_stamp(program: Path, log: Path) -> None:
    """Make a program that writes its argument and when it began: in C, where a compiler is, else a script."""
    source = program.with_suffix(".c")
    source.write_text(_STAMP.replace("LOG", json.dumps(str(log))))
    try:
        command = ["cc", "-O1", "-static", "-o", str(program), str(source)]
        subprocess.run(command, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        program.write_text(f'#!/bin/sh\nexec date "+$1 %s%N" >> {log}\n')
        program.chmod(0o755)


_STAMP = """
#include <fcntl.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>
int main(int count, char **words) {
    struct timespec now;
    char line[200];
    clock_gettime(CLOCK_REALTIME, &now);
    int size = snprintf(line, sizeof line, "%s %ld%09ld\\n", words[1], (long)now.tv_sec, now.tv_nsec);
    return write(open(LOG, O_WRONLY | O_APPEND | O_CREAT, 0666), line, size) != size;
}
"""


def idle(count: int) -> list[Mapping[str, Any]]:
    """Return hooks that listen to something else."""
    return [{"event": "PrintFailed", "type": "system", "command": f"true {n}"} for n in range(count)]


def percentile(delays: list[float], share: float) -> float:
    return delays[min(int(len(delays) * share), len(delays) - 1)] * 1000


def latency(opens: Opens, hooks: int, events: int) -> tuple[float, float]:
    """Return p50 and p99 in ms from event to start, with so many hooks of which one is meant."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        with opens(folder, [*idle(hooks - 1), stamping(folder)]) as shop:
            shop.fire("PrintDone", 10, 0.02)
            shop.delays(10)
            shop.clear()
            shop.fire("PrintDone", events, 0.02)
            delays = shop.delays(events)
    return percentile(delays, 0.5), percentile(delays, 0.99)


NAMES = (
    *("PrintStarted", "PrintDone", "PrintFailed", "PrintCancelled", "PrintPaused", "PrintResumed"),
    *("FileSelected", "Upload", "MetadataAnalysisStarted", "CaptureStart"),
)
"""Events that carry a file, in both programs."""


def throughput(opens: Opens, events: int) -> float:
    """Return the processes a second when so many events are fired at once, each meant by ten hooks."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        hooks = [stamping(folder, name) for name in NAMES for _ in range(10)]
        with opens(folder, hooks) as shop:
            begun = time.perf_counter()
            for name in NAMES:
                shop.fire(name, events // len(NAMES), 0)
            shop.delays(events * 10)
            return events * 10 / (time.perf_counter() - begun)


def beside_a_hung_one(opens: Opens, events: int) -> tuple[float, float]:
    """Return p50 and p99 in ms of three hooks' delays while a fourth hangs; infinite when they never ran."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        hung = {"event": "PrintDone", "type": "system", "command": "sleep 600"}
        with opens(folder, [hung, *(stamping(folder) for _ in range(3))]) as shop:
            try:
                shop.fire("PrintDone", 3, 0.05)
                shop.delays(9)
                shop.clear()
                shop.fire("PrintDone", events, 0.05)
                delays = shop.delays(events * 3)
            except TimeoutError as error:
                print(f"  {error}")
                return math.inf, math.inf
    return percentile(delays, 0.5), percentile(delays, 0.99)


def skipping(events: int, hooks: int) -> float:
    """Return the CPU seconds of a hub that skips every hook for every event: `when` is false."""
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        skipped = [stamping(folder, name=f"hook {n}", when="data.time>9000") for n in range(hooks)]
        with callboard(folder, [*skipped, stamping(folder, when="data.time>600")]) as shop:
            shop.fire("PrintDone", 1, 0.1, time=5)
            before = shop.fire("PrintDone", 0, 0)
            shop.fire("PrintDone", events - 1, 0, time=5)
            shop.fire("PrintDone", 1, 0, time=700)  # its one process starts behind all that is skipped
            shop.delays(1)
            return shop.fire("PrintDone", 0, 0) - before


def repeated(
    measure: Callable[[Opens], tuple[float, float]], peers: Mapping[str, Opens], repeats: int
) -> dict[str, list[tuple[float, float]]]:
    """Measure all in turn, several times over, so that a noisy minute hits all of them."""
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name, opens in peers.items():
            found[name].append(measure(opens))
            print(f"  {name:10} p50 {found[name][-1][0]:.2f} ms, p99 {found[name][-1][1]:.2f} ms", flush=True)
    return found


def latency_rows(
    title: str, found: dict[str, list[tuple[float, float]]], goals: tuple[str, str], note: str
) -> Iterator[dict[str, Any]]:
    for at, (name, goal) in enumerate(zip(("p50", "p99"), goals, strict=True)):
        ours = sorted(pair[at] for pair in found["callboard"])
        theirs = sorted(pair[at] for pair in found.get("octoprint", []))
        mine = statistics.median(ours)
        peer = statistics.median(theirs) if theirs else 0.0
        yield {
            "name": f"{title}, {name}",
            "ours": mine,
            "peer": f"OctoPrint {peer:.2f} ms" if theirs else "-",
            "ratio": mine / peer if peer else "",
            "spread": f"{ours[0]:.2f} - {ours[-1]:.2f} ms",
            "goal": goal,
            "unit": "ms",
            "note": note,
        }


def run(quick: bool) -> list[dict[str, Any]]:
    """Run everything; `quick` only shows that it works, without OctoPrint unless it is there."""
    version = install() if not quick or (PEERS / "octoprint").exists() else "none: quick"
    note = (
        f"OctoPrint {version}; the same configuration in both: OctoPrint runs commands in a shell, we do not"
    )
    peers: dict[str, Opens] = {"callboard": callboard}
    if not version.startswith("none"):
        peers["octoprint"] = octoprint
    repeats, events = (1, 20) if quick else (3, 200)
    rows: list[dict[str, Any]] = []
    for hooks in (1, 100, 1000):
        goals = ("at most 0.5", "") if hooks == 1 else ("", "")
        title = f"event to process, {hooks} hooks listening"
        print(f"  {title}")
        found = repeated(partial(latency, hooks=hooks, events=events), peers, repeats)
        rows += latency_rows(title, found, goals, note)
    title = "event to process beside a hook that hangs"
    print(f"  {title}")
    found = repeated(partial(beside_a_hung_one, events=events // 2), peers, repeats)
    rows += latency_rows(title, found, ("", "under 50 ms"), "three hooks beside the one that hangs")
    return [*rows, *_bursts(peers, quick, note), _skips(quick)]


def _bursts(peers: Mapping[str, Opens], quick: bool, note: str) -> Iterator[dict[str, Any]]:
    events = 20 if quick else 1000
    rates: dict[str, float] = {}
    for name, opens in peers.items():
        rates[name] = throughput(opens, events)
        print(f"  burst: {name} {rates[name]:.0f} processes a second", flush=True)
    ours, theirs = rates["callboard"], rates.get("octoprint", 0.0)
    yield {
        "name": f"{events:,} events to 100 hooks, each meant by ten",
        "ours": ours,
        "peer": f"OctoPrint {theirs:,.0f}" if theirs else "-",
        "ratio": ours / theirs if theirs else "",
        "spread": "one run",
        "goal": "",
        "unit": "processes a second",
        "note": note,
    }


def _skips(quick: bool) -> dict[str, Any]:
    times = sorted(skipping(10 if quick else 100, 100) for _ in range(1 if quick else 3))
    print(f"  skips: {times} CPU s")
    return {
        "name": f"{1000 if quick else 10_000} hooks skipped by `when`",
        "ours": statistics.median(times),
        "peer": "-",
        "ratio": statistics.median(times) / 1.0,
        "spread": f"{times[0]:.2f} - {times[-1]:.2f} s",
        "goal": "under 1 s",
        "unit": "CPU seconds of the hub",
        "note": "100 hooks for each event; no process is started; each skip is kept with its reason",
    }


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
