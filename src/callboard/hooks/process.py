"""One process, watched: its output's two ends, its exit, its time; the whole group goes on timeout.

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
import subprocess
import tempfile
import threading
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.hooks.output import Output

GRACE: Final = 2.0
"""Seconds between the request to end (SIGTERM) and the end (SIGKILL)."""
LINGER: Final = 0.5
"""Seconds to wait for the rest of the output once the process has ended."""
_PIPE_HOLDS: Final = 4096
"""Bytes that every pipe takes at once, so that writing them can't block."""


class Ended(Struct, frozen=True):
    """How a process ended: `exit` as a shell counts it (negative: the signal), None if it never began."""

    exit: int | None
    output: Output
    reason: str = ""
    """Why it never began; empty when it did."""
    in_time: bool = True


async def run_process(
    argv: Sequence[str],
    *,
    stdin: bytes,
    environment: Mapping[str, str],
    cwd: Path | None,
    timeout: float,  # noqa: ASYNC109  (a process group must be killed, a cancelled await would leave it)
) -> Ended:
    """Run `argv` in a session of its own and wait for its end, for at most `timeout` seconds.

    Never raises for what the program or the machine does: the reason is in the answer. When the
    caller is cancelled, the process group is killed.
    """
    output = Output()
    readable, writable = os.pipe()
    try:
        process = _start(argv, stdin, environment, cwd, writable)
    except (OSError, ValueError) as error:
        os.close(readable)
        return Ended(None, output, _not_started(error, argv[0], cwd))
    finally:
        os.close(writable)
    return await _watch(process, readable, output, timeout)


def _start(
    argv: Sequence[str], stdin: bytes, environment: Mapping[str, str], cwd: Path | None, output: int
) -> subprocess.Popen[bytes]:
    given = _standard_input(stdin)
    try:
        return subprocess.Popen(
            argv,
            stdin=given,
            stdout=output,
            stderr=subprocess.STDOUT,
            env=environment,
            cwd=cwd,
            start_new_session=True,
        )
    finally:
        os.close(given)


def _standard_input(data: bytes) -> int:
    """Return a descriptor to read `data` from, without anybody having to feed it."""
    if len(data) <= _PIPE_HOLDS:
        readable, writable = os.pipe()
        os.write(writable, data)
        os.close(writable)
        return readable
    with tempfile.TemporaryFile() as file:
        file.write(data)
        file.seek(0)
        return os.dup(file.fileno())


async def _watch(process: subprocess.Popen[bytes], readable: int, output: Output, timeout: float) -> Ended:  # noqa: ASYNC109
    began = time.monotonic()
    in_time = True
    reading = asyncio.ensure_future(_collect(readable, output))
    ending = asyncio.ensure_future(_ended(process))
    try:
        await asyncio.wait({ending}, timeout=timeout)
        if not ending.done():
            in_time = False
            await _stop(process, ending)
        await asyncio.wait({reading}, timeout=LINGER)
    finally:
        if not ending.done():
            _signal(process, signal.SIGKILL)
            process.wait()
        reading.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.gather(reading, ending, return_exceptions=True)
        os.close(readable)
    output.seconds = time.monotonic() - began
    return Ended(process.returncode, output, in_time=in_time)


async def _stop(process: subprocess.Popen[bytes], ending: asyncio.Future[None]) -> None:
    _signal(process, signal.SIGTERM)
    await asyncio.wait({ending}, timeout=GRACE)
    _signal(process, signal.SIGKILL)
    await ending


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    """Signal the whole group: the process leads a session of its own."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, number)


async def _ended(process: subprocess.Popen[bytes]) -> None:
    """Return once the process has ended and is reaped."""
    try:
        watched = os.pidfd_open(process.pid)
    except (AttributeError, OSError):  # no Linux, or an old one
        await _waited_for(process)
        return
    try:
        await _readable(watched)
        process.wait()
    finally:
        os.close(watched)


async def _waited_for(process: subprocess.Popen[bytes]) -> None:
    """Wait in a thread of its own: a pool's few would be taken up by hung processes."""
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def wait() -> None:
        process.wait()
        with contextlib.suppress(RuntimeError):  # the loop is closed
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=wait, name="hook", daemon=True).start()
    await ended.wait()


async def _readable(descriptor: int) -> None:
    loop = asyncio.get_running_loop()
    ready = loop.create_future()
    loop.add_reader(descriptor, lambda: None if ready.done() else ready.set_result(None))
    try:
        await ready
    finally:
        loop.remove_reader(descriptor)


async def _collect(descriptor: int, output: Output) -> None:
    """Read to the end of the output, one piece a loop turn so that others have theirs."""
    os.set_blocking(descriptor, False)
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


def _not_started(error: OSError | ValueError, program: str, cwd: Path | None) -> str:
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
