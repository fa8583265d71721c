"""Files that come and go by hand in the store's own folder: taken in once they are quiet, and told of.

A change wakes the look; without one there is a look every few minutes, for disks that report none.
"""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from callboard.files.adopting import Look, Raw, adopt, look
from callboard.files.refusals import NoSuchFile, Refused
from callboard.files.settling import Settling
from callboard.files.telling import HOUSE

if TYPE_CHECKING:
    from callboard.files.room import Files

log = structlog.get_logger("callboard.files")

_PAUSE: Final = 300.0
"""Seconds from look to look while nothing changes."""
_STEP: Final = 200
"""Milliseconds that changes are gathered."""
_MOST_NAMED: Final = 1000


class Pickup:
    """Looks at all folders, again and again."""

    def __init__(self, room: Files, quiet: float) -> None:
        self._room = room
        self._settling: Settling[Raw] = Settling(quiet)
        self._changed = asyncio.Event()
        self._named: set[str] = set()
        self._first = True

    async def run(self) -> None:
        """Look until cancelled."""
        watching = asyncio.create_task(self._watch())
        try:
            while True:
                self._changed.clear()
                await self._look_once()
                await self._pause()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    async def _pause(self) -> None:
        if self._settling.waiting:
            await asyncio.sleep(self._settling.quiet)
            return
        try:
            async with asyncio.timeout(_PAUSE):
                await self._changed.wait()
        except TimeoutError:
            return

    async def _watch(self) -> None:
        """Wake the look when something changes; our own hidden files are no change."""
        from watchfiles import awatch

        try:
            async for _ in awatch(
                self._room.store.base,
                watch_filter=lambda _, path: not Path(path).name.startswith("."),
                step=_STEP,
            ):
                self._changed.set()
        except OSError as error:  # no more watches to be had, or none on this disk
            log.warning("changes in the files' folder are found late", reason=str(error), seconds=_PAUSE)

    async def _look_once(self) -> None:
        found = await self._room.threads.do(look, self._room.store)
        for raw in self._settling.settled(found.strangers, time.monotonic()):
            await self._adopt(raw)
        if found.gone:
            await self._forget(found.gone)
        self._name(found.odd)
        self._read(found)

    async def _adopt(self, raw: Raw) -> None:
        try:
            adopted = await self._room.threads.do(adopt, self._room.store, raw)
        except NoSuchFile:
            return  # it went, or its folder has another name now
        except (Refused, OSError) as error:
            log.warning("a file that was put in by hand is left alone", file="/".join(raw), reason=str(error))
            return
        if adopted is not None:
            self._room.tell.added([adopted], HOUSE)
            self._room.read(adopted, urgent=False)
        self._changed.set()  # a folder that has another name now: what lies in it was not looked at

    async def _forget(self, paths: tuple[str, ...]) -> None:
        lost = [path for path in paths if await self._room.threads.do(self._room.store.forget, path)]
        if lost:
            self._room.tell.lost(lost)

    def _name(self, odd: tuple[str, ...]) -> None:
        """Say once of each file that it is left alone, since nothing here can print it."""
        new = [path for path in odd if path not in self._named]
        self._named.update(new[: _MOST_NAMED - len(self._named)])
        if new:
            log.info("files that can't be printed are left alone", files=len(new), first=new[0])

    def _read(self, found: Look) -> None:
        """At the start, have those analysed that were not."""
        if self._first:
            for path in found.unread:
                self._room.analyse(path, False)
        self._first = False
