"""ffmpeg as a process: found, started with low priority, watched, and ended with all that it started.

    find -> path;  run(arguments, seconds) -> Ended: its exit code, what it printed, and whether in time

What it may use is bounded by the machine's memory: the kernel would end somebody, maybe us.
"""

from __future__ import annotations

import asyncio
import shutil
from collections import deque
from collections.abc import AsyncIterator, Callable, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.programs import Bounds, Lines, gone, kill, launched, machine_memory
from callboard.timelapse.refusals import NoFfmpeg

_SPARE: Final = 1 << 30
"""Bytes of addresses beyond the machine's memory: stacks and heaps of threads take them, and use few."""

_LINES: Final = 20
_LONGEST: Final = 64 * 1024


class Ended(Struct, frozen=True):
    """How a run ended: the exit code (below 0: a signal), the last lines of both outputs.

    `output` has the bytes of stdout when they were asked for.
    """

    code: int
    out: tuple[str, ...] = ()
    error: tuple[str, ...] = ()
    in_time: bool = True
    output: bytes = b""
    too_much: bool = False


def find(named: str | None = None) -> str:
    """Return the path of ffmpeg: the named one, else that on PATH, else imageio-ffmpeg's. Raises NoFfmpeg."""
    if named:
        path = Path(named).expanduser()
        found = shutil.which(str(path))
        if found is None:
            raise NoFfmpeg(_no_program(path))
        return str(Path(found).absolute())
    return shutil.which("ffmpeg") or _bundled()


def _no_program(path: Path) -> str:
    correct = "correct timelapse.ffmpeg, or --ffmpeg of a worker"
    if path.is_file():
        return f"{path} is there, but may not be run: `chmod +x` it, or {correct}."
    return f"There is no program at {path}: {correct}."


def _bundled() -> str:
    try:
        import imageio_ffmpeg

        return str(imageio_ffmpeg.get_ffmpeg_exe())
    except (ImportError, RuntimeError):
        raise NoFfmpeg from None


async def run(
    arguments: Sequence[str],
    seconds: float,
    *,
    on_line: Callable[[str], bool] = lambda _line: False,
    most: int = 0,
) -> Ended:
    """Run ffmpeg to its end, or for `seconds`; then, or when cancelled, its whole process group is killed.

    `on_line` gets each line of stdout, and returns whether that line was for it; with `most` stdout is
    bytes instead, at most so many. `arguments[0]` is the path of ffmpeg.
    """
    process = await launched(
        arguments,
        Bounds(memory=_memory()),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
        limit=_LONGEST,
    )
    watched = _Watched(process, on_line, most)
    in_time = True
    try:
        async with asyncio.timeout(seconds):
            await watched.ended()
    except TimeoutError:
        in_time = False
    finally:
        code = await gone(process)
    return watched.outcome(code, in_time)


class _Watched:
    """A process whose outputs are read as they come; only their ends are kept."""

    def __init__(
        self, process: asyncio.subprocess.Process, on_line: Callable[[str], bool], most: int
    ) -> None:
        self._process, self._on_line, self._most = process, on_line, most
        self._out: deque[str] = deque(maxlen=_LINES)
        self._error: deque[str] = deque(maxlen=_LINES)
        self._bytes = bytearray()
        self._too_much = False

    async def ended(self) -> None:
        assert self._process.stdout is not None
        assert self._process.stderr is not None
        reading = self._read_bytes if self._most else self._read_lines
        await asyncio.gather(reading(self._process.stdout), self._read_error(self._process.stderr))
        await self._process.wait()

    def outcome(self, code: int, in_time: bool) -> Ended:
        output = bytes(self._bytes) if not self._too_much else b""
        return Ended(code, tuple(self._out), tuple(self._error), in_time, output, self._too_much)

    async def _read_lines(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            if not self._on_line(line):
                self._out.append(line)

    async def _read_error(self, stream: asyncio.StreamReader) -> None:
        async for line in _lines(stream):
            self._error.append(line)

    async def _read_bytes(self, stream: asyncio.StreamReader) -> None:
        while block := await stream.read(_LONGEST):
            self._bytes += block
            if len(self._bytes) > self._most:
                self._too_much = True
                kill(self._process)
                return


async def _lines(stream: asyncio.StreamReader) -> AsyncIterator[str]:
    reading = Lines()
    while block := await stream.read(_LONGEST):
        for line in reading.feed(block):
            yield line
    for line in reading.feed(b"\n"):
        yield line


def _memory() -> int:
    """Return the bytes of addresses that ffmpeg may have; 0 where nobody says what the machine has."""
    machine = machine_memory()
    return machine + _SPARE if machine else 0
