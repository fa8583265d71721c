"""The files room as a configuration describes it: store, analyses and room, opened and closed together."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from callboard.bus import Bus
from callboard.config import Files as Settings
from callboard.files.analysing import Analysing
from callboard.files.room import Files
from callboard.files.store import FileStore


def folders_of(settings: Settings, data: Path) -> tuple[Path, Path | None]:
    """Return where files lie, and the folder that is watched; relative to the data folder."""
    watched = data / Path(settings.watched).expanduser() if settings.watched else None
    return data / Path(settings.folder or "files").expanduser(), watched


@contextlib.asynccontextmanager
async def open_files(bus: Bus, settings: Settings, data: Path) -> AsyncIterator[Files]:
    """Give the room. Raises DiskFailed when its folder can't be had."""
    folder, watched = folders_of(settings, data)
    store = FileStore(folder, max_upload=settings.max_upload)
    async with (
        Analysing(bus, store, settings.analyse) as analysing,
        Files(bus, store, analyse=analysing.ask, watched=watched) as room,
    ):
        yield room
