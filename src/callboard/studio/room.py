"""The studio room: knows where files lie, brings them to the printers, makes versions of what comes of it.

    ftrack.location.request-resolve -> Places
    callboard.studio.fetch, publish, note -> Fetching, Publishing, noting -> the tracker, a location, files

Who asks is the user of the key that the request came with (`entry.publisher`): it is theirs in the tracker.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Self, TypeVar

import structlog
from msgspec import UNSET, structs

from callboard.bus import Bus, Subscription
from callboard.catalog.versions import FetchRequest, NoteRequest, PublishRequest
from callboard.event import Event
from callboard.files.room import Files
from callboard.files.telling import Cause
from callboard.studio.fetching import Fetching
from callboard.studio.locations import FileLocation
from callboard.studio.noting import note
from callboard.studio.places import HOUSE, Places
from callboard.studio.production import Answering, Production
from callboard.studio.publishing import OpenFilm, Publishing
from callboard.verbs import Verb, answering

log = structlog.get_logger("callboard.studio")
W = TypeVar("W", PublishRequest, NoteRequest)


class Studio:
    """The room; `async with`: inside, it answers. Without a tracker it says that it needs one."""

    def __init__(
        self,
        bus: Bus,
        files: Files,
        films: OpenFilm,
        locations: Sequence[FileLocation],
        answer: Answering | None,
        uploads: FileLocation | None = None,
    ) -> None:
        self._bus, self._answer = bus, answer
        self._places = Places(locations if answer is not None else (), answer, files.threads, uploads)
        self._fetching = Fetching(files, self._places)
        self._publishing = Publishing(files, films, self._places)
        self._subscriptions: list[Subscription] = []
        if locations and answer is None:
            log.warning("file locations need the tracker: add `tracker:` to the configuration")

    async def __aenter__(self) -> Self:
        await self._places.begin()
        verbs = {
            "fetch": Verb(FetchRequest, self._fetch),
            "publish": Verb(PublishRequest, self._publish),
            "note": Verb(NoteRequest, self._note),
        }
        self._subscriptions = answering(self._bus, "studio", verbs)
        if self._places.any:
            asked, about = self._places.asked, {"room": "studio"}
            self._subscriptions.append(self._bus.subscribe(asked, self._places.resolve, subscriber=about))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for subscription in self._subscriptions:
            subscription.close()

    async def publish(self, wish: PublishRequest, by: Cause) -> Mapping[str, Any]:
        """Make a version of a file or a film. Raises a CallboardError with the reason why it can't be."""
        return await self._publishing.publish(wish, self._production(by))

    async def fetch(self, wish: FetchRequest, by: Cause) -> Mapping[str, Any]:
        """Bring a component's file to the files. Raises a CallboardError with the reason why it can't be."""
        return await self._fetching.fetch(wish, self._production(by), by)

    def _production(self, by: Cause) -> Production:
        return Production(self._answer, by.user or HOUSE, by.trace or None)

    async def _publish(self, wish: PublishRequest, event: Event) -> dict[str, Any]:
        return dict(await self.publish(_once(wish, event), Cause.of(event)))

    async def _fetch(self, wish: FetchRequest, event: Event) -> dict[str, Any]:
        return dict(await self.fetch(wish, Cause.of(event)))

    async def _note(self, wish: NoteRequest, event: Event) -> dict[str, Any]:
        return dict(await note(_once(wish, event), self._production(Cause.of(event))))


def _once(wish: W, event: Event) -> W:
    """Return a wish that is done once for its event, however many nodes hear it."""
    return wish if wish.once is not UNSET else structs.replace(wish, once=f"request {event.id[:150]}")
