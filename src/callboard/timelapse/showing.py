"""Films and unrendered pictures as lists show them, over HTTP and in replies."""

from __future__ import annotations

from collections.abc import Collection
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Annotated
from urllib.parse import quote

from msgspec import Meta, Struct

from callboard.timelapse.reel import Reel
from callboard.timelapse.shelf import Film

if TYPE_CHECKING:
    from callboard.timelapse.room import Timelapses

ADDRESS = "/v1/timelapses"


class FilmInfo(Struct, kw_only=True):
    """A film."""

    name: str
    size: Annotated[int, Meta(description="In bytes.")]
    date: Annotated[str, Meta(description="When it was made, ISO 8601.")]
    url: Annotated[str, Meta(description="Where the film itself is.")]
    thumbnail: Annotated[str | None, Meta(description="Where a picture of it is.")] = None
    printer: str | None = None
    gcode: Annotated[str | None, Meta(description="The file that was printed.")] = None
    frames: Annotated[int | None, Meta(description="How many pictures it was made of.")] = None


class ReelInfo(Struct, kw_only=True):
    """Pictures of a print, of which no film was made yet."""

    name: str
    count: Annotated[int, Meta(description="How many pictures there are.")]
    size: Annotated[int, Meta(description="In bytes, all together.")]
    date: Annotated[str, Meta(description="When the print began, ISO 8601.")]
    recording: Annotated[bool, Meta(description="Whether the print still runs.")]
    rendering: Annotated[bool, Meta(description="Whether the film is being made, or waits for a worker.")]
    waiting: Annotated[bool, Meta(description="Whether the film waits for a worker.")]
    processing: Annotated[bool, Meta(description="Whether the recording is being finished.")]
    failed: Annotated[bool, Meta(description="Whether the print failed.")]
    printer: str | None = None
    gcode: str | None = None
    error: Annotated[str | None, Meta(description="Why the film could not be made, when it failed.")] = None


class Listed(Struct):
    """All films, and all pictures without one; newest first."""

    films: list[FilmInfo]
    unrendered: list[ReelInfo]
    free: Annotated[int, Meta(description="Bytes that are free on the disk.")]
    total: Annotated[int, Meta(description="Bytes that the disk has.")]


async def listed(room: Timelapses) -> Listed:
    """Return what there is."""
    films = await room.threads.do(room.shelf.films)
    reels = await room.threads.do(room.shelf.sized_reels)
    waiting = await room.waiting()
    free, total = await room.threads.do(room.shelf.usage)
    return Listed(
        [film_info(film) for film in films], [reel_info(room, *each, waiting) for each in reels], free, total
    )


def film_info(film: Film) -> FilmInfo:
    """Return a film as lists show it."""
    address = f"{ADDRESS}/films/{quote(film.name)}"
    about = film.about
    frames = about.get("frames")
    return FilmInfo(
        name=film.name,
        size=film.size,
        date=_date(film.made),
        url=f"{address}?download=true",
        thumbnail=f"{address}?thumbnail=true" if film.has_thumbnail else None,
        printer=str(about["printer"]) if about.get("printer") else None,
        gcode=str(about["gcode"]) if about.get("gcode") else None,
        frames=frames if isinstance(frames, int) else None,
    )


def reel_info(room: Timelapses, reel: Reel, size: int, waiting: Collection[str]) -> ReelInfo:
    """Return a reel as lists show it; `waiting` are the names of those whose film waits for a worker."""
    about, state = reel.about, room.state_of(reel.name)
    return ReelInfo(
        name=reel.name,
        count=reel.count,
        size=size,
        date=_date(about.started),
        recording=state["recording"],
        rendering=state["rendering"],
        waiting=reel.name in waiting,
        processing=state["processing"],
        failed=about.failed,
        printer=about.printer or None,
        gcode=about.gcode or None,
        error=about.error or None,
    )


def _date(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
