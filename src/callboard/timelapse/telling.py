"""The events of films: each with the printer, tags and job of the print, and the trace of what led to it.

Source: facts 1.1, 1.2 and 5.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from callboard.bus import Bus
from callboard.errors import CallboardError
from callboard.event import Event, caused_by, new_id

log = structlog.get_logger("callboard.timelapse")

Source = Mapping[str, Any]


def printer_of(event: Event) -> str:
    """Return the printer an event is about; empty for a host that names none."""
    said = event.source.get("printer")
    return said[:200] if isinstance(said, str) else ""


def source_of(event: Event, correlation: str | None = None) -> dict[str, Any]:
    """Return the source of an event that this one led to, in the same print."""
    said = event.source
    kept = {key: said[key] for key in ("printer", "tags", "job") if said.get(key) is not None}
    trace = caused_by(event)
    return {**kept, "trace": {**trace, "correlation": correlation or trace["correlation"]}}


class Telling:
    """Publishes; what is told in a row stands on the log in that order."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def say(
        self, name: str, data: Mapping[str, Any], source: Source, *, once: str = ""
    ) -> asyncio.Future[str]:
        """Publish `octoprint.<name>`, done once it is stored.

        `once` makes an id that is the same if it is told again.
        """
        event = Event(f"octoprint.{name}", dict(data), dict(source), id=once or new_id())
        told = self._bus.publish(event)
        told.add_done_callback(_look)
        return told

    def show(self, key: str, value: Any) -> None:
        """Set a state key."""
        try:
            self._bus.set(key, value)
        except CallboardError as error:
            log.warning("a film's state can't be kept", key=key, error=str(error))


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("an event of films could not be published", error=str(error))
