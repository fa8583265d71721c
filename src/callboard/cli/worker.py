"""`callboard worker`: take background jobs from a hub, and do them on this machine."""

from __future__ import annotations

import asyncio
import os
import platform
import signal
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from callboard.cli.output import note, printable
from callboard.cli.reach import Reach

if TYPE_CHECKING:
    from callboard.client.client import Client
    from callboard.jobs.job import Job


def worker(
    *,
    name: Annotated[
        str | None, Parameter(help="What it is called. [default: this machine and process]")
    ] = None,
    ffmpeg: Annotated[str | None, Parameter(help="Path of ffmpeg, if it is not on PATH.")] = None,
    jobs: Annotated[int, Parameter(help="How many jobs at once.")] = 1,
    reach: Reach | None = None,
) -> None:
    """Take films to be made from a hub, and make them here, until Ctrl-C.

    The key may publish callboard.jobs.* and has the right `printers`.
    """
    from callboard.cli.outcome import WrongUse
    from callboard.cli.scratch import sweep
    from callboard.timelapse.ffmpeg import find

    if not 1 <= jobs <= 64:
        raise WrongUse(f"--jobs must be from 1 to 64, and {jobs} is not.")
    found = find(ffmpeg)
    sweep()
    asyncio.run(_work(name or f"{platform.node() or 'worker'}-{os.getpid()}", found, jobs, reach or Reach()))


async def _work(name: str, ffmpeg: str, jobs: int, reach: Reach) -> None:
    from callboard.cli.elsewhere import Elsewhere
    from callboard.client.connecting import connect
    from callboard.client.http import Http
    from callboard.jobs.worker import Worker
    from callboard.timelapse.filming import KIND, Filming

    known = reach.credentials
    async with connect(known.url, known.user, known.key) as board, Http(known) as http:
        hub = (await http.ask("GET", "/v1/jobs"))["hub"]
        desks = [_desk(board, hub) for _ in range(jobs)]
        crafts = {KIND: Filming(Elsewhere(http), ffmpeg)}
        working = [asyncio.create_task(Worker(desk, crafts, name, told=_tell).run()) for desk in desks]
        note(f"{name} works for {known.url}, Ctrl-C ends.")
        await _until_ended(board, working)


def _desk(board: Client, hub: str) -> Any:
    from callboard.jobs.remote import Remote

    return Remote(board, hub)


async def _until_ended(board: Client, working: list[asyncio.Task[None]]) -> None:
    """Wait for a signal, or for what ends a worker; jobs at hand are given back."""
    ended = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    waits = [asyncio.ensure_future(ended.wait()), asyncio.ensure_future(board.wait()), *working]
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for each in done:
            each.result()
    finally:
        for each in waits:
            each.cancel()
        await asyncio.gather(*waits, return_exceptions=True)


def _tell(word: str, job: Job) -> None:
    """Say what a worker does."""
    about = printable(str(job.payload.get("film") or job.id))
    said = {
        "takes": f"makes {about}, of {job.payload.get('count')} pictures.",
        "finished": f"has made {about}.",
        "failed": f"could not make {about}: the event MovieFailed says why.",
        "unfit": f"can't make {about} on this machine: somebody else may. More is taken in a minute.",
        "lost": f"gave up {about}; somebody else may take it.",
    }
    note(said.get(word, word))
