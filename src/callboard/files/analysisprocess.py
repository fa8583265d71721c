"""One analysis in a process of its own: started with low priority, watched, stopped, gone on with, ended."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from callboard.files.analysis import Analyser

LONGEST: Final = 1 << 20
"""Bytes that one line of the process may have."""


class Outcome(Struct, frozen=True):
    """What came of it: a result, or None and the reason why not."""

    result: dict[str, Any] | None
    reason: str = ""


class _Line(Struct, frozen=True):
    progress: float | None = None
    result: dict[str, Any] | None = None
    error: str = ""


def command_of(settings: Analyser) -> tuple[str, ...]:
    """Return the command that analyses a file whose path is put behind it."""
    told = msgspec.json.encode(settings).decode()
    return (
        *_lowest_on_disk(),
        *(("nice", "-n", "19") if shutil.which("nice") else ()),
        *(sys.executable, "-P", "-m", "callboard.files.analysis", "--with-parent", "--settings", told),
    )


def _lowest_on_disk() -> tuple[str, ...]:
    """Return the program that lets others read first; where it may not, it goes on as it is (-t)."""
    found = shutil.which("ionice")
    if found is None or Path(found).resolve().name == "busybox":  # which has no -t
        return ()
    return ("ionice", "-t", "-c", "3")


class Child:
    """The process; `limit` is how many seconds it may run, those in which it stands still not counted."""

    def __init__(self, process: asyncio.subprocess.Process, limit: float) -> None:
        self._process, self._left = process, limit
        self._loop = asyncio.get_running_loop()
        self._since = self._loop.time()
        self._timer: asyncio.TimerHandle | None = self._loop.call_later(limit, self._late)
        self._in_time = True
        self._speaks = False

    @classmethod
    async def start(cls, command: Sequence[str], limit: float) -> Self:
        """Start it. Raises OSError."""
        process = await asyncio.create_subprocess_exec(
            *command,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            limit=LONGEST,
            start_new_session=True,
        )
        return cls(process, limit)

    def pause(self) -> None:
        """Let it stand still, its time too; one that has not spoken yet, as soon as it does.

        Only then has it asked to end with us: stopped before, it would outlive a hub that is killed.
        """
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
            self._left -= self._loop.time() - self._since
            if self._speaks:
                self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        """Let it go on."""
        if self._timer is None:
            self._since = self._loop.time()
            self._timer = self._loop.call_later(max(self._left, 0), self._late)
            self._signal(signal.SIGCONT)

    async def outcome(self, progress: Callable[[float], None]) -> Outcome:
        """Follow it to its end; `progress` is told how much is done, 0 to 1."""
        last = _Line()
        try:
            while line := await self._out.readline():
                self._hear()
                last = _read(line) or last
                if last.progress is not None:
                    progress(last.progress)
        except ValueError:  # a line longer than LONGEST
            return Outcome(None, "it wrote what is no analysis")
        code = await self._process.wait()
        if last.result is not None and code == 0:
            return Outcome(last.result)
        return Outcome(None, last.error or self._why(code))

    def _hear(self) -> None:
        """It speaks; from now on it can be stopped, and is if that was wanted before."""
        if not self._speaks:
            self._speaks = True
            if self._timer is None:
                self._signal(signal.SIGSTOP)

    async def kill(self) -> None:
        """End it, if it has not ended, and wait until it is gone."""
        if self._timer is not None:
            self._timer.cancel()
        self._signal(signal.SIGKILL)
        await asyncio.shield(self._gone())

    async def _gone(self) -> None:
        while await self._out.read(LONGEST):
            pass
        await self._process.wait()

    @property
    def _out(self) -> asyncio.StreamReader:
        assert self._process.stdout is not None
        return self._process.stdout

    def _late(self) -> None:
        self._in_time = False
        self._signal(signal.SIGKILL)

    def _why(self, code: int) -> str:
        if not self._in_time:
            return "it took too long and was ended"
        return (
            f"its process was ended by signal {-code}" if code < 0 else f"its process ended with code {code}"
        )

    def _signal(self, number: signal.Signals) -> None:
        """Signal the whole group: the process leads a session of its own."""
        if self._process.returncode is None:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(self._process.pid, number)


def _read(line: bytes) -> _Line | None:
    with contextlib.suppress(msgspec.MsgspecError):
        return msgspec.json.decode(line, type=_Line)
    return None
