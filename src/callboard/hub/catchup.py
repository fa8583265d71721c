"""Catching up: a recipient that is not fed reads the log by itself until it stands where the router does.

    room --> log.read --> what its subscriptions want --> outbox --> flush --> again, or live

Few read at a time: a thousand clients that come back at once must not hold up those who are live.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from typing import Protocol

import structlog

from callboard.errors import CallboardError, Gone
from callboard.event import Entry
from callboard.hub.log import Log
from callboard.hub.recipient import FAR, Recipient, Subscription

_LIMIT = 512
_BYTES = 256 * 1024
_PATIENCE = 1.0
_AT_ONCE = 4
_FEW = 32
"""So many subscriptions are asked one by one; of more the index tells which want an entry."""

log_ = structlog.get_logger("callboard.catchup")

Groups = Sequence[Collection[Subscription]]


class Head(Protocol):
    """The router, as far as it matters here."""

    position: int
    delivered: int


class CatchUp:
    """Those who read by themselves; `behind` is how many they are."""

    def __init__(self, log: Log, head: Head, wanting: Callable[[Entry], Groups]) -> None:
        self.behind = 0
        self._log = log
        self._head = head
        self._wanting = wanting
        self._turns = asyncio.Semaphore(_AT_ONCE)

    def start(self, recipient: Recipient, position: int) -> None:
        """Let a recipient read the log from `position` on, also one that is reading elsewhere."""
        recipient.served = FAR
        recipient.position = position
        if recipient.reading is None:
            recipient.reading = asyncio.create_task(self._run(recipient))

    async def _run(self, recipient: Recipient) -> None:
        self.behind += 1
        try:
            while not await self._step(recipient):  # noqa: ASYNC110
                await asyncio.sleep(0)  # a log in memory reads without waiting: let others have their turn
        except Gone:
            pass
        finally:
            self.behind -= 1
            recipient.reading = None

    async def _step(self, recipient: Recipient) -> bool:
        """Read one batch for a recipient; return True in the turn in which it is live again."""
        await recipient.room()
        async with self._turns:
            start = recipient.position
            try:
                batch = await self._log.read(start, _LIMIT, _BYTES)
                missed = await self._missed(start, batch)
            except CallboardError as error:
                log_.warning("reading for a slow subscriber failed", error=str(error))
                await asyncio.sleep(_PATIENCE)
                return False
            if recipient.position != start:  # it was sent further back while we read
                return False
            if missed:
                recipient.miss(start, missed)
            self._feed(recipient, batch)
            if not recipient.flush() or recipient.position < self._head.position:
                return False
            recipient.served = recipient.position
            return True

    async def _missed(self, start: int, batch: Sequence[Entry]) -> int:
        """Return the first position that is there when some before it are gone, else 0."""
        expected = start + 1
        if (batch[0].position if batch else self._head.position + 1) <= expected:
            return 0
        first = await self._log.first()
        if first <= expected:
            return 0
        return batch[0].position if batch else first

    def _feed(self, recipient: Recipient, batch: Sequence[Entry]) -> None:
        for entry in batch:
            try:
                self._offer(recipient, entry)
            except Exception:  # one entry that can't be judged must not stop a subscriber for ever
                log_.exception("entry not read", position=entry.position)
            recipient.position = entry.position
        if not batch:
            recipient.position = max(recipient.position, self._head.position)

    def _offer(self, recipient: Recipient, entry: Entry) -> None:
        wanted = self._wanted(recipient, entry)
        for subscription in wanted:
            if subscription.owed is not None:
                subscription.owed.give(entry.envelope.id or "", entry.position)
        if wanted:
            recipient.outbox.append(recipient.framing(entry))
            self._head.delivered += 1

    def _wanted(self, recipient: Recipient, entry: Entry) -> list[Subscription]:
        mine = recipient.subscriptions.values()
        if entry.envelope.target or len(mine) > _FEW:
            found = (one for group in self._wanting(entry) for one in group if one.recipient is recipient)
            return [one for one in found if entry.position > one.since]
        return [one for one in mine if entry.position > one.since and one.wants(entry)]
