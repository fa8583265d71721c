"""How long a log remembers: by age, by size, or for ever.

Old entries go in slices while appends go on. A durable subscriber that is further behind than
that gets an honest gap.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from math import ceil

import structlog

from callboard.errors import StorageFailed
from callboard.hub.log import Log

EVERY = 60.0
"""Seconds between two looks at what is too old or too much."""

log_ = structlog.get_logger("callboard.logs")


@dataclass(frozen=True)
class Retention:
    """What a log keeps: entries younger than `max_age` seconds, about `max_bytes` of them; None: all."""

    max_age: float | None = None
    max_bytes: int | None = None

    async def enforce(self, log: Log, now: float | None = None) -> int:
        """Prune what is too old or too much; return how many entries went. The newest one stays."""
        gone = 0
        if self.max_age is not None:
            moment = (time.time() if now is None else now) - self.max_age
            gone += await log.prune(min(await log.position_at(moment) + 1, await log.last()))
        if self.max_bytes is not None:
            gone += await _shrink(log, self.max_bytes)
        return gone


async def _shrink(log: Log, max_bytes: int) -> int:
    """Prune the oldest entries, as many as their share of the size, until the rest is small enough."""
    gone = 0
    while (size := await log.size()) > max_bytes:
        first, last = await log.first(), await log.last()
        share = ceil((last - first + 1) * (1 - max_bytes / size))
        pruned = await log.prune(min(first + share, last))
        if not pruned:
            break
        gone += pruned
    return gone


@asynccontextmanager
async def retaining(log: Log, retention: Retention, every: float = EVERY) -> AsyncIterator[None]:
    """Enforce `retention` on `log` at once and then every so often, until the block is left."""
    left = asyncio.Event()
    task = asyncio.create_task(_keep(log, retention, every, left), name="callboard retention")
    try:
        yield
    finally:
        left.set()
        task.cancel()  # up to Python 3.11 a `wait_for` below may swallow it: hence the event
        with suppress(asyncio.CancelledError):
            await task


async def _keep(log: Log, retention: Retention, every: float, left: asyncio.Event) -> None:
    while not left.is_set():
        try:
            gone = await retention.enforce(log)
            if gone:
                log_.info("the log forgot old entries", entries=gone)
        except StorageFailed as error:
            log_.warning("the log could not forget old entries", error=str(error))
        with suppress(TimeoutError):
            await asyncio.wait_for(left.wait(), every)
