"""Steering: what start, pause, resume, cancel and stop mean in each state, and what comes next by itself.

What can't be done at once but will be possible soon is remembered, the latest wish first: a pause
while the start script runs, a resume while the tool still moves to its halt.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import inf
from typing import Any, Final

from msgspec import Struct

from callboard.config.printer import Printer
from callboard.printing.course import Course, Source
from callboard.printing.feeding import Feed, FileSource
from callboard.printing.flow import Flow, Flows, Until
from callboard.printing.gcode import Command
from callboard.printing.job import State, Trigger
from callboard.printing.life import Life, Selection
from callboard.printing.marlin import Protocol
from callboard.printing.program import Program
from callboard.printing.scripts import Script, heaters_off
from callboard.printing.sdcard import SdCard
from callboard.printing.talk import Talk
from callboard.printing.tracking import Tracking
from callboard.printing.transfer import Transfers

LEAVE: Final = 10.0
"""How long the script before a disconnect may take, in s."""

ACQUAINTED: Final = 2.0
"""How long the firmware may take to say what it can do before its card is asked, in s."""

ON_REQUEST: Final = "Disconnected on request."
"""Why a link is closed that somebody wanted closed."""

RESETS: Final = 1.0
"""Seconds within which an idle printer's restarts are told as one, in s: some say `start` for ever."""

_STEPS: Final = 16
"""How many flows may begin in one go: each leads on to the next, and none goes in circles."""


class Intent(Struct, frozen=True):
    """A pause, or else a resume, that comes as soon as it can."""

    pause: bool
    user: str | None = None
    from_gcode: bool = False


class Steering:
    """Steers the job of one printer."""

    def __init__(self, printer: Printer, life: Life, protocol: Protocol) -> None:
        self._printer, self.life, self.protocol = printer, life, protocol
        self.talk = Talk(protocol, life, printer)
        self.feed = Feed(protocol, life, printer)
        self.tracking = Tracking(life)
        self.card = SdCard(life, self.talk, protocol)
        self.transfers = Transfers(life, self.talk, self.feed, self.card, protocol)
        self.course = Course(life, self.talk, self.tracking, protocol, printer)
        self._file = FileSource(self.feed, self.talk, protocol)
        self._flows, self._aside = Flows(), Flows()
        self._intent: Intent | None = None
        self._again = False
        self.forget()

    @property
    def source(self) -> Source:
        """Where the job's lines come from."""
        return self.card if self.life.from_card else self._file

    @property
    def due(self) -> float:
        """When there is something to do by itself."""
        return min(self._flows.due, self._aside.due, self.card.due, self.life.now if self.feed.more else inf)

    def forget(self) -> None:
        """Forget what only a connection knows."""
        self._reset = -inf
        self.wants_close: str | None = None
        self.leaving = False

    # The verbs

    def connected(self) -> None:
        """Send the script for a new connection, and ask what is on the card."""
        self._aside.begin(self._welcome())

    def start(self, user: str | None) -> None:
        """Start the selected file; a paused job is called off first."""
        self._again = self.life.state is State.PAUSED
        self._flows.begin(self._restart(user) if self._again else self.course.start(self.source, user))

    def started_by_itself(self) -> None:
        """Take note that the card has begun to print."""
        self._flows.begin(self.course.start(self.source, None, by_itself=True))

    def pause(self, user: str | None = None, *, from_gcode: bool = False) -> bool:
        """Pause, now or as soon as it can be; False where nothing prints."""
        state = self.life.state
        if state in {State.PAUSING, State.PAUSED}:
            self._intent = None
            return True
        if state not in {State.STARTING, State.RESUMING, State.PRINTING}:
            return False
        self._intent = Intent(pause=True, user=user, from_gcode=from_gcode)
        return True

    def resume(self, user: str | None = None, *, by_firmware: bool = False) -> bool:
        """Go on, now or as soon as it can be; False where nothing is paused."""
        state = self.life.state
        if state is State.PAUSED:
            self._intent = None
            self._flows.begin(self.course.resume(self.source, user=user, by_firmware=by_firmware))
            return True
        self._intent = Intent(pause=False, user=user) if state is State.PAUSING else None
        return state in {State.PAUSING, State.RESUMING, State.PRINTING, State.STARTING}

    def cancel(self, user: str | None = None, *, fault: str = "") -> bool:
        """Call the job or the transfer off; False where there is none."""
        state = self.life.state
        self._again = False
        if state is State.CANCELLING:
            return True
        if state is State.TRANSFERRING:
            self._flows.begin(self.transfers.cancel())
            return True
        if self.life.run is None or state is State.FINISHING:
            return False
        self._forget_plans()
        self._flows.begin(self.course.cancel(self.source, user=user, fault=fault))
        return True

    def firmware_paused(self) -> None:
        """Take note that the firmware paused by itself."""
        if self.life.state is State.PRINTING:
            self._flows.stop()
            self.feed.hold()
            self.course.firmware_paused()

    def transfer(self, program: Program, remote: str) -> None:
        """Copy a file to the card."""
        self._flows.begin(self.transfers.begin(program, remote))

    def emergency(self, by: str) -> None:
        """Stop the printer at once because somebody asked for it."""
        self._stop_all()
        self.protocol.give_up()
        if self.life.state is State.TRANSFERRING:
            self.protocol.urgent("M29")  # else M112 would be one more line of the file
        self._kill()
        self.life.say("EStop")
        self.life.go(Trigger.FAULT)
        self._end_job(f"Stopped by M112 {by}.")
        self.wants_close = "M112 stopped the printer."

    def fatal(self, error: str, reason: str, consequence: str, logs: Sequence[str]) -> None:
        """End all: the printer or its link has failed."""
        if not self.life.go(Trigger.FAULT):
            return
        self.say_error(error, reason, consequence, logs)
        self._stop_all()
        if consequence == "emergency" and not (self.life.run is not None and self.life.from_card):
            self._kill()  # what the card prints goes on without us
        self._end_job(error)
        self.wants_close = error

    def say_error(self, error: str, reason: str, consequence: str, logs: Sequence[str]) -> None:
        """Tell what is wrong."""
        data: dict[str, Any] = {"error": error, "reason": reason, "consequence": consequence}
        self.life.say("Error", data | {"logs": list(logs)})

    def restarted(self) -> None:
        """Take note that the printer restarted by itself: it has forgotten all that we sent."""
        self.talk.forget()
        self._stop_job()
        if not self.leaving:
            self._aside.stop()
        if self.life.state is State.TRANSFERRING:
            self.life.go(Trigger.TRANSFERRED)
            self.transfers.fail()
        if self.life.has_job:
            self.course.reset(self.source)
        elif self.life.now >= self._reset + RESETS:
            self._reset = self.life.now
            self.life.say("PrinterReset", {"idle": True})

    def leave(self) -> None:
        """Close the link when the script for it is done; a job ends now."""
        if self.leaving:
            return
        self.leaving = True
        self.life.say("Disconnecting")
        self._flows.stop()
        self._forget_plans()
        if self.life.state is State.TRANSFERRING:
            self._flows.begin(self.transfers.cancel())
        elif self.life.run is not None:
            self.source.stop()
            self.talk.drop()
            self.life.go(Trigger.CANCEL)
            self.course.fail("The printer was disconnected.")
        self._aside.begin(self._farewell())

    def lost(self, error: str) -> None:
        """Take note that the link is gone: what ran has failed."""
        self._stop_all()
        self.talk.forget()
        self._end_job(error)

    # What comes next

    def settle(self) -> None:
        """Go on as far as it goes without more from outside."""
        for _ in range(_STEPS):
            self._flows.step(self.life.now)
            self._aside.step(self.life.now)
            if not self._next():
                return

    def _next(self) -> bool:
        """Begin what is to be done now; False if there is nothing."""
        state = self.life.state
        if self.life.run is not None and self.source.fault:
            return self._abandon(self.source.fault)
        intent = self._intent
        if intent is not None and intent.pause is (state is State.PRINTING) and state in _PAUSABLE:
            self._intent = None
            self._flows.begin(self._meant(intent))
            return True
        if state is not State.PRINTING or self._flows.running:
            return False
        if self.feed.halted is not None:
            self._halt(self.feed.halted)
            return True
        return self._finish()

    def _meant(self, intent: Intent) -> Flow:
        if intent.pause:
            return self.course.pause(self.source, user=intent.user, from_gcode=intent.from_gcode)
        return self.course.resume(self.source, user=intent.user)

    def _finish(self) -> bool:
        """Finish the job if its last line is acknowledged."""
        if not (self.card.ended if self.life.from_card else self.feed.finished):
            return False
        self.tracking.ended()
        self.feed.stop()
        self.card.stop()
        self.card.ended = False
        self._flows.begin(self.course.finish())
        return True

    def _abandon(self, fault: str) -> bool:
        """End a job whose file can't be read any more; False while it ends already."""
        if self.life.state in {State.CANCELLING, State.FINISHING}:
            return False
        self._forget_plans()
        self._flows.begin(self.course.abandon(self.source, fault))
        return True

    def _halt(self, found: Command) -> None:
        """Do what a line that is not sent asks for."""
        self.feed.pass_halt()
        word = found.text.split(maxsplit=1)[0].lower()
        if found.code == "M112":
            self.emergency("in the file")
        elif word == "@pause":
            self.pause(from_gcode=True)
        elif word in {"@cancel", "@abort"}:
            self.cancel()
        elif found.code:
            self._flows.begin(self._wait(found))

    def _wait(self, found: Command) -> Flow:
        """Pause where M0, M1, M25 or M226 stands in the file.

        M0 and M1 are not sent: the printer would wait for its own knob. M226 with a pin ends by itself.
        """
        if found.code == "M25":
            self.feed.hold()
            yield Until(self.talk.send([found.text]).done)
        else:
            self.life.say("Waiting")
        yield from self.course.pause(self.source, from_gcode=True)
        if found.code == "M226":
            ticket = self.talk.send([found.text], quiet=True)
            if found.has("P"):
                yield Until(ticket.done)
                yield from self.course.resume(self.source)

    def _restart(self, user: str | None) -> Flow:
        yield from self.course.cancel(self.source, user=user)
        if self._again:
            yield from self.course.start(self.source, user)

    def _welcome(self) -> Flow:
        # Only firmware that says so lists long names; some firmware never says what it can do.
        yield Until(lambda: bool(self.protocol.capabilities), self.life.now + ACQUAINTED)
        self.card.refresh()
        yield from self.course.script(Script.AfterPrinterConnected)

    def _farewell(self) -> Flow:
        deadline = self.life.now + LEAVE
        yield Until(lambda: not self._flows.running, deadline)
        if self.life.is_open:
            yield from self.course.script(Script.BeforePrinterDisconnected, deadline)
        yield Until(self.protocol.idle, deadline)
        self.wants_close = ON_REQUEST

    def _kill(self) -> None:
        """Stop the firmware, and switch the heaters off for one that does not know M112."""
        for line in ("M112", *heaters_off(self._printer)):
            self.protocol.urgent(line)

    def _stop_all(self) -> None:
        self._aside.stop()
        self._stop_job()

    def _stop_job(self) -> None:
        self._flows.stop()
        self._forget_plans()
        self.feed.stop()
        self.card.stop()

    def _end_job(self, error: str) -> None:
        self.course.fail(error)
        self.transfers.fail()

    def _forget_plans(self) -> None:
        self._intent = None


_PAUSABLE: Final = frozenset({State.PRINTING, State.PAUSED})


def selection_of(program: Program) -> Selection:
    """Return the selection of a local file."""
    return Selection(program.path, "local", program.size, program.owner, program)
