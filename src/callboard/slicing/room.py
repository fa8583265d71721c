"""The slicing room: takes jobs, has them sliced a few at a time, tells of it, and has the result printed.

    slice -> SlicingStarted, a task -> Making -> FileAdded, UpdatedFiles -> SlicingDone -> analysis -> printer

A job is known by its id, never by its target: a new job for the same target calls off each older one that is
not being stored already, so that a third one stops the second. Source: facts 1.4 and 6.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any, Final, Self

import msgspec
import structlog

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError
from callboard.files import refusals
from callboard.files.names import Kind, clean
from callboard.files.room import Files
from callboard.files.telling import HOUSE, Cause
from callboard.slicing.answering import Answering
from callboard.slicing.job import Job, Order, State, new_id
from callboard.slicing.journal import Journal
from callboard.slicing.making import Making
from callboard.slicing.pictures import Pictures
from callboard.slicing.printers import Printers, Said
from callboard.slicing.profiles import Profile, Profiles, settings_of
from callboard.slicing.programs import Programs
from callboard.slicing.refusals import BadPlace, NoSuchJob, NotAModel, Refused
from callboard.slicing.slicer import Position
from callboard.slicing.telling import Telling
from callboard.slicing.vocabulary import Vocabulary

log = structlog.get_logger("callboard.slicing")

REMEMBERED: Final = 200
"""Jobs that ended and can still be asked for."""
MOST_WAITING: Final = 500
_STOPPED: Final = "The hub stopped while the model was sliced: slice it again."


class Slicing:
    """The room; `async with`: inside, models are sliced, and at the end no slicer is left running."""

    def __init__(
        self,
        bus: Bus,
        files: Files,
        programs: Programs,
        profiles: Profiles,
        making: Making,
        journal: Journal,
        pictures: Pictures,
        vocabulary: Vocabulary,
        *,
        at_once: int = 1,
    ) -> None:
        self._vocabulary = vocabulary
        self.files, self.programs, self.profiles, self.pictures = files, programs, profiles, pictures
        self._bus, self._making, self._journal = bus, making, journal
        self.tell, self._printers = Telling(bus), Printers(bus)
        self._turn, self._writing = asyncio.Semaphore(at_once), asyncio.Lock()
        self._jobs: dict[str, Job] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._dropping: set[asyncio.Task[None]] = set()
        self._coming = 0
        self._closing = False
        self._subscriptions: list[Subscription] = []

    async def __aenter__(self) -> Self:
        for sweep in (self._making.sweep, self.profiles.sweep, self.pictures.sweep):
            await self.files.threads.do(sweep)
        for job in await self.files.threads.do(self._journal.left):
            job.state, job.reason = State.FAILED, _STOPPED
            self.tell.failed(job)
            await self.files.threads.do(self._journal.forget, job)
        self._subscriptions = Answering(self).subscribe(self._bus)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing = True
        for subscription in self._subscriptions:
            subscription.close()
        tasks = list(self._tasks.values())
        for id_, task in self._tasks.items():
            if self._jobs[id_].state.ended:
                task.cancel()  # only the asking of a printer
            self._call_off(self._jobs[id_])
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*self._dropping)

    # Asked for

    async def order(
        self,
        file: str,
        *,
        to: str = "",
        slicer: str = "",
        profile: str = "",
        overrides: Mapping[str, Any] | None = None,
        position: Position | None = None,
        overwrite: bool = True,
        select: str = "",
        print_on: str = "",
        if_clear: bool = True,
    ) -> Order:
        """Return what is asked for, looked at. Raises Refused, or the file store's Refused."""
        if select and print_on:
            raise Refused(
                "What is printed is selected, too: name a printer under `print` or `select`, not both."
            )
        do = self.files.threads.do
        stored = await do(self.files.store.file, file)
        if stored.kind is not Kind.MODEL:
            raise NotAModel(f"{stored.path} is no model: slice a .stl, .3mf or .obj file.")
        kind = self.programs.slicer(slicer)
        program = await do(self.programs.program, kind.name)
        key, settings = await do(self.profiles.settings, kind.name, profile, settings_of(overrides or {}))
        await self._vocabulary.check(kind, program, settings, overrides or {})
        bed = await do(kind.bed, settings)
        if bed is not None and position is not None and (why := bed.off(position)):
            raise BadPlace(why)
        target = clean(to) if to else f"{stored.path.rpartition('.')[0]}.gcode"
        if target.rpartition("/")[2].lower().rpartition(".")[2] not in {"gcode", "gco", "g"}:
            raise refusals.BadName(f"{target[-80:]!r} is no name for G-code: let it end in .gcode.")
        await do(self.files.store.check, target, overwrite=overwrite)
        if select or print_on:
            await self._printers.check(select or print_on)
        return Order(
            file=stored.path,
            to=target,
            slicer=kind.name,
            profile=key,
            settings=settings,
            position=position,
            overwrite=overwrite,
            select=select,
            print=print_on,
            if_clear=if_clear,
        )

    async def slice(self, order: Order, by: Cause = HOUSE) -> Job:
        """Take a job; those for the same target are called off. Raises Refused when too many wait."""
        if len(self._tasks) + self._coming >= MOST_WAITING:
            raise Refused(f"{MOST_WAITING} models wait to be sliced: slice this one later.")
        job = Job(id=new_id(), order=order, by=by, began=time.time())
        self._coming += 1
        try:
            await self.files.threads.do(self._journal.note, job)
        finally:
            self._coming -= 1
        self.tell.started(job, self.programs.slicers[order.slicer].progress_available)
        older = [one for one in self._running() if one.order.to.casefold() == order.to.casefold()]
        self._jobs[job.id] = job
        task = self._tasks[job.id] = asyncio.create_task(self._run(job))
        task.add_done_callback(lambda _: self._over(job))
        for one in older:
            self._call_off(one, f"A newer job for {order.to} replaced it.")
        return job

    def cancel(self, id_: str) -> Job:
        """Call a job off. Raises NoSuchJob, or Refused when it has ended."""
        job = self.job(id_)
        if not self._call_off(job):
            raise Refused(f"The slicing of {job.order.file} has ended already.")
        return job

    def job(self, id_: str) -> Job:
        """Return a job. Raises NoSuchJob."""
        if id_ not in self._jobs:
            raise NoSuchJob
        return self._jobs[id_]

    def jobs(self) -> list[Job]:
        """Return the jobs, newest first."""
        return list(reversed(self._jobs.values()))

    async def save_profile(self, profile: Profile, by: Cause = HOUSE) -> Profile:
        """Store a profile, and tell so. Raises Refused."""
        self.programs.slicer(profile.slicer)
        async with self._writing:
            return await self._saved(profile, by)

    async def change_profile(
        self, slicer: str, key: str, change: Callable[[Profile], Profile], by: Cause = HOUSE
    ) -> Profile:
        """Store a profile with a change, and tell so; of two changes at once none is lost. Raises Refused."""
        async with self._writing:
            known = await self.files.threads.do(self.profiles.get, slicer, key)
            return await self._saved(change(known), by)

    async def _saved(self, profile: Profile, by: Cause) -> Profile:
        new = await self.files.threads.do(self.profiles.save, profile)
        self.tell.profile("Added" if new else "Modified", profile.slicer, profile.key, by)
        return await self.files.threads.do(self.profiles.get, profile.slicer, profile.key)

    async def delete_profile(self, slicer: str, key: str, by: Cause = HOUSE) -> None:
        """Remove a profile, and tell so. Raises Refused."""
        self.programs.slicer(slicer)
        async with self._writing:
            await self.files.threads.do(self.profiles.remove, slicer, key)
        self.tell.profile("Deleted", slicer, key, by)

    # A job's life

    def _running(self) -> list[Job]:
        return [self._jobs[id_] for id_ in self._tasks if not self._jobs[id_].state.ended]

    def _call_off(self, job: Job, why: str = "It was called off.") -> bool:
        task = self._tasks.get(job.id)
        if task is None or job.storing or job.state.ended:
            return False
        if not job.called_off:
            job.called_off, job.reason = task.cancel(), why
        return True

    async def _run(self, job: Job) -> None:
        """Bring a job to its one end, whatever happens."""
        try:
            async with self._turn:
                await self._sliced(job)
        except asyncio.CancelledError:
            self._not_done(job)
        except CallboardError as error:
            self._fail(job, str(error))
        except Exception as error:
            log.exception("slicing broke", job=job.id, file=job.order.file)
            self._fail(job, f"Slicing broke, please report it: {error!r}"[:300])
        self._drop(job)
        if job.state is State.DONE and (job.order.print or job.order.select):
            await self._printed(job)

    def _over(self, job: Job) -> None:
        """The task of a job has ended; one that was called off before its first step told nothing yet."""
        if not job.state.ended:
            self._not_done(job)
            self._drop(job)
        job.order = msgspec.structs.replace(job.order, settings={})  # which may be long
        del self._tasks[job.id]
        self._forget()

    async def _sliced(self, job: Job) -> None:
        began, job.state = time.monotonic(), State.SLICING
        slicer = self.programs.slicers[job.order.slicer]
        program = await self.files.threads.do(self.programs.program, slicer.name)

        def progress(percent: float) -> None:
            if job.advance(percent):
                self.tell.show(job)

        stored = await self._making.make(job, slicer, program, progress)
        job.seconds, job.state, job.progress = time.monotonic() - began, State.DONE, 100
        self.files.tell.added([stored], job.by)
        self.tell.done(job)
        self.files.read(stored, urgent=True)

    def _not_done(self, job: Job) -> None:
        if self._closing:
            self._fail(job, _STOPPED)
        elif not job.state.ended:
            job.state = State.CANCELLED
            self.tell.cancelled(job)

    def _fail(self, job: Job, reason: str) -> None:
        if not job.state.ended:
            job.state, job.reason = State.FAILED, reason
            self.tell.failed(job)

    async def _printed(self, job: Job) -> None:
        """Ask the printer for what was to be done with the result; what is not on the bed is not printed."""
        off = job.outside if job.order.print else ""
        said = Said(False, off) if off else await self._printers.take(job)
        job.printed = said.success
        if not said.success:
            verb, printer = job.order.then
            job.reason = f"It is sliced, but {printer} does not {verb} it: {said.message}"
            log.warning("a sliced model is not printed", file=job.order.to, reason=job.reason)

    def _drop(self, job: Job) -> None:
        """Have a job that has ended forgotten on disk."""
        task = asyncio.create_task(self.files.threads.do(self._journal.forget, job))
        self._dropping.add(task)
        task.add_done_callback(self._dropping.discard)

    def _forget(self) -> None:
        """Forget the jobs that ended first, beyond those that are remembered."""
        ended = [id_ for id_, job in self._jobs.items() if job.state.ended]
        for id_ in ended[: max(len(ended) - REMEMBERED, 0)]:
            del self._jobs[id_]
