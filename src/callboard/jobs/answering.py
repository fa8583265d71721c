"""Requests of workers: `callboard.jobs.<verb>`, from now on only, and none older than its deadline."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final

from msgspec import UNSET

from callboard.bus import Bus, Subscription
from callboard.catalog.working import (
    EndJobRequest,
    GiveBackRequest,
    RenewRequest,
    TakeRequest,
)
from callboard.event import Event
from callboard.verbs import Answer, Reply, Verb, answering

if TYPE_CHECKING:
    from callboard.jobs.room import Jobs

_DEADLINE: Final = 10.0
"""Seconds that a request without a deadline is good for."""
_ELSEWHERE: Final = "This job belongs to another worker by now: its lease ran out."


class Answering:
    """Answers for the room."""

    def __init__(self, room: Jobs) -> None:
        self._room = room

    def subscribe(self, bus: Bus) -> list[Subscription]:
        """Begin to answer."""
        verbs = {
            "take": Verb(TakeRequest, self._mine(self._take)),
            "renew": Verb(RenewRequest, self._mine(self._renew)),
            "finish": Verb(EndJobRequest, self._mine(self._finish)),
            "fail": Verb(EndJobRequest, self._mine(self._fail)),
            "give-back": Verb(GiveBackRequest, self._mine(self._give_back)),
        }
        return answering(bus, "jobs", verbs, _DEADLINE, strict=False)  # workers may be of a later version

    def _mine(self, answer: Answer) -> Answer:
        """Return an answer that leaves requests to another hub on the same log unanswered."""
        return partial(self._unless_elsewhere, answer)

    async def _unless_elsewhere(self, answer: Answer, wish: Any, event: Event) -> Reply:
        meant = wish.hub in {UNSET, self._room.name}
        return await answer(wish, event) if meant else None

    async def _take(self, wish: TakeRequest, _: Event) -> Reply:
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

    async def _renew(self, wish: RenewRequest, _: Event) -> Reply:
        percent = wish.percent if wish.percent is not UNSET else None
        return _said(await self._room.renew(wish.job, wish.lease, percent), "It is kept.")

    async def _finish(self, wish: EndJobRequest, _: Event) -> Reply:
        return _said(await self._room.finish(wish.job, wish.lease, wish.result), "It is done.")

    async def _fail(self, wish: EndJobRequest, _: Event) -> Reply:
        return _said(await self._room.fail(wish.job, wish.lease, wish.result), "It has failed.")

    async def _give_back(self, wish: GiveBackRequest, _: Event) -> Reply:
        return _said(await self._room.give_back(wish.job, wish.lease), "Somebody else may take it.")


def _said(done: bool, message: str) -> Reply:
    return {"success": done, "message": message if done else _ELSEWHERE}
