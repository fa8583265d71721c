"""A stream: entries for one reader in this process, a room's handler or an SSE response."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable

from callboard.errors import Gone
from callboard.event import Entry, Event, seal
from callboard.hub.principal import Principal
from callboard.hub.recipient import Recipient, Subscription

GAP = "callboard.meta.gap"
_MOST = 1000
_MOST_BYTES = 1 << 20


def gap_entry(after: int, before: int, text_after: str, text_before: str) -> Entry:
    """Return the entry that says honestly that those between two positions are gone."""
    event = Event(topic=GAP, data={"after": text_after, "before": text_before, "missed": before - after - 1})
    return Entry(before - 1, 0.0, "callboard", seal(event))


def as_entry(entry: Entry) -> Entry:
    """Frame an entry as itself: readers in this process take entries."""
    return entry


class Stream(Recipient):
    """Iterate over it for the entries; bounded in number and bytes, the rest waits in the log."""

    def __init__(self, principal: Principal, text: Callable[[int], str] = str) -> None:
        super().__init__(principal, as_entry)
        self._text = text
        self._ready: deque[Entry] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._taken = asyncio.Event()
        self.closed = False

    def flush(self) -> bool:
        """Move the outbox to the reader; False when it holds as much as it may."""
        self._bytes += sum(len(entry.envelope.data) for entry in self.outbox)
        self._ready.extend(self.outbox)
        self.outbox.clear()
        self._wake.set()
        return len(self._ready) < _MOST and self._bytes < _MOST_BYTES

    async def room(self) -> None:
        """Wait until the reader has taken half of what it may hold."""
        while not self.closed and (len(self._ready) > _MOST // 2 or self._bytes > _MOST_BYTES // 2):
            self._taken.clear()
            await self._taken.wait()
        if self.closed:
            raise Gone

    def lose(self, subscription: Subscription) -> None:  # noqa: ARG002 - it has but one
        """End: somebody else goes on with its cursor."""
        self.close()

    def miss(self, after: int, before: int) -> None:
        """Tell the reader of a gap in its place."""
        self.outbox.append(gap_entry(after, before, self._text(after), self._text(before)))

    def close(self) -> None:
        """End the iteration once what is ready has been read."""
        self.closed = True
        self._wake.set()
        self._taken.set()

    async def take(self) -> list[Entry]:
        """Return all that is ready, waiting for something; empty once the stream is closed and read."""
        while not self._ready and not self.closed:
            self._wake.clear()
            await self._wake.wait()
        taken = list(self._ready)
        self._ready.clear()
        self._bytes = 0
        self._taken.set()
        return taken

    async def __aiter__(self) -> AsyncIterator[Entry]:
        while True:
            while self._ready:
                entry = self._ready.popleft()
                self._bytes -= len(entry.envelope.data)
                self._taken.set()
                yield entry
            if self.closed:
                return
            self._wake.clear()
            await self._wake.wait()
