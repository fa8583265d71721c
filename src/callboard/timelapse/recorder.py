"""One print's recording: hears its events, takes its pictures, one after the other.

    events, beats -> wanted -> CaptureStart -> camera -> looked at -> stored -> CaptureDone | CaptureFailed

Pictures of one print are taken one at a time, so their numbers have no gap; those of different printers at
the same time. A camera that is slower than the beat costs beats, which are counted, never a queue.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Any, Final

import structlog

from callboard.config import Timelapse
from callboard.config.discretion import without_secrets
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.files.threads import Threads
from callboard.timelapse.picture import Picture, look
from callboard.timelapse.reel import Reel
from callboard.timelapse.refusals import NotTaken, told
from callboard.timelapse.telling import Telling, source_of
from callboard.timelapse.trigger import Trigger
from callboard.timelapse.webcam import Camera

log = structlog.get_logger("callboard.timelapse")

MOST_FRAMES: Final = 200_000
"""Pictures of one print: a host that died in its middle must not fill the disk for ever."""


class Recorder:
    """Records a print from `begin` to `end`; `started` is the event that began it."""

    def __init__(
        self, reel: Reel, camera: Camera, plan: Timelapse, started: Event, tell: Telling, threads: Threads
    ) -> None:
        self.reel, self.started = reel, started
        self.failures = self.missed = 0
        self._camera, self._plan, self._tell, self._threads = camera, plan, tell, threads
        self._trigger = Trigger(plan)
        self._correlation: str = source_of(started)["trace"]["correlation"]
        self._latest = started
        self._paused = False
        self._wanted: asyncio.Queue[Event] = asyncio.Queue(1)
        self._tasks: list[asyncio.Task[None]] = []
        self._is_cut = False

    def begin(self) -> None:
        """Begin; `timed` takes its first picture at once."""
        self._show()
        self._tasks.append(asyncio.create_task(self._shooting()))
        if self._plan.mode == "timed":
            self._tasks.append(asyncio.create_task(self._beating()))

    def hear(self, name: str, event: Event) -> None:
        """Hear an event of this print."""
        self._latest = event
        if name in {"PrintPaused", "PrintResumed"}:
            self._paused = name == "PrintPaused"
        elif self._trigger.hears(name, event.data, asyncio.get_running_loop().time()):
            self._want()

    async def end(self, event: Event) -> None:
        """Finish the pictures at hand, then take the still for the film's end, if there is to be one."""
        self._latest = event
        for task in self._tasks[1:]:
            task.cancel()
        await self._wanted.join()
        if self._plan.post_roll > 0 and not self._is_cut:
            await self._post_roll(event)
        if not self._is_cut:  # else the state is the next recording's
            self._tell.show(self._key, None)
        await self.stop()

    def cut(self) -> None:
        """Take no more pictures, not even that at hand, and show no more; an `end` under way hurries."""
        self._is_cut = True
        for task in self._tasks:
            task.cancel()
        while not self._wanted.empty():
            self._wanted.get_nowait()
            self._wanted.task_done()

    async def stop(self) -> None:
        """Take no more pictures; returns when the last is given up."""
        self.cut()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def source(self, event: Event) -> dict[str, Any]:
        """Return the source of what an event leads to in this print."""
        return source_of(event, self._correlation)

    def _want(self) -> None:
        try:
            self._wanted.put_nowait(self._latest)
        except asyncio.QueueFull:
            if not self.missed:
                log.warning("a camera is too slow for its print", printer=self.reel.about.printer)
            self.missed += 1

    async def _beating(self) -> None:
        """Want a picture at each beat; beats that the loop itself was late for are missed, not made up."""
        loop, interval = asyncio.get_running_loop(), self._trigger.interval
        beat = loop.time()
        while True:
            if not self._paused or self._plan.while_paused:
                self._want()
            late = int((loop.time() - beat) / interval)
            self.missed += late
            beat += interval * (late + 1)
            await asyncio.sleep(beat - loop.time())

    async def _shooting(self) -> None:
        while True:
            event = await self._wanted.get()
            try:
                if self.reel.count < MOST_FRAMES:
                    await self._shoot(event)
            finally:
                self._wanted.task_done()

    async def _post_roll(self, event: Event) -> None:
        seconds, fps = self._plan.post_roll, self._plan.fps
        data = {
            "postroll_duration": float(seconds),
            "postroll_length": round(seconds * fps),
            "postroll_fps": float(fps),
        }
        self._tell.say("PostRollStart", data, self.source(event))
        try:
            self._wanted.put_nowait(event)
            await self._wanted.join()
        finally:
            self._tell.say("PostRollEnd", {}, self.source(event))

    async def _shoot(self, event: Event) -> None:
        source = self.source(event)
        self._tell.say("CaptureStart", self._named(), source)
        try:
            data = await self._camera.take()
            picture = look(data)
            self._same_kind(picture)
            await self._threads.do(self.reel.put, data, picture.kind, (picture.width, picture.height))
        except asyncio.CancelledError:
            self._failed("The recording was ended before the picture was there.", source)
            raise
        except Exception as error:  # whatever it is, the next picture may be better
            self._failed(self._reason(error), source)
        else:
            self._tell.say("CaptureDone", self._named(self.reel.count - 1), source)
        self._show()

    def _failed(self, reason: str, source: dict[str, Any]) -> None:
        self.failures += 1
        self._tell.say("CaptureFailed", {"file": self._named()["file"], "error": reason}, source)

    def _reason(self, error: Exception) -> str:
        if isinstance(error, CallboardError):
            return str(error)
        if isinstance(error, OSError):
            return told(error)
        log.error("a picture failed", name=self.reel.name, error=without_secrets(repr(error)))
        return "Callboard made a mistake; its log says which."

    def _same_kind(self, picture: Picture) -> None:
        kind = self.reel.about.kind
        if self.reel.count and picture.kind is not kind:
            raise NotTaken(
                f"The camera sends {picture.kind} now and sent {kind} before: a film needs one kind."
            )

    def _named(self, number: int | None = None) -> dict[str, Any]:
        """Return how events name a picture: the next one, if no other is said."""
        file = self.reel.file_of(self.reel.count if number is None else number)
        return {"file": file, "path": f"{self.reel.folder.parent.name}/{self.reel.name}/{file}"}

    @property
    def _key(self) -> str:
        return f"timelapse/{self.reel.about.printer or 'printer'}/recording"

    def _show(self) -> None:
        if self._is_cut:
            return
        self._tell.show(
            self._key,
            {
                "name": self.reel.name,
                "mode": self._plan.mode,
                "frames": self.reel.count,
                "failed": self.failures,
                "missed": self.missed,
            },
        )


async def stop_all(recorders: list[Recorder]) -> None:
    """Stop recordings in the middle of their prints; their pictures stay, to be rendered later."""
    for recorder in recorders:
        with contextlib.suppress(asyncio.CancelledError):
            await recorder.stop()
