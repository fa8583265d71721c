"""Requests: each `callboard.slicing.<verb>` is answered with what came of it, in a sentence.

From now on only, never from a cursor, and none that is older than its deadline.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import UNSET, UnsetType

from callboard.bus import Bus, Subscription
from callboard.catalog.slicing import (
    ProfileRequest,
    SaveProfileRequest,
    SliceRequest,
    SlicingJobRequest,
    SlicingRequest,
)
from callboard.event import Event, caused_by
from callboard.files import refusals
from callboard.files.telling import Cause
from callboard.slicing.profiles import Profile, settings_of
from callboard.slicing.refusals import Refused
from callboard.slicing.showing import job_info, profile_infos, slicer_infos
from callboard.slicing.slicer import Position

if TYPE_CHECKING:
    from callboard.slicing.room import Slicing

PREFIX: Final = "callboard.slicing."
_DEADLINE: Final = 60.0
_MOST: Final = 200

W = TypeVar("W", bound=SlicingRequest)
T = TypeVar("T")
Answer = Callable[[Event], Awaitable[dict[str, Any]]]


class Answering:
    """Answers for the room."""

    def __init__(self, room: Slicing) -> None:
        self._room = room
        self._answers: Mapping[str, Answer] = {
            "slice": partial(_answered, SliceRequest, self._slice),
            "cancel": partial(_answered, SlicingJobRequest, self._cancel),
            "jobs": partial(_answered, SlicingRequest, self._jobs),
            "list": partial(_answered, SlicingRequest, self._list),
            "profiles": partial(_answered, SlicingRequest, self._profiles),
            "save-profile": partial(_answered, SaveProfileRequest, self._save),
            "delete-profile": partial(_answered, ProfileRequest, self._delete),
        }

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        return [
            bus.subscribe(f'topic="{PREFIX}{verb}"', answer, subscriber={"room": "slicing"})
            for verb, answer in self._answers.items()
        ]

    async def _slice(self, wish: SliceRequest, by: Cause) -> dict[str, Any]:
        order = await self._room.order(
            wish.file,
            to=_said(wish.to, ""),
            slicer=_said(wish.slicer, ""),
            profile=_said(wish.profile, ""),
            overrides=_said(wish.overrides, {}),
            position=Position(wish.position.x, wish.position.y) if wish.position is not UNSET else None,
            overwrite=_said(wish.overwrite, True),
            select=_said(wish.select, ""),
            print_on=_said(wish.print, ""),
        )
        job = await self._room.slice(order, by)
        said = f"{order.file} is being sliced to {order.to}."
        return {"message": said, "job": msgspec.to_builtins(job_info(job))}

    async def _cancel(self, wish: SlicingJobRequest, _: Cause) -> dict[str, Any]:
        job = self._room.cancel(wish.job)
        return {"message": f"The slicing of {job.order.file} is called off."}

    async def _jobs(self, _: SlicingRequest, __: Cause) -> dict[str, Any]:
        found = [job_info(job) for job in self._room.jobs()[:_MOST]]
        return {"message": _counted(len(found), "job"), "jobs": msgspec.to_builtins(found)}

    async def _list(self, _: SlicingRequest, __: Cause) -> dict[str, Any]:
        found = await self._room.files.threads.do(slicer_infos, self._room)
        here = sum(one.available for one in found)
        return {"message": _counted(here, "slicer"), "slicers": msgspec.to_builtins(found)}

    async def _profiles(self, _: SlicingRequest, __: Cause) -> dict[str, Any]:
        found = await self._room.files.threads.do(profile_infos, self._room)
        return {"message": _counted(len(found), "profile"), "profiles": msgspec.to_builtins(found[:_MOST])}

    async def _save(self, wish: SaveProfileRequest, by: Cause) -> dict[str, Any]:
        profile = Profile(
            slicer=wish.slicer,
            key=wish.profile,
            display_name=_said(wish.displayName, ""),
            description=_said(wish.description, ""),
            default=_said(wish.default, False),
            data=settings_of(wish.data),
        )
        await self._room.save_profile(profile, by)
        return {"message": f"{wish.slicer} has the profile {wish.profile}."}

    async def _delete(self, wish: ProfileRequest, by: Cause) -> dict[str, Any]:
        await self._room.delete_profile(wish.slicer, wish.profile, by)
        return {"message": f"The profile {wish.profile} of {wish.slicer} is gone."}


async def _answered(
    kind: type[W], answer: Callable[[W, Cause], Awaitable[dict[str, Any]]], event: Event
) -> dict[str, Any]:
    """Return the reply to a request: `success`, `message`, and what there is to tell."""
    try:
        wish = msgspec.convert(event.data, kind)
    except msgspec.ValidationError as error:
        return _not_done(f"This request can't be understood: {error}.")
    deadline = _said(wish.deadline, _DEADLINE)
    if event.entry is not None and not time.time() - event.entry.time <= deadline:
        return _not_done("This request came too late; nothing was done.")
    who = event.entry.publisher if event.entry is not None else ""
    try:
        return {"success": True, **await answer(wish, Cause(who, caused_by(event)))}
    except (Refused, refusals.Refused) as error:
        return _not_done(str(error))
    except OSError as error:
        return _not_done(f"The slicing folder can't be read or written: {error.strerror or error}.")


def _said(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value


def _not_done(reason: str) -> dict[str, Any]:
    return {"success": False, "message": reason}


def _counted(count: int, what: str) -> str:
    return f"{count} {what}." if count == 1 else f"{count} {what}s."
