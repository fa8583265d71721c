"""Requests: each `callboard.files.<verb>` is answered with what came of it, in a sentence."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from callboard.bus import Bus, Subscription
from callboard.catalog.filing import DeleteRequest, FileListRequest, FileRequest, MoveRequest
from callboard.event import Event
from callboard.files.stored import Stored, info
from callboard.files.telling import Cause
from callboard.verbs import Verb, answering

if TYPE_CHECKING:
    from callboard.files.room import Files

_MOST: Final = 1000
"""Files in one reply: all of it must fit into an event."""


class Answering:
    """Answers for the room."""

    def __init__(self, room: Files) -> None:
        self._room = room

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        verbs = {
            "list": Verb(FileListRequest, self._list),
            "info": Verb(FileRequest, self._info),
            "create-folder": Verb(FileRequest, self._make_folder),
            "move": Verb(MoveRequest, self._move),
            "copy": Verb(MoveRequest, self._copy),
            "delete": Verb(DeleteRequest, self._delete),
            "analyse": Verb(FileRequest, self._analyse),
        }
        return answering(bus, "files", verbs)

    async def _list(self, wish: FileListRequest, _: Event) -> dict[str, Any]:
        folder, recursive = wish.path or "", wish.recursive is True
        found = await self._room.threads.do(self._room.store.entries, folder, recursive=recursive)
        many = f"{len(found)} files and folders" if len(found) != 1 else "1 file or folder"
        rest = f"; these are the first {_MOST}" if len(found) > _MOST else ""
        return {"message": f"{many}{rest}.", "files": [info(one) for one in found[:_MOST]]}

    async def _info(self, wish: FileRequest, _: Event) -> dict[str, Any]:
        found = await self._room.threads.do(self._room.store.get, wish.path)
        return _about(found, f"{found.path} is there.", whole=True)

    async def _make_folder(self, wish: FileRequest, event: Event) -> dict[str, Any]:
        made = await self._room.make_folder(wish.path, Cause.of(event))
        return _about(made, f"{made.path} is there.")

    async def _move(self, wish: MoveRequest, event: Event) -> dict[str, Any]:
        moved = await self._room.move(wish.path, wish.destination, Cause.of(event))
        return _about(moved, f"{wish.path} is {moved.path} now.")

    async def _copy(self, wish: MoveRequest, event: Event) -> dict[str, Any]:
        made = await self._room.copy(wish.path, wish.destination, Cause.of(event))
        return _about(made, f"{wish.path} is {made.path}, too.")

    async def _delete(self, wish: DeleteRequest, event: Event) -> dict[str, Any]:
        was = await self._room.remove(wish.path, recursive=wish.recursive is True, by=Cause.of(event))
        return {"message": f"{was.path} is gone."}

    async def _analyse(self, wish: FileRequest, _: Event) -> dict[str, Any]:
        found = await self._room.analyse_again(wish.path)
        return _about(found, f"{found.path} will be analysed.")


def _about(found: Stored, message: str, *, whole: bool = False) -> dict[str, Any]:
    return {"message": message, "file": info(found, whole=whole)}
