"""One process, watched: its output's two ends, its exit, its time; the whole group goes on timeout.

    begin(children, command) -> Process --watch(timeout)--> Ended

Output is read as it comes and forgotten but for its ends, so 1 GB costs no memory; a child that
stays behind with the output open is not waited for. asyncio's own subprocess lost: it starts a
thread for each process to learn of its exit, and its `wait` may wait for such a child.
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import signal
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.hooks.children import Child, Children
from callboard.hooks.output import Output
from callboard.hooks.pipes import PIPE_HOLDS, Pipes, file_with

GRACE: Final = 2.0
"""Seconds between the request to end (SIGTERM) and the end (SIGKILL)."""
LINGER: Final = 0.5
"""Seconds to wait for the rest of the output once the process has ended."""


class Ended(Struct, frozen=True):
    """How a process ended: `exit` as a shell counts it (negative: the signal), None if it never began."""

    exit: int | None
    output: Output
    reason: str = ""
    """Why it never began; empty when it did."""
    in_time: bool = True


class Command(Struct, frozen=True):
    """What to run: `environment` comes on top of the variables that all commands have."""

    argv: Sequence[str]
    stdin: bytes
    environment: Mapping[bytes, bytes]
    cwd: Path | None = None


class Process:
    """A process that was asked for; `watch` waits for its end, and must be called."""

    def __init__(self, command: Command, child: Child | None, output: int, wrong: Exception | None) -> None:
        self._command, self._child, self._output, self._wrong = command, child, output, wrong
        self._began = time.monotonic()

    @property
    def pid(self) -> int:
        """Its number, 0 until it is known to run."""
        return self._child.pid if self._child is not None else 0

    async def watch(self, timeout: float) -> Ended:  # noqa: ASYNC109  (a group must be killed, not a task left)
        """Wait for its end, for at most `timeout` seconds; then the group is stopped.

        Never raises for what the program or the machine does: the reason is in the answer. When the
        caller is cancelled, the process group is killed.
        """
        output = Output()
        if self._child is None:
            return self._never(output, self._wrong)
        in_time = await _watch(self._child, self._output, output, timeout)
        output.seconds = time.monotonic() - self._began
        how = self._child.ended.result()
        if isinstance(how, OSError):
            return self._never(output, how)
        return Ended(how, output, in_time=in_time)

    def _never(self, output: Output, error: Exception | None) -> Ended:
        return Ended(None, output, _not_started(error, self._command.argv[0], self._command.cwd))


def begin(children: Children, command: Command) -> Process:
    """Ask for a process, in a session of its own; never waits, and never raises: `watch` tells.

    What it reads is written behind the asking: it takes longer to begin.
    """
    ends: Pipes | None = None
    try:
        argv = [os.fsencode(word) for word in command.argv]
        if any(b"\0" in word for word in argv):
            raise ValueError("a NUL can't stand in an argument")
        ends = children.spare.take()
        stdin = _input(ends, command.stdin)
    except (OSError, ValueError) as error:
        if ends is not None:
            ends.close()
        return Process(command, None, -1, error)
    child = children.start(argv, command.environment, command.cwd, stdin, ends.output)
    if stdin == ends.stdin:
        with contextlib.suppress(OSError):  # it has ended already
            os.write(ends.feeds, command.stdin)
    os.close(ends.feeds)
    return Process(command, child, ends.reads, None)


def _input(ends: Pipes, data: bytes) -> int:
    """Return the descriptor to read from: the pipe, or a file for what a pipe does not hold."""
    if len(data) <= PIPE_HOLDS:
        return ends.stdin
    stdin = file_with(data)
    os.close(ends.stdin)
    return stdin


async def _watch(child: Child, readable: int, output: Output, timeout: float) -> bool:  # noqa: ASYNC109
    """Wait for the end and the output; False when the process had to be stopped."""
    in_time = True
    reading = asyncio.ensure_future(_collect(readable, output))
    try:
        await asyncio.wait({child.ended}, timeout=timeout)
        if not child.ended.done():
            in_time = False
            await _stop(child)
        await asyncio.wait({reading}, timeout=LINGER)
    finally:
        if not child.ended.done():
            child.signal(signal.SIGKILL)
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait({child.ended})
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(reading, return_exceptions=True)
        os.close(readable)
    return in_time


async def _stop(child: Child) -> None:
    child.signal(signal.SIGTERM)
    await asyncio.wait({child.ended}, timeout=GRACE)
    child.signal(signal.SIGKILL)
    await asyncio.wait({child.ended})


async def _collect(descriptor: int, output: Output) -> None:
    """Read to the end of the output, one piece a loop turn so that others have theirs."""
    loop = asyncio.get_running_loop()
    ended = loop.create_future()

    def read() -> None:
        with contextlib.suppress(BlockingIOError):
            piece = os.read(descriptor, 65536)
            output.add(piece)
            if not piece and not ended.done():
                ended.set_result(None)

    loop.add_reader(descriptor, read)
    try:
        await ended
    finally:
        loop.remove_reader(descriptor)


def _not_started(error: Exception | None, program: str, cwd: Path | None) -> str:
    """Say why nothing was started, and what to look at."""
    if cwd is not None and not cwd.is_dir():
        return f"its cwd {str(cwd)!r} is no folder: create it, or correct the hook"
    if isinstance(error, FileNotFoundError):
        return f"there is no program {program!r}: give its full path, or install it"
    if isinstance(error, PermissionError | NotADirectoryError):
        kind = "a folder" if Path(program).is_dir() else "not executable"
        return f"{program!r} is {kind}: name a program, or make it executable (chmod +x)"
    if isinstance(error, OSError) and error.errno == errno.E2BIG:
        return "its arguments are too long for this machine: read the event from standard input"
    if isinstance(error, OSError) and error.errno == errno.ENOEXEC:
        return f"{program!r} is no program: begin a script with #!/bin/sh"
    return f"{program!r} could not be started: {error}"
