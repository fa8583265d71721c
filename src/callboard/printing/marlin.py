"""The Marlin protocol, sans-IO: bytes and the time in, reports and bytes out. It never waits.

    bytes -> Incoming -> replies.parse -> Hearing -> Stream (oks, refusals) and reports
    lines -> Queues ------------------------------> Stream -> bytes
    time  -> Watch (silence), Polling (temperatures), Refusals and Joining (what is half said)

Theory. `moves` says where the conversation is, `stream` which lines the firmware has taken, and why one can know
that. This module puts them together: whose turn it is to be written, and what follows from what is due.

Whose turn it is: urgent lines; a resend; a fence; MANUAL, HOST, SCRIPT, FILE. Nothing else while a refusal is
half said, or while numbers begin anew (M110, proven by one line alone).

Several lines are in flight once the firmware is known to bear it (its name is known, and its answer to M105 can
be told from other oks, or its oks have numbers), else one. Lines without a number go alone.

Source: facts/print-host-facts.md 3.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from math import inf
from typing import Final

from callboard.printing.conversation import OWN, Conversation
from callboard.printing.hearing import Hearing
from callboard.printing.lines import HELLO, bare, frame
from callboard.printing.moves import State, Step, diagram
from callboard.printing.quirks import Quirks
from callboard.printing.reports import (
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
    Reason,
    Report,
    ResendRatioHigh,
    Restarted,
    Said,
    SdDeleted,
    SdDone,
    SdEntry,
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
    Sent,
    Temperatures,
    Wrote,
)
from callboard.printing.settings import Marlin
from callboard.printing.stream import Anchor
from callboard.printing.timeouts import Timeouts
from callboard.printing.watch import PERSON, Alarm

__all__ = [
    "Acknowledged",
    "ActionAsked",
    "Busy",
    "CapabilitiesAre",
    "Consequence",
    "Fault",
    "FirmwareIs",
    "Kind",
    "Line",
    "Marlin",
    "PositionIs",
    "Protocol",
    "Quirks",
    "Ready",
    "Reason",
    "Report",
    "ResendRatioHigh",
    "Restarted",
    "Said",
    "SdDeleted",
    "SdDone",
    "SdEntry",
    "SdFailed",
    "SdFiles",
    "SdInserted",
    "SdNotPrinting",
    "SdOpened",
    "SdProgress",
    "SdRemoved",
    "SdSaved",
    "SdSelected",
    "SdWriting",
    "Sent",
    "State",
    "Temperatures",
    "Timeouts",
    "Wrote",
    "diagram",
]


_LINES_AT_ONCE: Final = 500
"""Lines that are looked at in one call; the rest comes with the next `tick`."""
_LOOK_AHEAD: Final = 16
_TOLD_WITHIN: Final = 0.05
"""Seconds until `Sent` and `Wrote` are reported when nothing is received."""
_ALONE: Final = frozenset({"M28", "M29", "M110"})
"""Commands that nothing may be in flight beside."""
_ASK_WHO: Final = 3
"""Times that the firmware is asked who it is, when the answer is hurt."""


class Protocol:
    """One conversation with one printer. Reports come from `receive` and `tick`, in order."""

    def __init__(self, settings: Marlin = Marlin()) -> None:  # noqa: B008 - frozen
        self._settings = settings
        self._all = Conversation(settings)
        self._stream, self._queues = self._all.stream, self._all.queues
        self._hearing = Hearing(self._all, self._greet_again)
        self._urgent: deque[str] = deque()
        self._raw = b""
        self._hello_at = self._give_up_at = self._quiet_until = inf
        self._hellos = self._asked_who = 0
        self._told_by = inf

    # What it is

    @property
    def state(self) -> State:
        """Where the conversation is."""
        return self._all.state

    @property
    def firmware(self) -> Mapping[str, str]:
        """What M115 reported, by key; empty until then."""
        return self._all.known.firmware

    @property
    def capabilities(self) -> Mapping[str, bool]:
        """What the firmware can do; empty until it was listed."""
        return self._all.known.capabilities

    @property
    def quirks(self) -> Quirks:
        """The firmware's habits."""
        return self._all.known.quirks

    @property
    def storing(self) -> bool:
        """True between M28 and M29: what is sent is stored on the card."""
        return self._all.storing

    @property
    def waiting(self) -> str:
        """The code of the oldest line that is not acknowledged ("G1", "M109"), or ""."""
        owed = self._stream.owed
        return _code(owed[0].text) if owed else ""

    @property
    def resends(self) -> int:
        """Requests for a resend that were followed since the printer began."""
        return self._stream.resends

    @property
    def due(self) -> float:
        """When `tick` wants to be called; monotonic seconds."""
        al = self._all
        if al.incoming.waiting():
            return -inf
        due = min(
            self._told_by if al.reports else inf,
            al.refusals.due,
            al.joining.due,
            al.patient_until,
            al.quiet_at,
        )
        if al.state is State.GREETING:
            return min(due, self._hello_at, self._give_up_at)
        if al.state is not State.READY:
            return due
        if self._stream.unacknowledged and al.refusals.pending is None:
            due = min(due, al.watch.due(self.waiting))
        due = min(due, al.saved_at)
        return min(due, self._quiet_until, inf if self._polled() else al.polling.due)

    # The link

    def open(self, now: float) -> None:
        """The link is open: greet."""
        al = self._all
        self.close()
        al.step(Step.OPEN)
        al.clear(now)
        al.known.clear()
        self._stream.fences_work = None
        self._give_up_at = now + self._settings.timeouts.greeting
        if self._settings.wait_for_start:
            self._hello_at = now + self._settings.timeouts.communication
        else:
            self._raw = b"\n" + HELLO
            self._hellos = 1
            self._greet_again(now)

    def close(self) -> None:
        """The link is gone: everything queued or unacknowledged is forgotten."""
        al = self._all
        al.step(Step.CLOSE)
        al.clear(0.0)
        al.incoming.clear()
        al.reports.clear()
        self._hearing.clear()
        self._urgent.clear()
        self._raw, self._told_by = b"", inf
        self._hellos = self._asked_who = 0

    def receive(self, data: bytes, now: float) -> list[Report]:
        """Take what the printer said."""
        self._all.incoming.feed(data)
        self._hear(now)
        return self._take()

    def tick(self, now: float) -> list[Report]:
        """Do what is due."""
        al = self._all
        self._hear(now)
        al.refused(al.refusals.late(now), now)
        self._hearing.fatal_or_not(al.joining.late(now))
        if now >= al.quiet_at:
            al.quiet(now)
        elif now >= al.patient_until:
            al.impatient(now)
        if al.state is State.GREETING:
            self._tick_greeting(now)
        elif al.state is State.READY:
            self._tick_ready(now)
        return self._take()

    # Lines

    def send(self, line: Line) -> None:
        """Queue a line."""
        self._queues.append(line)

    def urgent(self, text: str) -> None:
        """Queue M112, M108 or M410 past all others, raw where the firmware looks for it."""
        if self._all.known.emergency(text):
            self._urgent.append(text)
        else:
            self._queues.append(Line(text, Kind.MANUAL, 0, OWN))

    def give_up(self) -> None:
        """End the conversation for a reason of ours: what is queued from now on is written at once, as it is."""
        self._all.step(Step.FAULT)
        self._queues.clear()

    def room(self) -> bool:
        """Return whether a FILE line that is handed over now could be written soon."""
        return self._all.state is State.READY and len(self._queues.file) < _LOOK_AHEAD

    def begin(self, numbered: bool) -> None:
        """A job or transfer begins (numbers start anew) or ends."""
        al = self._all
        al.job = numbered
        al.decide()
        if numbered and al.numbered:
            self._stream.anchor = Anchor.DUE

    def drop(self, kind: Kind) -> int:
        """Forget queued lines of a kind that are not yet written; return how many."""
        return self._queues.drop(kind)

    def idle(self, kind: Kind | None = None) -> bool:
        """Return whether nothing (of that kind) is queued or unacknowledged."""
        stream = self._stream
        if kind is None:
            return not (self._queues.count or stream.unacknowledged or stream.resending or self._urgent)
        return not self._queues.has(kind) and not stream.has(kind)

    # Writing

    def outgoing(self, now: float) -> bytes:
        """Take what may be written now; ask after each send, receive and tick.

        `Sent` and `Wrote` for it come with the next `receive` or `tick`, before all else; `due` says when.
        """
        al = self._all
        written: list[bytes] = []
        first = not self._stream.unacknowledged
        if self._raw:
            written.append(self._raw)
            self._raw = b""
        if al.state is State.READY:
            while data := self._next(now):
                written.append(data)
        elif al.state is State.FAILED:
            written.extend(self._last_words())
        if not written:
            return b""
        self._wrote(written, now, first=first)
        return b"".join(written)

    def _wrote(self, written: list[bytes], now: float, *, first: bool) -> None:
        al = self._all
        al.watch.wrote(now, first=first)
        al.reports.extend(
            [Wrote(text) for data in written for text in data.decode("ascii").split("\n") if text]
        )
        self._told_by = min(self._told_by, now + _TOLD_WITHIN)

    def _next(self, now: float) -> bytes:
        """Return what is to be written next; nothing where it has to wait."""
        stream = self._stream
        if self._urgent:
            return self._write_urgent()
        al = self._all
        if al.refusals.pending is not None or al.hellos_owed or al.quiet_at != inf:
            return b""
        if stream.anchor is not Anchor.NONE:
            return self._write_anchor()
        if stream.resending:
            return self._write_again()
        if (stream.doubt or al.probing) and self._fences():
            return self._write_fence()
        line = self._queues.first()
        if line is None:
            return b""
        return self._write(line, now)

    def _write(self, line: Line, now: float) -> bytes:
        stream, al = self._stream, self._all
        text = line.text
        if not stream.fits(len(text) + 14) or not (al.numbered or not stream.owed):
            return b""
        plain = text[:1] == "G"
        alone = not plain and _code(text) in _ALONE
        if not plain and ((alone and stream.owed) or not self._may(text, now)):
            return b""
        self._queues.take(line)
        own = line.mark is OWN
        if not own:
            al.reports.append(Sent(line))
        if not plain and text[:1] in "!@" and al.known.quirks.name != "klipper":
            return self._write_oddity(line)
        numbered = al.numbered and (plain or al.known.quirks.number_all or text[:1] in "GMT")
        return stream.write(text, None if own else line, numbered=numbered, alone=alone)

    def _may(self, text: str, now: float) -> bool:
        """Take note of what a line that is about to be written will change; False: not now."""
        al = self._all
        code = _code(text)
        if code == "M105":
            if self._stream.fences:
                return False
            al.polling.asked(now)
        elif code == "M28":
            al.storing = True
            al.decide()
        elif code == "M29":
            al.ending = True
        elif code[:1] == "T" and code[1:].isdigit():
            al.polling.tool = int(code[1:])
        return True

    def _write_oddity(self, line: Line) -> bytes:
        """Write a line that is no command: nothing answers it."""
        if line.mark is not OWN:
            self._all.reports.append(Acknowledged(line))
        return bare(line.text)

    def _write_urgent(self) -> bytes:
        text = self._urgent.popleft()
        data = self._stream.write_urgent(text)
        if text.startswith("M112") and self._all.numbered:
            data += frame(self._stream.history.next, text)
        return data

    def _fences(self) -> bool:
        """Return whether a fence is wanted and can be written."""
        stream, al = self._stream, self._all
        return (stream.wants_fence() or (al.probing and al.can_fence())) and stream.fence_fits()

    def _write_anchor(self) -> bytes:
        """Number anew, once all that was written before is acknowledged."""
        stream = self._stream
        if stream.anchor is Anchor.DUE:
            if stream.resending:
                return self._write_again()
            if stream.unacknowledged:
                return self._write_fence() if self._fences() else b""
        elif stream.owed:
            return b""
        return stream.write_anchor()

    def _write_again(self) -> bytes:
        stream = self._stream
        entry = stream.history[stream.cursor]
        fits = stream.fits(len(entry.data)) or (entry.fence and stream.fence_fits())
        return stream.write_again() if fits else b""

    def _write_fence(self) -> bytes:
        self._all.probing = False
        return self._stream.write("M105", None, numbered=self._all.numbered)

    def _last_words(self) -> list[bytes]:
        """After a fault nothing is acknowledged any more; what makes the printer safe is written as it is."""
        texts = [*self._urgent]
        self._urgent.clear()
        data = [bare(text) for text in texts]
        data += [frame(self._stream.history.next, text) for text in texts if self._all.numbered]
        while line := self._queues.first():
            self._queues.take(line)
            data.append(bare(line.text))
        return data

    # Hearing

    def _hear(self, now: float) -> None:
        al = self._all
        lines = al.incoming.lines(_LINES_AT_ONCE)
        if not lines:
            return
        al.watch.heard(now)
        reports, stream, hear = al.reports, self._stream, self._hearing.hear
        for text in lines:
            reports.append(Said(text))
            if text == "ok" and self._is_plain():
                stream.ok()
                al.moved(now)
            elif text:
                hear(text, now)
        self._after(now)

    def _is_plain(self) -> bool:
        """Return whether an ok can mean nothing but a line."""
        al = self._all
        return (
            al.state is State.READY
            and al.refusals.pending is None
            and not (al.known.listing or al.hellos_owed)
        )

    def _after(self, now: float) -> None:
        """See to what the lines have changed."""
        al = self._all
        if al.state is State.READY and self._hello_at != inf:
            self._acquaint(now)
        if al.ending and not (self._stream.unacknowledged or self._stream.resending):
            al.storing = al.ending = False
            al.decide()

    def _take(self) -> list[Report]:
        reports = self._all.reports
        taken = reports[:]
        reports.clear()
        self._told_by = inf
        return taken

    # Greeting

    def _greet_again(self, now: float) -> None:
        """Say hello: once more, and again if nobody answers."""
        self._raw += HELLO
        self._hellos += 1
        self._hello_at = now + self._settings.timeouts.hello
        if self._give_up_at == inf:
            self._give_up_at = now + self._settings.timeouts.greeting

    def _tick_greeting(self, now: float) -> None:
        if now >= self._give_up_at:
            self._all.fault(
                "The printer does not answer: look at its power, its port and the speed (baudrate).",
                Reason.CONNECTION,
                Consequence.DISCONNECT,
            )
        elif now >= self._hello_at:
            self._greet_again(now)

    def _acquaint(self, now: float) -> None:
        """It has answered: number from the start, ask who it is; the other greetings' oks may still come."""
        al = self._all
        self._hello_at = self._give_up_at = inf
        al.hellos_owed = self._hellos - 1
        self._hellos, self._quiet_until = 0, now + self._settings.timeouts.greeted
        al.decide()
        if al.numbered:
            self._stream.anchor = Anchor.DUE
        else:
            al.own("M105")
        al.own("M115")
        self._asked_who = 1

    # Being ready

    def _polled(self) -> bool:
        """Return whether temperatures are not to be asked for now."""
        return self._all.storing or self._stream.fences > 0 or self._queues.has_own("M105")

    def _tick_ready(self, now: float) -> None:
        al = self._all
        if now >= self._quiet_until:
            self._quiet_until, al.hellos_owed = inf, 0
        if now >= al.saved_at:
            al.saved_at = inf
            if al.ending:
                self._stream.all_done()
                self._after(now)
        if self._stream.unacknowledged and al.refusals.pending is None:
            self._look_at_clock(now)
        if not self._polled() and now >= al.polling.due:
            al.polling.asked(now)
            al.own("M105")
            self._ask_who_again()

    def _ask_who_again(self) -> None:
        if not self.firmware and self._asked_who < _ASK_WHO:
            self._asked_who += 1
            self._all.own("M115")

    def _look_at_clock(self, now: float) -> None:
        al = self._all
        code = self.waiting
        patient = not al.known.quirks.checks_numbers
        alarm = al.watch.alarm(code, now, printing=al.job, patient=patient)
        if alarm is Alarm.PROBE:
            self._probe(code, now)
        elif alarm is Alarm.TIMEOUT:
            self._timeout(now)
        elif alarm is Alarm.GONE:
            al.fault(
                "The printer has stopped answering: look at its power and its cable.",
                Reason.TIMEOUT,
                Consequence.DISCONNECT,
            )

    def _probe(self, code: str, now: float) -> None:
        """Find out what the firmware has taken, at once and without harm."""
        al, stream = self._all, self._stream
        if stream.anchor in {Anchor.SENT, Anchor.PROVING}:
            stream.restart_anchor()
        elif stream.only_fences() and stream.fences_work:
            stream.all_done()
        elif al.can_fence() and not stream.resending:
            al.probing = True
        elif stream.asking:
            stream.asking = False
        elif code not in PERSON and al.can_ask() and al.watch.may_ask(now, fences=stream.fences > 0):
            self._raw += stream.ask()

    def _timeout(self, now: float) -> None:
        """Nothing at all was heard: today's way out, where asking did not help."""
        al, stream = self._all, self._stream
        if stream.asked is not None:
            al.echoed = True
            al.impatient(now)
        elif not stream.fences_work and not al.can_ask() and stream.anchor is Anchor.NONE:
            stream.credit()
            al.moved(now)


def _code(text: str) -> str:
    """Return the code at the head of a line: "M109" of "M109 S200", "G1" of "G1X10"."""
    end = 1
    while end < len(text) and text[end] in "0123456789":
        end += 1
    return text[:end] if end > 1 else text.partition(" ")[0]
