"""The configuration's file, read again when it changes: rooms that can take other settings while they run do.

    watchfiles, SIGHUP, POST /v1/hooks/reload -> Reloading.reload -> check (in a thread) -> room.reload
    PUT /v1/settings -> Reloading.replace -> check -> the old file kept, the new in its place -> room.reload

Validated first, then swapped: a file with a fault changes nothing, and the log, the event
`callboard.hooks.refused` and whoever asked are told.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import structlog

from callboard.config import Config
from callboard.config.difference import Changes, changed
from callboard.config.editing import Outdated
from callboard.errors import CallboardError, StorageFailed
from callboard.hooks.checking import Checked, check, faulty
from callboard.hooks.fields import BadHook
from callboard.hooks.model import HookSet

log = structlog.get_logger("callboard.board")

_SETTLED: Final = 100
"""Milliseconds without a change, then the file is read: editors write in several steps."""


_LIVE: Final = "events"
"""The section that is taken into use while the hub runs; the others are read when it starts."""

_KEPT: Final = 20
"""Old files that are kept."""


class Reloading:
    """Reads a configuration's file again; `take` gives its hooks to their room, or raises BadHook.

    `tell` hears of each change that was taken into use.
    """

    def __init__(
        self,
        config: Config,
        take: Callable[[HookSet], Awaitable[None]],
        tell: Callable[[Changes], None],
    ) -> None:
        self.path = Path(config.file).absolute()
        self._file = config.file
        self._take, self._tell = take, tell
        self._text = read(self.path)
        self._started = self._checked(self._text).config  # what the command line said instead is no change
        self._taken = self._started
        self._turn = asyncio.Lock()
        self._asked: asyncio.Task[None] | None = None

    @property
    def found(self) -> bool:
        """True when there is a file to read again."""
        return self._text is not None

    @property
    def text(self) -> str:
        """The file as it was read last."""
        return self._text or ""

    @property
    def version(self) -> str:
        """Names what `text` is, for who wants to change just that."""
        return hashlib.sha256(self.text.encode()).hexdigest()[:16]

    async def reload(self) -> HookSet:
        """Take what the file says now, and return its hooks; raises BadHook with every fault."""
        async with self._turn:
            text = await asyncio.to_thread(read, self.path)
            hooks, _ = await self._use(text)
            return hooks

    async def replace(self, text: str, version: str | None = None) -> Changes:
        """Write the file anew, keep the one before beside it, and take what it says.

        Raises BadHook with every fault (and then nothing is written), Outdated when the file is not the
        one that `version` names any more, StorageFailed when it can't be written.
        """
        async with self._turn:
            there = await asyncio.to_thread(read, self.path)
            if there is not None:
                self._text = there
            if version is not None and version != self.version:
                raise Outdated
            checked = await asyncio.to_thread(self._checked, text)
            if checked.hooks.faults:
                raise BadHook("\n".join(map(str, checked.hooks.faults)))
            await asyncio.to_thread(put, self.path, text)
            _, changes = await self._use(text)
            return changes

    async def _use(self, text: str | None) -> tuple[HookSet, Changes]:
        self._text = text
        checked = await asyncio.to_thread(self._checked, text)
        await self._take(checked.loaded)
        if checked.hooks.faults:  # a room that sleeps, since another node runs the hooks, says nothing
            raise _told(checked.hooks)
        self._say(checked)
        before, self._taken = self._taken, checked.config
        names = changed(before or Config(), checked.config or Config())
        changes = Changes(names, tuple(name for name in names if name != _LIVE))
        if names:
            self._tell(changes)
        return checked.loaded, changes

    def _checked(self, text: str | None) -> Checked:
        return check(text, self._file) if text is not None else faulty("the file can't be read", self._file)

    def _say(self, checked: Checked) -> None:
        """Tell what was taken, and what waits for a restart."""
        log.info("configuration loaded again", file=self._file, hooks=len(checked.loaded.hooks))
        say_hints(checked.hooks)
        waiting = changed(self._started or Config(), checked.config or Config())
        for section in dict.fromkeys(name.partition(".")[0] for name in waiting if name != _LIVE):
            log.warning("a section changed that is only read at the start: restart", section=section)

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
        try:
            async for _ in awatch(
                self.path.parent,
                watch_filter=lambda _, path: Path(path).name in names,
                recursive=False,
                step=_SETTLED,
            ):
                if await asyncio.to_thread(read, self.path) != self._text:
                    await self.attempt()
        except (OSError, RuntimeError) as error:  # no more watches to be had, or none on this disk
            log.warning(
                "changes of the configuration are not noticed: send SIGHUP after one",
                file=self._file,
                reason=str(error),
            )


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


def put(path: Path, text: str) -> None:
    """Write a configuration in one move, and keep the one before beside it; raises StorageFailed.

    A link stays a link, and who may read the file stays the same: it may hold secrets.
    """
    path = path.resolve()
    part = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        mode = path.stat().st_mode & 0o777
        part.touch(mode)
        part.chmod(mode)
        part.write_text(text, "utf-8")
        _keep(path, mode)
        part.replace(path)
    except OSError as error:
        part.unlink(missing_ok=True)
        raise StorageFailed(
            f"{path} can't be written ({error.strerror}), and nothing was changed: "
            "make room, or let the hub write there."
        ) from None


def _keep(path: Path, mode: int) -> None:
    """Copy the file beside itself, named by the time; the oldest copies go."""
    kept = path.with_name(f"{path.name}.{datetime.now(UTC):%Y%m%dT%H%M%S%f}Z.old")
    kept.touch(mode)
    kept.write_bytes(path.read_bytes())
    for old in sorted(path.parent.glob(f"{path.name}.*.old"))[:-_KEPT]:
        old.unlink(missing_ok=True)
