"""Unfinished jobs: a print whose end nobody could tell, since the hub was killed, ends at the next start.

PrintStarted --> JOBS, beside the files;  PrintDone, PrintFailed --> out of it again
JOBS has some when the host starts --> PrintFailed for each, before anything else of a printer

A mark, and not the log: the host has to know before it does anything else, whatever the log is and however
long. It follows what the log has stored, so a kill in between may leave the two a step apart.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any, Final

from msgspec import Struct
from msgspec.json import Decoder

from callboard.event import Event
from callboard.printing.mark import Mark

JOBS: Final = ".callboard.jobs"

FAULT: Final = "The hub was killed in the middle of this print: look at the printer, it may still be hot."

_BEGINS: Final = "octoprint.PrintStarted"
_ENDS: Final = frozenset({"octoprint.PrintDone", "octoprint.PrintFailed"})


class Job(Struct, frozen=True):
    """A job that has begun: what its PrintStarted said."""

    id: str
    data: dict[str, Any]
    source: dict[str, Any]


class Unfinished:
    """Keeps the jobs that run in `mark`."""

    def __init__(self, folder: Path) -> None:
        self.mark = Mark(folder / JOBS, Decoder(dict[str, Job]), "which prints are running")

    def left(self) -> list[Event]:
        """Return the ends of the jobs that were never told; blocks, and never raises."""
        self.mark.read()
        return [_failed(job) for job in self.mark.values.values()]

    def hear(self, event: Event) -> None:
        """Hear of an event of a printer that is stored now, also of one that `left` returned."""
        printer = str(event.source.get("printer"))
        if event.topic == _BEGINS:
            self.mark.values[printer] = Job(event.id, event.data, event.source)
        elif event.topic not in _ENDS or self.mark.values.pop(printer, None) is None:
            return
        self.mark.changed()


def _failed(job: Job) -> Event:
    """Return the end of a job that was cut off; how far it was is not known."""
    source = dict(job.source)
    if isinstance(trace := source.get("trace"), dict):
        source["trace"] = {**trace, "cause": job.id}
    return Event("octoprint.PrintFailed", {**job.data, "reason": "error", "error": FAULT}, source)
