"""The timelapse room as a configuration describes it, with the worker that makes films in this process."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from pathlib import Path

import structlog

from callboard.bus import Bus
from callboard.config import Config
from callboard.jobs.room import HERE, Jobs, Local
from callboard.jobs.worker import Worker
from callboard.timelapse import ffmpeg
from callboard.timelapse.filming import KIND, Filming, OnShelf
from callboard.timelapse.refusals import NoFfmpeg
from callboard.timelapse.room import Timelapses
from callboard.timelapse.shelf import Shelf
from callboard.timelapse.webcam import Cameras

log = structlog.get_logger("callboard.timelapse")


def folder_of(config: Config, data: Path) -> Path:
    """Return where films and pictures lie; relative to the data folder."""
    return data / Path(config.timelapse.folder or "timelapse").expanduser()


@contextlib.asynccontextmanager
async def open_timelapses(bus: Bus, jobs: Jobs, config: Config, data: Path) -> AsyncIterator[Timelapses]:
    """Give the room, and have films made here if the configuration says so."""
    plan, shelf = config.timelapse, Shelf(folder_of(config, data).absolute())
    cameras = Cameras(config.webcam, config.printers)
    for warning in await asyncio.to_thread(missing, config):
        log.warning("prints can't be filmed as configured", reason=warning)
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


def missing(config: Config) -> list[str]:
    """Return what films as configured lack, a sentence each with the way out."""
    plan = config.timelapse
    films = plan.mode != "off"
    sees = any(webcam.sees for webcam in (*config.webcam, *(printer.webcam for printer in config.printers)))
    found = []
    if films and not sees:
        found.append(f"timelapse.mode is {plan.mode}, and there is no camera: say webcam.snapshot.")
    if plan.ffmpeg or (films and plan.render_here):
        try:
            ffmpeg.find(plan.ffmpeg)
        except NoFfmpeg as error:
            found.append(str(error))
    return found
