"""The parts of one conversation, and what more than one of them has to do with."""

from __future__ import annotations

from math import inf
from typing import Final

from callboard.printing.faults import Joining
from callboard.printing.incoming import Incoming
from callboard.printing.known import Known
from callboard.printing.moves import MOVES, State, Step
from callboard.printing.polling import Polling
from callboard.printing.queues import Queues
from callboard.printing.refusals import Refusal, Refusals
from callboard.printing.reports import (
    Consequence,
    Fault,
    Kind,
    Line,
    Ready,
    Reason,
    Report,
    ResendRatioHigh,
)
from callboard.printing.settings import Marlin
from callboard.printing.stream import Stream, Verdict
from callboard.printing.watch import Watch

OWN: Final = object()
"""The mark of the protocol's own lines; nobody is told of them."""
_FENCES: Final = 3
"""Fences in flight, when one after another stays unanswered."""
_RATIO: Final = 0.1
_RATIO_FROM: Final = 100


class Conversation:
    """What is shared between hearing, writing and the clock."""

    def __init__(self, settings: Marlin) -> None:
        self.settings = settings
        self.state = State.CLOSED
        self.reports: list[Report] = []
        self.incoming = Incoming()
        self.queues = Queues()
        self.stream = Stream(settings, self.queues, self.reports)
        self.refusals = Refusals(settings.timeouts.resend_ok)
        self.joining = Joining(settings.timeouts.resend_ok)
        self.watch = Watch(settings.timeouts)
        self.polling = Polling(settings)
        self.known = Known(settings)
        self.clear(0.0)

    def clear(self, now: float) -> None:
        """Forget what belongs to one life of the printer.

        `ending`: M29 was written, so storing ends with its ok. `hellos_owed`: oks of greetings that may
        still come. `patient_until`: when lines refused in passing are no longer believed to be echoes.
        """
        self.queues.clear()
        self.stream.clear()
        self.refusals.clear()
        self.watch.clear(now)
        self.polling.clear(now)
        self.job = self.storing = self.ending = self.numbered = self.probing = False
        self.hellos_owed = 0
        self.numbers_wanted = False
        self.patient_until = self.quiet_at = inf
        self.patience = self.settings.timeouts.refused
        self.echoed = self._warned = False
        self.saved_at = inf

    def step(self, step: Step) -> None:
        """Move in the table."""
        before, self.state = self.state, MOVES[self.state][step]
        if before is State.GREETING and self.state is State.READY:
            self.reports.append(Ready())

    def own(self, text: str) -> None:
        """Queue a line of the protocol's own."""
        self.queues.append(Line(text, Kind.HOST, 0, OWN))

    def decide(self) -> None:
        """Decide anew whether lines have numbers, and whether several may be in flight."""
        settings, quirks, stream = self.settings, self.known.quirks, self.stream
        wanted = self.job or not self.known.firmware or quirks.always_checksums or self.numbers_wanted
        self.numbered = settings.checksums != "never" and (settings.checksums == "always" or wanted)
        understood = bool(stream.fences_work) or stream.numbered_oks
        stream.surplus.pair(stream.written)
        may = quirks.pipelining and understood and not stream.surplus.paired
        stream.pipelining = may if settings.ping_pong is None else not settings.ping_pong
        stream.fencing = not self.storing

    def can_probe(self) -> bool:
        """Return whether something better than time can tell what the firmware has taken."""
        return self.can_fence() or self.can_ask()

    def can_fence(self) -> bool:
        """Return whether M105 would tell, and may be sent."""
        return self.stream.fencing and self.stream.fences < _FENCES

    def can_ask(self) -> bool:
        """Return whether the firmware's complaint of a wrong number would tell."""
        return self.numbered and self.known.quirks.checks_numbers and not self.stream.asking

    # Faults

    def fault(self, error: str, reason: Reason, consequence: Consequence) -> None:
        """Tell a fault; all but the mild ones end the conversation."""
        fatal = consequence in {Consequence.EMERGENCY, Consequence.DISCONNECT}
        if fatal:
            if self.state is State.FAILED:
                return
            self.step(Step.FAULT)
            self.queues.clear()
        self.reports.append(Fault(error, reason.value, fatal, consequence.value))

    # Refusals

    def refused(self, refusal: Refusal | None, now: float) -> None:
        """Do what a finished refusal asks for."""
        if refusal is None:
            return
        stream = self.stream
        bare = bool(stream.owed) and stream.owed[0].number is None
        verdict = stream.refused(refusal)
        if verdict is Verdict.UNSURE or (self.quiet_at != inf and verdict is Verdict.ECHO):
            self.quiet_at = now + self.settings.timeouts.quiet
        elif verdict is Verdict.ECHO:
            self.echoed = True
            self.patient_until = min(self.patient_until, now + self.patience)
        else:
            self._judge(verdict, now)
        if verdict is Verdict.ACTED and bare and self.known.firmware:
            self.numbers_wanted = True
            self.decide()

    def quiet(self, now: float) -> None:
        """The wire is quiet after refusals of which one could not know what they were about."""
        self.quiet_at = inf
        self._judge(self.stream.act_late(), now)

    def _judge(self, verdict: Verdict, now: float) -> None:
        self.echoed, self.quiet_at = False, inf
        self.patient_until = inf
        self.watch.found(something=verdict in {Verdict.ACTED, Verdict.SYNCED})
        if verdict is Verdict.ACTED:
            self.patient_until = now + self.patience
            self._look_at_ratio()
        elif verdict is Verdict.SYNCED:
            self.patience = self.settings.timeouts.refused
        elif verdict is Verdict.LOOP:
            self._broken(Reason.RESEND_LOOP, f"The printer asks for line {self.stream.asked} again and again")
        elif self.job:
            self._broken(Reason.RESEND, "The printer asks for a line that it can't be given any more")

    def _broken(self, reason: Reason, what: str) -> None:
        text = f"{what}: look at the cable, the plugs and the power supply."
        self.fault(text, reason, Consequence.EMERGENCY if self.job else Consequence.DISCONNECT)

    def _look_at_ratio(self) -> None:
        stream = self.stream
        if self._warned or stream.written < _RATIO_FROM or stream.resends < _RATIO * stream.written:
            return
        self._warned = True
        self.reports.append(ResendRatioHigh(stream.resends / stream.written))

    def impatient(self, now: float) -> None:
        """No progress after a refusal: what looked like an echo was none, and nothing is on its way."""
        self.patient_until = inf
        stream = self.stream
        stream.forget_stale()
        if not self.echoed or stream.asked is None:
            return
        self.patience = min(self.patience * 2, self.settings.timeouts.probe)
        self._judge(stream.act_late(), now)

    def moved(self, now: float) -> None:
        """An ok came."""
        self.watch.moved(now)
        if self.stream.asked is None and self.patient_until != inf:
            self.patient_until, self.echoed = inf, False
            self.patience = self.settings.timeouts.refused
