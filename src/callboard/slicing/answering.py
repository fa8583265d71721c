"""Requests: each `callboard.slicing.<verb>` is answered with what came of it, in a sentence."""

from __future__ import annotations

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
from callboard.event import Event
from callboard.files.telling import Cause
from callboard.slicing.profiles import Profile, settings_of
from callboard.slicing.showing import job_info, profile_infos, slicer_infos
from callboard.slicing.slicer import Position
from callboard.verbs import Verb, answering

if TYPE_CHECKING:
    from callboard.slicing.room import Slicing

_MOST: Final = 200

T = TypeVar("T")


class Answering:
    """Answers for the room."""

    def __init__(self, room: Slicing) -> None:
        self._room = room

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        verbs = {
            "slice": Verb(SliceRequest, self._slice),
            "cancel": Verb(SlicingJobRequest, self._cancel),
            "jobs": Verb(SlicingRequest, self._jobs),
            "list": Verb(SlicingRequest, self._list),
            "profiles": Verb(SlicingRequest, self._profiles),
            "save-profile": Verb(SaveProfileRequest, self._save),
            "delete-profile": Verb(ProfileRequest, self._delete),
        }
        return answering(bus, "slicing", verbs)

    async def _slice(self, wish: SliceRequest, event: Event) -> dict[str, Any]:
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
            if_clear=_said(wish.if_clear, True),
        )
        job = await self._room.slice(order, Cause.of(event))
        said = f"{order.file} is being sliced to {order.to}."
        return {"message": said, "job": msgspec.to_builtins(job_info(job))}

    async def _cancel(self, wish: SlicingJobRequest, _: Event) -> dict[str, Any]:
        job = self._room.cancel(wish.job)
        return {"message": f"The slicing of {job.order.file} is called off."}

    async def _jobs(self, _: SlicingRequest, __: Event) -> dict[str, Any]:
        found = [job_info(job) for job in self._room.jobs()[:_MOST]]
        return {"message": _counted(len(found), "job"), "jobs": msgspec.to_builtins(found)}

    async def _list(self, _: SlicingRequest, __: Event) -> dict[str, Any]:
        found = await self._room.files.threads.do(slicer_infos, self._room)
        here = sum(one.available for one in found)
        return {"message": _counted(here, "slicer"), "slicers": msgspec.to_builtins(found)}

    async def _profiles(self, _: SlicingRequest, __: Event) -> dict[str, Any]:
        found = await self._room.files.threads.do(profile_infos, self._room)
        return {"message": _counted(len(found), "profile"), "profiles": msgspec.to_builtins(found[:_MOST])}

    async def _save(self, wish: SaveProfileRequest, event: Event) -> dict[str, Any]:
        profile = Profile(
            slicer=wish.slicer,
            key=wish.profile,
            display_name=_said(wish.displayName, ""),
            description=_said(wish.description, ""),
            default=_said(wish.default, False),
            data=settings_of(wish.data),
        )
        await self._room.save_profile(profile, Cause.of(event))
        return {"message": f"{wish.slicer} has the profile {wish.profile}."}

    async def _delete(self, wish: ProfileRequest, event: Event) -> dict[str, Any]:
        await self._room.delete_profile(wish.slicer, wish.profile, Cause.of(event))
        return {"message": f"The profile {wish.profile} of {wish.slicer} is gone."}


def _said(value: T | UnsetType, default: T) -> T:
    return default if isinstance(value, UnsetType) else value


def _counted(count: int, what: str) -> str:
    return f"{count} {what}." if count == 1 else f"{count} {what}s."
