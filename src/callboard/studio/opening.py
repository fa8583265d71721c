"""The studio room as a configuration describes it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

from callboard.bus import Bus
from callboard.config import Studio as Settings
from callboard.config.settings import Location
from callboard.files.room import Files
from callboard.studio.locations import FileLocation, Platform
from callboard.studio.places import NoLocation
from callboard.studio.production import Answering
from callboard.studio.publishing import OpenFilm
from callboard.studio.room import Studio
from callboard.studio.shelf import location_of


def locations_of(settings: Settings, data: Path) -> Iterator[FileLocation]:
    """Yield the file locations; a folder that is relative lies in the data folder, and is made there.

    Raises NoLocation for one that can't be made.
    """
    for one in settings.locations:
        folder = Path(one.folder).expanduser()
        if not folder.is_absolute():
            folder = data.absolute() / folder
            _make(folder)
        yield FileLocation(one.name, folder, _paths(one))


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise NoLocation(
            f"The folder {folder} of studio.locations can't be made ({error.strerror}): choose another."
        ) from None


def _paths(one: Location) -> dict[Platform, str]:
    return {Platform(platform): path for platform, path in one.paths.items()}


@contextlib.asynccontextmanager
async def open_studio(
    bus: Bus, files: Files, films: OpenFilm, settings: Settings, data: Path, answer: Answering | None
) -> AsyncIterator[Studio]:
    """Give the room; `answer` is the tracker's, None where there is none."""
    locations = tuple(locations_of(settings, data))
    async with Studio(bus, files, films, locations, answer, location_of(data)) as room:
        yield room
