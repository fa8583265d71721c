"""The events of files: which ones, with which keys, in which order. Source: facts 1.1, 1.2 and 1.4."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from msgspec import Struct

from callboard.bus import Bus
from callboard.event import Event, caused_by
from callboard.files.stored import Stored, StoredFile

log = structlog.get_logger("callboard.files")

LISTS: Final = ("printables", "gcode")
"""The two lists that one change updates, always in this order; the second is the old name of the first."""


class Cause(Struct, frozen=True):
    """Who wanted something, and the `source.trace` of what made them; empty for the house itself."""

    user: str = ""
    trace: Mapping[str, Any] = {}

    @classmethod
    def of(cls, request: Event) -> Cause:
        """Return who published a request, and what its consequences inherit."""
        who = request.entry.publisher if request.entry is not None else ""
        return cls(who, caused_by(request))

    @property
    def source(self) -> dict[str, Any]:
        """What the source of an event says of this."""
        who = {"user": {"username": self.user}} if self.user else {}
        return {**who, **({"trace": dict(self.trace)} if self.trace else {})}


HOUSE: Final = Cause()


class Effect(Struct, frozen=True):
    """Whether a file was to be selected and printed, and whether it was."""

    select: bool = False
    print: bool = False
    effective_select: bool = False
    effective_print: bool = False


class Telling:
    """Publishes; the events of one call stand next to each other on the log."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def added(self, files: Sequence[Stored], by: Cause, operation: str = "add") -> None:
        """Files and folders are new."""
        for one in files:
            self._say(f"{_what(one)}Added", _entry(one, operation), by)
        self.updated(by)

    def removed(self, one: Stored, by: Cause) -> None:
        """A file or folder is gone."""
        self._say(f"{_what(one)}Removed", _entry(one, "remove"), by)
        self.updated(by)

    def lost(self, paths: list[str]) -> None:
        """Files were removed by hand."""
        for path in paths:
            name = path.rpartition("/")[2]
            data = {"storage": "local", "path": path, "name": name, "operation": "remove"}
            self._say("FileRemoved", data, HOUSE)
        self.updated(HOUSE)

    def moved(self, before: str, after: Stored, by: Cause) -> None:
        """A file or folder lies elsewhere now."""
        data = {
            "source_storage": "local",
            "source_path": before,
            "source_name": before.rpartition("/")[2],
            "destination_storage": "local",
            "destination_path": after.path,
            "destination_name": after.name,
        }
        self._say(f"{_what(after)}Moved", data, by)
        self.updated(by)

    def updated(self, by: Cause) -> None:
        """The lists of files changed."""
        for each in LISTS:
            self._say("UpdatedFiles", {"type": each}, by)

    def uploaded(self, one: StoredFile, effect: Effect, userdata: Any, by: Cause) -> None:
        """A file has come in, and what was to happen with it has begun, or not."""
        data = {
            "file": one.path,
            "target": "local",
            "name": one.name,
            "path": one.path,
            "select": effect.select,
            "print": effect.print,
            "effective_select": effect.effective_select,
            "effective_print": effect.effective_print,
        }
        self._say("Upload", data if userdata is None else {**data, "userdata": userdata}, by)

    def counted(self, path: str, by: Cause) -> None:
        """What is known of a file's prints changed."""
        self._say("MetadataStatisticsUpdated", {"storage": "local", "path": path}, by)

    def _say(self, name: str, data: dict[str, Any], by: Cause) -> None:
        done = self._bus.publish(Event(f"octoprint.{name}", data, by.source))
        done.add_done_callback(_look)


def _what(one: Stored) -> str:
    return "File" if isinstance(one, StoredFile) else "Folder"


def _entry(one: Stored, operation: str) -> dict[str, Any]:
    data: dict[str, Any] = {"storage": "local", "path": one.path, "name": one.name}
    if not isinstance(one, StoredFile):
        return data
    return {**data, "type": one.kind.types, "operation": operation}


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("an event of files could not be published", error=str(error))
