"""A slicer as a process: started with limits (callboard.programs), watched, and ended with what it started.

Its output comes through a pseudo terminal: into a pipe, slicers would write only once they are done, and
nobody would see how far they are.
"""

from __future__ import annotations

import asyncio
import os
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.programs import Bounds, Lines, gone, launched

_LINES: Final = 60
_BLOCK: Final = 64 * 1024


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
        process = await launched(
            words,
            Bounds(limits.size, limits.memory),
            folder=folder,
            environment={**(environment or {}), "LC_ALL": "C.UTF-8", "TERM": "dumb"},
            stdout=theirs,
            stderr=theirs,
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
            code = await gone(process)
        finally:
            output.close()
    return Ended(code, tuple(output.lines), in_time)


class _Output:
    """What a process writes to its terminal, line by line; only the last lines are kept."""

    def __init__(self, descriptor: int, on_line: Callable[[str], bool]) -> None:
        self.lines: deque[str] = deque(maxlen=_LINES)
        self._descriptor, self._on_line = descriptor, on_line
        self._reading = Lines()
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
        for line in self._reading.feed(block):
            if not self._on_line(line):
                self.lines.append(line)
