"""The timelapse room: films prints on any machine, and has films made of them.

    PrintStarted -> Recorder;  PrintDone, PrintFailed -> post roll -> a job -> MovieRendering -> MovieDone

It listens to `octoprint.*` from now on only: no picture is taken of the past. What a crash leaves is listed
as unrendered; a film that was wanted already is made at the next start.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Coroutine, Mapping
from types import TracebackType
from typing import Any, Final, Self

import aiohttp
import structlog

from callboard.bus import Bus, Subscription
from callboard.config import Timelapse, Webcam
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.files.threads import Threads
from callboard.jobs.room import Jobs
from callboard.timelapse.answering import Answering
from callboard.timelapse.movie import Movie
from callboard.timelapse.prints import ENDS, MOST, Prints
from callboard.timelapse.recorder import Recorder, stop_all
from callboard.timelapse.reel import About, Reel
from callboard.timelapse.refusals import NoSuchFilm, told
from callboard.timelapse.rendering import Rendering
from callboard.timelapse.shelf import Shelf
from callboard.timelapse.telling import Source, Telling, kept, printer_of
from callboard.timelapse.unrendered import State, Unrendered
from callboard.timelapse.webcam import Cameras, camera_of

log = structlog.get_logger("callboard.timelapse")

HEARD: Final = (
    *("PrintStarted", "PrintResumed", "PrintPaused", "PrintDone", "PrintFailed"),
    *("ZChange", "LayerChange", "Disconnected"),
)
_SWEEP: Final = 3600.0
_LEAST_SWEEP: Final = 5.0
"""Seconds: each look reads the whole folder."""


class Timelapses:
    """The room; `async with Timelapses(...)`."""

    def __init__(self, bus: Bus, jobs: Jobs, plan: Timelapse, cameras: Cameras, shelf: Shelf) -> None:
        self.shelf, self.jobs = shelf, jobs
        self.threads = Threads()
        self.tell = Telling(bus)
        self._bus, self._plan, self._cameras = bus, plan, cameras
        self._recording: dict[str, Recorder] = {}
        self._ending: dict[str, Recorder] = {}
        self._prints = Prints()
        self._rendering = Rendering(jobs, shelf, plan, self.tell, self.threads)
        self._unrendered = Unrendered(shelf, self._rendering, self.threads, plan.keep_frames, self.state_of)
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self._rendering.begin()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=MOST),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a picture is compressed by itself; anything else might be a bomb
        )
        topics = " or ".join(f"topic=octoprint.{name}" for name in HEARD)
        self._subscriptions = [
            self._bus.subscribe(topics, self._heard),
            *Answering(self).subscribe(self._bus),
        ]
        self._spawn(self._tending())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        await asyncio.sleep(0)  # an end that was heard just now is noted
        await stop_all(list(self._recording.values()))
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self._http is not None:
            await self._http.close()
        await asyncio.to_thread(self.threads.close)

    # Recording

    def _heard(self, event: Event) -> None:
        """Hear an event of a print; never waits, so that no printer's events hold up another's."""
        name, printer = event.topic.removeprefix("octoprint."), printer_of(event)
        self._prints.hear(name, printer, time.monotonic())
        if name == "PrintStarted" or (name == "PrintResumed" and printer not in self._recording):
            self._end(printer, event, failed=True)
            self._begin(printer, event)
        elif name in ENDS:
            if printer not in self._recording and name != "Disconnected":
                self._spawn(self._unrendered.ended(printer, _gcode(event), failed=name == "PrintFailed"))
            self._end(printer, event, failed=name != "PrintDone")
            if self._plan.waits_for_prints:
                self._spawn(self._render_wanted())
        elif printer in self._recording:
            self._recording[printer].hear(name, event)

    def _begin(self, printer: str, event: Event) -> None:
        webcam = self._cameras.of(printer)
        if webcam is None or self._plan.mode == "off":
            return
        for ending in self._ending.values():
            if ending.reel.about.printer == printer:
                ending.cut()
        if len(self._recording) + len(self._ending) >= MOST:
            log.warning("too many prints are filmed at once; this one is not", printer=printer)
            return
        assert self._http is not None
        reel = self.shelf.new_reel(_gcode(event), self._about(printer, event, webcam), self._names())
        camera = camera_of(webcam, self._http, self._plan.ffmpeg)
        recorder = Recorder(reel, camera, self._plan, event, self.tell, self.threads)
        self._recording[printer] = recorder
        recorder.begin()

    def _about(self, printer: str, event: Event, webcam: Webcam) -> About:
        return About(
            printer=printer,
            gcode=_gcode(event),
            source=kept(event.source, "trace"),
            started=time.time(),
            fps=self._plan.fps,
            post_roll=float(self._plan.post_roll),
            flip_h=webcam.flip_h,
            flip_v=webcam.flip_v,
            rotate=webcam.rotate,
        )

    def _names(self) -> set[str]:
        return {recorder.reel.name for recorder in self._recording.values()} | self._ending.keys()

    def _end(self, printer: str, event: Event, *, failed: bool) -> None:
        recorder = self._recording.pop(printer, None)
        if recorder is not None:
            self._ending[recorder.reel.name] = recorder
            self._spawn(self._ended(recorder, event, failed=failed))

    async def _ended(self, recorder: Recorder, event: Event, *, failed: bool) -> None:
        """Finish a recording, and have its film made if that is wanted."""
        reel, render = recorder.reel, self._plan.render
        wanted = render in {"always", "failure" if failed else "success"}
        source = recorder.source(event)
        try:  # noted first: the hub may stop while the last picture is taken
            await self._rendering.note(reel, ended=True, failed=failed, source=source, wanted=wanted)
            await recorder.end(event)
        finally:
            self._ending.pop(reel.name)
        if reel.count:
            self._unrendered.recorded(reel.name)
            await self._put(reel)
        elif recorder.failures and wanted:
            self._rendering.no_frames(reel, failed, source)

    async def _put(self, reel: Reel) -> None:
        if not reel.about.wanted:
            return
        if self._has_to_wait():
            log.info("a film waits until no print runs (timelapse.wait_for_prints)", name=reel.name)
        else:
            await self._unrendered.put(reel)

    async def _render_wanted(self) -> None:
        """Have films made that had to wait, unless they still have to."""
        if not self._has_to_wait():
            await self._unrendered.put_wanted()

    def _has_to_wait(self) -> bool:
        return self._plan.waits_for_prints and self._prints.any(time.monotonic())

    # Asked for

    async def render(self, name: str, source: Source) -> Movie:
        """Have a film made of pictures that have none; raises Refused."""
        return await self._unrendered.render(name, source)

    async def remove(self, name: str, source: Source) -> None:
        """Remove a film, or pictures without one. Raises Refused."""
        try:
            await self.remove_film(name, source)
        except NoSuchFilm:
            await self._unrendered.remove(name)
            self.tell.removed(name, "asked", source)

    async def remove_film(self, name: str, source: Source) -> None:
        """Remove a film; raises NoSuchFilm."""
        await self.threads.do(self.shelf.remove_film, name)
        self.tell.removed(name, "asked", source)

    def state_of(self, name: str) -> State:
        """Return what is being done with pictures: recording, rendering, processing. Source: facts 5.6."""
        return {
            "recording": any(name == recorder.reel.name for recorder in self._recording.values()),
            "rendering": name in self._rendering.being_made,
            "processing": name in self._ending,
        }

    async def waiting(self) -> set[str]:
        """Return the names of pictures whose film waits for a worker."""
        return await self._rendering.waiting()

    async def _tending(self) -> None:
        """Look after the shelf, now and each hour, or as often as the shortest age asks for."""
        while True:
            await self._tend()
            await asyncio.sleep(pause(self._plan))

    async def _tend(self) -> None:
        """Have films made that nothing holds up any more, and remove what is old."""
        try:
            await self._render_wanted()
            self._tell_old(await self._unrendered.sweep())
            self._tell_old(await self.threads.do(self.shelf.sweep, self._plan.keep_films))
        except (OSError, CallboardError) as error:
            log.warning("the timelapse folder could not be looked after", error=told(error))

    def _tell_old(self, gone: list[str]) -> None:
        for name in gone:
            log.info("removed, since it was old", name=name)
            self.tell.removed(name, "age", {})

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error(
                "filming failed", error=str(error) if isinstance(error, CallboardError) else repr(error)
            )


def pause(plan: Timelapse) -> float:
    """Return how many seconds pass between two looks at what is old: no more than anything is kept."""
    ages = [age for age in (plan.keep_frames, plan.keep_films) if age is not None]
    return max(_LEAST_SWEEP, min(_SWEEP, *ages)) if ages else _SWEEP


def _gcode(event: Event) -> str:
    """Return the name of the printed file, without folders."""
    data = event.data if isinstance(event.data, Mapping) else {}
    said = next((data[key] for key in ("name", "path", "file") if isinstance(data.get(key), str)), "")
    return str(said)[:1000].rpartition("/")[2]
