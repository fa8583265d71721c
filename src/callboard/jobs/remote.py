"""The desk of a worker that is not in the hub's process: each call is a request over the bus."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec

from callboard.bus import Bus
from callboard.errors import CallboardError, Denied, Unauthenticated
from callboard.event import Event
from callboard.jobs.job import Job
from callboard.jobs.room import REMIND, WAITING

_DEADLINE: Final = 10.0


class NoAnswer(CallboardError):
    """The hub did not answer: it may be restarting, or an older one without jobs."""


class Remote:
    """Jobs of the hub at the other end of `bus`; `hub` is its name, empty when there is only one."""

    def __init__(self, bus: Bus, hub: str = "") -> None:
        self._bus, self._hub = bus, hub
        self._wake = asyncio.Event()
        # `connected` is the client's own: while it was away a job may have come.
        self._subscription = bus.subscribe(
            f'topic="{WAITING}" or topic=ftrack.meta.connected', lambda _: self._wake.set()
        )

    def close(self) -> None:
        """Hear of no more jobs."""
        self._subscription.close()

    async def take(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        """See `Desk.take`; None too while the hub does not answer. Raises Denied."""
        self._wake.clear()
        try:
            said = await self._ask("take", {"worker": worker, "kinds": list(kinds)})
            return msgspec.convert(said["job"], Job) if said.get("success") is True else None
        except (Denied, Unauthenticated):
            raise
        except (CallboardError, msgspec.ValidationError, KeyError):
            return None

    async def wait(self) -> None:
        """See `Desk.wait`."""
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._wake.wait(), REMIND)

    async def renew(self, job: Job, percent: float | None) -> bool:
        """See `Desk.renew`; raises NoAnswer."""
        more = {} if percent is None else {"percent": percent}
        return await self._mine("renew", job, more)

    async def finish(self, job: Job, result: Mapping[str, Any]) -> bool:
        """See `Desk.finish`; raises NoAnswer."""
        return await self._mine("finish", job, {"result": dict(result)})

    async def fail(self, job: Job, result: Mapping[str, Any]) -> bool:
        """See `Desk.fail`; raises NoAnswer."""
        return await self._mine("fail", job, {"result": dict(result)})

    async def give_back(self, job: Job) -> bool:
        """See `Desk.give_back`; raises NoAnswer."""
        return await self._mine("give-back", job, {})

    async def _mine(self, verb: str, job: Job, more: Mapping[str, Any]) -> bool:
        said = await self._ask(verb, {"job": job.id, "lease": job.lease, **more})
        return said.get("success") is True

    async def _ask(self, verb: str, data: Mapping[str, Any]) -> Mapping[str, Any]:
        where = {"hub": self._hub} if self._hub else {}
        wish = Event(f"callboard.jobs.{verb}", {**data, **where, "deadline": _DEADLINE})
        replies: Any = self._bus.request(wish, deadline=_DEADLINE)
        async with aclosing(replies):
            async for reply in replies:
                if isinstance(reply.data, Mapping) and "success" in reply.data:
                    return reply.data
        raise NoAnswer
