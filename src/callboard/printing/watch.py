"""Watching the clock: when silence means that something was lost. Pure; time comes in.

Two kinds of silence. *No ok although lines are owed*: something was lost, or the firmware is at something
long; a probe finds out and hurts neither, so it is tried soon, and less often where it finds nothing.
*No line at all*: a timeout; several in a row, and the printer is gone.

A long command may be silent; firmware that says `busy` while it is at it may not. A command that waits for a
person may take hours. Source: facts/print-host-facts.md 3.5; the probe is ours (today's hosts wait 30 s).
"""

from __future__ import annotations

from enum import Enum
from math import inf
from typing import Final

from callboard.printing.timeouts import HEATING, LONG, Timeouts

PERSON: Final = frozenset({"M0", "M1", "M125", "M226", "M600", "M701", "M702"})
"""Commands that wait for a person."""
_MORE_PATIENT: Final = 2.0
_ARRIVED: Final = 0.3
_FORGETS: Final = 0.98
"""What is left, after another ok, of the slowest one's weight."""


class Alarm(Enum):
    """What the silence means."""

    NONE = "nothing"
    PROBE = "ask"
    TIMEOUT = "a timeout"
    GONE = "the printer is gone"


class Watch:
    """Knows when what was last heard; told by the protocol."""

    __slots__ = (
        "_idle",
        "_since",
        "_slowest",
        "_timeouts",
        "busy",
        "count",
        "heard_at",
        "moved_at",
        "probe",
        "probed_at",
        "timed_at",
    )

    def __init__(self, timeouts: Timeouts) -> None:
        self._timeouts = timeouts
        self.clear(0.0)

    def clear(self, now: float) -> None:
        """Begin to watch."""
        self.heard_at = self.moved_at = self.timed_at = now
        self.probed_at = -inf
        self.busy = self._idle = False
        self.count = 0
        self._slowest, self._since = 0.0, now
        self.probe = self._timeouts.probe

    def heard(self, now: float) -> None:
        """A line came."""
        self.heard_at = self.timed_at = now
        self.count = 0

    def moved(self, now: float) -> None:
        """An ok came, or the firmware said that it is at it."""
        if self.probed_at <= self._since:
            self._slowest = max(self._slowest * _FORGETS, now - self._since)
        self.moved_at = self._since = now
        self._idle = False

    def idle(self, now: float) -> None:
        """The firmware said that it has nothing to do, though an ok is owed."""
        self._idle = self.settled(now)

    def settled(self, now: float) -> bool:
        """Return whether what was written last has arrived for certain."""
        return now - self.moved_at > _ARRIVED

    def wrote(self, now: float, *, first: bool) -> None:
        """Something was written, the first thing that an ok is owed for, or another."""
        self.moved_at = now
        if first:
            self.timed_at = self._since = now

    def heard_lately(self) -> bool:
        """Return whether a line came since something was written last."""
        return self.heard_at >= self.moved_at

    def patience(self, code: str) -> float:
        """Return how long oks may stay away while the firmware is at a command."""
        if code in LONG or code in HEATING or (code and code[0] not in "GMT"):
            return self._timeouts.busy if self.busy else self._timeouts.communication
        return max(self.probe, min(2 * self._slowest, self._timeouts.probe_most))

    def silence(self) -> float:
        """Return how long the printer may say nothing."""
        return self._timeouts.busy if self.busy else self._timeouts.communication

    def may_ask(self, now: float, *, fences: bool) -> bool:
        """Return whether a harmless probe has had its time, or there is none (`fences`)."""
        wait = self._timeouts.ask_behind_fences if fences else self._timeouts.ask
        return self._idle or now - self.moved_at >= max(wait, 4 * self._slowest)

    def due(self, code: str) -> float:
        """Return when `alarm` has something to say while an ok is owed."""
        return min(self._probe_due(code), self.timed_at + self.silence())

    def _probe_due(self, code: str) -> float:
        if self._idle:
            return self.probed_at + self._timeouts.probe
        return max(self.moved_at, self.probed_at) + self.patience(code)

    def alarm(self, code: str, now: float, *, printing: bool, patient: bool = False) -> Alarm:
        """Judge the silence while an ok is owed; a timeout is told once. `patient`: it may last for ever."""
        if now >= self.timed_at + self.silence():
            self.timed_at = now
            return Alarm.TIMEOUT if patient or code in PERSON else self._timeout(code, printing=printing)
        if now >= self._probe_due(code):
            self.probed_at = now
            self.found(something=False)
            return Alarm.PROBE
        return Alarm.NONE

    def _timeout(self, code: str, *, printing: bool) -> Alarm:
        self.count += 1
        busy = printing or code in LONG or code in HEATING
        most = self._timeouts.printing_count if busy else self._timeouts.idle_count
        return Alarm.GONE if most and self.count > most else Alarm.TIMEOUT

    def found(self, *, something: bool) -> None:
        """A probe was sent, or answered: where nothing was wrong the next one comes later."""
        later = min(self.probe * _MORE_PATIENT, self._timeouts.probe_most)
        self.probe = self._timeouts.probe if something else later
