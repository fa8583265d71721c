"""Meaning: what each report of the protocol means for the printer's life.

Report -> one small method by its type -> happenings, or a word to the steering
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final

from callboard.printing.job import State, Trigger
from callboard.printing.life import Life
from callboard.printing.marlin import (
    Acknowledged,
    ActionAsked,
    Busy,
    CapabilitiesAre,
    Consequence,
    Fault,
    FirmwareIs,
    Kind,
    Line,
    PositionIs,
    Ready,
    Report,
    ResendRatioHigh,
    Restarted,
    Said,
    SdDeleted,
    SdDone,
    SdFailed,
    SdFiles,
    SdInserted,
    SdNotPrinting,
    SdOpened,
    SdProgress,
    SdRemoved,
    SdSaved,
    SdSelected,
    SdWriting,
    Temperatures,
    Wrote,
)
from callboard.printing.prompts import Prompt
from callboard.printing.steering import Steering
from callboard.printing.talk import Mark

TERMINAL: Final = 300
"""How many lines of the conversation are kept."""

LOGS: Final = 20
"""How many of them an Error carries."""


class Meaning:
    """Takes what one printer reports."""

    def __init__(self, life: Life, steering: Steering) -> None:
        self._life, self._steering = life, steering
        self._tracking, self._card = steering.tracking, steering.card
        self.terminal: deque[str] = deque(maxlen=TERMINAL)
        self.prompt = Prompt()
        self.port: tuple[str, int] = ("", 0)
        self.forget()

    def forget(self) -> None:
        """Forget what only a connection knows."""
        self.connected = False
        self.temperatures: Mapping[str, tuple[float, float | None]] = MappingProxyType({})
        self.firmware = ""
        self.resend_ratio: float | None = None
        self.waits = False
        self.prompt.forget()

    def hear(self, reports: list[Report]) -> None:
        """Take reports in order."""
        for report in reports:
            # Looked up once a line of a print; the type is the quickest key.
            hear = _HEARD.get(type(report))
            if hear is not None:
                hear(self, report)

    def _acknowledged(self, report: Acknowledged) -> None:
        line = report.line
        if line.kind is Kind.FILE:
            self._steering.feed.acknowledged(line)
            run = self._life.run
            if run is not None:
                run.done = line.position
                self._tracking.acknowledged(line.mark, of_file=True)
        elif isinstance(line.mark, Mark):
            self._ours(line, line.mark)

    def _ours(self, line: Line, mark: Mark) -> None:
        """A line of a script, a person or the host was acknowledged."""
        self._steering.talk.acknowledged(mark)
        if not mark.quiet and self._life.state is not State.TRANSFERRING:
            self._tracking.acknowledged(mark.command, of_file=False)
        if line.kind is Kind.SCRIPT:
            self._tracking.mode(mark.command.code)
        if mark.command.code == "M114" and line.kind is Kind.MANUAL and self._tracking.has_report():
            self._steering.course.say_position(None)

    def _said(self, report: Said) -> None:
        self.terminal.append(f"Recv: {report.text}")

    def _wrote(self, report: Wrote) -> None:
        self.terminal.append(f"Send: {report.text}")

    def _ready(self, _: Ready) -> None:
        if self.connected:
            return
        self.connected = True
        self._life.go(Trigger.ANSWERED)
        port, baudrate = self.port
        self._life.say("Connected", {"port": port, "baudrate": baudrate})
        self._steering.connected()

    def _firmware(self, report: FirmwareIs) -> None:
        self.firmware = report.name
        self._life.say("FirmwareData", {"name": report.name, "data": dict(report.data)})

    def _can(self, report: CapabilitiesAre) -> None:
        if report.data.get("PROMPT_SUPPORT"):
            self._steering.talk.send(["M876 P1"], Kind.HOST)

    def _temperatures(self, report: Temperatures) -> None:
        self.temperatures = report.readings

    def _position(self, report: PositionIs) -> None:
        self._tracking.reported({"x": report.x, "y": report.y, "z": report.z, "e": report.e})

    def _restarted(self, _: Restarted) -> None:
        self.prompt.forget()
        self._steering.restarted()

    def _fault(self, report: Fault) -> None:
        if report.fatal:
            self._steering.fatal(report.error, report.reason, report.consequence, self.logs())
        elif report.consequence == Consequence.CANCEL.value:
            self._steering.say_error(report.error, report.reason, report.consequence, self.logs())
            self._steering.cancel(fault=report.error)

    def logs(self) -> list[str]:
        """Return the last lines on the link."""
        return list(self.terminal)[-LOGS:]

    def _busy(self, report: Busy) -> None:
        self.waits = "paused" in report.reason

    def _ratio(self, report: ResendRatioHigh) -> None:
        self.resend_ratio = report.ratio

    def _inserted(self, _: SdInserted) -> None:
        """The card is in: its list is read, unless a job is under way."""
        known, self._card.mounted = self._card.mounted, True
        if not known and self._life.state is State.OPERATIONAL:
            self._card.refresh()

    def _removed(self, _: SdRemoved) -> None:
        if self._life.has_job and self._life.from_card:
            return
        if self._card.forget():
            self._card.say_updated()
        if self._life.from_card:
            self._life.select(None)

    def _files(self, report: SdFiles) -> None:
        self._card.listed(report.entries)

    def _opened(self, report: SdOpened) -> None:
        self._card.opened(report.name, report.size)

    def _selected(self, _: SdSelected) -> None:
        self._card.selected()

    def _progress(self, report: SdProgress) -> None:
        if report.total and self._card.progressed(report.done, report.total):
            self._steering.started_by_itself()

    def _not_printing(self, _: SdNotPrinting) -> None:
        if self._card.not_printing():
            self._steering.cancel()

    def _done(self, _: SdDone) -> None:
        self._card.ended = self._life.run is not None and self._life.from_card

    def _writing(self, _: SdWriting) -> None:
        self._card.writing = True

    def _saved(self, _: SdSaved) -> None:
        self._card.saved = True

    def _deleted(self, report: SdDeleted) -> None:
        selection = self._life.selection
        gone = selection is not None and report.name.lstrip("/").lower() == selection.path.lower()
        if gone and self._life.from_card and not self._life.has_job:
            self._life.select(None)

    def _failed(self, report: SdFailed) -> None:
        self._card.failed(report.error)

    def _asked(self, report: ActionAsked) -> None:
        """The printer asks for something; what is unknown is left alone."""
        name = report.name.lower()
        if self.prompt.action(name, report.params):
            return
        act = _ACTIONS.get(name)
        if act is not None and self._life.is_open and not self._steering.leaving:
            act(self._steering)


def _start(steering: Steering) -> None:
    if steering.life.state is State.OPERATIONAL and steering.life.selection is not None:
        steering.start(None)


def _refresh(steering: Steering) -> None:
    if steering.life.state is State.OPERATIONAL:
        steering.card.refresh()


def _eject(steering: Steering) -> None:
    if not steering.life.has_job and steering.card.forget():
        steering.card.say_updated()


_ACTIONS: Final[Mapping[str, Callable[[Steering], Any]]] = MappingProxyType(
    {
        "start": _start,
        "cancel": Steering.cancel,
        "pause": lambda steering: steering.pause(from_gcode=True),
        "paused": Steering.firmware_paused,
        "resume": Steering.resume,
        "resumed": lambda steering: steering.resume(by_firmware=True),
        "disconnect": Steering.leave,
        "sd_inserted": _refresh,
        "sd_updated": _refresh,
        "sd_ejected": _eject,
    }
)
"""What a printer may ask for. `shutdown` is not among them: a printer does not turn its host off."""

_HEARD: Final[Mapping[type[Any], Callable[[Meaning, Any], None]]] = {
    Acknowledged: Meaning._acknowledged,
    Said: Meaning._said,
    Wrote: Meaning._wrote,
    Ready: Meaning._ready,
    FirmwareIs: Meaning._firmware,
    CapabilitiesAre: Meaning._can,
    Temperatures: Meaning._temperatures,
    PositionIs: Meaning._position,
    Restarted: Meaning._restarted,
    Fault: Meaning._fault,
    Busy: Meaning._busy,
    ResendRatioHigh: Meaning._ratio,
    SdInserted: Meaning._inserted,
    SdRemoved: Meaning._removed,
    SdFiles: Meaning._files,
    SdOpened: Meaning._opened,
    SdSelected: Meaning._selected,
    SdProgress: Meaning._progress,
    SdNotPrinting: Meaning._not_printing,
    SdDone: Meaning._done,
    SdWriting: Meaning._writing,
    SdSaved: Meaning._saved,
    SdDeleted: Meaning._deleted,
    SdFailed: Meaning._failed,
    ActionAsked: Meaning._asked,
}
