"""Requests: each `callboard.files.<verb>` is answered with what came of it, in a sentence.

From now on only, never from a cursor, and none that is older than its deadline: what nobody waits
for any more must not be done.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from callboard.bus import Bus, Subscription
from callboard.catalog.filing import DeleteRequest, FileListRequest, FileRequest, MoveRequest, Wanted
from callboard.event import Event, caused_by
from callboard.files.refusals import Refused
from callboard.files.stored import Stored, info
from callboard.files.telling import Cause

if TYPE_CHECKING:
    from callboard.files.room import Files

PREFIX: Final = "callboard.files."
_DEADLINE: Final = 60.0
"""Seconds that a request without a deadline is good for."""
_MOST: Final = 1000
"""Files in one reply: all of it must fit into an event."""

W = TypeVar("W", bound=Wanted)
Answer = Callable[[Event], Awaitable[dict[str, Any]]]


class Answering:
    """Answers for the room. Each verb has a subscription of its own: a long copy holds no listing up."""

    def __init__(self, room: Files) -> None:
        self._room = room
        self._answers: Mapping[str, Answer] = {
            "list": partial(_answered, FileListRequest, self._list),
            "info": partial(_answered, FileRequest, self._info),
            "create-folder": partial(_answered, FileRequest, self._make_folder),
            "move": partial(_answered, MoveRequest, self._move),
            "copy": partial(_answered, MoveRequest, self._copy),
            "delete": partial(_answered, DeleteRequest, self._delete),
            "analyse": partial(_answered, FileRequest, self._analyse),
        }

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        return [
            bus.subscribe(f'topic="{PREFIX}{verb}"', answer, subscriber={"room": "files"})
            for verb, answer in self._answers.items()
        ]

    async def _list(self, wish: FileListRequest, _: Cause) -> dict[str, Any]:
        folder, recursive = wish.path or "", wish.recursive is True
        found = await self._room.threads.do(self._room.store.entries, folder, recursive=recursive)
        many = f"{len(found)} files and folders" if len(found) != 1 else "1 file or folder"
        rest = f"; these are the first {_MOST}" if len(found) > _MOST else ""
        return {"message": f"{many}{rest}.", "files": [info(one) for one in found[:_MOST]]}

    async def _info(self, wish: FileRequest, _: Cause) -> dict[str, Any]:
        found = await self._room.threads.do(self._room.store.get, wish.path)
        return _about(found, f"{found.path} is there.", whole=True)

    async def _make_folder(self, wish: FileRequest, by: Cause) -> dict[str, Any]:
        made = await self._room.make_folder(wish.path, by)
        return _about(made, f"{made.path} is there.")

    async def _move(self, wish: MoveRequest, by: Cause) -> dict[str, Any]:
        moved = await self._room.move(wish.path, wish.destination, by)
        return _about(moved, f"{wish.path} is {moved.path} now.")

    async def _copy(self, wish: MoveRequest, by: Cause) -> dict[str, Any]:
        made = await self._room.copy(wish.path, wish.destination, by)
        return _about(made, f"{wish.path} is {made.path}, too.")

    async def _delete(self, wish: DeleteRequest, by: Cause) -> dict[str, Any]:
        was = await self._room.remove(wish.path, recursive=wish.recursive is True, by=by)
        return {"message": f"{was.path} is gone."}

    async def _analyse(self, wish: FileRequest, _: Cause) -> dict[str, Any]:
        found = await self._room.analyse_again(wish.path)
        return _about(found, f"{found.path} will be analysed.")


async def _answered(
    kind: type[W], answer: Callable[[W, Cause], Awaitable[dict[str, Any]]], event: Event
) -> dict[str, Any]:
    """Return the reply to a request: `success`, `message`, and what there is to tell."""
    try:
        wish = msgspec.convert(event.data, kind)
    except msgspec.ValidationError as error:
        return _not_done(f"This request can't be understood: {error}.")
    if _is_late(event, wish):
        return _not_done("This request came too late; nothing was done.")
    who = event.entry.publisher if event.entry is not None else ""
    try:
        return {"success": True, **await answer(wish, Cause(who, caused_by(event)))}
    except Refused as error:
        return _not_done(str(error))


def _is_late(event: Event, wish: Wanted) -> bool:
    if event.entry is None:
        return False
    deadline = wish.deadline if wish.deadline is not UNSET else _DEADLINE
    return not time.time() - event.entry.time <= deadline


def _not_done(reason: str) -> dict[str, Any]:
    return {"success": False, "message": reason}


def _about(found: Stored, message: str, *, whole: bool = False) -> dict[str, Any]:
    return {"message": message, "file": info(found, whole=whole)}
