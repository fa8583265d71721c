"""A files room on a hub of its own, and all that it published, in order."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from callboard.event import Event
from callboard.files.incoming import NO_WISH, Wish
from callboard.files.room import Files
from callboard.files.store import FileStore
from callboard.files.stored import StoredFile
from callboard.files.telling import Cause, Effect
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.log import Log
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog

PROGRAM = b"G28\nG1 X10 F3000\n"
JANE = Cause("jane")


@dataclass
class House:
    """A hub with a files room, and somebody beside it who listens and asks."""

    hub: Hub
    room: Files
    bus: HubBus
    base: Path
    events: list[Event] = field(default_factory=list)
    analysed: list[tuple[str, bool]] = field(default_factory=list)

    @property
    def names(self) -> list[str]:
        """The names of the print events so far; those asked to be analysed stand among them."""
        return [event.topic.removeprefix("octoprint.") for event in self.events]

    def data(self, name: str) -> list[Any]:
        """The payloads of an event, in order."""
        return [event.data for event in self.events if event.topic.removeprefix("octoprint.") == name]

    async def upload(
        self, path: str, data: bytes = PROGRAM, wish: Wish = NO_WISH
    ) -> tuple[StoredFile, Effect]:
        async with self.room.receive(path, overwrite=True) as incoming:
            await incoming.feed(data)
            return await self.room.finish(incoming, wish, JANE)

    async def ask(self, verb: str, data: Any) -> Any:
        """Return what the room answers to a request."""
        replies = [one async for one in self.bus.request(Event(f"callboard.files.{verb}", data), deadline=10)]
        assert len(replies) == 1
        return replies[0].data

    async def until(self, true: Callable[[], bool]) -> None:
        """Wait for a condition, for 20 s at most."""
        async with asyncio.timeout(20):
            while not true():
                await asyncio.sleep(0.01)

    async def told(self, name: str, count: int = 1) -> list[Any]:
        """Wait until an event came so often, and return its payloads."""
        await self.until(lambda: len(self.data(name)) >= count)
        return self.data(name)


@contextlib.asynccontextmanager
async def house(
    folder: Path, *, log: Log | None = None, watched: Path | None = None, quiet: float = 0.05
) -> AsyncIterator[House]:
    """Give a house whose files lie in `folder`/files."""
    base = folder / "files"
    async with Hub(log or MemoryLog()) as hub:
        own, bus = HubBus(hub, Principal("callboard")), HubBus(hub, Principal("tester"))
        store = FileStore(base)
        room = Files(
            own, store, analyse=lambda *asked: made.analysed.append(asked), watched=watched, quiet=quiet
        )
        made = House(hub, room, bus, base)
        listening = bus.subscribe("topic=octoprint.*", made.events.append)
        await asyncio.sleep(0)
        async with room:
            yield made
        listening.close()
        await bus.close()
        await own.close()
