"""The course of a job, as flows: start, pause, resume, cancel, finish.

Each follows the order that facts/print-host-facts.md 1.4 gives, with the DO lines of 1.3 and the steps
of 3.8. Who prints (a file from here, or the printer's card) is the `Source`: what differs stands there.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from typing import Any, Final, Protocol

from callboard.config.printer import Printer
from callboard.printing.flow import Flow, Until
from callboard.printing.gcode import command
from callboard.printing.job import State, Trigger
from callboard.printing.life import Life, Run, Selection
from callboard.printing.marlin import Protocol as Marlin
from callboard.printing.scripts import Script, fill, lines
from callboard.printing.suppressing import suppressed
from callboard.printing.talk import Talk
from callboard.printing.tracking import Tracking

POSITION: Final = 10.0
"""How long a position is waited for, in s."""

CANCEL: Final = 30.0
"""How long a cancelled job waits for its script to be acknowledged, in s; the script is sent all the same."""

RESTARTED: Final = "The printer restarted in the middle of the print: look at its power, and for a crash."

SETTLE: Final = 600.0
"""How long a finished job waits for the tool to stand still, in s."""


class Source(Protocol):
    """Where a job's lines come from."""

    @property
    def fault(self) -> str:
        """Return why no more lines can come; empty while they can."""

    def start(self, selection: Selection) -> Flow:
        """Let the first line come."""

    def pause(self) -> Flow:
        """Let no more lines come."""

    def resume(self) -> Flow:
        """Let lines come again."""

    def stop(self) -> None:
        """Let no line come ever again."""

    def cancel(self) -> Flow:
        """Bring the printer to its senses after `stop`."""


class Course:
    """Leads the job of one printer."""

    def __init__(
        self, life: Life, talk: Talk, tracking: Tracking, protocol: Marlin, printer: Printer
    ) -> None:
        self._life, self._talk, self._tracking = life, talk, tracking
        self._protocol, self._printer = protocol, printer
        self._captured: dict[str, Any] | None = None

    def start(self, source: Source, user: str | None, *, by_itself: bool = False) -> Flow:
        """Start the selected file; `by_itself`: the printer has begun already."""
        life = self._life
        selection = life.selection
        if selection is None or not life.go(Trigger.START):
            return
        life.run = Run(selection, user, life.now)
        program = selection.program
        self._captured = None
        self._tracking.begin(None if program is None else program.layers)
        self._protocol.begin(numbered=True)
        life.say("PrintStarted", life.run.payload())
        if not by_itself:
            yield from self.script(Script.BeforePrintStarted)
            yield from source.start(selection)
        life.go(Trigger.STARTED)

    def pause(self, source: Source, *, user: str | None = None, from_gcode: bool = False) -> Flow:
        """Let the job stand still; `from_gcode`: its lines or the firmware asked for it."""
        life = self._life
        if not life.go(Trigger.PAUSE):
            return
        yield from source.pause()
        self._captured = yield from self._capture()
        self._paused(user, from_gcode=from_gcode)
        yield from self.script(Script.AfterPrintPaused)
        if self._captured is not None:
            life.say("PositionUpdate", self._captured | {"reason": "pause"})
        life.go(Trigger.STANDS)

    def firmware_paused(self) -> None:
        """Take note that the firmware paused by itself: no scripts, no questions."""
        if self._life.go(Trigger.PAUSE):
            self._captured = None
            self._paused(None, from_gcode=True)
            self._life.go(Trigger.STANDS)

    def resume(self, source: Source, *, user: str | None = None, by_firmware: bool = False) -> Flow:
        """Let the job go on."""
        life, run = self._life, self._life.run
        if run is None or not life.go(Trigger.RESUME):
            return
        run.go_on(life.now)
        life.say("PrintResumed", run.payload() | _by(user))
        if not by_firmware:
            yield from self.script(Script.BeforePrintResumed)
        self._captured = None
        yield from source.resume()
        life.go(Trigger.GOES_ON)

    def cancel(self, source: Source, *, user: str | None = None, fault: str = "") -> Flow:
        """Call the job off; `fault` is what made us do so."""
        run = self._cancelled(source, user, fault)
        if run is None:
            return
        deadline = self._life.now + CANCEL
        yield from source.cancel()
        yield from self.script(Script.AfterPrintCancelled, deadline)
        self.fail("", run)
        self._life.go(Trigger.CANCELLED)

    def reset(self, source: Source) -> None:
        """Take note that the printer restarted in the middle of a job: it is called off, and told at once."""
        life, run = self._life, self._life.run
        self._cancelled(source, None, "")
        life.say("PrinterReset", {"idle": False})
        if run is not None:
            self.fail(RESTARTED, run)
        life.go(Trigger.SETTLED if life.state is State.FINISHING else Trigger.CANCELLED)

    def abandon(self, source: Source, fault: str) -> Flow:
        """End a job that can't go on: its script is sent, it is no cancel."""
        life, run = self._life, self._life.run
        source.stop()
        self._talk.drop()
        if run is None or not life.go(Trigger.CANCEL):
            return
        deadline = life.now + CANCEL
        yield from source.cancel()
        yield from self.script(Script.AfterPrintCancelled, deadline)
        self.fail(fault, run)
        life.go(Trigger.CANCELLED)

    def finish(self) -> Flow:
        """End a job whose last line was acknowledged."""
        life, run = self._life, self._life.run
        if run is None or not life.go(Trigger.END):
            return
        if run.percent is None:
            run.done = run.size
        run.told = True
        life.say("PrintDone", run.payload() | {"time": run.elapsed(life.now)})
        yield from self.script(Script.AfterPrintDone)
        yield Until(self._talk.send(["M400"]).done, life.now + SETTLE)
        life.say("PrintSettled", run.payload() | {"time": run.elapsed(life.now)})
        self._over()
        life.go(Trigger.SETTLED)

    def fail(self, fault: str, run: Run | None = None) -> None:
        """Tell that the job has failed, unless its end was told; `fault` is empty for a cancel by people."""
        life = self._life
        run = run or life.run
        if run is None or life.run is not run:
            return
        if not run.told:
            cancelled = run.cancelled and fault in {"", RESTARTED}
            reason = {"reason": "cancelled" if cancelled else "error"} | ({"error": fault} if fault else {})
            life.say("PrintFailed", self._stop_payload(run) | {"time": run.elapsed(life.now)} | reason)
        self._over()

    def script(self, script: Script, deadline: float | None = None) -> Flow:
        """Send a script and wait until it is acknowledged, or until the deadline."""
        found = self._filled(script)
        if not found:
            return
        self._life.say(script.running)
        ticket = self._talk.send(found)
        yield Until(ticket.done) if deadline is None else Until(ticket.done, deadline)
        self._life.say(script.finished)

    def say_position(self, reason: str | None) -> None:
        """Tell where the printer says its tool is."""
        self._life.say("PositionUpdate", self._tracking.position() | {"reason": reason})

    def _cancelled(self, source: Source, user: str | None, fault: str) -> Run | None:
        """Tell that the job is being called off, and that it is; None if there is none to call off."""
        life, run = self._life, self._life.run
        source.stop()
        self._talk.drop()
        if run is None or life.state in {State.CANCELLING, State.FINISHING}:
            return None
        life.say("PrintCancelling", run.payload() | _by(user) | ({"firmwareError": fault} if fault else {}))
        if not life.go(Trigger.CANCEL):
            return None
        run.cancelled = True
        life.say("PrintCancelled", self._stop_payload(run) | {"time": run.elapsed(life.now)} | _by(user))
        return run

    def _paused(self, user: str | None, *, from_gcode: bool) -> None:
        life, run = self._life, self._life.run
        if run is None:
            return
        run.stand(life.now)
        life.say("PrintPaused", self._stop_payload(run) | _by(user))
        if from_gcode:
            life.say("Paused")

    def _capture(self) -> Generator[Until, bool, dict[str, Any] | None]:
        """Wait until the tool stands still, and return where that is, if the printer says so."""
        yield Until(self._talk.send(["M400"]).done)
        self._tracking.forget_report()
        self._talk.send(["M114"])
        if (yield Until(self._tracking.has_report, self._life.now + POSITION)):
            return self._tracking.position(computed=not self._life.from_card)
        return None

    def _stop_payload(self, run: Run) -> dict[str, Any]:
        where = self._captured or self._tracking.position(computed=not self._life.from_card)
        return run.payload() | {"position": where, "fileposition": run.done, "progress": run.progress}

    def _over(self) -> None:
        self._life.run = None
        self._protocol.begin(numbered=False)

    def _filled(self, script: Script) -> tuple[str, ...]:
        values = self._values()
        found = []
        for line in lines(script, self._printer):
            text, unknown = fill(line, values)
            if unknown:
                why = f"{{{unknown}}} is not known here."
                self._life.say("CommandSuppressed", suppressed(command(line), why))
            elif command(text).text:
                found.append(text)
        return tuple(found)

    def _values(self) -> Mapping[str, Any]:
        life, run = self._life, self._life.run
        selection = run.selection if run is not None else life.selection
        known = selection.payload(run.user if run is not None else None) if selection is not None else {}
        progress = {"progress": run.progress} if run is not None else {}
        where = self._captured or self._tracking.position()
        return {**where, **known, **progress, "printer": self._printer.name}


def _by(user: str | None) -> dict[str, Any]:
    return {} if user is None else {"user": user}
