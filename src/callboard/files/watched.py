"""A folder that is watched: what is put in it is brought into the store, and is gone from there.

It is looked at, not listened to: such folders are often shares of another machine, whose changes no
one reports. What is still being copied is left until it has been quiet for a while.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from callboard.errors import CallboardError
from callboard.files.names import clean, kind_of
from callboard.files.refusals import Refused
from callboard.files.settling import Settling, Signature
from callboard.files.threads import Threads
from callboard.files.tree import inside

log = structlog.get_logger("callboard.files")

_MOST_NAMED: Final = 1000
_AGAIN: Final = 30
"""So many looks later a file that could not be taken is tried again: it may print, or the disk be full."""

Take = Callable[[Path, str], Awaitable[None]]
"""Brings the file at a place in under a path; raises Refused."""


class Watched:
    """Looks at `folder` every `quiet` seconds; what has not changed meanwhile is taken."""

    def __init__(self, folder: Path, take: Take, threads: Threads, quiet: float = 1.0) -> None:
        self.folder = folder
        self._take, self._threads, self._quiet = take, threads, quiet
        self._settling: Settling[str] = Settling(quiet)
        self._done: dict[str, Signature] = {}
        self._later: dict[str, float] = {}
        self._named: set[str] = set()
        self._broken = False

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            try:
                await self._look_once()
            except (CallboardError, OSError) as error:
                log.error("the watched folder could not be looked at", reason=str(error))
            await asyncio.sleep(self._quiet)

    async def _look_once(self) -> None:
        seen = await self._threads.do(self._seen)
        self._done = {name: there for name, there in self._done.items() if seen.get(name) == there}
        now = time.monotonic()
        self._later = {name: when for name, when in self._later.items() if name in seen and when > now}
        away = self._done.keys() | self._later.keys()
        fresh = {name: there for name, there in seen.items() if name not in away}
        for name in self._settling.settled(fresh, now):
            await self._bring(name, fresh[name])

    def _seen(self) -> dict[str, Signature]:
        """Return the files in the folder that can be taken; a folder that is away has none."""
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            found = inside_path(self.folder)
        except OSError as error:
            self._say_broken(error)
            return {}
        self._broken = False
        odd = [name for name in found if kind_of(name) is None]
        self._name_once(odd, "its type is not taken")
        return {name: there for name, there in found.items() if kind_of(name) is not None}

    async def _bring(self, name: str, there: Signature) -> None:
        source = self.folder / name
        try:
            path = clean(name)
            await self._take(source, path)
            if not await self._threads.do(_removed, source, there):
                self._done[name] = there  # changed meanwhile: it is taken again; or it can't be removed
        except (Refused, OSError) as error:
            self._later[name] = time.monotonic() + _AGAIN * self._quiet
            self._name_once([name], str(error))

    def _name_once(self, names: list[str], reason: str) -> None:
        for name in names:
            if name not in self._named and len(self._named) < _MOST_NAMED:
                self._named.add(name)
                log.warning("a file in the watched folder is left alone", file=name, reason=reason)

    def _say_broken(self, error: OSError) -> None:
        if not self._broken:
            log.warning("the watched folder can't be read", folder=str(self.folder), reason=error.strerror)
        self._broken = True


def inside_path(folder: Path) -> dict[str, Signature]:
    """Return the plain files in a folder that are not hidden, by name."""
    import os

    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        listed = inside(descriptor)
    finally:
        os.close(descriptor)
    files = (one for one in listed if one.is_file and not one.name.startswith("."))
    return {one.name: (one.stat.st_size, one.stat.st_mtime_ns) for one in files}


def _removed(source: Path, taken: Signature) -> bool:
    """Remove a file that was taken, unless it has changed since; False when it can't be removed."""
    now = source.lstat()
    if (now.st_size, now.st_mtime_ns) != taken:
        return True
    try:
        source.unlink()
    except OSError as error:
        log.warning("a file was taken in, but can't be removed", file=source.name, reason=error.strerror)
        return False
    return True
