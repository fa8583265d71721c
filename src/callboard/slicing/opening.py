"""The slicing room as a configuration describes it."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import structlog

from callboard.bus import Bus
from callboard.config import Slicing as Settings
from callboard.files.room import Files
from callboard.slicing import memory
from callboard.slicing.journal import Journal
from callboard.slicing.making import Making
from callboard.slicing.pictures import Pictures
from callboard.slicing.process import Limits
from callboard.slicing.profiles import Profiles
from callboard.slicing.programs import Programs, at_once
from callboard.slicing.room import Slicing
from callboard.slicing.vocabulary import Vocabulary

log = structlog.get_logger("callboard.slicing")


@contextlib.asynccontextmanager
async def open_slicing(bus: Bus, files: Files, settings: Settings, data: Path) -> AsyncIterator[Slicing]:
    """Give the room; slicers are looked for when they are needed, those that are named at once, too."""
    folder = _folder(settings, data)
    programs = Programs(settings)
    for why in await files.threads.do(programs.lacking):
        log.warning("a slicer of the configuration can't be used", reason=why)
    asked, seconds = int(settings.memory or 0), float(settings.timeout)
    slicing = Limits(seconds, files.store.max_upload, memory.of_slicer(asked))
    reading = msgspec.structs.replace(slicing, memory=memory.of_reader(asked))
    async with Slicing(
        bus,
        files,
        programs,
        Profiles(folder / "profiles", programs.slicers, settings.profiles),
        Making(files.store, files.threads, folder / "work", slicing, reading),
        Journal(folder / "running"),
        Pictures(files, folder / "pictures", reading.memory),
        Vocabulary(files.threads, folder / "work", slicing),
        at_once=at_once(settings),
    ) as room:
        yield room


def _folder(settings: Settings, data: Path) -> Path:
    """Return where profiles, pictures and work lie; relative to the data folder."""
    return (data / Path(settings.folder or "slicing").expanduser()).absolute()
