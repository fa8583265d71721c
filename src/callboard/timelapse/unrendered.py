"""Pictures that have no film yet: rendered, removed and swept, one of these at a time for each name.

Without the lock of a name both of two who ask at once would be told that all is well, and the film be made
of pictures that are gone, or were numbered twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable, Mapping
from weakref import WeakValueDictionary

import structlog

from callboard.files.threads import Threads
from callboard.timelapse.movie import Movie
from callboard.timelapse.reel import Reel
from callboard.timelapse.refusals import InUse, NoSuchFilm, Refused, told
from callboard.timelapse.rendering import Rendering
from callboard.timelapse.shelf import Shelf
from callboard.timelapse.telling import Source

log = structlog.get_logger("callboard.timelapse")

State = Mapping[str, bool]
"""What is being done with pictures: recording, rendering, processing. Source: facts 5.6."""


class Unrendered:
    """The pictures on the shelf, kept so many seconds; `state_of` tells what is being done with a name's."""

    def __init__(
        self,
        shelf: Shelf,
        rendering: Rendering,
        threads: Threads,
        keep: float | None,
        state_of: Callable[[str], State],
    ) -> None:
        self._shelf, self._rendering, self._threads = shelf, rendering, threads
        self._keep, self._state_of = keep, state_of
        self._recorded: dict[str, float] = {}
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    async def render(self, name: str, source: Source) -> Movie:
        """Have a film made of pictures that have none; raises Refused."""
        async with self._alone(name):
            self._check_free(name)
            reel = await self._threads.do(self._shelf.reel, name)
            await self._threads.do(reel.close_gaps)
            if not reel.count:
                raise Refused(f"{name!r} has no pictures: nothing can be made of it.")
            await self._rendering.note(
                reel, source={**reel.about.source, **source}, wanted=True, ended=True, error=""
            )
            return await self._rendering.put(reel)

    async def put(self, reel: Reel) -> None:
        """Have the film made of a recording that has just ended, unless somebody removed it already."""
        async with self._alone(reel.name):
            if await self._threads.do(reel.folder.is_dir):
                await self._rendering.put(reel)

    async def put_wanted(self) -> None:
        """Have films made that are wanted and have no job: of prints that ended when none could be made."""
        for reel in await self._threads.do(self._shelf.reels):
            if reel.about.wanted and reel.about.ended:
                try:
                    await self._put_wanted(reel.name)
                except (OSError, Refused) as error:
                    log.warning("a film that is wanted could not be made", name=reel.name, error=told(error))

    async def _put_wanted(self, name: str) -> None:
        async with self._alone(name):
            if not self._is_used(name):
                reel = await self._threads.do(self._shelf.reel, name)
                await self._threads.do(reel.close_gaps)
                await self._rendering.put(reel)

    async def ended(self, printer: str, gcode: str, *, failed: bool) -> None:
        """Hear how a print ended that was not recorded to its end, since the hub was killed over it."""
        for reel in await self._threads.do(self._shelf.reels):
            if (reel.about.printer, reel.about.gcode) == (printer, gcode):
                with contextlib.suppress(NoSuchFilm):  # removed just now
                    await self._note_end(reel.name, failed=failed)
                return

    async def _note_end(self, name: str, *, failed: bool) -> None:
        async with self._alone(name):
            reel = await self._threads.do(self._shelf.reel, name)
            if not reel.about.ended and not self._is_used(name):
                await self._rendering.note(reel, ended=True, failed=failed)

    async def remove(self, name: str) -> None:
        """Remove pictures that have no film; raises Refused."""
        async with self._alone(name):
            await self._rendering.withdraw(name)
            self._check_free(name)
            reel = await self._threads.do(self._shelf.reel, name)
            await self._threads.do(reel.remove)

    def recorded(self, name: str) -> None:
        """Hear that a recording has ended, now."""
        if self._keep is not None:
            self._recorded[name] = time.monotonic()

    async def sweep(self) -> list[str]:
        """Remove pictures that are older than they are kept; returns their names.

        A machine may learn late what day it is: what was recorded since the start is aged by the time that
        has really gone by.
        """
        if (keep := self._keep) is None:
            return []
        now = time.monotonic()
        self._recorded = {name: at for name, at in self._recorded.items() if now - at < keep}
        gone = []
        for reel in await self._threads.do(self._shelf.reels):
            try:
                if await self._is_swept(reel, keep):
                    gone.append(reel.name)
            except OSError as error:
                log.warning("old pictures could not be removed", name=reel.name, error=told(error))
        return gone

    async def _is_swept(self, reel: Reel, keep: float) -> bool:
        async with self._alone(reel.name):
            spared = reel.about.wanted or reel.name in self._recorded or self._is_used(reel.name)
            if spared or not await self._threads.do(reel.is_old, keep):
                return False
            await self._threads.do(reel.remove)
            return True

    def _alone(self, name: str) -> asyncio.Lock:
        """Return the lock of a name, which is there while somebody holds it or waits for it."""
        return self._locks.setdefault(name, asyncio.Lock())

    def _is_used(self, name: str) -> bool:
        return any(self._state_of(name).values())

    def _check_free(self, name: str) -> None:
        state = self._state_of(name)
        if state["recording"] or state["processing"]:
            raise InUse(f"{name} is being recorded: wait until the print has ended.")
        if state["rendering"]:
            raise InUse(f"The film of {name} is being made, or waits for a worker.")
