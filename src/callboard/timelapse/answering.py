"""Requests: each `callboard.timelapse.<verb>` is answered with what came of it, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from callboard.bus import Bus, Subscription
from callboard.catalog.filming import FilmRequest, FilmsRequest
from callboard.event import Event, caused_by
from callboard.timelapse.showing import listed
from callboard.verbs import Verb, answering

if TYPE_CHECKING:
    from callboard.timelapse.room import Timelapses

_MOST: Final = 1000
"""Films in one reply: all of it must fit into an event."""


class Answering:
    """Answers for the room."""

    def __init__(self, room: Timelapses) -> None:
        self._room = room

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        verbs = {
            "list": Verb(FilmsRequest, self._list),
            "render": Verb(FilmRequest, self._render),
            "delete": Verb(FilmRequest, self._delete),
        }
        return answering(bus, "timelapse", verbs)

    async def _list(self, _: FilmsRequest, __: Event) -> dict[str, Any]:
        found = await listed(self._room)
        many = f"{len(found.films)} films" if len(found.films) != 1 else "1 film"
        films = msgspec.to_builtins(found.films[:_MOST])
        unrendered = msgspec.to_builtins(found.unrendered[:_MOST])
        return {"message": f"{many}.", "films": films, "unrendered": unrendered}

    async def _render(self, wish: FilmRequest, event: Event) -> dict[str, Any]:
        movie = await self._room.render(wish.name, {"trace": caused_by(event)})
        return {"message": f"{movie.film} will be made of {movie.count} pictures."}

    async def _delete(self, wish: FilmRequest, event: Event) -> dict[str, Any]:
        await self._room.remove(wish.name, {"trace": caused_by(event)})
        return {"message": f"{wish.name} is gone."}
