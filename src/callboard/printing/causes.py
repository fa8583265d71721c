"""Causes: which request led to which print event, so that one act can be followed through all it leads to.

A job has one correlation from PrintStarted to its end. An event that a request asked for names that request
as its cause, once: a hook that sends G28 on Home is stopped by the hops it adds, while one that sends M117
on each LayerChange never is, since no layer comes from it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, Final

from callboard.printing.gcode import EVENTS, command
from callboard.printing.happening import Happening

Trace = Mapping[str, Any]

WITHIN: Final = 120.0
"""Seconds in which an event may still be what a request asked for."""

JOB_ENDS: Final = frozenset({"PrintFailed", "PrintSettled"})
"""The last event of a job; PrintSettled comes after PrintDone."""

LEADS_TO: Final[Mapping[str, tuple[str, ...]]] = {
    "connect": ("Connecting", "Connected", "Error"),
    "disconnect": ("Disconnecting", "Disconnected", "PrintFailed"),
    "select": ("FileSelected",),
    "unselect": ("FileDeselected",),
    "start": ("PrintStarted",),
    "print": ("FileSelected", "PrintStarted"),
    "pause": ("PrintPaused", "Paused"),
    "resume": ("PrintResumed",),
    "cancel": ("PrintCancelling", "PrintCancelled", "PrintFailed", "TransferFailed"),
    "jog": ("ZChange",),
    "home": ("Home", "ZChange"),
    "transfer": ("TransferStarted", "TransferDone", "TransferFailed"),
    "stop": ("EStop", "Error", "PrintFailed", "Disconnected"),
}
"""The events that a request may have asked for."""


class Causes:
    """Knows the trace of each event of one printer."""

    def __init__(self) -> None:
        self._expected: dict[str, tuple[Trace, float]] = {}
        self._job: Trace | None = None

    def expect(self, verb: str, trace: Trace, now: float, commands: Iterable[str] = ()) -> None:
        """Note what a request that was granted may lead to."""
        names = set(LEADS_TO.get(verb, ()))
        names.update(EVENTS[code] for text in commands if (code := command(text).code) in EVENTS)
        for name in names:
            self._expected[name] = (trace, now + WITHIN)

    def forget(self, trace: Trace) -> None:
        """Note that a request was refused after all."""
        for name in [name for name, (expected, _) in self._expected.items() if expected is trace]:
            del self._expected[name]

    def of(self, happening: Happening, event: str, now: float) -> Trace | None:
        """Return the trace {correlation, cause, hops} of what happened, which becomes the event `event`.

        None when nothing is known to have led to it.
        """
        trace, job = self._asked(happening.name, now), self._job
        if happening.name == "PrintStarted":
            trace = trace or {"correlation": event, "cause": None, "hops": 0}
            self._job = {**trace, "cause": event}
            return trace
        if job is not None:
            trace = {**trace, "correlation": job["correlation"]} if trace is not None else job
        if happening.name in JOB_ENDS:
            self._job = None
        return trace

    def _asked(self, name: str, now: float) -> Trace | None:
        trace, until = self._expected.pop(name, (None, 0.0))
        return trace if now <= until else None
