"""Following prints: what became of each file, noted once, also of those that ended while we were away.

How far we have come is a time, kept beside the files: it holds for any log, and events that are read
twice are known by their ids. A cursor of the hub lost: it would stand among those of users.
"""

from __future__ import annotations

import time
from typing import Any, Final

import structlog

from callboard.bus import Bus, Subscription
from callboard.event import Event
from callboard.files.metadata import Print
from callboard.files.refusals import Refused
from callboard.files.store import FileStore
from callboard.files.stored import iso
from callboard.files.telling import HOUSE, Telling
from callboard.files.threads import Threads

log = structlog.get_logger("callboard.files")

PRINTS: Final = "topic=octoprint.PrintDone or topic=octoprint.PrintFailed"
"""Exactly one of these ends each print; PrintCancelled only comes before a PrintFailed."""
MARK: Final = ".callboard.prints"
_LAG: Final = 60.0
"""Seconds by which what is noted may be behind: so much is read once more after a restart."""


class Following:
    """Notes prints in what is known of their files."""

    def __init__(self, store: FileStore, tell: Telling, threads: Threads) -> None:
        self._store, self._tell, self._threads = store, tell, threads
        self._mark = store.base / MARK

    async def subscribe(self, bus: Bus) -> Subscription:
        """Begin where we were, from now on the first time."""
        since = await self._threads.do(self._since)
        await self.keep()
        return bus.subscribe(PRINTS, self._printed, after=since)

    async def keep(self) -> None:
        """Note how far we have come; a disk that can't take it only costs reading again."""
        await self._threads.do(self._write, time.time() - _LAG)

    def _since(self) -> str | None:
        try:
            found = float(self._mark.read_text("utf-8"))
        except (OSError, ValueError):
            return None
        return iso(found)

    def _write(self, moment: float) -> None:
        try:
            part = self._mark.with_name(f"{MARK}.part")
            part.write_text(f"{moment:.3f}\n", "utf-8")
            part.replace(self._mark)
        except OSError as error:
            log.warning("how far prints were followed could not be noted", reason=error.strerror)

    async def _printed(self, event: Event) -> None:
        """Note a print that has ended in what is known of its file."""
        path = _printed_path(event.data)
        if path is None:
            return
        try:
            if await self._threads.do(self._store.note_print, path, _print_of(event)):
                self._tell.counted(path, HOUSE)
        except Refused as error:
            log.info("a print is not noted", file=path[:200], reason=str(error))


def _printed_path(data: Any) -> str | None:
    """Return the path of the file that an event is about, if it lies here."""
    if not isinstance(data, dict) or data.get("origin") not in {None, "local"}:
        return None
    path = data.get("path", data.get("file"))
    return path if isinstance(path, str) and path else None


def _print_of(event: Event) -> Print:
    seconds = event.data.get("time")
    timed = isinstance(seconds, int | float) and not isinstance(seconds, bool) and 0 <= seconds < 1e9
    printer = event.source.get("printer")
    return Print(
        timestamp=event.entry.time if event.entry is not None else 0.0,
        success=event.topic.endswith("Done"),
        print_time=float(seconds) if timed else None,
        printer=printer[:100] if isinstance(printer, str) else "",
        event=event.id[:100],
    )
