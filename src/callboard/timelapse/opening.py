"""The timelapse room as a configuration describes it, with the worker that makes films in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

from callboard.bus import Bus
from callboard.config import Config
from callboard.jobs.room import HERE, Jobs, Local
from callboard.jobs.worker import Worker
from callboard.timelapse.filming import KIND, Filming, OnShelf
from callboard.timelapse.room import Timelapses
from callboard.timelapse.shelf import Shelf
from callboard.timelapse.webcam import Cameras


def folder_of(config: Config, data: Path) -> Path:
    """Return where films and pictures lie; relative to the data folder."""
    return data / Path(config.timelapse.folder or "timelapse").expanduser()


@contextlib.asynccontextmanager
async def open_timelapses(bus: Bus, jobs: Jobs, config: Config, data: Path) -> AsyncIterator[Timelapses]:
    """Give the room, and have films made here if the configuration says so."""
    plan, shelf = config.timelapse, Shelf(folder_of(config, data).absolute())
    cameras = Cameras(config.webcam, config.printers)
    async with Timelapses(bus, jobs, plan, cameras, shelf) as room:
        filming = Filming(OnShelf(shelf), plan.ffmpeg)
        worker = Worker(Local(jobs), {KIND: filming}, HERE, others=jobs.is_done_elsewhere)
        tasks = [asyncio.create_task(worker.run())] if plan.render_here else []
        try:
            yield room
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
