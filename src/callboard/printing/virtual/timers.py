"""What the firmware says by itself, at its own times: reports, `busy`, `wait`."""

from __future__ import annotations

from enum import Enum, auto
from math import inf
from typing import TYPE_CHECKING

from callboard.printing.virtual.saying import position, sd_status

if TYPE_CHECKING:
    from callboard.printing.virtual.firmware import Firmware


class Report(Enum):
    """What can be reported again and again."""

    TEMPERATURES = auto()
    POSITION = auto()
    SD = auto()


_LEAST = 0.01


class Timers:
    """When the next of them is due."""

    __slots__ = ("_busy_at", "_next", "_wait", "_wait_at", "busy_every", "due", "every")

    def __init__(self, wait: float, busy: float) -> None:
        self._wait, self.busy_every = wait, busy
        self._wait_at = self._busy_at = self.due = inf
        self.every: dict[Report, float] = {}
        self._next: dict[Report, float] = {}

    def restart(self, now: float) -> None:
        """Forget which reports were asked for."""
        self.every, self._next = {}, {}
        self.heard(now)
        self.end()
        self._settle()

    def report(self, what: Report, every: float, now: float) -> None:
        """Report something every so many seconds; 0 is no more."""
        self.every.pop(what, None)
        self._next.pop(what, None)
        if every > 0:
            self.every[what] = max(every, _LEAST)
            self._next[what] = now + every
        self._settle()

    def heard(self, now: float) -> None:
        """Something came or was done: the firmware is not idle."""
        if self._wait > 0:
            self._wait_at = now + self._wait
            self._settle()

    def begin(self, now: float) -> None:
        """A command begins that takes time."""
        if self.busy_every > 0:
            self._busy_at = now + self.busy_every
            self.due = min(self.due, self._busy_at)

    def end(self) -> None:
        """It is over."""
        if self._busy_at != inf:
            self._busy_at = inf
            self._settle()

    def tick(self, firmware: Firmware) -> None:
        """Say what is due."""
        now = firmware.now
        for what in [what for what, at in self._next.items() if at <= now]:
            self._next[what] = now + self.every[what]
            firmware.say(_SAYS[what](firmware))
        if self._busy_at <= now:
            self._busy_at = now + max(self.busy_every, _LEAST)
            if firmware.dialect.busy:
                firmware.say(firmware.dialect.busy.format(firmware.busy.value))
        if self._wait_at <= now:
            self._wait_at = now + max(self._wait, _LEAST)
            if firmware.current is None:
                firmware.say("wait")
        self._settle()

    def _settle(self) -> None:
        self.due = min(self._busy_at, self._wait_at, *self._next.values())


_SAYS = {
    Report.TEMPERATURES: lambda firmware: f" {firmware.temperatures()}",
    Report.POSITION: position,
    Report.SD: sd_status,
}
