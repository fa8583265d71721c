"""One printer as the host sees it, sans-IO: bytes, wishes and the time in; bytes and happenings out.

    link --bytes--> Protocol --Report--> Meaning --+
                                                   +--> Steering (flows, states) --> Happenings
    somebody --Wish--> Granting ------------------+             |
    link <--bytes-- Protocol <--Line-- Feed (the program), Talk (all else)

Nothing here waits, and nothing here raises for what a printer, a file or a person does. Whoever drives
it (`callboard.printing.driver`, or a test) calls `receive`, `tick` at `due`, `do`; and after each of
them `take`, then `outgoing`: so what is told stands before the bytes that it announces.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import Any

from callboard.config.printer import Printer
from callboard.printing.granting import Granting
from callboard.printing.happening import Happening
from callboard.printing.job import State, Trigger
from callboard.printing.life import Life
from callboard.printing.marlin import Marlin, Protocol
from callboard.printing.meaning import Meaning
from callboard.printing.showing import status
from callboard.printing.steering import Steering
from callboard.printing.timeouts import Timeouts
from callboard.printing.wishes import Answer, Wish


class Machine:
    """One printer; `now` is monotonic seconds and never goes back."""

    def __init__(self, printer: Printer, *, now: float) -> None:
        self.printer = printer
        self._life = Life(now)
        self._protocol = Protocol(_settings(printer))
        self._steering = Steering(printer, self._life, self._protocol)
        self._meaning = Meaning(self._life, self._steering)
        self._granting = Granting(printer, self._life, self._steering, self._meaning)

    # The link's fate

    def connecting(self, now: float, *, detecting: bool = False) -> None:
        """Somebody begins to open the link; `detecting`: to look for its port or speed."""
        self._life.now = now
        if self._life.state in {State.OFFLINE, State.CLOSED_WITH_ERROR}:
            self._life.say("Connecting")
            self._life.go(Trigger.DETECT if detecting else Trigger.CONNECT)

    def failed(self, now: float, error: str, *, detecting: bool = False) -> None:
        """The link could not be opened; `error` says why, in a sentence."""
        self._life.now = now
        if self._life.go(Trigger.FAULT):
            self._steering.say_error(error, "autodetect" if detecting else "connection", "disconnect", ())
            self._life.go(Trigger.CLOSED)

    def opened(self, port: str, baudrate: int, now: float) -> None:
        """The link is open: greet the printer."""
        self.connecting(now)
        self._forget()
        self._meaning.port = (port, baudrate)
        if self._life.go(Trigger.OPENED):
            self._protocol.open(now)

    def closed(self, now: float, reason: str = "") -> None:
        """The link is closed, by us or not; `reason` says why, in a sentence."""
        self._life.now = now
        life, connected = self._life, self._meaning.connected
        self._steering.lost(reason or "The link to the printer was lost.")
        self._protocol.close()
        if self._steering.card.forget():
            self._steering.card.say_updated()
        life.select(None)
        if connected:
            life.say("Disconnected")
        self._forget()
        life.go(Trigger.CLOSED)

    def _forget(self) -> None:
        self._steering.forget()
        self._meaning.forget()

    # In and out

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes that the printer sent."""
        self._life.now = now
        self._meaning.hear(self._protocol.receive(data, now))
        self._steering.settle()

    def tick(self, now: float) -> None:
        """Do what is due."""
        self._life.now = now
        self._meaning.hear(self._protocol.tick(now))
        self._steering.card.tick(now)
        self._steering.settle()

    @property
    def due(self) -> float:
        """When `tick` is to be called, in monotonic seconds; inf while nothing is."""
        return min(self._protocol.due, self._steering.due)

    def do(self, wish: Wish, now: float) -> Answer:
        """Grant a wish, or refuse it with a sentence; what comes of it shows in the happenings."""
        self._life.now = now
        answer = self._granting.grant(wish)
        self._steering.settle()
        return answer

    def take(self) -> list[Happening]:
        """Return what happened since the last call, in order."""
        return self._life.take()

    def outgoing(self, now: float) -> bytes:
        """Return what may be written now; the program is read as there is room for its lines."""
        self._life.now = now
        feed = self._steering.feed
        feed.fill()
        if feed.stands:
            self._steering.settle()
        return self._protocol.outgoing(now)

    # What is true now

    @property
    def is_ready(self) -> bool:
        """Whether the printer has answered and can be used."""
        return self._life.is_open

    @property
    def has_job(self) -> bool:
        """Whether a job runs, from its first script to its last."""
        return self._life.has_job

    @property
    def wants_close(self) -> str | None:
        """Why the link is to be closed now, in a sentence; None while it may stay."""
        return self._steering.wants_close

    @property
    def terminal(self) -> deque[str]:
        """The last lines both ways, `Send: ...` and `Recv: ...`."""
        return self._meaning.terminal

    def status(self, now: float) -> Mapping[str, Any]:
        """Return what is true now: state, temperatures, job, progress, position and so on; see `showing`."""
        self._life.now = now
        return status(self._life, self._steering, self._meaning)


def _settings(printer: Printer) -> Marlin:
    """Return the protocol's settings for a printer."""
    return Marlin(
        rx_buffer=printer.rx_buffer,
        ping_pong=printer.ping_pong,
        checksums=printer.checksums,
        on_error=printer.on_error,
        timeouts=Timeouts(communication=float(printer.timeout)),
    )
