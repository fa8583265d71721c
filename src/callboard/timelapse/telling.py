"""The events of films: each with the printer, tags and job of the print, and the trace of what led to it.

Source: facts 1.1, 1.2 and 5.5.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any, Final, Literal

import structlog

from callboard.bus import Bus
from callboard.errors import CallboardError
from callboard.event import Event, caused_by, encode_json, new_id

log = structlog.get_logger("callboard.timelapse")

Source = Mapping[str, Any]

_LARGEST: Final = 16 * 1024
"""Bytes of JSON that each of the printer, tags and job may have: they come back in each picture's events."""
_LONGEST: Final = 1000
"""Characters of a correlation that is kept."""


def printer_of(event: Event) -> str:
    """Return the printer an event is about; empty for a host that names none."""
    said = event.source.get("printer")
    return said[:200] if isinstance(said, str) else ""


def source_of(event: Event, correlation: str | None = None) -> dict[str, Any]:
    """Return the source of an event that this one led to, in the same print."""
    trace = caused_by(event)
    said = correlation or trace["correlation"]
    known = said if isinstance(said, str) and len(said) <= _LONGEST else event.id
    return {**kept(event.source), "trace": {**trace, "correlation": known}}


def kept(said: Source, *more: str) -> dict[str, Any]:
    """Return the printer, tags and job of a source, and `more`; whatever is too large is left out."""
    keys = [key for key in ("printer", "tags", "job", *more) if said.get(key) is not None]
    return {key: said[key] for key in keys if len(encode_json(said[key])) <= _LARGEST}


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
        return self._publish(Event(f"octoprint.{name}", dict(data), dict(source), id=once or new_id()))

    def removed(self, name: str, why: Literal["asked", "age"], source: Source) -> None:
        """Tell that a film, or pictures without one, is gone."""
        self._publish(Event("callboard.timelapse.removed", {"name": name, "why": why}, dict(source)))

    def _publish(self, event: Event) -> asyncio.Future[str]:
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
