"""Durable subscriptions: who owns which cursor, where one goes on, and which nobody wants any more.

    resume --> (one look at the cursors for all who wait) --> router.add behind the cursor
    confirm --> log.move, forward only

A cursor is kept for (user, subscriber id). The newest connection owns it, on whichever node; an
older one is fed no more. Leaving never drops a cursor, only age does.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress

import structlog

from callboard.errors import CallboardError, StorageFailed
from callboard.hub.log import Log
from callboard.hub.recipient import Subscription
from callboard.hub.router import Router

log_ = structlog.get_logger("callboard.durables")

Done = Callable[[CallboardError | None], None]

_TOGETHER = 10.0
"""Seconds in which several subscriptions of one subscriber id begin at the same place."""
_TAKEN = "cursor-taken"


class Owner:
    """The subscriptions that share a cursor, all of one recipient."""

    __slots__ = ("since", "start", "subscriptions")

    def __init__(self) -> None:
        self.subscriptions: list[Subscription] = []
        self.start = 0
        self.since = -_TOGETHER


class Durables:
    """The durable subscriptions of this node, by cursor."""

    def __init__(self, log: Log, router: Router) -> None:
        self._log = log
        self._router = router
        self._owners: dict[str, Owner] = {}
        self._waiting: list[tuple[Subscription, Done]] = []
        self._task: asyncio.Task[None] | None = None
        log.hear(_TAKEN, lambda body: self._take(body.decode(), None))

    def __len__(self) -> int:
        return len(self._owners)

    def resume(self, subscription: Subscription, done: Done) -> None:
        """Feed a subscription from its cursor on, then call `done`; with an error if that can't be."""
        cursor = str(subscription.cursor)
        self._take(cursor, subscription)
        self._log.tell(_TAKEN, cursor.encode(errors="replace"))
        self._owners.setdefault(cursor, Owner()).subscriptions.append(subscription)
        self._waiting.append((subscription, done))
        if self._task is None:
            self._task = asyncio.create_task(self._begin())

    def _take(self, cursor: str, heir: Subscription | None) -> None:
        """Let older recipients, here, know that `heir` or another node has the cursor now."""
        owner = self._owners.get(cursor)
        for other in list(owner.subscriptions) if owner else ():
            if heir is None or other.recipient is not heir.recipient:
                log_.info("a durable subscriber came back elsewhere", cursor=cursor)
                other.recipient.lose(other)

    async def _begin(self) -> None:
        """Begin all that wait; who comes meanwhile waits for the next look at the cursors."""
        try:
            while self._waiting:
                waiting, self._waiting = self._waiting, []
                await self._begin_all(waiting)
        finally:
            self._task = None

    async def _begin_all(self, waiting: list[tuple[Subscription, Done]]) -> None:
        try:
            cursors = await self._log.cursors()
        except CallboardError as error:
            for _, done in waiting:
                done(StorageFailed(f"The cursors can't be read: {error}"))
            return
        for subscription, done in waiting:
            if self.owns(subscription):
                self._begin_one(subscription, cursors.get(str(subscription.cursor)))
                done(None)

    def _begin_one(self, subscription: Subscription, cursor: int | None) -> None:
        name = str(subscription.cursor)
        owner, now, here = self._owners[name], time.monotonic(), self._router.position
        if now - owner.since >= _TOGETHER:  # else another one of this id has just moved the cursor
            owner.start, owner.since = here if cursor is None else min(cursor, here), now
        subscription.since = owner.start
        if cursor is None:
            self._log.move(name, here)
        self._router.add(subscription)

    def owns(self, subscription: Subscription) -> bool:
        """Return whether a subscription still has its cursor."""
        owner = self._owners.get(subscription.cursor or "")
        return owner is not None and subscription in owner.subscriptions

    def leave(self, subscription: Subscription) -> None:
        """A subscription is gone; its cursor stays."""
        owner = self._owners.get(subscription.cursor or "")
        if owner is not None and subscription in owner.subscriptions:
            owner.subscriptions.remove(subscription)
            if not owner.subscriptions:
                del self._owners[subscription.cursor or ""]

    def confirm(self, cursor: str, settled: Callable[[Subscription], int]) -> None:
        """Move a cursor to where all of its subscriptions have settled."""
        owner = self._owners.get(cursor)
        if owner is not None:
            self._log.move(cursor, min(settled(one) for one in owner.subscriptions))

    async def expire(self, keep: float) -> int:
        """Drop cursors nobody holds here whose next event is older than `keep` seconds; return how many."""
        before = await self._log.position_at(time.time() - keep)
        old = [
            name
            for name, position in (await self._log.cursors()).items()
            if position < before and name not in self._owners
        ]
        for name in old:
            await self._log.drop(name)
        return len(old)

    @asynccontextmanager
    async def expiring(self, keep: float | None, every: float = 3600.0) -> AsyncIterator[None]:
        """Let old cursors expire now and then, until the block is left; None keeps them for ever."""
        task = asyncio.create_task(self._expire(keep, every))
        try:
            yield
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task

    async def _expire(self, keep: float | None, every: float) -> None:
        while keep is not None:
            await asyncio.sleep(every)
            try:
                gone = await self.expire(keep)
            except CallboardError as error:
                log_.warning("old cursors could not expire", error=str(error))
            else:
                log_.info("old cursors expired", cursors=gone)

    def close(self) -> None:
        """Begin nothing more."""
        if self._task is not None:
            self._task.cancel()
