"""Flows: what a printer does step by step, written down as it is read.

A flow is a generator that yields `Until(ready, deadline)` and is resumed with True when that is so, or
with False when it became too late. It never waits by itself: `Flows.step` is called after whatever came
in, with the time. A table of states beside it (`callboard.printing.job`) says where we are; a flow says
how we get on. A table alone lost: pause alone has six steps, and each would have been a state.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from math import inf
from typing import TypeAlias

from msgspec import Struct


class Until(Struct, frozen=True):
    """What a flow waits for: `ready` becomes true, or `deadline` (s, monotonic) passes."""

    ready: Callable[[], bool]
    deadline: float = inf


Flow: TypeAlias = Generator[Until, bool, None]


class Flows:
    """At most one flow at a time."""

    def __init__(self) -> None:
        self._flow: Flow | None = None
        self._wait = Until(_at_once)

    @property
    def running(self) -> bool:
        """Whether there is a flow."""
        return self._flow is not None

    @property
    def due(self) -> float:
        """When the flow's wait becomes too long."""
        return self._wait.deadline if self._flow is not None else inf

    def begin(self, flow: Flow) -> None:
        """Begin a flow with the next step; one that runs is given up where it stands."""
        self.stop()
        self._flow, self._wait = flow, Until(_at_once)

    def stop(self) -> None:
        """Give up the flow where it stands."""
        flow, self._flow = self._flow, None
        if flow is not None:
            flow.close()

    def step(self, now: float) -> None:
        """Let the flow go on as far as it can."""
        while self._flow is not None:
            ready = self._wait.ready()
            if not ready and now < self._wait.deadline:
                return
            try:
                self._wait = self._flow.send(ready) if self._wait.ready is not _at_once else next(self._flow)
            except StopIteration:
                self._flow = None


def _at_once() -> bool:
    return True
