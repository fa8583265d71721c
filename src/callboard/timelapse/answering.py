"""Requests: each `callboard.timelapse.<verb>` is answered with what came of it, in a sentence.

From now on only, never from a cursor, and none that is older than its deadline.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from callboard.bus import Bus, Subscription
from callboard.catalog.filming import FilmRequest, FilmsRequest
from callboard.event import Event, caused_by
from callboard.timelapse.refusals import Refused, told
from callboard.timelapse.showing import listed

if TYPE_CHECKING:
    from callboard.timelapse.room import Timelapses

PREFIX: Final = "callboard.timelapse."
_DEADLINE: Final = 60.0
_MOST: Final = 1000
"""Films in one reply: all of it must fit into an event."""

W = TypeVar("W", bound=FilmsRequest)
Answer = Callable[[Event], Awaitable[dict[str, Any]]]


class Answering:
    """Answers for the room."""

    def __init__(self, room: Timelapses) -> None:
        self._room = room
        self._answers: Mapping[str, Answer] = {
            "list": partial(_answered, FilmsRequest, self._list),
            "render": partial(_answered, FilmRequest, self._render),
            "delete": partial(_answered, FilmRequest, self._delete),
        }

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        return [
            bus.subscribe(f'topic="{PREFIX}{verb}"', answer, subscriber={"room": "timelapse"})
            for verb, answer in self._answers.items()
        ]

    async def _list(self, _: FilmsRequest, __: Event) -> dict[str, Any]:
        found = await listed(self._room)
        many = f"{len(found.films)} films" if len(found.films) != 1 else "1 film"
        films = msgspec.to_builtins(found.films[:_MOST])
        unrendered = msgspec.to_builtins(found.unrendered[:_MOST])
        return {"message": f"{many}.", "films": films, "unrendered": unrendered}

    async def _render(self, wish: FilmRequest, event: Event) -> dict[str, Any]:
        movie = await self._room.render(wish.name, {"trace": caused_by(event)})
        return {"message": f"{movie.film} will be made of {movie.count} pictures."}

    async def _delete(self, wish: FilmRequest, _: Event) -> dict[str, Any]:
        await self._room.remove(wish.name)
        return {"message": f"{wish.name} is gone."}


async def _answered(
    kind: type[W], answer: Callable[[W, Event], Awaitable[dict[str, Any]]], event: Event
) -> dict[str, Any]:
    """Return the reply to a request: `success`, `message`, and what there is to tell."""
    try:
        wish = msgspec.convert(event.data, kind)
    except msgspec.ValidationError as error:
        return _not_done(f"This request can't be understood: {error}.")
    deadline = wish.deadline if wish.deadline is not UNSET else _DEADLINE
    if event.entry is not None and not time.time() - event.entry.time <= deadline:
        return _not_done("This request came too late; nothing was done.")
    try:
        return {"success": True, **await answer(wish, event)}
    except Refused as error:
        return _not_done(str(error))
    except OSError as error:
        return _not_done(told(error))


def _not_done(reason: str) -> dict[str, Any]:
    return {"success": False, "message": reason}
