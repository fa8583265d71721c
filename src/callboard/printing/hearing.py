"""What each line of the printer does to the conversation. Source: facts/print-host-facts.md 3.3 to 3.9."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Any, Final, cast

from callboard.printing import cardreplies
from callboard.printing.cardreplies import ListBegins, ListEnds
from callboard.printing.conversation import Conversation
from callboard.printing.faults import Severity, about_number, severity
from callboard.printing.moves import State, Step
from callboard.printing.replies import (
    Capability,
    ErrorLine,
    Ok,
    Reading,
    Resend,
    Skipped,
    Start,
    Target,
    Text,
    UnknownCommand,
    Wait,
    parse,
)
from callboard.printing.reports import (
    Busy,
    Consequence,
    FirmwareIs,
    Reason,
    Report,
    Restarted,
    SdEntry,
    SdFailed,
    SdFiles,
    SdSaved,
    Temperatures,
)

_GLUED_MOST: Final = 16
"""Replies in one line; what is glued behind them is garbage."""


class Hearing:
    """Takes lines, one after another."""

    def __init__(self, conversation: Conversation, hello: Callable[[float], None]) -> None:
        self._all = conversation
        self._hello = hello
        self._files: list[SdEntry] | None = None
        self._last_error = ""

    def clear(self) -> None:
        """Forget what was half said."""
        self._files, self._last_error = None, ""

    def hear(self, text: str, now: float) -> None:
        """Take one line."""
        rest = text
        for _ in range(_GLUED_MOST):
            rest = self._reply(rest, now)
            if not rest:
                return

    def _reply(self, text: str, now: float) -> str:
        """Take one reply; returns what was glued to it."""
        al = self._all
        if self._files is not None and self._is_file(text):
            return ""
        reply = parse(text)
        joined = al.joining.join(text, refused=isinstance(reply, Resend))
        if joined is not None:
            self._fatal_or_not(joined)
            if text.startswith(":"):
                return ""
        if isinstance(reply, Ok):
            self._ok(reply, now)
            return reply.rest
        al.stream.surplus.interrupted()
        if not isinstance(reply, (Resend, ErrorLine)):
            al.refused(al.refusals.other(), now)
        does = _DOES.get(type(reply))
        if does is None:
            al.reports.append(cast(Report, reply))
        else:
            does(self, reply, now)
        return ""

    # oks

    def _ok(self, reply: Ok, now: float) -> None:
        al = self._all
        if al.state is not State.READY:
            self._answered(now)
            return
        if al.hellos_owed:
            al.hellos_owed -= 1
            return
        if al.known.listing:
            self._listed()
        if reply.position is not None:
            al.reports.append(reply.position)
        if reply.readings is not None:
            self._temperatures(reply.readings, now, waiting=False)
        refusal = al.refusals.ok()
        if refusal is not None:
            al.refused(refusal, now)
            return
        self._count(reply)
        al.moved(now)

    def _count(self, reply: Ok) -> None:
        al = self._all
        stream = al.stream
        if reply.readings is not None and (stream.fences or stream.fences_work):
            lost = stream.ok_fence()
            if lost:
                al.watch.found(something=True)
        elif reply.number is not None:
            stream.ok_number(reply.number)
        else:
            stream.ok()
        if reply.number is not None or reply.readings is not None or stream.surplus.count:
            al.decide()

    def _answered(self, now: float) -> None:
        al = self._all
        if al.state is State.GREETING:
            al.step(Step.ANSWER)
            al.watch.clear(now)

    def _listed(self) -> None:
        found = self._all.known.listed()
        if found is not None:
            self._all.reports.append(found)
            self._all.decide()

    # refusals and errors

    def _resend(self, reply: Resend, now: float) -> None:
        al = self._all
        if al.state is State.READY:
            al.refused(al.refusals.resend(reply.number, now), now)

    def _error(self, reply: ErrorLine, now: float) -> None:
        al = self._all
        found = severity(reply)
        if found in {Severity.REFUSAL, Severity.UNNUMBERED}:
            if al.state is State.READY:
                al.refused(al.refusals.error(reply.last, about_number(reply), now), now)
            return
        al.refused(al.refusals.other(), now)
        if found is Severity.CARD:
            al.reports.append(SdFailed(reply.text))
        elif found is not Severity.HARMLESS:
            al.joining.hold(reply, now)

    def fatal_or_not(self, error: ErrorLine | None) -> None:
        """Do what an error asks for, if there is one."""
        if error is not None:
            self._fatal_or_not(error)

    def _fatal_or_not(self, error: ErrorLine) -> None:
        al = self._all
        if severity(error) is Severity.KILLED or al.settings.on_error == "disconnect":
            al.fault(error.text, Reason.FIRMWARE, Consequence.EMERGENCY)
        elif error.text != self._last_error:
            cancels = al.settings.on_error == "cancel"
            al.fault(error.text, Reason.FIRMWARE, Consequence.CANCEL if cancels else Consequence.NONE)
        self._last_error = error.text

    def _unknown_command(self, reply: UnknownCommand, now: float) -> None:  # noqa: ARG002
        self._all.stream.foreign(reply.command)

    def _skipped(self, reply: Skipped, now: float) -> None:  # noqa: ARG002
        self._all.stream.hurt()

    # life

    def _wait(self, reply: Wait, now: float) -> None:  # noqa: ARG002
        """The firmware has nothing to do: whatever is owed is done, or never came."""
        al = self._all
        if al.state is not State.READY:
            self._answered(now)
        elif al.stream.unacknowledged:
            al.stream.doubt = True
            al.watch.idle(now)
            if al.watch.settled(now) and not al.can_probe():
                al.stream.credit()

    def _start(self, reply: Start, now: float) -> None:  # noqa: ARG002
        al = self._all
        if al.state is State.READY:
            al.reports.append(Restarted())
            al.clear(now)
            al.known.clear()
            self.clear()
        if al.state in {State.READY, State.GREETING}:
            al.step(Step.START)
            self._hello(now)

    def _busy(self, reply: Busy, now: float) -> None:
        al = self._all
        al.reports.append(reply)
        al.watch.moved(now)
        if not al.watch.busy and al.state is State.READY:
            al.watch.busy = True
            al.own("M113 S2")

    def _text(self, reply: Text, now: float) -> None:  # noqa: ARG002
        if reply.damaged:
            self._all.stream.hurt()

    # what it is and how it is

    def _firmware(self, reply: FirmwareIs, now: float) -> None:  # noqa: ARG002
        al = self._all
        if not reply.name:
            return
        al.known.learn(reply)
        al.reports.append(reply)

    def _capability(self, reply: Capability, now: float) -> None:  # noqa: ARG002
        command = self._all.known.can(reply)
        if command:
            self._all.own(command)
            self._all.polling.reported = self._all.polling.reported or command.startswith("M155")

    def _reading(self, reply: Reading, now: float) -> None:
        al = self._all
        ours = al.polling.reported or not al.known.firmware or not al.known.quirks.external_heat_up
        self._temperatures(reply.readings, now, waiting=not ours)

    def _target(self, reply: Target, now: float) -> None:  # noqa: ARG002
        readings = self._all.polling.target(reply.name, reply.target)
        if readings:
            self._all.reports.append(Temperatures(readings))

    def _temperatures(self, readings: Mapping[str, Any], now: float, *, waiting: bool) -> None:
        al = self._all
        chamber = al.known.capabilities.get("CHAMBER_TEMPERATURE", False)
        if "C" in readings and readings["C"][1] is None and not chamber:
            readings = {name: value for name, value in readings.items() if name != "C"}
        al.reports.append(Temperatures(al.polling.read(readings, now), waiting))

    # the card

    def _list_begins(self, reply: ListBegins, now: float) -> None:  # noqa: ARG002
        self._files = []

    def _list_ends(self, reply: ListEnds, now: float) -> None:  # noqa: ARG002
        files, self._files = self._files, None
        if files is not None:
            self._all.reports.append(SdFiles(tuple(files)))

    def _is_file(self, text: str) -> bool:
        """Between the list's ends a line may still be something else: a temperature, `wait`."""
        files = self._files
        entry = cardreplies.entry(text)
        if files is None or entry is None:
            return False
        if len(files) < cardreplies.MANY_FILES:
            files.append(entry)
        return True

    def _saved(self, reply: SdSaved, now: float) -> None:
        self._all.reports.append(reply)
        self._all.saved_at = now + self._all.settings.timeouts.greeted


_DOES: Final[Mapping[type[Any], Callable[[Hearing, Any, float], None]]] = MappingProxyType(
    {
        Resend: Hearing._resend,
        ErrorLine: Hearing._error,
        UnknownCommand: Hearing._unknown_command,
        Skipped: Hearing._skipped,
        Wait: Hearing._wait,
        Start: Hearing._start,
        Busy: Hearing._busy,
        Text: Hearing._text,
        FirmwareIs: Hearing._firmware,
        Capability: Hearing._capability,
        Reading: Hearing._reading,
        Target: Hearing._target,
        ListBegins: Hearing._list_begins,
        ListEnds: Hearing._list_ends,
        SdSaved: Hearing._saved,
    }
)
