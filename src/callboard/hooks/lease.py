"""Who of several nodes on one log runs the hooks: decided by the order of the log alone.

    ask (term 0)    wins where nobody is known to hold the lease
    claim (term n)  wins when n is one more than the last winner's term, and the first such wins

Every node reads the same claims in the same order, so all agree without comparing clocks. The holder
claims again three times in `ttl` seconds, others claim when they have heard nothing for `ttl`; a
holder whose claim does not come back in time stands down by its own clock, before the others move.
Each claim carries a position: behind it the next holder begins.
"""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

import structlog
from msgspec import Struct

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError
from callboard.event import Event

log_ = structlog.get_logger("callboard.hooks")

TOPIC: Final = "callboard.hooks.lease"


_PAST: Final = 86400.0
"""Seconds of claims to read at the start: the last holder's says where to begin."""


class Claim(Struct, frozen=True):
    """A claim that won."""

    node: str
    term: int
    cursor: str
    position: str
    released: bool


class Taken(Struct, frozen=True):
    """The lease is ours: `cursor` is where to begin if another node had it before, else empty."""

    cursor: str
    position: str


class Lease:
    """`await take()` until it is ours; `lost` is set when it is not any more."""

    def __init__(self, bus: Bus, node: str, *, ttl: float = 15.0, name: str = "hooks") -> None:
        self.node = node
        self.lost = asyncio.Event()
        self._bus, self._ttl, self._name = bus, ttl, name
        self._current: Claim | None = None
        self._heard = time.monotonic()
        self._asked: dict[str, float] = {}
        self._before: Claim | None = None
        self._news = asyncio.Event()
        self._subscription: Subscription | None = None
        self._cursor: Callable[[], str] = str
        self._keeping: asyncio.Task[None] | None = None
        self._until = 0.0

    @property
    def held(self) -> bool:
        """True while this node may act."""
        return (
            self._current is not None and self._current.node == self.node and time.monotonic() < self._until
        )

    async def take(self) -> Taken:
        """Wait until the lease is ours."""
        if self._subscription is None:
            since = datetime.fromtimestamp(time.time() - _PAST, UTC).isoformat()
            expression = f'topic="{TOPIC}" and data.lease="{self._name}"'
            self._subscription = self._bus.subscribe(expression, self._hear, after=since)
            await self._claim(0)
        while not self.held:
            await self._wait()
        self.lost.clear()
        assert self._current is not None
        previous = self._before if self._before is not None and self._before.node != self.node else None
        return Taken(previous.cursor if previous else "", self._current.position)

    def keep(self, cursor: Callable[[], str]) -> None:
        """Hold on to the lease, telling `cursor()` with each claim, until it is lost or released."""
        self._cursor = cursor
        self._keeping = asyncio.create_task(self._keep())

    async def release(self) -> None:
        """Give the lease up, so that another node takes it at once."""
        if self._keeping is not None:
            self._keeping.cancel()
        if self.held:
            self._until = 0.0
            await self._claim(self._term + 1, released=True)
        if self._subscription is not None:
            self._subscription.close()

    @property
    def _term(self) -> int:
        return self._current.term if self._current is not None else 0

    async def _wait(self) -> None:
        """Wait for news; claim when the holder has been silent too long, or is ourselves of before."""
        current = self._current
        if current is not None and (current.node == self.node or current.released or self._silent):
            await self._claim(self._term + 1)
        self._news.clear()
        try:
            async with asyncio.timeout(self._ttl / 3 * (1 + random.random() / 2)):
                await self._news.wait()
        except TimeoutError:
            if self._current is None:
                await self._claim(0)

    @property
    def _silent(self) -> bool:
        return time.monotonic() - self._heard > self._ttl

    async def _keep(self) -> None:
        while self.held:
            await asyncio.sleep(self._ttl / 3)
            await self._claim(self._term + 1)
        log_.warning("this node no longer runs the hooks", node=self.node)
        self.lost.set()

    async def _claim(self, term: int, *, released: bool = False) -> None:
        data = {
            "lease": self._name,
            "node": self.node,
            "term": term,
            "cursor": self._cursor(),
            "released": released,
        }
        event = Event(TOPIC, data)
        self._asked = dict([*self._asked.items()][-8:])
        self._asked[event.id] = time.monotonic()
        try:
            async with asyncio.timeout(self._ttl / 3):
                await self._bus.publish(event)
        except (CallboardError, TimeoutError) as error:
            log_.warning("the lease of the hooks could not be claimed", error=str(error))

    def _hear(self, event: Event) -> None:
        """Take a claim of anybody, in the order of the log."""
        claim = _claim_of(event)
        asked = self._asked.pop(event.id, None)
        current = self._current
        if claim is None or (current is not None and claim.term != current.term + 1):
            return
        if current is None or current.node != claim.node:
            self._before = current
        self._current, self._heard = claim, time.monotonic() - _age(event)
        if asked is not None and not claim.released:
            self._until = asked + self._ttl * 0.9
        self._news.set()


def _age(event: Event) -> float:
    """Return how old a claim was when it was read: those of the past don't make anybody wait."""
    return max(0.0, time.time() - event.entry.time) if event.entry is not None else 0.0


def _claim_of(event: Event) -> Claim | None:
    data: Any = event.data
    if not isinstance(data, dict) or event.entry is None:
        return None
    node, term, cursor = data.get("node"), data.get("term"), data.get("cursor")
    if not isinstance(node, str) or not isinstance(term, int) or not isinstance(cursor, str):
        return None
    return Claim(node, term, cursor, event.entry.position, data.get("released") is True)
