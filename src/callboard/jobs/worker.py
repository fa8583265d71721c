"""A worker: takes jobs from a desk, one after the other, and does them.

    desk.take -> craft(job, report), renewed meanwhile -> desk.finish, fail, or give_back when it is stopped

A craft is what does the jobs of one kind. A machine that is unfit for one (its disk is full, say) gives it
back and rests, as long as there are others; that is no attempt. When the lease is lost the craft is
cancelled: somebody else has the job by then, and must be the only one to finish it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import structlog

from callboard.errors import CallboardError, StorageFailed
from callboard.jobs.job import Desk, Job, Unfit, WorkFailed

log = structlog.get_logger("callboard.jobs")

Report = Callable[[float], None]
"""Takes how far a job is, in percent."""
Craft = Callable[[Job, Report], Awaitable[Mapping[str, Any]]]
"""Does a job and returns its result; raises WorkFailed when it can't be done, Unfit when not here."""
Told = Callable[[str, Job], None]
"""Hears what a worker does: a word, and the job."""

REST: Final = 60.0
"""Seconds for which a worker takes nothing when its machine was unfit for a job."""
RENEW: Final = 5.0
"""Seconds between two renewals; a third of the lease."""
_AGAIN: Final = 2.0
_PATIENCE: Final = 600.0
"""Seconds for which the hub is tried when a job has ended and it does not answer."""


class Worker:
    """Works at `desk` for as long as `run` runs; `crafts` are what it can do, by kind.

    `others` tells whether there are other workers for a kind; if not, what this machine can't do has failed.
    """

    def __init__(
        self,
        desk: Desk,
        crafts: Mapping[str, Craft],
        name: str,
        *,
        told: Told = lambda _word, _job: None,
        others: Callable[[str], bool] = lambda _kind: True,
        renew: float = RENEW,
        rest: float = REST,
    ) -> None:
        self._desk, self._crafts, self._name, self._told = desk, crafts, name, told
        self._others, self._renew, self._rest = others, renew, rest

    async def run(self) -> None:
        """Work until cancelled; a job at hand is given back then."""
        while True:
            try:
                job = await self._desk.take(self._name, tuple(self._crafts))
            except StorageFailed as error:  # the disk is full, say; it may have room again
                log.warning("no job could be taken", worker=self._name, error=str(error))
                await asyncio.sleep(_AGAIN)
                continue
            if job is None:
                await self._desk.wait()
            else:
                await self._work(job)

    async def _work(self, job: Job) -> None:
        self._told("takes", job)
        percent: list[float] = [0.0]
        craft = asyncio.ensure_future(self._crafts[job.kind](job, lambda done: percent.__setitem__(0, done)))
        keeping = asyncio.create_task(self._keep(job, percent, craft))
        try:
            await asyncio.wait([craft])
        except asyncio.CancelledError:
            await _stopped(craft)
            with contextlib.suppress(CallboardError, TimeoutError):
                await asyncio.wait_for(self._desk.give_back(job), _AGAIN)
            raise
        finally:
            await _stopped(keeping)
        await self._end(job, craft)

    async def _end(self, job: Job, craft: asyncio.Future[Mapping[str, Any]]) -> None:
        if craft.cancelled():
            self._told("lost", job)
            return
        error = craft.exception()
        if error is None:
            done = await self._insist(lambda: self._desk.finish(job, craft.result()))
            self._told("finished" if done else "lost", job)
        elif isinstance(error, Unfit) and self._others(job.kind):
            await self._return(job, error)
        elif isinstance(error, WorkFailed):
            result = error.result
            done = await self._insist(lambda: self._desk.fail(job, result))
            self._told("failed" if done else "lost", job)
        else:  # not the job's fault: its lease runs out, and somebody tries once more
            log.warning("a job was not done", job=job.id, kind=job.kind, error=str(error) or repr(error))
            self._told("lost", job)

    async def _return(self, job: Job, why: Unfit) -> None:
        """Leave a job to others, and rest: at once we would have it again."""
        log.warning("this machine is unfit for a job", job=job.id, kind=job.kind, error=str(why))
        self._told("unfit", job)
        await self._insist(lambda: self._desk.give_back(job))
        await asyncio.sleep(self._rest)

    async def _keep(self, job: Job, percent: list[float], craft: asyncio.Future[Any]) -> None:
        """Renew the lease; cancel the craft once the job belongs to somebody else."""
        while True:
            await asyncio.sleep(self._renew)
            try:
                if not await self._desk.renew(job, percent[0]):
                    craft.cancel()
                    return
            except Exception as error:  # whatever it was: who renews no more loses the job unseen
                log.info("a lease could not be renewed", job=job.id, error=str(error) or repr(error))

    async def _insist(self, say: Callable[[], Awaitable[bool]]) -> bool:
        """Say how a job ended until the hub has heard it, or for long enough."""
        loop = asyncio.get_running_loop()
        until = loop.time() + _PATIENCE
        while True:
            try:
                return await say()
            except CallboardError as error:
                if loop.time() > until:
                    log.error("the hub does not hear how a job ended", error=str(error))
                    return False
                await asyncio.sleep(_AGAIN)


async def _stopped(task: asyncio.Future[Any]) -> None:
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
