"""What waits for one handler: live events while it keeps up, else the hub's log.

    live   socket --> offer --> queue --> take
    behind                      log (HTTP, page by page) --> take

A queue that is full is not a reason to stop reading the socket: heartbeats and all other handlers
would wait too. The subscription just stands further back in the log, reads there, and is live
again in the turn in which it has read up to the newest event that it was not given. The same code
serves `after=` and a resume after a lost connection.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import NamedTuple

from msgspec import Struct

from callboard.client.rounds import Round
from callboard.errors import BadPosition, Gone, StorageFailed, TimedOut

log = logging.getLogger("callboard.client")

MOST = 1000
MOST_BYTES = 8 << 20
NOW = "now"
_PATIENCE = 1.0


class Mark(NamedTuple):
    """A position that can be compared with others of its log."""

    log: str
    number: int

    def __str__(self) -> str:
        return f"{self.log}-{self.number}"


class Delivery(Struct, frozen=True):
    """An event for one handler; `size` is about the bytes it keeps; no mark: it never was in the log."""

    round: Round
    mark: Mark | None = None
    size: int = 0


class Page(Struct, frozen=True):
    """What the log says behind a position: what matched, and the position to go on from."""

    deliveries: Sequence[Delivery]
    next: str


Read = Callable[[str], Awaitable[Page]]


def mark_of(position: str) -> Mark | None:
    """Return what a position says; None for what is none (a time, say)."""
    log_id, _, number = position.rpartition("-")
    return Mark(log_id, int(number)) if log_id and number.isascii() and number.isdigit() else None


def later(one: Mark | None, other: Mark | None) -> Mark | None:
    """Return the later one; of two logs the other: the newer one is what counts."""
    if one is None or other is None:
        return one or other
    return one if one.log == other.log and one.number > other.number else other


def seen(newest: Mark | None, mark: Mark | None) -> bool:
    """Tell whether `mark` is not behind `newest` in the same log."""
    return bool(newest and mark and newest.log == mark.log and mark.number <= newest.number)


def reaches(mark: Mark | None, goal: Mark | None) -> bool:
    """Tell whether `mark` has come as far as `goal`; no goal, or one in another log, is always reached."""
    return goal is None or (mark is not None and (mark.log != goal.log or mark.number >= goal.number))


def start_of(after: str) -> str:
    """Return `after` if it is a position, an ISO 8601 time or `now`; raises BadPosition otherwise."""
    if after == NOW or mark_of(after):
        return after
    try:
        datetime.fromisoformat(after)
    except ValueError:
        raise BadPosition(
            f"{after[:80]!r} is neither a position nor an ISO 8601 time, nor 'now': use one of them."
        ) from None
    return after


class Feed:
    """The events of one subscription, in order, each once; bounded in number and bytes.

    `after` is a position or an ISO time to begin behind, or `now`; with it, what is missed while
    the connection is lost is read from the log. Without it the feed never looks back by itself.
    """

    def __init__(self, read: Read, after: str | None = None) -> None:
        self._read = read
        self._resumes = after is not None
        self._from = "" if after is None or start_of(after) == NOW else after
        self._behind = bool(self._from)
        self._newest: Mark | None = None
        self._skipped: Mark | None = None
        self._live: Mark | None = None
        self._ready: deque[Delivery] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._closed = False

    @property
    def behind(self) -> bool:
        """True while it reads the log."""
        return self._behind

    def attach(self, position: str) -> None:
        """The hub gives what is behind `position` from now on."""
        self._live = mark_of(position)
        if not self._behind:
            self._newest = later(self._newest, self._live)
        self._wake.set()

    def detach(self) -> None:
        """The hub gives nothing any more: the connection is lost."""
        self._live = None
        if self._resumes and not self._behind and self._newest is not None:
            self._fall_behind()

    def _fall_behind(self) -> None:
        self._behind = True
        self._from = str(self._newest)
        self._skipped = None

    def offer(self, delivery: Delivery) -> bool:
        """Take a live event; False for one that was there before, or that will be read from the log."""
        mark = delivery.mark
        if self._closed or seen(self._newest, mark):
            return False
        full = len(self._ready) >= MOST or self._bytes >= MOST_BYTES
        if mark is not None and full and not self._behind and self._newest is not None:
            self._fall_behind()
        if mark is not None and self._behind:
            self._skipped = later(self._skipped, mark)
            return False
        if not full:
            self._push(delivery)
        return not full

    def _push(self, delivery: Delivery) -> None:
        self._newest = later(self._newest, delivery.mark)
        self._bytes += delivery.size
        self._ready.append(delivery)
        self._wake.set()

    async def take(self) -> Delivery | None:
        """Return the next event, waiting for it; None once the feed is closed."""
        while not self._closed:
            if self._ready:
                delivery = self._ready.popleft()
                self._bytes -= delivery.size
                return delivery
            if self._behind and self._live is not None:
                await self._catch_up()
            else:
                self._wake.clear()
                await self._wake.wait()
        return None

    async def _catch_up(self) -> None:
        asked, live, skipped = self._from, self._live, self._skipped
        try:
            page = await self._read(asked)
        except (Gone, StorageFailed, TimedOut) as error:
            log.warning("The log can't be read now, trying again: %s", error)
            await asyncio.sleep(_PATIENCE)
            return
        for delivery in page.deliveries:
            if not seen(self._newest, delivery.mark):
                self._push(delivery)
        self._from = page.next
        if self._live is live and self._is_level(asked, skipped):
            self._behind = False
            self._newest = later(self._newest, later(live, mark_of(page.next)))

    def _is_level(self, asked: str, skipped: Mark | None) -> bool:
        """Tell whether the log was read up to where the hub's live events begin, and to all since skipped."""
        reached = mark_of(self._from)
        if self._from == asked:  # nothing is there any more: what is missing was pruned
            return self._skipped == skipped
        return reaches(reached, self._live) and reaches(reached, self._skipped)

    def close(self) -> Sequence[Delivery]:
        """Give nothing more; returns what waited and will never be given."""
        self._closed = True
        left = list(self._ready)
        self._ready.clear()
        self._wake.set()
        return left
