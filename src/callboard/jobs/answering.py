"""Requests of workers: `callboard.jobs.<verb>`, from now on only, and none older than its deadline."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec
from msgspec import UNSET

from callboard.bus import Bus, Subscription
from callboard.catalog.working import (
    EndJobRequest,
    GiveBackRequest,
    JobsRequest,
    RenewRequest,
    TakeRequest,
)
from callboard.event import Event

if TYPE_CHECKING:
    from callboard.jobs.room import Jobs

PREFIX: Final = "callboard.jobs."
_DEADLINE: Final = 10.0
"""Seconds that a request without a deadline is good for."""
_ELSEWHERE: Final = "This job belongs to another worker by now: its lease ran out."

W = TypeVar("W", bound=JobsRequest)
Reply = dict[str, Any] | None


class Answering:
    """Answers for the room."""

    def __init__(self, room: Jobs) -> None:
        self._room = room
        self._answers: Mapping[str, Callable[[Event], Awaitable[Reply]]] = {
            "take": partial(self._answered, TakeRequest, self._take),
            "renew": partial(self._answered, RenewRequest, self._renew),
            "finish": partial(self._answered, EndJobRequest, self._finish),
            "fail": partial(self._answered, EndJobRequest, self._fail),
            "give-back": partial(self._answered, GiveBackRequest, self._give_back),
        }

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        return [
            bus.subscribe(f'topic="{PREFIX}{verb}"', answer, subscriber={"room": "jobs"})
            for verb, answer in self._answers.items()
        ]

    async def _take(self, wish: TakeRequest) -> Reply:
        job = await self._room.take(wish.worker, tuple(wish.kinds))
        if job is None:
            return {"success": False, "message": "No job waits."}
        given = {
            "id": job.id,
            "kind": job.kind,
            "payload": job.payload,
            "source": job.source,
            "lease": job.lease,
            "attempts": job.attempts,
        }
        said = f"{wish.worker} has it for {self._room.seconds:g} s, unless it is renewed."
        return {"success": True, "message": said, "job": given, "seconds": self._room.seconds}

    async def _renew(self, wish: RenewRequest) -> Reply:
        percent = wish.percent if wish.percent is not UNSET else None
        return _said(await self._room.renew(wish.job, wish.lease, percent), "It is kept.")

    async def _finish(self, wish: EndJobRequest) -> Reply:
        return _said(await self._room.finish(wish.job, wish.lease, wish.result), "It is done.")

    async def _fail(self, wish: EndJobRequest) -> Reply:
        return _said(await self._room.fail(wish.job, wish.lease, wish.result), "It has failed.")

    async def _give_back(self, wish: GiveBackRequest) -> Reply:
        return _said(await self._room.give_back(wish.job, wish.lease), "Somebody else may take it.")

    async def _answered(self, kind: type[W], answer: Callable[[W], Awaitable[Reply]], event: Event) -> Reply:
        """Return the reply to a request; None when another hub on the same log is meant."""
        try:
            wish = msgspec.convert(event.data, kind)
        except msgspec.ValidationError as error:
            return {"success": False, "message": f"This request can't be understood: {error}."}
        if wish.hub is not UNSET and wish.hub != self._room.name:
            return None
        deadline = wish.deadline if wish.deadline is not UNSET else _DEADLINE
        if event.entry is not None and not time.time() - event.entry.time <= deadline:
            return {"success": False, "message": "This request came too late; nothing was done."}
        return await answer(wish)


def _said(done: bool, message: str) -> Reply:
    return {"success": done, "message": message if done else _ELSEWHERE}
