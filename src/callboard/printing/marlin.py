"""The Marlin protocol, sans-IO: bytes and the time in, reports and bytes out. It never waits.

    bytes -> Incoming -> replies.parse -> Hearing -> Stream (oks, refusals) and reports
    lines -> Queues ------------------------------> Stream -> bytes
    time  -> Watch (silence), Polling (temperatures), Refusals and Joining (what is half said)

Theory. `moves` says where the conversation is, `stream` which lines the firmware has taken and how one can
know it, `writing` whose turn it is to be written, `hearing` what a line of the printer does, `attending` what
is due. This module is the face of them all.

Several lines are in flight once the firmware is known to bear it (its name is known, and its answer to M105
can be told from other oks, or its oks have numbers), else one. Lines without a number go alone.

Source: facts/print-host-facts.md 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from math import inf
from typing import Final

from callboard.printing.attending import Attending
from callboard.printing.conversation import OWN, Conversation
from callboard.printing.hearing import Hearing
from callboard.printing.lines import Anchor
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
from callboard.printing.timeouts import Timeouts
from callboard.printing.writing import Writing

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
"""Lines of the file that wait to be written, at least: a large receive buffer takes more at once."""
_SHORT: Final = 16
"""Bytes of a short line on the wire."""
_TOLD_WITHIN: Final = 0.05
"""Seconds until `Sent` and `Wrote` are reported when nothing is received."""


class Protocol:
    """One conversation with one printer. Reports come from `receive` and `tick`, in order."""

    def __init__(self, settings: Marlin = Marlin()) -> None:  # noqa: B008 - frozen
        self._settings = settings
        self._all = Conversation(settings)
        self._stream, self._queues = self._all.stream, self._all.queues
        self._writing = Writing(self._all)
        self._attending = Attending(self._all)
        self._hearing = Hearing(self._all, self._attending.greet)
        self._told_by = inf
        self._ahead = max(_LOOK_AHEAD, settings.rx_buffer // _SHORT)

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
        return self._attending.waiting

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
        told_by = self._told_by if al.reports else inf
        half_said = min(al.refusals.due, al.joining.due, al.patient_until, al.quiet_at)
        return min(told_by, half_said, self._attending.due)

    # The link

    def open(self, now: float) -> None:
        """The link is open: greet."""
        al = self._all
        self.close()
        al.step(Step.OPEN)
        al.clear(now)
        al.known.clear()
        self._stream.fences_work = None
        self._attending.open(now)

    def close(self) -> None:
        """The link is gone: everything queued or unacknowledged is forgotten."""
        al = self._all
        al.step(Step.CLOSE)
        al.clear(0.0)
        al.incoming.clear()
        al.reports.clear()
        self._hearing.clear()
        self._attending.clear()
        self._writing.urgent.clear()
        self._told_by = inf

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
        self._attending.tick(now)
        return self._take()

    # Lines

    def send(self, line: Line) -> None:
        """Queue a line."""
        self._queues.append(line)

    def urgent(self, text: str) -> None:
        """Queue M112, M108 or M410 past all others, raw where the firmware looks for it."""
        if self._all.known.emergency(text):
            self._writing.urgent.append(text)
        else:
            self._queues.append(Line(text, Kind.MANUAL, 0, OWN))

    def give_up(self) -> None:
        """End the conversation for a reason of ours.

        What is queued from now on is written at once, as it is.
        """
        self._all.step(Step.FAULT)
        self._queues.clear()

    def room(self) -> bool:
        """Return whether a FILE line that is handed over now could be written soon."""
        return self._all.state is State.READY and len(self._queues.file) < self._ahead

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
            return not (
                self._queues.count or stream.unacknowledged or stream.resending or self._writing.urgent
            )
        return not self._queues.has(kind) and not stream.has(kind)

    # Writing

    def outgoing(self, now: float) -> bytes:
        """Take what may be written now; ask after each send, receive and tick.

        `Sent` and `Wrote` for it come with the next `receive` or `tick`, before all else.
        """
        al = self._all
        written: list[bytes] = []
        first = not self._stream.unacknowledged
        if self._attending.raw:
            written.append(self._attending.raw)
            self._attending.raw = b""
        if al.state is State.READY:
            following = self._writing.next
            while data := following(now):
                written.append(data)
        elif al.state is State.FAILED:
            written.extend(self._writing.last_words())
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
        self._attending.heard(now)

    def _is_plain(self) -> bool:
        """Return whether an ok can mean nothing but a line."""
        al = self._all
        return (
            al.state is State.READY
            and al.refusals.pending is None
            and not (al.known.listing or al.hellos_owed)
        )

    def _take(self) -> list[Report]:
        reports = self._all.reports
        taken = reports[:]
        reports.clear()
        self._told_by = inf
        return taken
