"""The lanes of all hooks: exchanged when the hooks are, woken when their runs are stored."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Collection, Sequence

from callboard.hooks.lane import Act, Failed, Lane
from callboard.hooks.model import Hook
from callboard.hooks.run import Known, Outcome, Run, Step, Wanted, started
from callboard.hooks.runs import Runs
from callboard.hooks.system import Begun


class Lanes:
    """A lane for each hook, by the hook's name."""

    def __init__(self, runs: Runs, act: Act, failed: Failed) -> None:
        self.caught_up = asyncio.Event()
        """Set once the log has been read to where it ended when the hooks were loaded."""
        self._runs, self._act, self._failed = runs, act, failed
        self._lanes: dict[str, Lane] = {}
        self._leaving: list[asyncio.Task[None]] = []

    def __getitem__(self, hook: str) -> Lane:
        return self._lanes[hook]

    def exchange(self, hooks: Sequence[Hook], waiting: Collection[str]) -> None:
        """Give each new or changed hook a lane, which begins when the old one's last run has ended.

        `waiting` names the hooks that have queued runs: the other lanes need not look for any.
        """
        named = {hook.name: hook for hook in hooks}
        leaving: dict[str, asyncio.Task[None]] = {}
        for name, lane in list(self._lanes.items()):
            if named.get(name) != lane.hook:
                del self._lanes[name]
                leaving[name] = asyncio.create_task(lane.end(lane.hook.policy.timeout))
        for name, hook in named.items():
            if name not in self._lanes:
                self._lanes[name] = Lane(hook, self._runs, self._act, self._failed, leaving.get(name))
                self._lanes[name].behind = name in waiting or name in leaving
        self._leaving = [task for task in self._leaving if not task.done()] + list(leaving.values())
        self.caught_up.clear()
        self.pump([name for name, lane in self._lanes.items() if lane.behind])

    def pump(self, names: Collection[str]) -> None:
        """Let the named lanes look for runs that may start."""
        for name in names:
            if (lane := self._lanes.get(name)) is not None:
                lane.pump()

    def stored(self, steps: Sequence[Step], ids: Sequence[int | None]) -> None:
        """Start what may start, and wake the lanes of what must wait."""
        for step, number in zip(steps, ids, strict=True):
            if isinstance(step, Wanted) and step.state == "running":
                self._start(step, number)
            elif isinstance(step, Wanted) and step.state == "unknown" and number is not None:
                self._failed(started(step, number), step.state, Outcome("unknown", step.reason, plain=True))
        waiting = Counter(step.hook for step in steps if isinstance(step, Wanted) and step.state == "queued")
        for name, count in waiting.items():
            if (lane := self._lanes.get(name)) is not None:
                lane.stored(count)
        if any(isinstance(step, Known) for step in steps):
            self._ready()

    def begin(self, step: Wanted, run: Run, begun: Begun) -> None:
        """Work on a run that has begun and is about to be stored."""
        self._lanes[step.hook].begin(run, begun)

    async def end(self, grace: float) -> None:
        """Start nothing more; give what runs `grace` seconds."""
        await asyncio.gather(*(lane.end(grace) for lane in self._lanes.values()), *self._leaving)

    def _start(self, step: Wanted, number: int | None) -> None:
        """Start a run that was stored as running, unless it was there already."""
        lane = self._lanes.get(step.hook)
        if lane is not None and number is None:
            lane.release(step.key)
        elif lane is not None and number is not None:
            lane.start(started(step, number))

    def _ready(self) -> None:
        """The past has been read, and what it cancels is cancelled: delayed runs may start."""
        self.caught_up.set()
        for lane in self._lanes.values():
            lane.ready = True
        self.pump([name for name, lane in self._lanes.items() if lane.behind])
