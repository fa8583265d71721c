"""Files that come and go by hand in the store's own folder: taken in once they are quiet, and told of.

A change wakes the look; without one there is a look every few minutes, for disks that report none.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

import structlog

from callboard.errors import CallboardError
from callboard.files.adopting import Look, Raw, adopt, look
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
_BATCH: Final = 200
"""Files that are taken in together: what is known of them is written once."""


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
        except (OSError, RuntimeError) as error:  # no more watches to be had, or none on this disk
            log.warning("changes in the files' folder are found late", reason=str(error), seconds=_PAUSE)

    async def _look_once(self) -> None:
        """Look, and take in what is quiet; a disk that fails is looked at again later."""
        try:
            found = await self._room.threads.do(look, self._room.store)
            for some in _batches(self._settling.settled(found.strangers, time.monotonic())):
                await self._adopt(some)
            if found.gone:
                await self._forget(found.gone)
        except (CallboardError, OSError) as error:
            log.error("files put in by hand are not taken in", reason=str(error))
            return
        self._name(found.odd)
        self._read(found)
        await self._room.keep_place()

    async def _adopt(self, strangers: Sequence[Raw]) -> None:
        adopted = await self._room.threads.do(adopt, self._room.store, strangers)
        if adopted:
            self._room.tell.added(adopted, HOUSE)
        for one in adopted:
            self._room.read(one, urgent=False)
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


def _batches(strangers: Sequence[Raw]) -> Iterator[Sequence[Raw]]:
    for at in range(0, len(strangers), _BATCH):
        yield strangers[at : at + _BATCH]
