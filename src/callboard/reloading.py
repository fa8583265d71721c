"""The configuration's file, read again when it changes: rooms that can take other settings while they run do.

    watchfiles, SIGHUP, POST /v1/hooks/reload -> Reloading.reload -> check (in a thread) -> room.reload

Validated first, then swapped: a file with a fault changes nothing, and the log, the event
`callboard.hooks.refused` and whoever asked are told.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Final

import structlog

from callboard.config import Config
from callboard.errors import CallboardError
from callboard.hooks.checking import Checked, check, faulty
from callboard.hooks.fields import BadHook
from callboard.hooks.model import HookSet

log = structlog.get_logger("callboard.board")

_SETTLED: Final = 100
"""Milliseconds without a change, then the file is read: editors write in several steps."""


class Reloading:
    """Reads a configuration's file again; `take` gives its hooks to their room, or raises BadHook."""

    def __init__(self, config: Config, take: Callable[[HookSet], Awaitable[None]]) -> None:
        self.path = Path(config.file).absolute()
        self._file = config.file
        self._take = take
        self._text = read(self.path)
        self._started = self._checked(self._text).config  # what the command line said instead is no change
        self._turn = asyncio.Lock()
        self._asked: asyncio.Task[None] | None = None

    @property
    def found(self) -> bool:
        """True when there is a file to read again."""
        return self._text is not None

    async def reload(self) -> HookSet:
        """Take what the file says now, and return its hooks; raises BadHook with every fault."""
        async with self._turn:
            self._text = await asyncio.to_thread(read, self.path)
            checked = await asyncio.to_thread(self._checked, self._text)
            await self._take(checked.loaded)
            if checked.hooks.faults:  # a room that sleeps, since another node runs the hooks, says nothing
                raise _told(checked.hooks)
            self._say(checked)
            return checked.loaded

    def _checked(self, text: str | None) -> Checked:
        return check(text, self._file) if text is not None else faulty("the file can't be read", self._file)

    def _say(self, checked: Checked) -> None:
        """Tell what was taken, and what waits for a restart."""
        log.info("configuration loaded again", file=self._file, hooks=len(checked.loaded.hooks))
        say_hints(checked.hooks)
        for name in ("hub", "log", "printers"):
            if getattr(self._started, name, None) != getattr(checked.config, name, None):
                log.warning("a section changed that is only read at the start: restart", section=name)

    async def attempt(self) -> None:
        """Reload for somebody who waits for no answer; what is wrong is told."""
        try:
            await self.reload()
        except BadHook:
            return
        except CallboardError as error:
            log.error("configuration not loaded again", file=self._file, reason=str(error))

    def ask(self) -> None:
        """Reload soon: a signal came."""
        self._asked = asyncio.create_task(self.attempt())

    async def watch(self) -> None:
        """Reload whenever the file's text changes, until cancelled.

        The folder is watched: editors put a new file in the old one's place, and Kubernetes
        turns a link called ..data.
        """
        from watchfiles import awatch

        names = {self.path.name, "..data"}
        async for _ in awatch(
            self.path.parent,
            watch_filter=lambda _, path: Path(path).name in names,
            recursive=False,
            step=_SETTLED,
        ):
            if await asyncio.to_thread(read, self.path) != self._text:
                await self.attempt()


def say_hints(hooks: HookSet) -> None:
    """Tell what is right and still worth a look."""
    for hint in hooks.hints:
        log.warning("look at this hook", hint=str(hint))


def _told(hooks: HookSet) -> BadHook:
    faults = list(map(str, hooks.faults))
    log.error("configuration not loaded again; the one before stays", faults=faults)
    return BadHook("\n".join(faults))


def read(path: Path) -> str | None:
    """Return a file's text; None when there is none, or it is no text."""
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return None
