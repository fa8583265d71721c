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
from callboard.timelapse.recorder import Recorder, stop_all
from callboard.timelapse.reel import About
from callboard.timelapse.refusals import InUse, Refused, told
from callboard.timelapse.rendering import Rendering
from callboard.timelapse.shelf import Shelf
from callboard.timelapse.telling import Source, Telling, printer_of
from callboard.timelapse.webcam import Cameras, camera_of

log = structlog.get_logger("callboard.timelapse")

HEARD: Final = (
    *("PrintStarted", "PrintResumed", "PrintPaused", "PrintDone", "PrintFailed"),
    *("ZChange", "LayerChange", "Disconnected"),
)
_ENDS: Final = frozenset({"PrintDone", "PrintFailed", "Disconnected"})
_SWEEP: Final = 3600.0
MOST: Final = 1000
"""Prints that are filmed at once: names of printers come with events, and may have no end."""


class Timelapses:
    """The room; `async with Timelapses(...)`."""

    def __init__(self, bus: Bus, jobs: Jobs, plan: Timelapse, cameras: Cameras, shelf: Shelf) -> None:
        self.shelf, self.jobs = shelf, jobs
        self.threads = Threads()
        self.tell = Telling(bus)
        self._bus, self._plan, self._cameras = bus, plan, cameras
        self._recording: dict[str, Recorder] = {}
        self._ending: set[str] = set()
        self._printing: set[str] = set()
        self._rendering = Rendering(jobs, shelf, plan, self.tell, self.threads)
        self._subscriptions: list[Subscription] = []
        self._tasks: set[asyncio.Task[None]] = set()
        self._http: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        await self._rendering.begin()
        self._http = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(limit=0),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,  # a picture is compressed by itself; anything else might be a bomb
        )
        topics = " or ".join(f"topic=octoprint.{name}" for name in HEARD)
        self._subscriptions = [
            self._bus.subscribe(topics, self._heard),
            *Answering(self).subscribe(self._bus),
        ]
        self._spawn(self._sweeping())
        self._spawn(self._render_wanted())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            subscription.close()
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
        if name in {"PrintStarted", "PrintResumed"} and len(self._printing) < MOST:
            self._printing.add(printer)
        if name == "PrintStarted" or (name == "PrintResumed" and printer not in self._recording):
            self._end(printer, event, failed=True)
            self._begin(printer, event)
        elif name in _ENDS:
            self._printing.discard(printer)
            self._end(printer, event, failed=name != "PrintDone")
            if not self._printing and self._plan.wait_for_prints:
                self._spawn(self._render_wanted())
        elif printer in self._recording:
            self._recording[printer].hear(name, event)

    def _begin(self, printer: str, event: Event) -> None:
        webcam = self._cameras.of(printer)
        if webcam is None or self._plan.mode == "off":
            return
        if len(self._recording) >= MOST:
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
            source={
                key: event.source[key] for key in ("printer", "tags", "job", "trace") if key in event.source
            },
            started=time.time(),
            fps=self._plan.fps,
            post_roll=float(self._plan.post_roll),
            flip_h=webcam.flip_h,
            flip_v=webcam.flip_v,
            rotate=webcam.rotate,
        )

    def _names(self) -> set[str]:
        return {recorder.reel.name for recorder in self._recording.values()} | self._ending

    def _end(self, printer: str, event: Event, *, failed: bool) -> None:
        recorder = self._recording.pop(printer, None)
        if recorder is not None:
            self._ending.add(recorder.reel.name)
            self._spawn(self._ended(recorder, event, failed=failed))

    async def _ended(self, recorder: Recorder, event: Event, *, failed: bool) -> None:
        """Finish a recording, and have its film made if that is wanted."""
        reel, render = recorder.reel, self._plan.render
        try:
            await recorder.end(event)
            source = recorder.source(event)
            wanted = render in {"always", "failure" if failed else "success"}
            if not reel.count:
                if recorder.failures and wanted:
                    self._rendering.no_frames(reel, failed, source)
                return
            await self._rendering.note(reel, ended=True, failed=failed, source=source, wanted=wanted)
        finally:
            self._ending.discard(reel.name)
        if wanted and not (self._plan.wait_for_prints and self._printing):
            await self._rendering.put(reel)

    async def _render_wanted(self) -> None:
        """Have films made that had to wait, unless they still have to."""
        if not (self._plan.wait_for_prints and self._printing):
            await self._rendering.put_wanted()

    # Asked for

    async def render(self, name: str, source: Source) -> Movie:
        """Have a film made of pictures that have none; raises Refused."""
        self._check_free(name)
        reel = await self.threads.do(self.shelf.reel, name)
        await self.threads.do(reel.close_gaps)
        if not reel.count:
            raise Refused(f"{name!r} has no pictures: nothing can be made of it.")
        await self._rendering.note(reel, source={**reel.about.source, **source}, wanted=True, ended=True)
        return await self._rendering.put(reel)

    async def remove(self, name: str) -> None:
        """Remove a film, or pictures without one. Raises Refused."""
        if any(film.name == name for film in await self.threads.do(self.shelf.films)):
            await self.threads.do(self.shelf.remove_film, name)
            return
        await self._rendering.withdraw(name)
        self._check_free(name)
        reel = await self.threads.do(self.shelf.reel, name)
        await self.threads.do(reel.remove)

    def state_of(self, name: str) -> Mapping[str, bool]:
        """Return what is being done with pictures: recording, rendering, processing. Source: facts 5.6."""
        return {
            "recording": any(name == recorder.reel.name for recorder in self._recording.values()),
            "rendering": name in self._rendering.being_made,
            "processing": name in self._ending,
        }

    def _check_free(self, name: str) -> None:
        state = self.state_of(name)
        if state["recording"] or state["processing"]:
            raise InUse(f"{name} is being recorded: wait until the print has ended.")
        if state["rendering"]:
            raise InUse(f"The film of {name} is being made, or waits for a worker.")

    async def _sweeping(self) -> None:
        while True:
            keep = (self._plan.keep_frames, self._plan.keep_films)
            try:
                reels, films = await self.threads.do(self.shelf.sweep, *keep, self._is_used)
            except OSError as error:
                log.warning("old films could not be removed", error=told(error))
            else:
                for name in (*reels, *films):
                    log.info("removed, since it was old", name=name)
            await asyncio.sleep(_SWEEP)

    def _is_used(self, name: str) -> bool:
        return any(self.state_of(name).values())

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


def _gcode(event: Event) -> str:
    """Return the name of the printed file, without folders."""
    data = event.data if isinstance(event.data, Mapping) else {}
    said = next((data[key] for key in ("name", "path", "file") if isinstance(data.get(key), str)), "")
    return str(said)[:1000].rpartition("/")[2]
