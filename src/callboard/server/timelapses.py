"""Films over HTTP: what there is, out, and away; and pictures out and films in for workers elsewhere.

    request -> TimelapsesDoor -> timelapse.room.Timelapses -> showing -> JSON

Everything here needs the right `printers`. A film comes in only from the worker that has its job, under the
lease that it was given.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Final

from starlette.responses import Response, StreamingResponse

from callboard.jobs.room import Jobs
from callboard.server.download import Download
from callboard.server.operation import Call, Operation, Outcome, Parameter, json
from callboard.server.problems import BAD_REQUEST, CONFLICT, DISK_FULL, NOT_FOUND, STORAGE, Problem
from callboard.server.receiving import CLOSE, Receiving
from callboard.server.tar import TAR, packed, packed_size
from callboard.server.uploading import is_yes
from callboard.timelapse.reel import Reel
from callboard.timelapse.refusals import told
from callboard.timelapse.room import Timelapses
from callboard.timelapse.showing import ADDRESS, FilmInfo, Listed, ReelInfo, film_info, listed, reel_info

RIGHT: Final = "printers"
BYTES: Final = "application/octet-stream"
LARGEST: Final = 20_000_000_000
"""Bytes of a film that a worker may bring."""

_LOST: Final = "This job belongs to another worker by now: its lease ran out."
_SWITCH: Final = {"type": "boolean"}
_FILM: Final = Parameter("name", "The film's name.", where="path", example="arm_20261121081500.mp4")
_REEL: Final = Parameter("name", "What the pictures are called.", where="path", example="arm_20261121081500")
_GONE: Final = Outcome(204, "Removed.")

Answer = Callable[[Call], Awaitable[Response]]


def timelapse_operations(room: Timelapses) -> tuple[Operation, ...]:
    """Return the operations under /v1/timelapses."""
    door = TimelapsesDoor(room, room.jobs)
    films, reels = "/films/{name}", "/unrendered/{name}"
    lease = (
        Parameter("job", "The job that the film is of."),
        Parameter("lease", "The lease under which its worker has it."),
    )
    switches = (
        Parameter("download", "Whether the film itself is sent, or the range that is asked for.", _SWITCH),
        Parameter("thumbnail", "Whether a picture of it is sent.", _SWITCH),
    )
    return (
        _operation("GET", "", door.list_films, Outcome(200, "All of them.", Listed)),
        _operation(
            "GET",
            films,
            door.show_film,
            Outcome(200, "What is known of it.", FilmInfo),
            Outcome(200, "The film, with `download=true`.", str, BYTES),
            Outcome(206, "A range of it.", str, BYTES),
            Outcome(200, "A picture of it, with `thumbnail=true`.", str, "image/jpeg"),
            parameters=(_FILM, *switches),
        ),
        _operation("DELETE", films, door.delete_film, _GONE, parameters=(_FILM,)),
        _operation(
            "GET",
            reels,
            door.show_reel,
            Outcome(200, "What is known of them.", ReelInfo),
            parameters=(_REEL,),
        ),
        _operation("DELETE", reels, door.delete_reel, _GONE, parameters=(_REEL,)),
        _operation(
            "POST",
            f"{reels}/render",
            door.render,
            Outcome(202, "The film will be made.", ReelInfo),
            parameters=(_REEL,),
        ),
        _operation(
            "GET",
            f"{reels}/frames",
            door.send_frames,
            Outcome(200, "All of them, as a tar.", str, TAR),
            parameters=(_REEL,),
        ),
        _operation(
            "PUT",
            f"{reels}/film",
            door.take_film,
            Outcome(204, "Stored until the worker says that its job is done."),
            parameters=(_REEL, *lease),
            body={BYTES: bytes},
        ),
    )


def _operation(
    method: str,
    path: str,
    answer: Answer,
    *outcomes: Outcome,
    parameters: tuple[Parameter, ...] = (),
    body: dict[str, type] | None = None,
) -> Operation:
    return Operation(
        method=method,
        path=ADDRESS + path,
        answer=answer,
        group="Timelapses",
        rights=(RIGHT,),
        parameters=parameters,
        outcomes=outcomes,
        body=body or {},
    )


class TimelapsesDoor:
    """Answers for the timelapse room."""

    def __init__(self, room: Timelapses, jobs: Jobs) -> None:
        self._room, self._jobs = room, jobs
        self._receiving = Receiving(LARGEST)

    async def list_films(self, _: Call) -> Response:
        """List films, and pictures without one.

        Newest first. `unrendered` are the pictures of prints of which no film was made: since none was
        wanted yet, since it failed, or since the print still runs.
        """
        with _disk():
            return json(await listed(self._room))

    async def show_film(self, call: Call) -> Response:
        """See what is known of a film, get it, or get a picture of it."""
        name = _name(call)
        do, shelf = self._room.threads.do, self._room.shelf
        with _disk():
            if is_yes(call.text("thumbnail")):
                return await self._thumbnail(name)
            if not is_yes(call.text("download")):
                return json(film_info(await do(shelf.film, name)))
            file = await do(shelf.open_film, name)
        try:
            return Download(file, call.request, name, "")
        except BaseException:
            file.close()
            raise

    async def _thumbnail(self, name: str) -> Response:
        def read() -> bytes:
            with self._room.shelf.open_film(name, thumbnail=True) as file:
                found: bytes = file.read(32 << 20)
                return found

        picture = await self._room.threads.do(read)
        media = "image/png" if picture.startswith(b"\x89PNG") else "image/jpeg"
        headers = {"Cache-Control": "private, max-age=3600", "X-Content-Type-Options": "nosniff"}
        return Response(picture, 200, headers, media)

    async def delete_film(self, call: Call) -> Response:
        """Remove a film, for good."""
        with _disk():
            await self._room.remove_film(_name(call), {})
        return Response(status_code=204)

    async def show_reel(self, call: Call) -> Response:
        """See what is known of pictures without a film."""
        with _disk():
            reel = await self._room.threads.do(self._room.shelf.reel, _name(call))
            return json(await self._shown(reel))

    async def delete_reel(self, call: Call) -> Response:
        """Remove pictures without a film, for good.

        Not while they are recorded, or a worker makes their film (409).
        """
        with _disk():
            await self._room.threads.do(self._room.shelf.reel, _name(call))
            await self._room.remove(_name(call), {})
        return Response(status_code=204)

    async def render(self, call: Call) -> Response:
        """Have a film made of pictures that have none.

        MovieRendering, then MovieDone or MovieFailed tell how it goes on, and the state
        `jobs/<id>/progress` how far it is.
        """
        with _disk():
            await self._room.render(_name(call), {})
            reel = await self._room.threads.do(self._room.shelf.reel, _name(call))
            return json(await self._shown(reel), 202)

    async def send_frames(self, call: Call) -> Response:
        """Get all pictures of a print, as a tar."""
        with _disk():
            reel = await self._room.threads.do(self._room.shelf.reel, _name(call))
            frames = await self._room.threads.do(lambda: [(one, one.stat().st_size) for one in reel.frames()])
        size = str(packed_size(size for _, size in frames))
        return StreamingResponse(
            packed(frames), 200, {"Content-Length": size, "Cache-Control": "no-store"}, TAR
        )

    async def take_film(self, call: Call) -> Response:
        """Bring the film of a job, as the worker that has it.

        The job's end makes it a film that others see; until then it is nobody's.
        """
        job, lease = call.text("job"), call.text("lease")
        _name(call)
        if not job.isalnum() or len(job) > 64:
            raise Problem(BAD_REQUEST, "Name the `job` that this is the film of.", CLOSE)
        if not await self._jobs.holds(job, lease):
            raise Problem(CONFLICT, _LOST, CLOSE)
        part = self._room.shelf.part(job)
        try:
            async with self._receiving.parts(call.request) as pieces:
                with _disk():
                    await self._store(pieces, part)
                    if not await self._jobs.holds(job, lease):
                        raise Problem(CONFLICT, _LOST, CLOSE)
                    await asyncio.to_thread(part.replace, self._room.shelf.ready(job))
        finally:
            await asyncio.to_thread(part.unlink, missing_ok=True)
        return Response(status_code=204)

    async def _store(self, pieces: AsyncGenerator[bytes], part: Path) -> None:
        file = await asyncio.to_thread(part.open, "wb")
        try:
            async for piece in pieces:
                await asyncio.to_thread(file.write, piece)
        finally:
            await asyncio.to_thread(file.close)

    async def _shown(self, reel: Reel) -> ReelInfo:
        size = await self._room.threads.do(reel.size)
        return reel_info(self._room, reel, size, await self._room.waiting())


@contextlib.contextmanager
def _disk() -> Iterator[None]:
    """Turn what the disk refuses into a Problem."""
    try:
        yield
    except FileNotFoundError:
        raise Problem(NOT_FOUND, "This is gone meanwhile.") from None
    except OSError as error:
        said = told(error)
        raise Problem(DISK_FULL if "full" in said else STORAGE, said, CLOSE) from None


def _name(call: Call) -> str:
    name: str = call.request.path_params["name"]
    return name
