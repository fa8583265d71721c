"""Noting: a task gets a note, a status, or both, so that what became of it is never silence."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any, Final

from msgspec import UNSET

from callboard.catalog.versions import NoteRequest, PublishRequest
from callboard.errors import CallboardError
from callboard.studio.production import NoSuchEntity, Production, Row, created, updated

_SPACE: Final = uuid.UUID("7d0c62b5-8f0f-4b57-9b0a-1f4d7ec20c11")


class NothingSaid(CallboardError):
    """There is nothing to tell: say a note, a status, or both."""


def once_id(once: str, what: str) -> str:
    """Return the id of what is made under this name: the same whenever it is asked for."""
    return str(uuid.uuid5(_SPACE, f"{what}/{once}"))


async def note(wish: NoteRequest, production: Production) -> Mapping[str, Any]:
    """Write a note on a task, and give it a status; what was done under this name before is left alone."""
    if wish.note is UNSET and wish.status is UNSET:
        raise NothingSaid
    task = await production.first("Task", "id, name", {"id": wish.task})
    if task is None:
        raise NoSuchEntity(f"There is no task {wish.task}.")
    already = {"message": f"{task['name']} has this note already; nothing was done."}
    if await _is_there(wish, production):
        return already
    try:
        await production.do(await changes_of(task, wish, production))
    except CallboardError:
        if await _is_there(wish, production):  # another node was quicker
            return already
        raise
    told = f"is {wish.status} now" if wish.status is not UNSET else ""
    noted = "has a note" if not told else ", with a note" if wish.note is not UNSET else ""
    return {"message": f"{task['name']} {told}{noted}."}


async def _is_there(wish: NoteRequest, production: Production) -> bool:
    if wish.once is UNSET or wish.note is UNSET:
        return False
    return await production.first("Note", "id", {"id": once_id(wish.once, "note")}) is not None


async def changes_of(
    task: Row | None,
    wish: NoteRequest | PublishRequest,
    production: Production,
    on: tuple[str, str] | None = None,
) -> list[dict[str, Any]]:
    """Return the operations that note something of a task; where there is none, the note is `on` another."""
    about = ("Task", str(task["id"])) if task is not None else on
    made: list[dict[str, Any]] = []
    if wish.note is not UNSET and wish.note.strip() and about is not None:
        id_ = once_id(wish.once, "note") if wish.once is not UNSET else str(uuid.uuid4())
        made.append(created("Note", id=id_, content=wish.note, parent_id=about[1], parent_type=about[0]))
    if wish.status is not UNSET:
        if task is None:
            raise NoSuchEntity("There is no task that could get a status: say which `task` is meant.")
        made.append(updated("Task", str(task["id"]), status_id=await _status(wish.status, production)))
    return made


async def _status(name: str, production: Production) -> str:
    found = await production.first("Status", "id", {"name": name})
    if found is None:
        names = ", ".join(
            str(each["name"]) for each in await production.find("Status", "name", {}, order="sort")
        )
        raise NoSuchEntity(f"There is no status {name!r}: there are {names}.")
    return str(found["id"])
