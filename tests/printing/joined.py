"""A printer's machine and a virtual printer, joined in simulated time: a whole print takes milliseconds.

No I/O and no clock: bytes cross with a latency, time jumps to whatever is due next. The `story` holds, in
order, what happened and what was written: `PrintStarted`, `> G28`, `< ok`.
"""

from __future__ import annotations

import io
from collections import deque
from collections.abc import Callable, Iterable, Mapping
from math import inf
from typing import Any

import msgspec

from callboard import catalog
from callboard.config.printer import Printer
from callboard.printing.happening import Happening
from callboard.printing.machine import Machine
from callboard.printing.program import FileProgram
from callboard.printing.virtual import Virtual, VirtualPrinter
from callboard.printing.wishes import Answer, Disconnect, Print, Wish

QUICK = Virtual(speed=20.0, draw=False, ambient=21.0)
"""A printer that moves and heats twenty times faster than life."""

PROTOCOLS = {"M105", "M110", "M113", "M115", "M155", "M876"}
"""Commands that the host gives by itself."""

CUBE = """; a small thing
M140 S60
M104 S200
G28 ; home all
M190 S60
M109 S200
G90
M83
G1 Z0.2 F3000
G1 X10 Y10 F3000
G1 X20 Y10 E0.5
G1 X20 Y20 E0.5
G1 X10 Y20 E0.5
G1 Z0.4
G1 X10 Y10 E0.5
G1 X20 Y10 E0.5
M300 S440 P10
G1 X20 Y20 E0.5
M104 S0
M140 S0
"""


def program(text: str | bytes = CUBE, path: str = "parts/cube.gcode", **more: Any) -> FileProgram:
    """Return a program of some text."""
    data = text.encode() if isinstance(text, str) else text
    return FileProgram(io.BytesIO(data), path=path, **more)


def moves(count: int, start: int = 0) -> str:
    """Return lines that move to and fro, each different from its neighbours."""
    return "".join(
        f"G1 X{10 + n * 37 % 151} Y{20 + n * 29 % 131} F6000\n" for n in range(start, start + count)
    )


class Joined:
    """A machine and a printer at the two ends of a wire."""

    def __init__(
        self, printer: Mapping[str, Any] | None = None, virtual: Virtual = QUICK, latency: float = 0.001
    ) -> None:
        self.now = 100.0
        self.latency = latency
        self.machine = Machine(Printer(name="mk3", port="virtual", **(printer or {})), now=self.now)
        self.printer = VirtualPrinter(virtual)
        self.happenings: list[tuple[float, Happening]] = []
        self.story: list[str] = []
        self.linked = False
        self._out: deque[tuple[float, bytes]] = deque()
        self._in: deque[tuple[float, bytes]] = deque()
        self._rest = b""

    # What tests do

    def connect(self) -> Joined:
        """Open the link; back when the printer has answered and its card was listed."""
        self.open()
        self.until("UpdatedFiles")
        return self

    def open(self, baudrate: int = 115200) -> None:
        """Open the link."""
        self.machine.connecting(self.now)
        self.linked = True
        self.printer.open(self.now)
        self.machine.opened("/dev/ttyACM0", baudrate, self.now)
        self._exchange()

    def do(self, wish: Wish) -> Answer:
        """Wish something."""
        answer = self.machine.do(wish, self.now)
        self._exchange()
        return answer

    def print(self, text: str | bytes = CUBE, path: str = "parts/cube.gcode", **more: Any) -> Answer:
        """Print some text."""
        return self.do(Print(program(text, path, **more)))

    def cut(self) -> None:
        """Cut the wire."""
        self.printer.unplug()
        self._close("The port is gone.")

    def disconnect(self) -> None:
        """Ask for the link to be closed, and wait until it is."""
        self.do(Disconnect())
        self.until(lambda: not self.linked)

    def trouble(self, text: str) -> None:
        """Make trouble at the printer's end."""
        self.printer.trouble(text, self.now)
        self._exchange()

    def until(self, event: str | Callable[[], bool], limit: float = 3600.0) -> Mapping[str, Any]:
        """Let time pass until something is so, or until one more such event; its data. `limit` in s."""
        if not callable(event):
            count = self.count(event)
            self.until(lambda: self.count(event) > count, limit)
            return self.data(event)
        end = self.now + limit
        while not event():
            assert self._next() <= end, f"nothing came of it in {limit} s: {self.latest}"
            self.step()
        return {}

    def run(self, seconds: float) -> None:
        """Let time pass."""
        end = self.now + seconds
        while self._next() <= end:
            self.step()
        self.now = end
        self._exchange()

    # What tests look at

    @property
    def names(self) -> list[str]:
        """All that happened, by name; state changes as `state PRINTING`."""
        return [name for name in self.story if not name.startswith(("> ", "< "))]

    @property
    def state(self) -> str:
        """The state's id."""
        return str(self.machine.status(self.now)["state"]["id"])

    @property
    def latest(self) -> list[str]:
        """The end of the story, without temperatures."""
        return [line for line in self.story if not line.startswith(("< T:", "< ok"))][-40:]

    def count(self, event: str) -> int:
        """Return how often an event happened."""
        return sum(each.name == event for _, each in self.happenings)

    def data(self, event: str) -> Mapping[str, Any]:
        """Return what the newest such event carries."""
        return next(each.data for _, each in reversed(self.happenings) if each.name == event)

    def job(self, event: str) -> Mapping[str, Any]:
        """Return the job as it was at the newest such event."""
        job = next(each.job for _, each in reversed(self.happenings) if each.name == event)
        assert job is not None
        return job

    def follows(self, *names: str, after: str = "") -> bool:
        """Return whether these stand in the story in this order, each once; others may stand between."""
        story = self.story[self.story.index(after) :] if after else self.story
        places = [story.index(name) if story.count(name) == 1 else -1 for name in names]
        return -1 not in places and places == sorted(places)

    def adjacent(self, *names: str) -> bool:
        """Return whether these events happened one directly after the other, lines on the wire left out."""
        names_ = self.names
        width = len(names)
        return any(tuple(names_[at : at + width]) == names for at in range(len(names_)))

    def accepted(self, since: str = "") -> list[str]:
        """Return what the printer took, from the line `since` on, without what the protocol asks."""
        lines = list(self.printer.accepted)
        lines = lines[lines.index(since) :] if since else lines
        return [line for line in lines if line.partition(" ")[0] not in PROTOCOLS]

    # How time passes

    def step(self) -> None:
        """Go on to what is due next."""
        due = self._next()
        assert due < inf, f"nothing will ever happen again: {self.latest}"
        self.now = max(self.now, due)
        if self.linked and self.now >= self.machine.due:
            self.machine.tick(self.now)
        while self._out and self._out[0][0] <= self.now:
            self.printer.receive(self._out.popleft()[1], self.now)
        while self._in and self._in[0][0] <= self.now and self.linked:
            data = self._in.popleft()[1]
            self._heard(data)
            self.machine.receive(data, self.now)
        self._exchange()

    def _next(self) -> float:
        ours = self.machine.due if self.linked else inf
        theirs = self.printer.due if self.printer.plugged else inf
        crossing = [queue[0][0] for queue in (self._out, self._in) if queue]
        return max(min([ours, theirs, *crossing]), self.now)

    def _exchange(self) -> None:
        """Let both ends say what they have to say."""
        self._take()
        if self.linked:
            self._write(self.machine.outgoing(self.now))
            self._take()
        said = self.printer.outgoing(self.now)
        if said and self.linked:
            self._in.append((self.now + self.latency, said))
        wish = self.machine.wants_close
        if wish is not None and self.linked:
            self._close(wish)

    def _write(self, data: bytes) -> None:
        if data:
            self.story += [f"> {_bare(line)}" for line in data.decode("ascii").splitlines()]
            self._out.append((self.now + self.latency, data))

    def _heard(self, data: bytes) -> None:
        *lines, self._rest = (self._rest + data).split(b"\n")
        self.story += [f"< {line.decode('latin-1').strip()}" for line in lines]

    def _close(self, reason: str) -> None:
        while self._out:
            self.printer.receive(self._out.popleft()[1], self.now)
        self._in.clear()
        self.linked = False
        self.machine.closed(self.now, reason)
        self._take()

    def _take(self) -> None:
        for happening in self.machine.take():
            assert_known(happening)
            self.happenings.append((self.now, happening))
            is_state = happening.name == "PrinterStateChanged"
            self.story.append(f"state {happening.data['state_id']}" if is_state else happening.name)


def assert_known(happening: Happening) -> None:
    """Check that an event carries what the catalog says, and nothing else."""
    topic = catalog.topic(f"octoprint.{happening.name}")
    assert topic is not None, happening
    msgspec.convert(happening.data, topic.payload)
    assert happening.data.keys() <= catalog.keys(topic), happening
    msgspec.json.encode(happening.data)


def _bare(line: str) -> str:
    """Return a line without number and checksum."""
    if line.startswith("N") and "*" in line:
        return line.partition(" ")[2].rpartition("*")[0]
    return line


def terminal_events(names: Iterable[str]) -> list[str]:
    """Return which terminal events there were, in order."""
    return [name for name in names if name in {"PrintDone", "PrintFailed"}]
