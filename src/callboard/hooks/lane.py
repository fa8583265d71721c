"""A lane: one hook's runs at work, in order where they must be, side by side where they may.

    begin (not stored yet)      --+
    start (an event just read)  --+--> _work --> act --> finish | again | dead --> pump
    pump  (what waits in the db) -+

The queue is in callboard.db; a lane remembers only which keys are busy. While nothing waits there,
an event starts at once. A hung run costs its own lane, never another.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any, Final

import structlog

from callboard.errors import StorageFailed
from callboard.hooks.deciding import lateness
from callboard.hooks.model import Hook, Policy
from callboard.hooks.run import Outcome, Run
from callboard.hooks.runs import Runs
from callboard.hooks.system import Begun

log_ = structlog.get_logger("callboard.hooks")

LONGEST_BACKOFF: Final = 600.0
Act = Callable[[Hook, Run, Begun | None], Awaitable[Outcome]]
Failed = Callable[[Run, str, Outcome], None]


def backoff(policy: Policy, attempt: int) -> float:
    """Return the seconds to wait after an attempt, from 1: doubled each time."""
    return min(policy.backoff * 2.0 ** min(attempt - 1, 20), LONGEST_BACKOFF)


class Lane:
    """Runs one hook; `start` and `pump` never wait."""

    def __init__(
        self, hook: Hook, runs: Runs, act: Act, failed: Failed, before: asyncio.Task[None] | None = None
    ) -> None:
        self.hook, self._clock = hook, runs.clock
        self.behind = True
        """True while callboard.db may have runs for this lane: nothing may overtake them."""
        self.ready = False
        """True once the log has been read to its end: what waits for a delay may run."""
        self.closed = ""
        """Why no more runs are wanted (the other side answered 410)."""
        self._runs, self._act, self._failed, self._before = runs, act, failed, before
        self._busy: set[str] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._pumping: asyncio.Task[None] | None = None
        self._again = False
        self._expected = 0
        self._unstored: dict[int, asyncio.Future[None]] = {}
        self._timer: asyncio.TimerHandle | None = None
        self._ended = False

    def reserve(self, key: str) -> bool:
        """Keep a place for a run that can start at once; False when it must wait."""
        if self.behind or self._ended or key in self._busy or not self._free:
            return False
        self._busy.add(key)
        return True

    def expect(self) -> None:
        """A run is about to be stored as queued: nothing may overtake it from now on."""
        self._expected += 1
        self.behind = True

    def stored(self, count: int) -> None:
        """So many of the expected runs are stored."""
        self._expected -= count
        self.pump()

    def release(self, key: str) -> None:
        """Give a reserved place back."""
        self._busy.discard(key)

    def start(self, run: Run) -> None:
        """Work on a run that is marked as running and whose key is reserved; it may have begun."""
        if (waited := self._unstored.pop(run.id, None)) is not None:
            waited.set_result(None)
        else:
            self._spawn(self._work(run))

    def begin(self, run: Run, begun: Begun) -> None:
        """Work on a run that has begun and is about to be stored; `start` says when it is."""
        stored = self._unstored[run.id] = asyncio.get_running_loop().create_future()
        self._spawn(self._work(run, begun, stored))

    def pump(self) -> None:
        """Look for runs that may start now."""
        self.behind = self._again = True
        if self._pumping is None and not self._ended:
            self._pumping = self._spawn(self._pump())

    async def end(self, grace: float) -> None:
        """Start nothing more; give what runs `grace` seconds, then stop it: it will be repeated."""
        self._ended = True
        if self._timer is not None:
            self._timer.cancel()
        if self._tasks and grace > 0:
            await asyncio.wait(self._tasks, timeout=grace)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    @property
    def running(self) -> int:
        """How many runs are going on."""
        return len(self._busy)

    @property
    def _free(self) -> int:
        return max(0, self.hook.policy.concurrency - len(self._busy))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _pump(self) -> None:
        if self._before is not None:
            await asyncio.wait([self._before])
        try:
            while self._again and not self._ended:
                self._again = False
                await self._claim()
        except StorageFailed as error:
            log_.error("hook runs can't be read", hook=self.hook.name, error=str(error))
            self._wake_at(self._clock.now() + 1.0)
        finally:
            self._pumping = None

    async def _claim(self) -> None:
        if not self._free:
            return
        claimed = await self._runs.claim(self.hook.name, self._busy, self._free, ready=self.ready)
        for run in claimed.runs:
            self._busy.add(run.key)
            self.start(run)
        if not claimed.behind and not self._expected:
            self.behind = self._again  # it may have been asked for while the store was read
        if claimed.wake is not None:
            self._wake_at(claimed.wake)

    def _wake_at(self, due: float) -> None:
        """Look again when the next run is due."""
        if self._timer is not None:
            self._timer.cancel()
        wait = min(self._clock.until(due), 3600.0)
        self._timer = asyncio.get_running_loop().call_later(wait + 0.001, self.pump)

    async def _work(
        self, run: Run, begun: Begun | None = None, stored: asyncio.Future[None] | None = None
    ) -> None:
        try:
            late = None if begun else self._not_now(run)
            outcome = await self._acted(run, begun) if late is None else late
            if stored is not None:
                await stored
            await self._settle(run, outcome)
        except StorageFailed as error:
            log_.error(
                "a hook's run could not be kept", hook=self.hook.name, position=run.position, error=str(error)
            )
        finally:
            self._busy.discard(run.key)
        if self.behind:
            self.pump()

    def _not_now(self, run: Run) -> Outcome | None:
        if self.closed:
            return Outcome("skipped", self.closed)
        assert run.event is not None
        reason = "" if run.due < 0 else lateness(self.hook, run.event, run.due, self._clock.now())
        return Outcome("skipped", reason) if reason else None

    async def _acted(self, run: Run, begun: Begun | None) -> Outcome:
        try:
            return await self._act(self.hook, run, begun)
        except Exception as error:
            log_.exception("a hook broke", hook=self.hook.name, position=run.position)
            return Outcome("failed", f"Callboard's own fault: {type(error).__name__}: {error}")

    async def _settle(self, run: Run, outcome: Outcome) -> None:
        if outcome.closes:
            self.closed = outcome.reason
        if outcome.state != "failed":
            await self._runs.finish(run.id, outcome.state, outcome)
        elif outcome.retry and run.attempt <= self.hook.policy.retries:
            wait = max(backoff(self.hook.policy, run.attempt), min(outcome.retry_after, LONGEST_BACKOFF))
            await self._runs.again(run.id, outcome, self._clock.now() + wait)
            self.behind = True
        else:
            await self._runs.finish(run.id, "dead", outcome)
        if outcome.state not in {"done", "skipped"}:
            self._report(run, outcome)

    def _report(self, run: Run, outcome: Outcome) -> None:
        again = outcome.state == "failed" and outcome.retry and run.attempt <= self.hook.policy.retries
        log_.warning(
            "a hook failed",
            hook=self.hook.name,
            position=run.position,
            attempt=run.attempt,
            again=again,
            reason=outcome.reason,
        )
        if not again:
            self._failed(run, "dead" if outcome.state == "failed" else outcome.state, outcome)
