"""Streaming a file over a pseudo terminal to the virtual printer: ours, Printrun's printcore, OctoPrint.

The printer is `callboard virtual-printer`, a process of its own, whose wire takes its time (or none) and
which answers 1 ms after a line; motion is no bottleneck. It writes down what it has accepted; from that
file come all figures, for each host alike: lines, bytes on the wire, and whether the program is whole.
"""

from __future__ import annotations

import gzip
import itertools
import statistics
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.hooking import PEERS, install
from benchmarks.load import cpu_seconds
from benchmarks.printhosts import HOSTS, Host, Place, Wire, callboard, printer
from callboard.printing.lines import frame

SLICED = Path(__file__).parent.parent / "tests/printing/sliced"
LINES = 100_000
PATIENCE = 120.0
"""Seconds without a line until a run is given up."""
WINDOW = (0.05, 0.95)
"""Part of the program over which rates are taken: neither greeting nor end belong to them."""
KEPT = ("G0", "G1", "G92", "M106", "M107")
"""What the program consists of: none of it is ever sent by a host itself."""


@dataclass(frozen=True)
class Run:
    """What came of one print."""

    rate: float
    """Lines of the program a second."""
    share: float
    """Of the bytes that the wire could have carried to the printer; 0 without a wire."""
    host: float
    """CPU of the host, in cores."""
    printer: float
    whole: bool
    """Whether the accepted program is the file, byte for byte."""


def program(count: int) -> list[str]:
    """Return so many commands: moves as slicers write them, of all slicers in turn."""
    lines: list[str] = []
    for path in sorted(SLICED.glob("*.gcode.gz")):
        texts = gzip.decompress(path.read_bytes()).decode().splitlines()
        commands = (text.partition(";")[0].strip() for text in texts)
        lines += [text for text in commands if text.partition(" ")[0] in KEPT and len(text) < 80]
    return list(itertools.islice(itertools.cycle(lines), count))


@dataclass(frozen=True)
class Sample:
    """How far a print was at a time."""

    at: float
    lines: int
    bytes: int
    host: float
    printer: float


class Watch:
    """Follows what a printer accepts."""

    def __init__(self, place: Place, host: int, printer: int) -> None:
        self._file = (place.folder / "accepted").open()
        self._host, self._printer = host, printer
        self._rest = ""
        self._bytes = 0
        self._numbers = itertools.count(1)
        self.program: list[str] = []
        self.samples: list[Sample] = []

    def until(self, count: int) -> None:
        """Return when so many lines of the program were accepted; raises TimeoutError."""
        end = time.monotonic() + PATIENCE
        while len(self.program) < count:
            if self._look():
                end = time.monotonic() + PATIENCE
            elif time.monotonic() > end:
                raise TimeoutError(f"{len(self.program)} of {count} lines came")
            time.sleep(0.02)

    def _look(self) -> bool:
        text = self._rest + self._file.read()
        *lines, self._rest = text.split("\n")
        if not lines:
            return False
        at = time.perf_counter()
        self._bytes += sum(
            len(frame(number, line)) for number, line in zip(self._numbers, lines, strict=False)
        )
        before = len(self.program)
        self.program += [line for line in lines if line.partition(" ")[0] in KEPT]
        cpu = cpu_seconds(self._host), cpu_seconds(self._printer)
        self.samples.append(Sample(at, len(self.program), self._bytes, *cpu))
        return len(self.program) > before

    def run(self, wire: Wire, lines: list[str]) -> Run:
        first, last = (self._at(share * len(lines)) for share in WINDOW)
        wall = last.at - first.at
        return Run(
            rate=(last.lines - first.lines) / wall,
            share=(last.bytes - first.bytes) / wall / (wire.baudrate / 10) if wire.baudrate else 0.0,
            host=(last.host - first.host) / wall,
            printer=(last.printer - first.printer) / wall,
            whole=self.program == lines,
        )

    def _at(self, count: float) -> Sample:
        return next(sample for sample in self.samples if sample.lines >= count)


# --- running ----------------------------------------------------------------------------------------


def measure(host: Host, wire: Wire, count: int, faults: list[str] | None = None) -> Run:
    """Let a host print so many lines."""
    lines = program(count)
    with tempfile.TemporaryDirectory() as made:
        place = Place(Path(made), wire, Path(made, "bench.gcode"))
        place.gcode.write_text("\n".join(lines) + "\n")
        with printer(place, faults or []) as process, host(place) as pid:
            watch = Watch(place, pid, process.pid)
            watch.until(count)
            return watch.run(wire, lines)


WIRES = (
    Wire("115,200 baud", 115200, {"callboard": 4_000, "printcore": 3_000, "OctoPrint": 3_000}),
    Wire("250,000 baud", 250000, {"callboard": 8_000, "printcore": 5_000, "OctoPrint": 5_000}),
    Wire("no limit", 0, {"callboard": LINES, "printcore": 10_000, "OctoPrint": 10_000}),
    Wire("no limit, receive buffer 1,024", 0, {"callboard": LINES}, 1024),
)
GOALS: Mapping[tuple[str, str], str] = {
    ("250,000 baud", "OctoPrint"): "2",
    ("no limit", "OctoPrint"): "5",
    ("no limit, receive buffer 1,024", "OctoPrint"): "5",
}
NOISE = ["corrupt=0.01", "corrupt-out=0.01"]
NOISY = (
    Wire("250,000 baud, a wire that is full", 250000, {"callboard": 8_000}),
    Wire("250,000 baud, a print that motion holds up", 250000, {"callboard": 4_000}, speed=30),
)
Runs = dict[tuple[str, str], list[Run]]


def race(hosts: Mapping[str, Host], repeats: int, scale: int) -> Runs:
    """Let all print on all wires in turn, several times over, so that a noisy minute hits all of them."""
    runs: Runs = {}
    for _ in range(repeats):
        for wire in WIRES:
            for name, host in hosts.items():
                if name in wire.lines:
                    found = measure(host, wire, max(wire.lines[name] // scale, 400))
                    runs.setdefault((wire.name, name), []).append(found)
                    print(f"  {wire.name}: {name} {describe(found)}", flush=True)
    for peer in [name for name in hosts if name != "callboard"]:
        runs["no limit, receive buffer 1,024", peer] = runs["no limit", peer]
    return runs


def describe(run: Run) -> str:
    share = f", {run.share:.1%} of the wire" if run.share else ""
    return f"{run.rate:,.0f} lines/s{share}; cores: host {run.host:.2f}, printer {run.printer:.2f}"


def middle(values: list[float]) -> float:
    return statistics.median(values)


def spread(values: list[float], digits: int = 2) -> str:
    return f"{min(values):.{digits}f} - {max(values):.{digits}f}"


def wire_rows(runs: Runs) -> Iterator[dict[str, Any]]:
    for wire in WIRES:
        ours = runs[wire.name, "callboard"]
        if wire.baudrate:
            yield _share_row(wire, ours)
        for (where, peer), theirs in runs.items():
            if where == wire.name and peer != "callboard":
                yield _peer_row(wire, ours, peer, theirs)


def _share_row(wire: Wire, ours: list[Run]) -> dict[str, Any]:
    shares = [run.share for run in ours]
    return {
        "name": f"streaming at {wire.name}: share of the wire's rate",
        "ours": middle([run.rate for run in ours]),
        "unit": "lines/s",
        "peer": "the wire, 1",
        "ratio": middle(shares),
        "spread": spread(shares, 3),
        "goal": "0.95",
        "note": f"numbers and checksums included, to the printer; {_about(wire, ours)}",
    }


def _about(wire: Wire, ours: list[Run]) -> str:
    count = wire.lines["callboard"]
    part = "" if count == LINES else f" of {LINES:,} in proportion to the wire"
    return (
        f"{count:,} lines{part}; the host took {middle([run.host for run in ours]):.2f} cores, "
        f"the printer {middle([run.printer for run in ours]):.2f}; receive buffer {wire.rx_buffer}"
    )


def _peer_row(wire: Wire, ours: list[Run], peer: str, theirs: list[Run]) -> dict[str, Any]:
    ratios = [one.rate / other.rate for one, other in zip(ours, theirs, strict=True)]
    return {
        "name": f"streaming, {wire.name}",
        "ours": middle([run.rate for run in ours]),
        "unit": "lines/s",
        "peer": f"{peer} {middle([run.rate for run in theirs]):,.0f}",
        "ratio": middle(ratios),
        "spread": spread(ratios),
        "goal": GOALS.get((wire.name, peer), ""),
        "note": f"{_lengths(wire, peer)}; ours took {middle([run.host for run in ours]):.2f} cores, "
        f"{peer}, which sends one line at a time, {middle([run.host for run in theirs]):.2f}",
    }


def _lengths(wire: Wire, peer: str) -> str:
    """Say how many lines each printed, and on what: one at a time needs no buffer, so that run is shared."""
    count = wire.lines["callboard"]
    if peer in wire.lines:
        return f"{count:,} lines, {peer} {wire.lines[peer]:,}; receive buffer {wire.rx_buffer}"
    other = WIRES[2]
    return (
        f"{count:,} lines, {peer} {other.lines[peer]:,}; ours told of the larger buffer (`rx_buffer`), "
        f"{peer}'s figure is the one above, with {other.rx_buffer}"
    )


def recovery_row(wire: Wire, repeats: int, scale: int) -> dict[str, Any]:
    """Print with and without noise in turn."""
    count = wire.lines["callboard"] // scale
    pairs = [
        (measure(callboard, wire, count), measure(callboard, wire, count, NOISE)) for _ in range(repeats)
    ]
    for quiet, noisy in pairs:
        print(f"  quiet {describe(quiet)}; 1% spoilt {describe(noisy)}", flush=True)
    slower = [quiet.rate / noisy.rate - 1 for quiet, noisy in pairs]
    before, after = (middle([pair[at].rate for pair in pairs]) for at in (0, 1))
    return {
        "name": f"1% of lines corrupted, both directions, {wire.name}: slower by",
        "ours": middle(slower) * 100,
        "unit": "%",
        "peer": "-",
        "ratio": middle(slower) / 0.03,
        "spread": f"{min(slower):.1%} - {max(slower):.1%}",
        "goal": "under 3%",
        "note": f"the accepted program is {_wholeness([noisy for _, noisy in pairs])}; "
        f"{after:.0f} of {before:.0f} lines/s",
    }


def _wholeness(runs: list[Run]) -> str:
    broken = sum(not run.whole for run in runs)
    return f"NOT the file in {broken} of {len(runs)} runs" if broken else "the file, byte for byte"


def run(quick: bool) -> list[dict[str, Any]]:
    """Run everything; `quick` only shows that it works, with OctoPrint only where it is installed."""
    version = install() if not quick or (PEERS / "octoprint").exists() else "none: quick"
    hosts = {name: host for name, host in HOSTS.items() if name != "OctoPrint" or "none" not in version}
    repeats, scale = (1, 10) if quick else (3, 1)
    runs = race(hosts, repeats, scale)
    assert all(one.whole for some in runs.values() for one in some), "a program was not accepted as it was"
    return [*wire_rows(runs), *(recovery_row(wire, repeats, scale) for wire in NOISY)]


if __name__ == "__main__":
    run("--quick" in sys.argv)
