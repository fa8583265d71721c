"""The place of a worker that is not on the hub's machine: pictures come over HTTP, the film goes back.

    GET .../frames (a tar) -> numbered files in a folder that goes away -> the film -> PUT .../film

The pictures are called by their number here, whatever the tar says: no name from outside becomes a path.
"""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from pathlib import Path
from typing import Final
from urllib.parse import quote

from callboard.cli.scratch import scratch
from callboard.client.http import Http
from callboard.errors import CallboardError, Gone, TimedOut
from callboard.jobs.job import Job, Unfit
from callboard.timelapse.filming import Workshop
from callboard.timelapse.movie import UNKNOWN, Movie, failed, unfit

_BLOCK: Final = 512
_PIECE: Final = 1 << 18
_LARGEST: Final = 64 << 20
"""Bytes of one picture."""


class Broken(CallboardError):
    """What the hub sent are not the pictures that were asked for."""


class Elsewhere:
    """Pictures and films of the hub at the other end of `http`."""

    def __init__(self, http: Http) -> None:
        self._http = http

    @asynccontextmanager
    async def open(self, _: Job, movie: Movie) -> AsyncIterator[Workshop]:
        """Fetch the pictures into a folder that goes away."""
        with ExitStack() as stack:
            try:
                folder = stack.enter_context(scratch())
            except OSError as error:
                raise _no_room(error) from None
            await self._fetch(movie, folder)
            yield Workshop(folder, folder / ".film.part")

    async def deliver(self, job: Job, film: Path) -> None:
        """Bring the film to the hub; raises WorkFailed when the hub can't take it."""
        movie_name = str(job.payload["name"])
        size = await asyncio.to_thread(lambda: film.stat().st_size)
        try:
            await self._http.send(
                f"{_address(movie_name)}/film", _pieces(film), size, job=job.id, lease=job.lease
            )
        except (Gone, TimedOut):
            raise
        except CallboardError as error:
            raise failed(255, UNKNOWN, f"The hub did not take the film: {error}") from None

    async def _fetch(self, movie: Movie, folder: Path) -> None:
        async with self._http.fetch(f"{_address(movie.name)}/frames") as (_, pieces):
            count = await unpack(pieces, folder, movie)
        if count != movie.count:
            raise Broken(f"{count} pictures came, not {movie.count}.")


async def unpack(pieces: AsyncIterator[bytes], folder: Path, movie: Movie) -> int:
    """Write the files of a tar as the pictures of a film, and return how many there were."""
    reading, count = _Reading(pieces), 0
    while count <= movie.count:
        head = await reading.take(_BLOCK)
        if not head.strip(b"\0"):
            break
        size = _size(head)
        content = await reading.take(size + -size % _BLOCK)
        path = folder / f"{movie.name}-{count}.{movie.kind}"
        try:  # here, since around it an OSError is one of the line to the hub
            await asyncio.to_thread(path.write_bytes, content[:size])
        except OSError as error:
            raise _no_room(error) from None
        count += 1
    return count


def _no_room(error: OSError) -> Unfit:
    where, why = tempfile.gettempdir(), error.strerror or error
    return unfit(255, UNKNOWN, f"The pictures can't be kept in {where}: {why}. Make room, or set TMPDIR.")


class _Reading:
    """Bytes that come as they like, given in the portions that are asked for."""

    def __init__(self, pieces: AsyncIterator[bytes]) -> None:
        self._pieces, self._rest = pieces, bytearray()

    async def take(self, count: int) -> bytes:
        while len(self._rest) < count:
            piece = await anext(self._pieces, None)
            if piece is None:
                raise Broken("The pictures broke off in the middle.")
            self._rest += piece
        taken = bytes(self._rest[:count])
        del self._rest[:count]
        return taken


def _size(head: bytes) -> int:
    """Return the size that the header of a file tells. Source: POSIX.1-2017, pax, "ustar"."""
    try:
        size = int(head[124:136].strip(b"\0 ") or b"0", 8)
    except ValueError:
        raise Broken from None
    if not 0 <= size <= _LARGEST:
        raise Broken(f"A picture has {size} bytes; at most {_LARGEST} are taken.")
    return size


async def _pieces(film: Path) -> AsyncIterator[bytes]:
    with await asyncio.to_thread(film.open, "rb") as opened:
        while block := await asyncio.to_thread(opened.read, _PIECE):
            yield block


def _address(name: str) -> str:
    return f"/v1/timelapses/unrendered/{quote(name, safe='')}"
