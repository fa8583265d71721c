"""The jobs room: gives jobs to workers, and takes them back from those that died.

    put -> Ledger -> callboard.jobs.waiting -> take -> lease, renewed -> finish, fail -> Follower.settle, tell

A worker in this process calls `Local`; one elsewhere asks by `callboard.jobs.<verb>` (answering.py).
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, Final, Self

import structlog

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError, StorageFailed
from callboard.event import Event
from callboard.jobs.answering import Answering
from callboard.jobs.job import Follower, Heard, Job, State
from callboard.jobs.ledger import Ledger
from callboard.store import Store

log = structlog.get_logger("callboard.jobs")

HERE: Final = "here"
"""The name of the worker in the hub's own process."""
WAITING: Final = "callboard.jobs.waiting"
LEASE: Final = 15.0
"""Seconds within which a worker must renew."""
REMIND: Final = 60.0
"""Seconds after which workers are told again of jobs that wait: one may have missed it."""

_SILENT: Final = 2.5 * REMIND
"""Seconds after which a worker elsewhere that asks for nothing counts as gone."""


class Jobs:
    """The room; `async with Jobs(bus, store)`. `name` is that of this hub among those on its log."""

    def __init__(self, bus: Bus, store: Store, *, name: str = "", lease: float = LEASE) -> None:
        self.name = name
        self.ledger = Ledger(store)
        self.seconds = lease
        self._bus = bus
        self._followers: dict[str, Follower] = {}
        self._elsewhere: dict[str, float] = {}  # when a worker elsewhere was last heard of, by kind
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._settling = asyncio.Lock()
        self._told: set[str] = set()  # whose end was told, and who could not be forgotten yet
        self._wakes: set[asyncio.Event] = set()
        self._subscriptions: list[Subscription] = []

    async def __aenter__(self) -> Self:
        for job in await self.ledger.all():
            if job.state is State.TAKEN and job.worker == HERE:
                await self.ledger.free(job.id, job.lease, counts=True)  # that worker was the process before
            elif job.state is State.TAKEN:
                self._expect(job)
        self._subscriptions = Answering(self).subscribe(self._bus)
        self._spawn(self._remind())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        for timer in self._timers.values():
            timer.cancel()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def follow(self, kind: str, follower: Follower) -> None:
        """Tell `follower` of jobs of its kind; first of those that ended while it was away."""
        self._followers[kind] = follower
        await self._settle_ended()

    async def put(self, kind: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Job:
        """Add a job, and tell workers of it."""
        job = await self.ledger.put(kind, payload, source)
        self._tell_waiting(job)
        return job

    async def withdraw(self, job: str, result: Mapping[str, Any]) -> bool:
        """End a job that no worker has; False when one has it, or it has ended.

        If a worker had begun, the job has failed with this result; else nobody has heard of it, or will.
        """
        gone = await self.ledger.withdraw(job, result)
        if gone is None:
            return False
        self._show(gone, None)
        await self._settle(gone)
        return True

    async def take(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        """Give a job to a worker; see `Desk.take`."""
        self._heard_of(worker, kinds)
        job = await self.ledger.take(worker, kinds)
        if job is None:
            return None
        self._expect(job)
        self._show(job, 0.0)
        if job.heard is Heard.NOTHING and (follower := self._followers.get(job.kind)) is not None:
            await follower.taken(job)
            await self.ledger.begin(job.id)
        return job

    async def renew(self, job: str, lease: str, percent: float | None) -> bool:
        """Keep a job; see `Desk.renew`."""
        known = await self.ledger.held(job, lease)
        if known is None or job not in self._timers:  # it may have ended meanwhile
            return False
        self._heard_of(known.worker, (known.kind,))
        self._expect(known)
        if percent is not None:
            self._show(known, percent)
        return True

    def is_done_elsewhere(self, kind: str) -> bool:
        """Return whether a worker elsewhere asks for jobs of a kind, or has one."""
        return asyncio.get_running_loop().time() - self._elsewhere.get(kind, -math.inf) < _SILENT

    def _heard_of(self, worker: str, kinds: tuple[str, ...]) -> None:
        if worker != HERE:
            now = asyncio.get_running_loop().time()
            self._elsewhere.update(dict.fromkeys(self._followers.keys() & set(kinds), now))

    async def holds(self, job: str, lease: str) -> bool:
        """Return whether a worker has this job under this lease."""
        return await self.ledger.held(job, lease) is not None

    async def finish(self, job: str, lease: str, result: Mapping[str, Any]) -> bool:
        """Note that a job is done; see `Desk.finish`."""
        return await self._end(job, lease, State.DONE, result)

    async def fail(self, job: str, lease: str, result: Mapping[str, Any]) -> bool:
        """Note that a job can't be done; see `Desk.fail`."""
        return await self._end(job, lease, State.FAILED, result)

    async def give_back(self, job: str, lease: str) -> bool:
        """Let somebody else do a job; see `Desk.give_back`."""
        return await self._free(job, lease, counts=False)

    async def _end(self, id_: str, lease: str, state: State, result: Mapping[str, Any]) -> bool:
        job = await self.ledger.end(id_, lease, state, result)
        if job is None:
            return False
        self._forget_lease(id_)
        await self._settle(job)
        return True

    async def _settle_ended(self) -> None:
        """Settle what could not be settled when it ended."""
        for job in await self.ledger.all():
            if job.state in {State.DONE, State.FAILED}:
                await self._settle(job)

    async def _settle(self, job: Job) -> None:
        """Have the room that put a job settle and tell how it ended; if it can't now, before long."""
        follower = self._followers.get(job.kind)
        if follower is None:
            return
        self._show(job, None)
        try:
            async with self._settling:
                await self._settled(job.id, follower)
        except Exception as error:  # whatever a room can't do must not keep the hub from starting
            log.error("a job's end could not be settled", job=job.id, kind=job.kind, error=repr(error))

    async def _settled(self, id_: str, follower: Follower) -> None:
        """Settle, keep, tell, forget: what was done is not done again after a step that failed."""
        job = await self.ledger.get(id_)
        if job is None:  # somebody was quicker
            return
        if job.heard is not Heard.END:
            job = await follower.settle(job)
            await self.ledger.settle(job)
        if id_ not in self._told:
            await follower.tell(job)
            self._told.add(id_)
        await self.ledger.forget(id_)
        self._told.discard(id_)

    def _expect(self, job: Job) -> None:
        """Take a job back unless it is renewed in time."""
        self._forget_lease(job.id)
        loop = asyncio.get_running_loop()
        self._timers[job.id] = loop.call_later(self.seconds, lambda: self._spawn(self._ran_out(job)))

    async def _ran_out(self, job: Job) -> None:
        log.warning("a worker died over its job", job=job.id, kind=job.kind, worker=job.worker)
        try:
            await self._free(job.id, job.lease, counts=True)
        except StorageFailed:
            self._expect(job)  # else nobody would ever have it again
            raise

    async def _free(self, id_: str, lease: str, *, counts: bool) -> bool:
        job = await self.ledger.free(id_, lease, counts=counts)
        if job is None:
            return False
        self._forget_lease(id_)
        if job.state is State.FAILED:
            await self._settle(job)
        else:
            self._tell_waiting(job)
        return True

    def _forget_lease(self, id_: str) -> None:
        timer = self._timers.pop(id_, None)
        if timer is not None:
            timer.cancel()

    async def _remind(self) -> None:
        while True:
            try:
                await self._tell_oldest()
                await self._settle_ended()
            except StorageFailed as error:
                log.warning("the table of jobs can't be read", error=str(error))
            await asyncio.sleep(REMIND)

    async def _tell_oldest(self) -> None:
        """Tell of the oldest job of each kind that waits."""
        waiting = [job for job in await self.ledger.all() if job.state is State.WAITING]
        for job in {job.kind: job for job in reversed(waiting)}.values():
            self._tell_waiting(job)

    def _tell_waiting(self, job: Job) -> None:
        self._show(job, None if job.state is not State.WAITING else 0.0)
        for wake in self._wakes:
            wake.set()
        data = {"job": job.id, "kind": job.kind, "hub": self.name}
        self._bus.publish(Event(WAITING, data, dict(job.source))).add_done_callback(_look)

    def _show(self, job: Job, percent: float | None) -> None:
        """Set the state key of a job; None: it has ended."""
        value = {"kind": job.kind, "state": job.state, "worker": job.worker, "attempt": job.attempts}
        try:
            self._bus.set(
                f"jobs/{job.id}/progress",
                None if percent is None else {**value, "percent": round(percent, 1)},
            )
        except CallboardError as error:
            log.warning("a job's progress can't be kept", job=job.id, error=str(error))

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("looking after jobs failed", error=str(error))

    def wakes(self, wake: asyncio.Event) -> None:
        """Set `wake` whenever a job waits."""
        self._wakes.add(wake)


class Local:
    """The desk of a worker in this process."""

    def __init__(self, jobs: Jobs) -> None:
        self._jobs = jobs
        self._wake = asyncio.Event()
        jobs.wakes(self._wake)

    async def take(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        """See `Desk.take`."""
        self._wake.clear()
        return await self._jobs.take(worker, kinds)

    async def wait(self) -> None:
        """See `Desk.wait`."""
        await self._wake.wait()

    async def renew(self, job: Job, percent: float | None) -> bool:
        """See `Desk.renew`."""
        return await self._jobs.renew(job.id, job.lease, percent)

    async def finish(self, job: Job, result: Mapping[str, Any]) -> bool:
        """See `Desk.finish`."""
        return await self._jobs.finish(job.id, job.lease, result)

    async def fail(self, job: Job, result: Mapping[str, Any]) -> bool:
        """See `Desk.fail`."""
        return await self._jobs.fail(job.id, job.lease, result)

    async def give_back(self, job: Job) -> bool:
        """See `Desk.give_back`."""
        return await self._jobs.give_back(job.id, job.lease)


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.warning("workers could not be told of a job", error=str(error))
