"""Requests and their replies: who was asked, who has answered, and when all have.

A request is an ordinary event; its replies are ordinary `ftrack.meta.reply` events that the router
shows here as well. Only those who were asked count. Source: seeds/studio-events.txt, "Sending replies".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable, Mapping

from callboard.event import Event

MAX_REPLIES = 1000
"""Replies kept for one request that nobody has fetched yet."""

MOST_CLOSED = 10_000
"""Requests that are kept in mind once they wait no more, to count what comes late."""


class Request:
    """One question on its way: yields its replies, ends when all who were asked have replied."""

    def __init__(self, event: str, nodes: int) -> None:
        self.event = event
        self._waiting: set[str] = set()
        self._asked: dict[str, str | None] = {}
        """Whom the router has asked, and whose subscriber each is; None: known to another node alone."""
        self._heard: set[str] = set()
        self._replies: asyncio.Queue[Event | None] = asyncio.Queue(MAX_REPLIES)
        self._nodes = nodes
        self._early: dict[str, Event] = {}
        """Replies that were here before their node had told whom it asked: they come on another way."""

    @property
    def asked(self) -> int:
        """How many subscribers were asked."""
        return len(self._asked)

    def ask(self, subscribers: Iterable[str], users: Mapping[str, str] | None = None) -> None:
        """Note whom one node has asked; the request ends at once if nobody was.

        `users` says whose subscribers they are, where that is known.
        """
        new = set(subscribers) - self._asked.keys()
        self._asked |= {each: (users or {}).get(each) for each in new}
        self._waiting |= new
        self._nodes -= 1
        for subscriber in new & self._early.keys():
            self.reply(subscriber, self._early.pop(subscriber))
        if self._nodes <= 0:
            self._early.clear()
        self._end_if_done()

    def reply(self, subscriber: str, event: Event) -> bool:
        """Take a reply; return False for one from somebody who was not asked, or who has replied."""
        if subscriber not in self._asked:
            waits = self._nodes > 0 and len(self._early) < MAX_REPLIES
            if waits:
                self._early[subscriber] = event
            return waits
        if subscriber in self._heard or not self._is_its_own(subscriber, event):
            return False
        self._heard.add(subscriber)
        if not self._replies.full():
            self._replies.put_nowait(event)
        self.leave(subscriber)
        return True

    def _is_its_own(self, subscriber: str, event: Event) -> bool:
        """Return whether a reply came with a key of the subscriber's user: `source` alone proves nothing."""
        user = self._asked[subscriber]
        return user is None or event.entry is None or event.entry.publisher == user

    def leave(self, subscriber: str) -> None:
        """Wait no longer for this subscriber."""
        self._waiting.discard(subscriber)
        self._end_if_done()

    def _end_if_done(self) -> None:
        if self._nodes <= 0 and not self._waiting and not self._replies.full():
            self._replies.put_nowait(None)

    async def replies(self, deadline: float) -> AsyncIterator[Event]:
        """Yield replies as they come until all have replied or `deadline` seconds are over."""
        end = asyncio.get_running_loop().time() + deadline
        while True:
            try:
                async with asyncio.timeout_at(end):
                    reply = await self._replies.get()
            except TimeoutError:
                return
            if reply is None:
                return
            yield reply


class Requests:
    """The requests of this node that still wait; late, second and unasked replies are counted and dropped."""

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}
        self._closed: dict[str, None] = {}
        """The newest that wait no more: replies to others are none of ours."""
        self.dropped = 0

    def __contains__(self, event: str | None) -> bool:
        return event in self._open

    def __len__(self) -> int:
        return len(self._open)

    def open(self, event: str, nodes: int = 1) -> Request:
        """Begin to wait for replies to the event with this id, from subscribers on so many nodes."""
        request = self._open[event] = Request(event, nodes)
        return request

    def close(self, request: Request) -> None:
        """Stop waiting; later replies are late."""
        self._open.pop(request.event, None)
        self._closed[request.event] = None
        if len(self._closed) > MOST_CLOSED:
            del self._closed[next(iter(self._closed))]

    def ask(self, event: str, subscribers: Iterable[str], users: Mapping[str, str] | None = None) -> None:
        """Note whom a node has asked for the event with this id, if it is a request of ours."""
        request = self._open.get(event)
        if request is not None:
            request.ask(subscribers, users)

    def reply(self, event: Event) -> None:
        """Hand a reply to the request that it answers."""
        request = self._open.get(event.in_reply_to_event or "")
        if request is None or not request.reply(str(event.source.get("id", "")), event):
            self.dropped += 1

    def note_late(self, event: str | None) -> None:
        """Count a reply to a request that waits no more; one to anything else is none of ours."""
        self.dropped += event in self._closed

    def leave(self, subscribers: Iterable[str]) -> None:
        """Wait no longer for subscribers whose connection is gone."""
        for subscriber in subscribers:
            for request in list(self._open.values()):
                request.leave(subscriber)
