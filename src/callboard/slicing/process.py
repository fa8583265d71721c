"""A slicer as a process: started with low priority and limits, watched, and ended with all that it started.

Its output comes through a pseudo terminal: into a pipe, slicers would write only once they are done, and
nobody would see how far they are. A small launcher sets what a preexec_fn would, which may hang in a
process with threads: priority, limits, that it dies with us, and that it dies first when memory runs out:
what prints is in our own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

NICE: Final = 10
"""How much less than others it gets: slicing must not slow prints down."""

_LINES: Final = 60
_LONGEST: Final = 2000
_BLOCK: Final = 64 * 1024
_GRACE: Final = 5.0

_LAUNCH: Final = f"""\
import os, sys
parent, size, memory, program = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4]
try:
    os.nice({NICE})
except OSError:
    pass
try:
    import resource
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    for limit, most in ((resource.RLIMIT_FSIZE, size), (resource.RLIMIT_AS, memory)):
        if most:
            resource.setrlimit(limit, (most, most))
except (ImportError, OSError, ValueError):
    pass
if sys.platform == "linux":
    try:
        open("/proc/self/oom_score_adj", "w").write("1000")
    except OSError:
        pass
    import ctypes
    ctypes.CDLL(None).prctl(1, 9)
    if os.getppid() != parent:
        sys.exit(1)
try:
    os.execv(program, sys.argv[4:])
except OSError as error:
    sys.exit(f"{{program}} can't be started: {{error.strerror}}")
"""


class Limits(Struct, frozen=True):
    """How long a process may run, in seconds, and how much it may write and use, in bytes; 0 is no limit."""

    seconds: float
    size: int = 0
    memory: int = 0


class Ended(Struct, frozen=True):
    """How a run ended: the exit code (below 0: a signal), the last lines of its output."""

    code: int
    lines: tuple[str, ...] = ()
    in_time: bool = True


async def run(
    words: Sequence[str],
    folder: Path,
    limits: Limits,
    *,
    environment: Mapping[str, str] | None = None,
    on_line: Callable[[str], bool] = lambda _line: False,
) -> Ended:
    """Run a program in `folder` to its end or its limit; then, or when cancelled, its group is killed.

    `words[0]` is the path of the program; `on_line` gets each line and returns whether it was for it.
    """
    ours, theirs = os.openpty()
    output = _Output(ours, on_line)
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())),
            *(str(limits.size), str(limits.memory), *words),
            stdin=asyncio.subprocess.DEVNULL,
            stdout=theirs,
            stderr=theirs,
            cwd=folder,
            env={**_inherited(), **(environment or {}), "LC_ALL": "C.UTF-8", "TERM": "dumb"},
            start_new_session=True,
        )
    except BaseException:
        output.close()
        raise
    finally:
        os.close(theirs)
    in_time = True
    try:
        async with asyncio.timeout(limits.seconds):
            await process.wait()
    except TimeoutError:
        in_time = False
    finally:
        try:
            code = await _gone(process)
        finally:
            output.close()
    return Ended(code, tuple(output.lines), in_time)


class _Output:
    """What a process writes to its terminal, line by line; only the last lines are kept."""

    def __init__(self, descriptor: int, on_line: Callable[[str], bool]) -> None:
        self.lines: deque[str] = deque(maxlen=_LINES)
        self._descriptor, self._on_line = descriptor, on_line
        self._rest = b""
        self._loop = asyncio.get_running_loop()
        os.set_blocking(descriptor, False)
        self._loop.add_reader(descriptor, self._read)

    def close(self) -> None:
        """Take what is left, and let the terminal go."""
        while self._read():
            pass
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)
        self._take(b"\n")

    def _read(self) -> bool:
        """Take what is there; at the end (EIO on Linux) nobody reads any more."""
        try:
            block = os.read(self._descriptor, _BLOCK)
        except BlockingIOError:
            return False
        except OSError:
            block = b""
        if not block:
            self._loop.remove_reader(self._descriptor)
            return False
        self._take(block)
        return True

    def _take(self, block: bytes) -> None:
        *lines, rest = (self._rest + block).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[-_LONGEST:]
        for line in lines:
            text = line[:_LONGEST].decode("utf-8", "replace").strip()
            if text and not self._on_line(text):
                self.lines.append(text)


def _inherited() -> dict[str, str]:
    """Return our variables without keys: a slicer reads what comes from anywhere."""
    return {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}


def kill(process: asyncio.subprocess.Process) -> None:
    """Kill a process and all it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def _gone(process: asyncio.subprocess.Process) -> int:
    """Kill what is left of the group, and return the exit code; a cancellation waits for that, too."""
    kill(process)
    ending = asyncio.create_task(process.wait())
    try:
        await asyncio.wait([ending], timeout=_GRACE)
    except asyncio.CancelledError:
        await asyncio.wait([ending], timeout=_GRACE)
        raise
    finally:
        ending.cancel()
    return process.returncode if process.returncode is not None else -signal.SIGKILL
