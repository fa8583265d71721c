"""Programs of others, such as ffmpeg and slicers: started modestly, and ended with all that they started.

    launched(words, limits) -> Process -> gone: its group is killed, its exit code

A small launcher sets what a preexec_fn would, which may hang in a process with threads: low priority, limits,
that the program dies with us, and that it dies first when memory runs out: what prints is in our own process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

NICE: Final = 10
"""How much less than others a program gets: it must not slow prints down."""

_GRACE: Final = 5.0
"""Seconds that a killed program has until nobody waits for it any more."""
_LONGEST: Final = 2000
"""Bytes of a line that are kept."""

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


class Bounds(Struct, frozen=True):
    """How much a program may write to one file, and use, in bytes; 0 is no limit."""

    size: int = 0
    memory: int = 0


async def launched(
    words: Sequence[str],
    bounds: Bounds = Bounds(),  # noqa: B008 - a frozen value
    *,
    folder: Path | None = None,
    environment: Mapping[str, str] | None = None,
    **streams: Any,
) -> asyncio.subprocess.Process:
    """Start a program in a session of its own; `words[0]` is its path, `streams` are stdout and stderr.

    It reads nothing, and gets our variables without keys: what it works on comes from anywhere.
    """
    ours = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    return await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", "-S", "-c", _LAUNCH, str(os.getpid())),
        *(str(bounds.size), str(bounds.memory), *words),
        stdin=asyncio.subprocess.DEVNULL,
        cwd=folder,
        env={**ours, **(environment or {})},
        start_new_session=True,
        **streams,
    )


def machine_memory() -> int:
    """Return the bytes of memory that this machine has; 0 where nobody says."""
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, OSError, ValueError):
        return 0


def kill(process: asyncio.subprocess.Process) -> None:
    """Kill a program and all it started."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, signal.SIGKILL)


async def gone(process: asyncio.subprocess.Process) -> int:
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


class Lines:
    """Lines out of blocks; a carriage return ends one too, long ones are cut, empty ones left out."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, block: bytes) -> list[str]:
        """Return the lines that are whole now."""
        *lines, rest = (self._rest + block).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[-_LONGEST:]
        texts = (line[:_LONGEST].decode("utf-8", "replace").strip() for line in lines)
        return [text for text in texts if text]
