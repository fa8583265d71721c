"""A small strict firmware end, and a wire between it and the protocol, in simulated time.

It judges lines as Marlin's queue does: number, checksum, receive buffer, four commands in its queue; on
an error it says so, throws away what it has received, and asks for the line.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import reduce
from math import inf
from operator import xor
from random import Random

from msgspec import Struct

from callboard.printing.marlin import (
    Acknowledged,
    Fault,
    Kind,
    Line,
    Marlin,
    Protocol,
    Report,
    Sent,
    State,
)

CAPABILITIES = ("AUTOREPORT_TEMP:1", "EMERGENCY_PARSER:1", "CHAMBER_TEMPERATURE:0")


class Habits(Struct, frozen=True):
    """How this firmware behaves."""

    name: str = "Marlin 2.1.2 (Test)"
    rx_buffer: int = 128
    queue: int = 4
    doubled: str = "drop"
    """"drop" (Marlin 2.0.9 and newer) or "refuse"."""
    resend_ok: str = "after"
    """"after", "before" or "missing"."""
    advanced_ok: bool = False
    oks: int = 1
    takes: float = 0.0002
    """Seconds for a command."""
    slow: tuple[str, ...] = ()
    """Commands that take `slow_takes`."""
    slow_takes: float = 5.0
    digits: int = 18
    fences: bool = True
    """Whether M105 is answered by `ok T:`."""
    waits: float = 0.0


MARLIN = Habits()


class Firmware:
    """Bytes in, bytes out."""

    def __init__(self, habits: Habits = MARLIN) -> None:
        self.habits = habits
        self.rx = bytearray()
        self.queue: deque[tuple[int | None, str]] = deque()
        self.accepted: list[str] = []
        self.bare: list[str] = []
        self.last = 0
        self.overruns = 0
        self.refusals = 0
        self.busy_until = 0.0
        self.current: tuple[int | None, str] | None = None
        self.idle_since = 0.0
        self.says: list[str] = []

    @property
    def due(self) -> float:
        if self.current is not None:
            return self.busy_until
        return self.idle_since + self.habits.waits if self.habits.waits else inf

    def receive(self, data: bytes, now: float) -> None:
        self.rx += data
        self.step(now)
        if len(self.rx) > self.habits.rx_buffer:
            self.overruns += 1
            del self.rx[self.habits.rx_buffer :]

    def step(self, now: float) -> None:
        while True:
            self.read()
            if self.current is not None:
                if now < self.busy_until:
                    return
                number, text = self.current
                self.current = None
                self.idle_since = now
                self.answer(number, text)
            elif self.queue:
                self.current = self.queue.popleft()
                takes = self.habits.slow_takes if self.current[1] in self.habits.slow else self.habits.takes
                self.busy_until = now + takes
            elif self.habits.waits and now >= self.idle_since + self.habits.waits:
                self.say("wait")
                self.idle_since = now
                return
            else:
                return

    def outgoing(self) -> list[bytes]:
        said, self.says = self.says, []
        return [f"{line}\n".encode("latin-1", "replace") for line in said]

    def say(self, text: str) -> None:
        self.says.append(text)

    def read(self) -> None:
        while len(self.queue) < self.habits.queue and b"\n" in self.rx:
            line, _, rest = bytes(self.rx).partition(b"\n")
            self.rx = bytearray(rest)
            text = line.decode("latin-1").partition(";")[0].strip(" \r")[:95]
            if text:
                self.judge(text)

    def judge(self, text: str) -> None:
        if text[0] != "N":
            self.bare.append(text)
            self.queue.append((None, text))
            return
        m110 = "M110" in text
        number = _leading(text[1:])
        if m110:
            place = text.find("N", 4)
            number = _leading(text[place + 1 :]) if place > 0 else number
        elif number != self.last + 1:
            if self.habits.doubled == "drop" and self.last - 1 <= number <= self.last:
                return
            self.refuse(f"Line Number is not Last Line Number+1, Last Line: {self.last}")
            return
        star = text.rfind("*")
        if star < 0:
            self.refuse(f"No Checksum with line number, Last Line: {self.last}")
        elif reduce(xor, text[:star].encode("latin-1"), 0) != _leading(text[star + 1 :], -1):
            self.refuse(f"checksum mismatch, Last Line: {self.last}")
        else:
            self.take(number, text[:star].partition(" ")[2], m110=m110)

    def take(self, number: int, text: str, *, m110: bool) -> None:
        self.last = number
        if m110:
            self.accepted.clear()
        else:
            self.accepted.append(text)
        self.queue.append((number, text))

    def refuse(self, error: str) -> None:
        self.refusals += 1
        self.rx.clear()
        if self.habits.resend_ok == "before":
            self.say("ok")
        self.say(f"Error:{error}")
        self.say(f"Resend: {str(self.last + 1)[-self.habits.digits :]}")
        if self.habits.resend_ok == "after":
            self.say("ok")

    def answer(self, number: int | None, text: str) -> None:
        ok = f"ok N{number} P15 B3" if self.habits.advanced_ok and number is not None else "ok"
        if text.startswith("M105"):
            ok = "ok T:21.0 /0.0 B:20.1 /0.0 @:0 B@:0" if self.habits.fences else ok
        elif text.startswith("M115"):
            self.say(f"FIRMWARE_NAME:{self.habits.name} SOURCE_CODE_URL:x PROTOCOL_VERSION:1.0 UUID:1")
            for capability in CAPABILITIES:
                self.say(f"Cap:{capability}")
        elif text[:1] not in "GMT":
            self.say(f'echo:Unknown command: "{text}"')
        for _ in range(self.habits.oks):
            self.say(ok)


def _leading(text: str, otherwise: int = 0) -> int:
    digits = ""
    for letter in text.lstrip(" ")[:12]:
        if letter not in "0123456789":
            break
        digits += letter
    return int(digits) if digits else otherwise


Spoil = Callable[[bytes], bytes]


def clean(line: bytes) -> bytes:
    return line


class Noise:
    """Spoils lines: each kind with the same share."""

    KINDS = ("corrupt", "lose", "double", "cut", "merge", "split", "garbage")

    def __init__(self, seed: int, share: float, kinds: tuple[str, ...] = KINDS) -> None:
        self.random = Random(seed)
        self.share, self.kinds = share, kinds
        self.on = True
        self.hits = 0

    def __call__(self, line: bytes) -> bytes:
        if not self.on or self.random.random() >= self.share:
            return line
        self.hits += 1
        return getattr(self, self.random.choice(self.kinds))(line)  # type: ignore[no-any-return]

    def corrupt(self, line: bytes) -> bytes:
        at = self.random.randrange(len(line))
        return line[:at] + bytes([line[at] ^ (1 << self.random.randrange(8))]) + line[at + 1 :]

    def lose(self, line: bytes) -> bytes:
        return b""

    def double(self, line: bytes) -> bytes:
        return line + line

    def cut(self, line: bytes) -> bytes:
        at = self.random.randrange(len(line))
        return line[:at] + line[at + 1 :]

    def merge(self, line: bytes) -> bytes:
        return line[:-1]

    def split(self, line: bytes) -> bytes:
        at = self.random.randrange(len(line))
        return line[:at] + b"\n" + line[at:]

    def garbage(self, line: bytes) -> bytes:
        return b"\xff\x80" + line


class Joined:
    """A protocol and a firmware on one wire; `rate` is bytes a second, `delay` the turn-around."""

    def __init__(
        self,
        firmware: Firmware | None = None,
        settings: Marlin | None = None,
        *,
        out: Spoil = clean,
        back: Spoil = clean,
        delay: float = 0.0005,
        rate: float = inf,
    ) -> None:
        self.firmware = firmware or Firmware()
        self.protocol = Protocol(settings or Marlin())
        self.out, self.back = out, back
        self.delay, self.rate = delay, rate
        self.now = 0.0
        self.there: deque[tuple[float, bytes]] = deque()
        self.here: deque[tuple[float, bytes]] = deque()
        self.there_free = self.here_free = 0.0
        self.reports: list[Report] = []
        self.wrote = self.heard = b""
        self.program: deque[Line] = deque()

    def open(self) -> None:
        self.protocol.open(self.now)
        self.run(lambda: self.protocol.state is State.READY and bool(self.protocol.firmware), 60)
        self.run(self.protocol.idle, 10)

    def run(self, until: Callable[[], bool], seconds: float = 600) -> None:
        """Let time pass until something is so; fails when it takes too long."""
        end, stuck = self.now + seconds, 0
        self._move()
        while not until():
            assert self.protocol.state is not State.FAILED, self.of(Fault)
            event = min(
                self.there[0][0] if self.there else inf,
                self.here[0][0] if self.here else inf,
                max(self.protocol.due, self.now),
                max(self.firmware.due, self.now),
            )
            assert event < end, f"nothing more happens, or too late: {event} {self.state()}"
            stuck = stuck + 1 if event <= self.now else 0
            assert stuck < 1000, f"time stands still: {self.state()}"
            self.now = event
            self._move()

    def state(self) -> object:
        stream = self.protocol._stream
        return (
            [entry.data for entry in stream.owed],
            stream.cursor,
            stream.history.next,
            stream.anchor,
            stream._held,
            self.protocol._all.refusals.pending,
            self.firmware.last,
            self.firmware.queue,
            bytes(self.firmware.rx),
        )

    def _move(self) -> None:
        now, firmware, protocol = self.now, self.firmware, self.protocol
        while self.there and self.there[0][0] <= now:
            firmware.receive(self.there.popleft()[1], now)
        firmware.step(now)
        for line in firmware.outgoing():
            self._send_back(line)
        while self.here and self.here[0][0] <= now:
            data = self.here.popleft()[1]
            self.heard += data
            self.reports += protocol.receive(data, now)
        if protocol.due <= now:
            self.reports += protocol.tick(now)
        while self.program and protocol.room():
            protocol.send(self.program.popleft())
        self._write(protocol.outgoing(now))

    def _send_back(self, line: bytes) -> None:
        line = self.back(line)
        self.here_free = max(self.here_free, self.now) + len(line) / self.rate
        if line:
            self.here.append((self.here_free + self.delay, line))

    def _write(self, data: bytes) -> None:
        self.wrote += data
        for line in data.splitlines(keepends=True):
            line = self.out(line)
            self.there_free = max(self.there_free, self.now)
            for at in range(0, len(line), 8) if self.rate < inf else ():
                piece = line[at : at + 8]
                self.there_free += len(piece) / self.rate
                self.there.append((self.there_free, piece))
            if self.rate == inf and line:
                self.there.append((self.there_free + self.delay, line))

    def print(self, lines: list[str], seconds: float = 3600) -> float:
        """Print a program and return how long it took."""
        begun = self.now
        self.protocol.begin(numbered=True)
        self.program.extend(Line(text, Kind.FILE, number) for number, text in enumerate(lines))
        self.run(lambda: not self.program and self.protocol.idle(), seconds)
        return self.now - begun

    def of(self, kind: type[Report]) -> list[Report]:
        return [report for report in self.reports if isinstance(report, kind)]

    def acknowledged(self) -> list[str]:
        return [r.line.text for r in self.reports if isinstance(r, Acknowledged)]

    def sent(self) -> list[str]:
        return [r.line.text for r in self.reports if isinstance(r, Sent)]

    def program_accepted(self) -> list[str]:
        """What the firmware took since the last M110, without the protocol's own M105 and M155."""
        return [text for text in self.firmware.accepted if text.startswith("G")]


def gcode(count: int) -> list[str]:
    """Lines of a program, each different."""
    return [f"G1 X{n % 200}.{n % 997:03} Y{n % 180} E{n / 100:.4f}" for n in range(count)]
