"""What the clock asks for: greeting again, temperatures, and finding out what a silence means.

Source: facts/print-host-facts.md 3.2, 3.5.
"""

from __future__ import annotations

from math import inf
from typing import Final

from callboard.printing.conversation import Conversation
from callboard.printing.lines import HELLO, Anchor
from callboard.printing.moves import State
from callboard.printing.reports import Consequence, Reason
from callboard.printing.watch import PERSON, Alarm
from callboard.printing.writing import code

_ASK_WHO: Final = 3
"""Times that the firmware is asked who it is, when the answer is hurt."""


class Attending:
    """Attends to one conversation as time passes; `raw` is to be written before all else."""

    def __init__(self, conversation: Conversation) -> None:
        self._all = conversation
        self._stream, self._queues = conversation.stream, conversation.queues
        self._timeouts = conversation.settings.timeouts
        self.clear()

    def clear(self) -> None:
        """Begin anew."""
        self.raw = b""
        self._hello_at = self._give_up_at = self._quiet_until = inf
        self._hellos = self._asked_who = 0

    @property
    def waiting(self) -> str:
        """The code of the oldest line that is not acknowledged, or ""."""
        owed = self._stream.owed
        return code(owed[0].text) if owed else ""

    @property
    def due(self) -> float:
        """When something is to be done."""
        al = self._all
        if al.state is State.GREETING:
            return min(self._hello_at, self._give_up_at)
        if al.state is not State.READY:
            return inf
        due = min(al.saved_at, self._quiet_until, inf if self._polled() else al.polling.due)
        if self._stream.unacknowledged and al.refusals.pending is None:
            return min(due, al.watch.due(self.waiting))
        return due

    def open(self, now: float) -> None:
        """Greet a printer whose link was opened now."""
        self._give_up_at = now + self._timeouts.greeting
        if self._all.settings.wait_for_start:
            self._hello_at = now + self._timeouts.communication
        else:
            self.raw, self._hellos = b"\n" + HELLO, 1
            self.greet(now)

    def tick(self, now: float) -> None:
        """Do what is due."""
        if self._all.state is State.GREETING:
            self._tick_greeting(now)
        elif self._all.state is State.READY:
            self._tick_ready(now)

    def heard(self, now: float) -> None:
        """See to what the lines that came have changed."""
        al = self._all
        if al.state is State.READY and self._hello_at != inf:
            self._acquaint(now)
        if al.ending and not (self._stream.unacknowledged or self._stream.resending):
            al.storing = al.ending = False
            al.decide()

    # Greeting

    def greet(self, now: float) -> None:
        """Say hello: once more, and again if nobody answers."""
        self.raw += HELLO
        self._hellos += 1
        self._hello_at = now + self._timeouts.hello
        if self._give_up_at == inf:
            self._give_up_at = now + self._timeouts.greeting

    def _tick_greeting(self, now: float) -> None:
        if now >= self._give_up_at:
            self._all.fault(
                "The printer does not answer: look at its power, its port and the speed (baudrate).",
                Reason.CONNECTION,
                Consequence.DISCONNECT,
            )
        elif now >= self._hello_at:
            self.greet(now)

    def _acquaint(self, now: float) -> None:
        """It has answered: number from the start, ask who it is; the other greetings' oks may still come."""
        al = self._all
        self._hello_at = self._give_up_at = inf
        al.hellos_owed = self._hellos - 1
        self._hellos, self._quiet_until = 0, now + self._timeouts.greeted
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
                self.heard(now)
        if self._stream.unacknowledged and al.refusals.pending is None:
            self._look_at_clock(now)
        if not self._polled() and now >= al.polling.due:
            al.polling.asked(now)
            al.own("M105")
            self._ask_who_again()

    def _ask_who_again(self) -> None:
        if not self._all.known.firmware and self._asked_who < _ASK_WHO:
            self._asked_who += 1
            self._all.own("M115")

    def _look_at_clock(self, now: float) -> None:
        al = self._all
        command = self.waiting
        patient = not al.known.quirks.checks_numbers
        alarm = al.watch.alarm(command, now, printing=al.job, patient=patient)
        if alarm is Alarm.PROBE:
            self._probe(command, now)
        elif alarm is Alarm.TIMEOUT:
            self._timeout(now)
        elif alarm is Alarm.GONE:
            al.fault(
                "The printer has stopped answering: look at its power and its cable.",
                Reason.TIMEOUT,
                Consequence.DISCONNECT,
            )

    def _probe(self, command: str, now: float) -> None:
        """Find out what the firmware has taken, at once and without harm."""
        al, stream = self._all, self._stream
        if stream.anchor in {Anchor.SENT, Anchor.PROVING}:
            stream.restart_anchor()
        elif stream.only_fences() and al.watch.heard_lately():
            stream.all_done()
        elif al.can_fence() and not stream.resending and not al.probing:
            al.probing = True
        elif stream.asking:
            stream.asking = False
        elif command not in PERSON and al.can_ask() and al.watch.may_ask(now, fences=stream.fences > 0):
            self.raw += stream.ask()

    def _timeout(self, now: float) -> None:
        """Nothing at all was heard: today's way out, where asking did not help."""
        al, stream = self._all, self._stream
        if stream.asked is not None:
            al.echoed = True
            al.impatient(now)
        elif not stream.fences_work and not al.can_ask() and stream.anchor is Anchor.NONE:
            stream.credit()
            al.moved(now)
