"""The slicing room as a configuration describes it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from callboard.bus import Bus
from callboard.config import Slicing as Settings
from callboard.files.room import Files
from callboard.slicing.journal import Journal
from callboard.slicing.making import Making
from callboard.slicing.process import Limits
from callboard.slicing.profiles import Profiles
from callboard.slicing.programs import Programs, at_once
from callboard.slicing.room import Slicing, folder_of


@contextlib.asynccontextmanager
async def open_slicing(bus: Bus, files: Files, settings: Settings, data: Path) -> AsyncIterator[Slicing]:
    """Give the room; slicers are looked for when they are needed."""
    folder = folder_of(settings.folder, data)
    programs = Programs(settings)
    limits = Limits(float(settings.timeout), files.store.max_upload, int(settings.memory or 0))
    async with Slicing(
        bus,
        files,
        programs,
        Profiles(folder / "profiles", programs.slicers, settings.profiles),
        Making(files.store, files.threads, folder / "work", limits),
        Journal(folder / "running"),
        at_once=at_once(settings),
    ) as room:
        yield room
