"""The craft of making films: what a worker does with a job of the kind `film`.

    place.open(job, movie) -> folder of pictures, path of the film -> movie.make -> place.deliver

A place is where pictures come from and where the film goes: this hub's disk, or a hub far away.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any, Final, Protocol

import msgspec
from msgspec import Struct

from callboard.jobs.job import Job
from callboard.jobs.worker import Report
from callboard.timelapse.movie import UNKNOWN, Movie, failed, make
from callboard.timelapse.picture import Kind
from callboard.timelapse.shelf import Shelf

KIND: Final = "film"


class Workshop(Struct, frozen=True):
    """Where a film is made: the folder of its pictures, and the path it is written to."""

    folder: Path
    target: Path


class Place(Protocol):
    """Where pictures come from, and where the film goes."""

    def open(self, job: Job, movie: Movie, /) -> AbstractAsyncContextManager[Workshop]:
        """Have the pictures of a job at hand."""

    async def deliver(self, job: Job, film: Path) -> None:
        """Bring the film to where the hub finds it."""


class Filming:
    """Makes films at a place; `program` is the path of ffmpeg, if it is not to be looked for."""

    def __init__(self, place: Place, program: str | None = None) -> None:
        self._place, self._program = place, program

    async def __call__(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Make the film of a job; raises WorkFailed."""
        try:
            movie = msgspec.convert(job.payload, Movie)
        except msgspec.ValidationError as error:
            raise failed(255, UNKNOWN, f"This hub and its worker differ too much: {error}.") from None
        if not _stays_inside(movie):
            raise failed(255, UNKNOWN, "The names in this job lead elsewhere: it is none of this hub's.")
        async with self._place.open(job, movie) as workshop:
            await make(self._program, movie, workshop.folder, workshop.target, report)
            await self._place.deliver(job, workshop.target)
        return {"returncode": 0}


def _stays_inside(movie: Movie) -> bool:
    """Return whether pictures can be called as a job says: a worker writes what it fetches by these names."""
    name = movie.name
    return movie.kind in set(Kind) and name[:1] not in {"", "."} and not set(name) & {"/", "\0"}


class OnShelf:
    """The place of a worker in the hub's own process: pictures are there, and the film stays."""

    def __init__(self, shelf: Shelf) -> None:
        self._shelf = shelf

    @asynccontextmanager
    async def open(self, job: Job, movie: Movie) -> AsyncIterator[Workshop]:
        """Give the folder where the pictures are."""
        reel = await asyncio.to_thread(self._shelf.reel, movie.name)
        target = self._shelf.part(job.id)
        try:
            yield Workshop(reel.folder, target)
        finally:
            await asyncio.to_thread(target.unlink, missing_ok=True)

    async def deliver(self, job: Job, film: Path) -> None:
        """Leave the film where the room finds it."""
        await asyncio.to_thread(film.replace, self._shelf.ready(job.id))
