"""A timelapse room in this process: a real hub and log, real jobs, real ffmpeg, and a camera of HTTP."""

from __future__ import annotations

import asyncio
import contextlib
import io
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import imageio_ffmpeg
from aiohttp import web
from PIL import Image

from callboard.config import Config, Timelapse, Webcam, load
from callboard.event import Event
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.jobs.room import Jobs
from callboard.logs.memory import MemoryLog
from callboard.store import open_store
from callboard.timelapse.opening import open_timelapses
from callboard.timelapse.room import Timelapses

FFMPEG: str = imageio_ffmpeg.get_ffmpeg_exe()
PATIENCE = 30.0

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


def picture(number: int = 0, size: tuple[int, int] = (64, 48), kind: str = "JPEG") -> bytes:
    """A picture whose colour tells its number."""
    made = io.BytesIO()
    Image.new("RGB", size, ((number * 40) % 256, (number * 90) % 256, 80)).save(made, kind)
    return made.getvalue()


def film(content: bytes = b"") -> bytes:
    """The least that is a film by its container."""
    boxes = {b"ftyp": b"isom", b"moov": b"index", b"mdat": content or b"pictures"}
    return b"".join((8 + len(body)).to_bytes(4, "big") + name + body for name, body in boxes.items())


class FakeCamera:
    """A camera of HTTP that does what it is told: `answer` gets each request."""

    def __init__(self) -> None:
        self.taken = 0
        self.answer: Answer = self.good
        self.size = (64, 48)
        self.kind = "JPEG"
        self.url = ""

    async def good(self, _: web.Request) -> web.StreamResponse:
        self.taken += 1
        return web.Response(body=picture(self.taken, self.size, self.kind), content_type="image/jpeg")

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        return await self.answer(request)

    @contextlib.asynccontextmanager
    async def open(self) -> AsyncIterator[FakeCamera]:
        app = web.Application()
        app.router.add_route("*", "/{tail:.*}", self._serve)
        runner = web.AppRunner(app, shutdown_timeout=0.1)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}/snapshot.jpg"
        try:
            yield self
        finally:
            await runner.cleanup()


@dataclass
class Filmhouse:
    """The room, what it told, and a bus to tell it of prints."""

    room: Timelapses
    jobs: Jobs
    bus: HubBus
    hub: Hub
    camera: FakeCamera
    base: Path
    told: list[Event] = field(default_factory=list)
    changed: asyncio.Event = field(default_factory=asyncio.Event)

    def note(self, event: Event) -> None:
        self.told.append(event)
        self.changed.set()

    async def say(
        self, name: str, data: Mapping[str, Any] | None = None, printer: str = "mk3", **source: Any
    ) -> Event:
        """Publish a print event, as a print host anywhere would."""
        event = Event(
            f"octoprint.{name}",
            dict(data or {"file": "arm.gcode", "path": "arm.gcode", "name": "arm.gcode", "origin": "local"}),
            {"printer": printer, "tags": ["wall"], "job": {"file": "arm.gcode"}, **source},
        )
        await self.bus.publish(event)
        return event

    async def until(self, name: str, count: int = 1, printer: str | None = None) -> list[Event]:
        """Wait until an event has come `count` times; returns those."""

        def found() -> list[Event]:
            return [
                each
                for each in self.told
                if each.topic == f"octoprint.{name}" and printer in {None, each.source.get("printer")}
            ]

        try:
            async with asyncio.timeout(PATIENCE):
                while len(found()) < count:
                    self.changed.clear()
                    await self.changed.wait()
        except TimeoutError:
            raise AssertionError(f"no {count} {name} among {self.names()}") from None
        return found()

    def names(self) -> list[str]:
        return [each.topic.removeprefix("octoprint.") for each in self.told]

    async def shoot(self, layer: int) -> None:
        """Have a layer filmed."""
        done = self.names().count("CaptureDone") + self.names().count("CaptureFailed")
        await self.say("LayerChange", {"layer": layer, "z": layer * 0.2})
        async with asyncio.timeout(PATIENCE):
            while self.names().count("CaptureDone") + self.names().count("CaptureFailed") <= done:
                self.changed.clear()
                await self.changed.wait()

    async def film(self, layers: int = 3, end: str = "PrintDone") -> None:
        """Print a file of some layers."""
        await self.say("PrintStarted")
        for layer in range(1, layers + 1):
            await self.shoot(layer)
        await self.say(end)

    def left(self) -> list[str]:
        """What lies in the timelapse folder, hidden files too; the folders of its own left out."""
        return sorted(
            str(path.relative_to(self.base))
            for path in self.base.rglob("*")
            if path.is_file() or path.parent != self.base
        )


def configured(plan: str = "{mode: layer}", webcam: str = "", camera: FakeCamera | None = None) -> Config:
    """Return a configuration from what stands behind `timelapse:` and `webcam:`."""
    seen = webcam or (f"{{snapshot: '{camera.url}'}}" if camera else "")
    return load(f"timelapse: {plan}\nwebcam: {seen}\n")


@contextlib.asynccontextmanager
async def filmhouse(
    folder: Path, plan: str = "{mode: layer}", webcam: str = "", *, lease: float = 15.0
) -> AsyncIterator[Filmhouse]:
    """Open a room in `folder`; `plan` and `webcam` are YAML of their sections."""
    folder.mkdir(parents=True, exist_ok=True)
    camera = FakeCamera()
    async with camera.open():
        config = configured(plan, webcam.replace("CAMERA", camera.url), camera)
        with open_store(folder / "callboard.db") as store:
            async with Hub(MemoryLog()) as hub:
                bus = HubBus(hub, Principal("callboard"))
                async with (
                    Jobs(bus, store, lease=lease) as jobs,
                    open_timelapses(bus, jobs, config, folder) as room,
                ):
                    house = Filmhouse(room, jobs, bus, hub, camera, room.shelf.base)
                    listening = bus.subscribe("topic=octoprint.*", house.note)
                    await asyncio.sleep(0)
                    yield house
                    listening.close()
                await bus.close()


__all__ = ["FFMPEG", "FakeCamera", "Filmhouse", "Timelapse", "Webcam", "configured", "filmhouse", "picture"]
