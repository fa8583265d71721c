"""A slicing room beside a files room, on a hub of its own, and all that they published, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from callboard.config import Slicing as Settings
from callboard.event import Event
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.slicing.opening import open_slicing
from callboard.slicing.room import Slicing
from tests.files.rooms import House, house
from tests.slicing.models import binary, box
from tests.slicing.slicers import GOOD, cura_resources, program

ENDS = frozenset({"SlicingDone", "SlicingFailed", "SlicingCancelled"})


@dataclass
class Workshop:
    """A house with a slicing room."""

    here: House
    room: Slicing
    folder: Path

    @property
    def told(self) -> list[tuple[str, str]]:
        """The events of slicing so far: name and job."""
        return [
            (event.topic.removeprefix("octoprint."), event.data["job"])
            for event in self.here.events
            if event.topic.startswith("octoprint.Slicing") and "job" in (event.data or {})
        ]

    async def slice(self, file: str = "arm.stl", **more: Any) -> str:
        """Ask for a model to be sliced; returns the job's id."""
        reply = await self.ask("slice", file=file, **more)
        assert reply["success"], reply
        return str(reply["job"]["id"])

    async def ask(self, verb: str, **data: Any) -> Any:
        replies = [
            one async for one in self.here.bus.request(Event(f"callboard.slicing.{verb}", data), deadline=20)
        ]
        assert len(replies) == 1
        return replies[0].data

    async def ended(self, job: str) -> Event:
        """Wait for the one end of a job and return it."""
        await self.until(lambda: any(name in ENDS for name, of in self.told if of == job))
        (found,) = (
            event
            for event in self.here.events
            if event.topic.rpartition(".")[2] in ENDS and event.data["job"] == job
        )
        return found

    async def began(self, job: str) -> None:
        """Wait until a slicer that hangs has begun with a job."""
        await self.until((self.folder / "slicing" / "work" / job / "began").exists)

    async def until(self, true: Callable[[], bool]) -> None:
        await self.here.until(true)


@contextlib.asynccontextmanager
async def workshop(folder: Path, body: str | None = GOOD, **settings: Any) -> AsyncIterator[Workshop]:
    """Give a workshop whose PrusaSlicer is a program with this body; None: the real slicers."""
    if body is not None:
        settings["prusaslicer"] = str(program(folder, body))
    plan = msgspec.structs.replace(
        Settings(cura_resources=cura_resources(), default="prusaslicer"), **settings
    )
    async with house(folder) as here:
        bus = HubBus(here.hub, Principal("callboard"))
        async with open_slicing(bus, here.room, plan, folder) as room:
            await here.upload("arm.stl", binary(box()))
            yield Workshop(here, room, folder)
        await asyncio.sleep(0)
        await bus.close()
