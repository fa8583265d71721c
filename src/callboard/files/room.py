"""The files room: the store on the bus.

    a door, a request, a folder that is watched -> Files -> store (in a thread) -> events

Order of one upload, on the log: FileAdded, UpdatedFiles twice, what select and print lead to, Upload,
then the analysis (facts 1.4).
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import TracebackType
from typing import Final, Self

import structlog

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.files.adopting import sweep_all
from callboard.files.answering import Answering
from callboard.files.following import Following
from callboard.files.incoming import NO_WISH, Incoming, Wish
from callboard.files.names import Kind
from callboard.files.pickup import Pickup
from callboard.files.refusals import NoSuchFile, Refused
from callboard.files.store import FileStore
from callboard.files.stored import Stored, StoredFile, StoredFolder
from callboard.files.telling import HOUSE, Cause, Effect, Telling
from callboard.files.threads import Threads
from callboard.files.watched import Watched

log = structlog.get_logger("callboard.files")

Analyse = Callable[[str, bool], object]
"""Takes the path of a G-code file that is to be analysed, and whether somebody waits for it."""

_PATIENCE: Final = 15.0
"""Seconds that a printer has to answer whether it selects or prints a file that came in."""


class Files:
    """The room; `async with Files(bus, store)`: inside, files can be brought in and are looked after.

    `analyse` is called with each new G-code file; `watched` is a folder whose files are taken in, once
    they have been `quiet` for so many seconds.
    """

    def __init__(
        self,
        bus: Bus,
        store: FileStore,
        *,
        analyse: Analyse = lambda _path, _urgent: None,
        watched: Path | None = None,
        quiet: float = 1.0,
    ) -> None:
        self.store = store
        self.threads = Threads()
        self.tell = Telling(bus)
        self.analyse = analyse
        self._bus = bus
        self._following = Following(store, self.tell, self.threads)
        self._subscriptions: list[Subscription] = []
        self._pickup = Pickup(self, quiet)
        self._watched = Watched(watched, self.take, self.threads, quiet) if watched is not None else None
        self._tasks: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        swept = await self.threads.do(sweep_all, self.store)
        if swept:
            log.info("uploads that a crash left were removed", files=swept)
        self._subscriptions = [
            await self._following.subscribe(self._bus),
            *Answering(self).subscribe(self._bus),
        ]
        self._tasks.append(asyncio.create_task(self._pickup.run()))
        if self._watched is not None:
            self._tasks.append(asyncio.create_task(self._watched.run()))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            subscription.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._following.keep()
        await asyncio.to_thread(self.threads.close)

    @contextlib.asynccontextmanager
    async def receive(
        self, path: str, *, overwrite: bool = False, display: str = ""
    ) -> AsyncIterator[Incoming]:
        """Give an upload to feed; what is not finished inside is removed. Raises Refused."""
        upload = await self.threads.do(self.store.open_upload, path, overwrite=overwrite, display=display)
        incoming = Incoming(upload, self.threads)
        try:
            yield incoming
        finally:
            await incoming.abort()

    async def finish(
        self, incoming: Incoming, wish: Wish = NO_WISH, by: Cause = HOUSE
    ) -> tuple[StoredFile, Effect]:
        """Put an upload in its place, tell of it, have it selected, printed, analysed. Raises Refused."""
        await incoming.flush()
        stored = await self.threads.do(incoming.upload.finish, by.user)
        self.tell.added([stored], by)
        effect = await self._begin(stored, wish, by)
        self.tell.uploaded(stored, effect, wish.userdata, by)
        self.read(stored, urgent=True)
        return stored, effect

    def read(self, stored: Stored, *, urgent: bool) -> None:
        """Have a file analysed, if it is G-code that was not."""
        if isinstance(stored, StoredFile) and stored.kind is Kind.GCODE and stored.analysis is None:
            self.analyse(stored.path, urgent)

    async def take(self, source: Path, path: str) -> None:
        """Bring in a file that lies elsewhere on this machine; one that has this name is replaced."""
        stored = await self.threads.do(self._import, source, path)
        self.tell.added([stored], HOUSE)
        self.tell.uploaded(stored, Effect(), None, HOUSE)
        self.read(stored, urgent=True)

    async def keep_place(self) -> None:
        """Note how far prints were followed."""
        await self._following.keep()

    async def make_folder(self, path: str, by: Cause = HOUSE) -> StoredFolder:
        """Make a folder. Raises Refused."""
        made = await self.threads.do(self.store.make_folder, path)
        self.tell.added([made], by)
        return made

    async def move(self, path: str, destination: str, by: Cause = HOUSE) -> Stored:
        """Move a file or folder; into `destination` if that is a folder. Raises Refused."""
        target = await self._target(path, destination)
        moved = await self.threads.do(self.store.move, path, target)
        self.tell.moved(path.strip("/"), moved, by)
        self.read(moved, urgent=False)
        return moved

    async def copy(self, path: str, destination: str, by: Cause = HOUSE) -> Stored:
        """Copy a file or folder; into `destination` if that is a folder. Raises Refused."""
        target = await self._target(path, destination)
        made = await self.threads.do(self.store.copy, path, target)
        self.tell.added(made, by, "copy")
        for each in made:
            self.read(each, urgent=False)
        return made[0]

    async def remove(self, path: str, *, recursive: bool = False, by: Cause = HOUSE) -> Stored:
        """Remove a file or folder. Raises Refused."""
        was = await self.threads.do(self.store.remove, path, recursive=recursive)
        self.tell.removed(was, by)
        return was

    async def analyse_again(self, path: str) -> StoredFile:
        """Have a G-code file analysed, whether it was or not. Raises NoSuchFile, or Refused for a model."""
        stored = await self.threads.do(self.store.file, path)
        if stored.kind is not Kind.GCODE:
            raise Refused(f"{path!r} is no G-code: only that can be analysed.")
        self.analyse(stored.path, True)
        return stored

    async def _target(self, path: str, destination: str) -> str:
        """Return the whole path of a destination: a folder that is there means inside it."""
        name = path.strip("/").rpartition("/")[2]
        if not destination.strip("/"):
            return name
        with contextlib.suppress(NoSuchFile):
            if isinstance(await self.threads.do(self.store.get, destination), StoredFolder):
                same = destination.strip("/") == path.strip("/")
                return destination if same else f"{destination.strip('/')}/{name}"
        return f"{destination.strip('/')}/{name}" if destination.endswith("/") else destination

    def _import(self, source: Path, path: str) -> StoredFile:
        with source.open("rb") as file, self.store.open_upload(path, overwrite=True) as upload:
            while block := file.read(1 << 20):
                upload.write(block)
            return upload.finish()

    async def _begin(self, stored: StoredFile, wish: Wish, by: Cause) -> Effect:
        """Ask the printer to select or print a file that came in; it may not be ready for that."""
        done = False
        if (wish.select or wish.print) and wish.printer and stored.kind is Kind.GCODE:
            verb = "print" if wish.print else "select"
            data = {"printer": wish.printer, "file": stored.path, "origin": "local", "deadline": _PATIENCE}
            done = await self._asked(Event(f"callboard.printer.{verb}", data, by.source))
        return Effect(wish.select, wish.print, done, done and wish.print)

    async def _asked(self, wish: Event) -> bool:
        """Return whether somebody did what was asked for."""
        try:
            async for reply in self._bus.request(wish, deadline=_PATIENCE):
                if isinstance(reply.data, dict) and isinstance(reply.data.get("success"), bool):
                    return bool(reply.data["success"])
        except CallboardError as error:
            log.warning("a printer could not be asked", topic=wish.topic, error=str(error))
        return False
