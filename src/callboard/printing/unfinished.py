"""Unfinished jobs: a print whose end nobody could tell, since the hub was killed, ends at the next start.

PrintStarted --> MARK, beside the files;  PrintDone, PrintFailed --> out of it again
MARK has jobs when the host starts --> PrintFailed for each, before anything else of a printer

A mark, and not the log: the host has to know before it does anything else, whatever the log is and however
long. It follows what the log has stored, so a kill in between may leave the two a step apart.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct

from callboard.event import Event

log = structlog.get_logger("callboard.printing")

MARK: Final = ".callboard.jobs"
MOST: Final = 1 << 20
"""Bytes of a mark that is read: a thousand jobs."""

FAULT: Final = "The hub was killed in the middle of this print: look at the printer, it may still be hot."

_BEGINS: Final = "octoprint.PrintStarted"
_ENDS: Final = frozenset({"octoprint.PrintDone", "octoprint.PrintFailed"})


class Job(Struct, frozen=True):
    """A job that has begun: what its PrintStarted said."""

    id: str
    data: dict[str, Any]
    source: dict[str, Any]


class Unfinished:
    """Keeps the jobs that run, on disk."""

    def __init__(self, folder: Path) -> None:
        self._mark = folder / MARK
        self._jobs: dict[str, Job] = {}
        self._changed = asyncio.Event()
        self._writing = threading.Lock()

    def left(self) -> list[Event]:
        """Return the ends of the jobs that were never told; blocks, and never raises."""
        try:
            with self._mark.open("rb") as file:
                self._jobs = msgspec.json.decode(file.read(MOST), type=dict[str, Job])
        except FileNotFoundError:
            return []
        except (OSError, msgspec.MsgspecError) as error:
            log.warning("which prints were running can't be read", file=str(self._mark), reason=str(error))
            return []
        return [_failed(job) for job in self._jobs.values()]

    def hear(self, event: Event) -> None:
        """Hear of an event of a printer that is stored now, also of one that `left` returned."""
        printer = str(event.source.get("printer"))
        if event.topic == _BEGINS:
            self._jobs[printer] = Job(event.id, event.data, event.source)
        elif event.topic not in _ENDS or self._jobs.pop(printer, None) is None:
            return
        self._changed.set()

    async def run(self) -> None:
        """Write the mark when something has changed, until cancelled."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                await asyncio.to_thread(self._put)
        finally:
            if self._changed.is_set():
                self._put()

    def _put(self) -> None:
        """Write what runs now; whoever comes last, a thread that was left behind too, writes the newest."""
        with self._writing:
            self._write(dict(self._jobs))

    def _write(self, jobs: Mapping[str, Job]) -> None:
        try:
            if not jobs:
                self._mark.unlink(missing_ok=True)
                return
            part = self._mark.with_name(f"{MARK}.part")
            with part.open("wb") as file:
                file.write(msgspec.json.encode(jobs))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._mark)
        except OSError as error:
            log.warning("which prints are running could not be noted", reason=error.strerror)


def _failed(job: Job) -> Event:
    """Return the end of a job that was cut off; how far it was is not known."""
    source = dict(job.source)
    if isinstance(trace := source.get("trace"), dict):
        source["trace"] = {**trace, "cause": job.id}
    return Event("octoprint.PrintFailed", {**job.data, "reason": "error", "error": FAULT}, source)
