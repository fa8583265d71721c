"""Looking back: entries of the log as the HTTP interface gives them."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Mapping
from datetime import datetime
from typing import Any, Protocol

import msgspec
from msgspec import Struct

from callboard.client.feed import Delivery, Mark, Page, mark_of
from callboard.client.http import Http
from callboard.client.rounds import Round
from callboard.event import Document, Envelope, Event, Stamp, encode_json

log = logging.getLogger("callboard.client")

GAP = "callboard.meta.gap"
_LIMIT = 200
_MOST = 1000


class Stored(Struct, frozen=True):
    """An entry: where and when it was stored, who published it, and the event."""

    position: str
    time: datetime
    publisher: str
    event: Envelope

    @property
    def opened(self) -> Event:
        """The event as handlers get it."""
        return self.event.opened(Stamp(self.position, self.time.timestamp(), self.publisher))


class Found(Struct, frozen=True):
    """Part of the log; `gap` when what was asked for is no longer there."""

    events: list[Stored]
    next: str
    gap: dict[str, Any] | None = None


class Asker(Protocol):
    """A subscription that looks back."""

    expression: str
    priority: int

    def wants(self, document: Mapping[str, Any], target: str) -> bool:
        """Tell whether an event is for it."""

    def targeted(self, target: str) -> bool:
        """Tell whether a target means it."""


async def find(http: Http, expression: str, after: str | None, limit: int = _LIMIT) -> Found:
    """Return what the log holds behind `after` that matches, at most `limit`; raises BadPosition."""
    found: Found = await http.ask(
        "GET", "/v1/events", shape=Found, expression=expression, after=after, limit=limit
    )
    return found


async def look_back(http: Http, expression: str, after: str | None) -> AsyncGenerator[Stored, None]:
    """Yield everything in the log behind `after` that matches, up to now."""
    while True:
        found = await find(http, expression, after, _MOST)
        for stored in found.events:
            yield stored
        if found.next == after:
            return
        after = found.next


async def read_page(http: Http, asker: Asker, after: str) -> Page:
    """Return the next page of the log for a subscription, with an honest gap in its place."""
    found = await find(http, asker.expression, after)
    deliveries = [
        _delivery(stored.opened, asker, mark_of(stored.position), len(stored.event.data))
        for stored in found.events
        if not stored.event.target or asker.targeted(stored.event.target)
    ]
    if found.gap is not None:
        log.warning(told(found.gap))
        gap = Event(topic=GAP, data=found.gap)
        if asker.wants(Document(Envelope(GAP, msgspec.Raw(encode_json(found.gap)))), ""):
            deliveries.insert(0, _delivery(gap, asker, None, 0))
    return Page(deliveries, found.next)


def told(gap: Mapping[str, Any]) -> str:
    """Return a gap {after, before, missed} as a sentence."""
    if gap.get("missed") is None:
        return "That position belongs to another log; this is all of the present one."
    many = gap["missed"]
    said = "event" if many == 1 else "events"
    between, are = f"between {gap.get('after')} and {gap.get('before')}", "is" if many == 1 else "are"
    return f"{many} {said} {between} {are} gone from the log."


def _delivery(event: Event, asker: Asker, mark: Mark | None, size: int) -> Delivery:
    return Delivery(Round(event, [asker.priority]), mark, size)


def stamped_document(envelope: Envelope, stamp: Stamp) -> Document:
    """Return an event from the hub as expressions see it there, `entry.*` as well."""
    document = Document(envelope)
    mark = mark_of(stamp.position)
    position: int | str = stamp.position if mark is None else mark.number
    document["entry"] = {"position": position, "time": stamp.time, "publisher": stamp.publisher}
    return document
