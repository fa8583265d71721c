"""A hundred printers that print at once in one process: how long each waits for a line, and what it costs.

The other end is a process of its own with a pseudo terminal for each printer. It takes a line each 25 ms, as
a printer does that is busy moving, says ok, and notes how long the line takes that this ok made room for.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import pty
import re
import select
import statistics
import sys
import tempfile
import time
import tty
from collections import deque
from collections.abc import Iterator
from heapq import heappop, heappush
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.load import cpu_seconds, resident
from tests.serving import Server, eventually, serving

PRINTERS = 100
RATE = 40
WARM = 3.0
"""Seconds after the last print began, before anything is measured."""
GOAL = 0.020
MEMORY = 5 * 2**20

_MOVE = re.compile(rb"N\d+ G1 ")


class Pacer:
    """One printer: a line each 1/RATE s, then ok; what else it is told is answered at once."""

    def __init__(self, folder: Path, number: int) -> None:
        self.fd, self._other = pty.openpty()
        tty.setraw(self._other)
        os.set_blocking(self.fd, False)
        (folder / f"tty{number}").symlink_to(os.ttyname(self._other))
        self._rest = b""
        self._lines: deque[bytes] = deque()
        self._busy_until = 0.0
        self._asked: deque[float] = deque()
        self.late: list[float] = []
        self.starved: list[float] = []
        self._empty_since: float | None = None
        self.moves = 0

    def read(self, now: float) -> None:
        with contextlib.suppress(BlockingIOError):
            *lines, self._rest = (self._rest + os.read(self.fd, 65536)).split(b"\n")
            for line in lines:
                self._take(line, now)

    def _take(self, line: bytes, now: float) -> None:
        if not _MOVE.match(line):
            self._answer(line)
            return
        if self._asked:
            self.late.append(now - self._asked.popleft())
        if self._empty_since is not None:
            self.starved.append(now - self._empty_since)
            self._empty_since = None
        self._lines.append(line)

    def _answer(self, line: bytes) -> None:
        said = b"FIRMWARE_NAME:Marlin bench\n" if b"M115" in line else b""
        os.write(self.fd, said + (b"ok T:20.0 /0.0\n" if b"M105" in line else b"ok\n"))

    def step(self, now: float) -> float:
        """Finish the line whose time has come; returns when to come again."""
        if self._lines and now >= self._busy_until:
            self._lines.popleft()
            self.moves += 1
            self._busy_until = max(self._busy_until, now - 0.5 / RATE) + 1 / RATE
            os.write(self.fd, b"ok\n")
            self._asked.append(now)
            if not self._lines:
                self._empty_since = now + 1 / RATE
        return self._busy_until if self._lines else now + 0.005

    def forget(self) -> None:
        self.late.clear()
        self.starved.clear()
        self.moves = 0


def pace(folder: Path, orders: Connection) -> None:
    """Be all printers until told to stop; `forget` begins a measurement, `tell` ends it."""
    pacers = [Pacer(folder, number) for number in range(PRINTERS)]
    by_fd = {pacer.fd: pacer for pacer in pacers}
    poll = select.epoll()
    for fd in by_fd:
        poll.register(fd, select.EPOLLIN)
    poll.register(orders.fileno(), select.EPOLLIN)
    due = [(0.0, fd) for fd in by_fd]
    own: list[float] = []
    orders.send("ready")
    while True:
        now = time.perf_counter()
        while due and due[0][0] <= now:
            when, fd = heappop(due)
            own.append(now - when)
            heappush(due, (by_fd[fd].step(now), fd))
            now = time.perf_counter()
        for fd, _ in poll.poll(max(due[0][0] - time.perf_counter(), 0.0)):
            if fd == orders.fileno():
                order = orders.recv()
                if order == "forget":
                    own.clear()
                    for pacer in pacers:
                        pacer.forget()
                else:
                    orders.send(_told(pacers, own))
            else:
                by_fd[fd].read(time.perf_counter())


def _told(pacers: list[Pacer], own: list[float]) -> dict[str, Any]:
    return {
        "late": sorted(late for pacer in pacers for late in pacer.late),
        "starved": sorted(late for pacer in pacers for late in pacer.starved),
        "moves": sum(pacer.moves for pacer in pacers),
        "own": sorted(own)[int(len(own) * 0.999)],
    }


@contextlib.contextmanager
def printers(folder: Path) -> Iterator[Connection]:
    """Give a line to the process that is all printers."""
    here, there = multiprocessing.Pipe()
    process = multiprocessing.get_context("fork").Process(target=pace, args=(folder, there), daemon=True)
    process.start()
    try:
        assert here.recv() == "ready"
        yield here
    finally:
        process.kill()
        process.join()


def config(folder: Path) -> str:
    rest = "baudrate: 250000, tags: [bench], autoconnect: no"
    rows = [f"  - {{name: p{number}, port: {folder}/tty{number}, {rest}}}" for number in range(PRINTERS)]
    return "\n".join(["printers:", *rows, ""])


def program(seconds: float) -> str:
    """Return lines of one length, of which always two are in flight: each ok makes room for one more."""
    lines = ["G90", "M82", "G92 E0"]
    for number in range(int(seconds * RATE)):
        if number % 200 == 0:
            lines.append(f"G1 Z{0.2 + number // 200 * 0.2:014.5f} F0000000007200")
        lines.append(f"G1 X{100 + number % 57:07.3f} Y{100 + number % 31:07.3f} E{number * 0.031:011.5f}")
    return "\n".join(lines) + "\n"


def ask(server: Server, verb: str, **data: Any) -> None:
    event = {"topic": f"callboard.printer.{verb}", "data": {"printer": "tags=bench", "deadline": 120, **data}}
    status, body = server.post("/v1/requests", {"event": event, "timeout": 120})
    assert status == 200, body
    assert b'"success":true' in body.replace(b" ", b""), body[:2000]


def measure(seconds: float) -> dict[str, Any]:
    """Print on all, and return what was noted over so many seconds."""
    with tempfile.TemporaryDirectory() as made, printers(Path(made)) as line:
        folder = Path(made)
        (folder / "callboard.yaml").write_text(config(folder))
        with serving(folder / "data", "--config", str(folder / "callboard.yaml")) as server:
            assert server.process is not None
            pid = server.process.pid
            idle = resident(pid)
            status, body = server.ask(
                "PUT", "/v1/files/local/bench.gcode", program(seconds + 2 * WARM + 10).encode(), {}
            )
            assert status == 201, body
            ask(server, "connect")
            ask(server, "print", file="bench.gcode")
            time.sleep(WARM)
            line.send("forget")
            cpu, clock, waited = cpu_seconds(pid), time.perf_counter(), queued(pid)
            time.sleep(seconds)
            line.send("tell")
            found: dict[str, Any] = line.recv()
            wall = time.perf_counter() - clock
            found["cpu"] = (cpu_seconds(pid) - cpu) / wall
            found["queued"] = (queued(pid) - waited) / wall
            found["rate"] = found["moves"] / wall / PRINTERS
            found["memory"] = (resident(pid) - idle) / PRINTERS
            ask(server, "cancel")
            eventually(lambda: b'"PRINTING"' not in server.get("/v1/printers")[1], "the end of all prints")
    return found


def queued(pid: int) -> float:
    """Return how long the threads of a process were ready and the system ran somebody else, in seconds."""
    tasks = Path(f"/proc/{pid}/task").iterdir()
    return sum(int((task / "schedstat").read_text().split()[1]) for task in tasks) / 1e9


def at(values: list[float], share: float) -> float:
    return values[min(int(len(values) * share), len(values) - 1)] if values else 0.0


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure; `quick` only shows that it works."""
    runs = [measure(3 if quick else 20) for _ in range(1 if quick else 3)]
    p50, p99, p999, most = (
        sorted(at(one["late"], share) * 1e3 for one in runs) for share in (0.5, 0.99, 0.999, 1)
    )
    rates, cpu, share = (statistics.median(one[key] for one in runs) for key in ("rate", "cpu", "queued"))
    starving = sorted(max([0.0, *one["starved"]]) * 1e3 for one in runs)
    starved = starving[-1]
    own = max(one["own"] for one in runs) * 1e3
    memory = sorted(one["memory"] for one in runs)
    print(f"  ok to next line: p50 {p50} p99 {p99} p99.9 {p999} most {most} ms; starved {starved:.1f} ms")
    print(f"  {rates:.1f} lines/s each, {cpu:.2f} cores, {memory[-1] / 2**20:.2f} MiB each; own {own:.1f} ms")
    print(f"  ready, and other programs ran: {share:.0%} of the time")
    return [
        {
            "name": f"{PRINTERS} printers at once: the longest that one stood for want of a line",
            "ours": starved,
            "unit": "ms",
            "peer": "-",
            "ratio": starved / (GOAL * 1e3),
            "spread": f"{starving[0]:.1f} - {starved:.1f}",
            "goal": "under 20 ms",
            "note": f"{rates:.1f} lines/s each, two in flight; {cpu:.2f} cores",
        },
        {
            "name": f"{PRINTERS} printers at once, ok to the next line, p99.9",
            "ours": statistics.median(p999),
            "unit": "ms",
            "peer": "-",
            "ratio": statistics.median(p999) / (GOAL * 1e3),
            "spread": f"{p999[0]:.1f} - {p999[-1]:.1f}",
            "goal": "under 20 ms",
            "note": f"p50 {statistics.median(p50):.1f}, "
            f"p99 {statistics.median(p99):.1f}, most {most[-1]:.1f} ms; in it is the other end's "
            f"own lag, up to {own:.1f} ms (p99.9), and the time in which other programs had the cores "
            f"({share:.0%})",
        },
        {
            "name": "memory of a printer that prints",
            "ours": statistics.median(memory) / 2**20,
            "unit": "MiB",
            "peer": "-",
            "ratio": statistics.median(memory) / MEMORY,
            "spread": f"{memory[0] / 2**20:.2f} - {memory[-1] / 2**20:.2f}",
            "goal": "under 5 MiB",
            "note": "what the process grew by, over 100",
        },
    ]


if __name__ == "__main__":
    run("--quick" in sys.argv)
