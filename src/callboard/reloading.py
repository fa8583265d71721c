"""The configuration's file, read again when it changes: rooms that can take other settings while they run do.

    watchfiles, SIGHUP, POST /v1/hooks/reload -> Reloading.reload -> check (in a thread) -> room.reload
    PUT /v1/settings -> Reloading.replace -> the file edited -> check -> put in its place -> room.reload

Validated first, then swapped: a file with a fault changes nothing, and the log, the event
`callboard.hooks.refused` and whoever asked are told.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

import msgspec
import structlog

from callboard.config import Config
from callboard.config.difference import Changes, Taken, changed
from callboard.config.editing import Outdated
from callboard.errors import BadConfig, CallboardError, StorageFailed
from callboard.hooks.checking import Checked, check, faulty
from callboard.hooks.fields import BadHook
from callboard.hooks.model import HookSet

log = structlog.get_logger("callboard.board")

_SETTLED: Final = 100
"""Milliseconds without a change, then the file is read: editors write in several steps."""


_KEPT: Final = 20
"""Old files that are kept."""

_OLD: Final = re.compile(r"\.\d{8}T\d{12}Z\.old")
"""How the name of a kept file ends. Only those are ours to remove: people keep copies of their own."""


class Reloading:
    """Reads a configuration's file again; `take` gives its hooks to their room, or raises BadHook.

    `tell` hears of each change that was taken into use, and of all that is in use then.
    """

    def __init__(
        self,
        config: Config,
        take: Callable[[HookSet], Awaitable[None]],
        tell: Callable[[Changes, Config], None],
    ) -> None:
        self.path = Path(config.file).absolute()
        self._file = config.file
        self._take, self._tell = take, tell
        self._text = read(self.path)
        checked = self._checked(self._text).config  # what the command line said instead is no change
        self.running = self._taken = checked or config
        self._turn = asyncio.Lock()
        self._asked: asyncio.Task[None] | None = None

    @property
    def found(self) -> bool:
        """True when there is a file to read again."""
        return self._text is not None

    async def read(self) -> tuple[str, str]:
        """Return the file as it stands, and what names that text for who wants to change just that."""
        text = await asyncio.to_thread(self._standing)
        return text, _version(text)

    async def reload(self) -> HookSet:
        """Take what the file says now, and return its hooks; raises BadHook with every fault."""
        async with self._turn:
            text = await asyncio.to_thread(read, self.path)
            checked = await asyncio.to_thread(self._checked, text)
            await self._use(text, checked)
            return checked.loaded

    async def replace(self, edit: Callable[[str], str], version: str | None = None) -> Taken:
        """Write what `edit` makes of the file, keep the one before beside it, and take what it says.

        Raises BadHook with every fault, and whatever `edit` raises (then nothing is written), Outdated when
        the file is not the one that `version` names any more, StorageFailed when it can't be written.
        """
        async with self._turn:
            text, checked = await asyncio.to_thread(self._written, edit, version)
            changes = await self._use(text, checked)
            return Taken(_version(text), changes, self._taken.left_alone)

    def _written(self, edit: Callable[[str], str], version: str | None) -> tuple[str, Checked]:
        """Edit the file; a change by hand that nobody took yet is in it, and stays."""
        there = self._standing()
        if version is not None and version != _version(there):
            raise Outdated
        text = edit(there)
        checked = self._checked(text)
        if checked.hooks.faults:
            raise BadHook("\n".join(map(str, checked.hooks.faults)))
        self._refuse_misnamed(checked)
        if text != there or not self.path.exists():
            put(self.path, text)
        return text, checked

    def _refuse_misnamed(self, checked: Checked) -> None:
        """Refuse a section that is new and looks like one of ours: a start would only warn, to a log."""
        new = set(checked.config.left_alone if checked.config else ()) - set(self._taken.left_alone)
        told = [one for one in checked.warnings if any(f" {name!r} is left alone" in one for name in new)]
        if told:
            raise BadConfig("\n".join(told))

    def _standing(self) -> str:
        """Return what stands in the file, or stood there last."""
        there = read(self.path)
        return (self._text or "") if there is None else there

    async def _use(self, text: str | None, checked: Checked) -> Changes:
        self._text = text
        await self._take(checked.loaded)
        if checked.hooks.faults:  # a room that sleeps, since another node runs the hooks, says nothing
            raise _told(checked.hooks)
        now = checked.config or Config()
        before, self._taken = self._taken, now
        ran, self.running = self.running, msgspec.structs.replace(self.running, events=now.events)
        waiting = changed(self.running, now)
        self._say(checked, waiting)
        if used := changed(ran, self.running):
            self._tell(Changes(used, waiting), self.running)
        return Changes(changed(before, now), waiting)

    def _checked(self, text: str | None) -> Checked:
        return check(text, self._file) if text is not None else faulty("the file can't be read", self._file)

    def _say(self, checked: Checked, waiting: tuple[str, ...]) -> None:
        """Tell what was taken, and what waits for a restart."""
        log.info("configuration loaded again", file=self._file, hooks=len(checked.loaded.hooks))
        say_hints(checked.hooks)
        for section in dict.fromkeys(name.partition(".")[0] for name in waiting):
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
        return path.read_bytes().decode("utf-8")  # as it is: other ends of lines stay
    except (OSError, UnicodeDecodeError):
        return None


def _version(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:16]


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
        with part.open("wb") as file:
            file.write(text.encode())
            file.flush()
            os.fsync(file.fileno())  # after a power cut it is the one file or the other, never an empty one
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
    ours = [old for old in path.parent.iterdir() if _is_kept(old.name, path.name)]
    for old in sorted(ours)[:-_KEPT]:
        old.unlink(missing_ok=True)


def _is_kept(name: str, of: str) -> bool:
    return name.startswith(of) and _OLD.fullmatch(name, len(of)) is not None
