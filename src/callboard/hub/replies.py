"""Requests and their replies: who was asked, who has answered, and when all have.

A request is an ordinary event; its replies are ordinary `ftrack.meta.reply` events that the router
shows here as well. Only those who were asked count. Replies are kept as they are stored, and opened one
by one: a hostile one opens to ten times its bytes. Source: seeds/studio-events.txt, "Sending replies".
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Iterable, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from callboard.event import Envelope, Event, Stamp

MAX_REPLIES = 1000
"""Replies kept for one request that nobody has fetched yet."""

MAX_BYTES = 64 << 20
"""Bytes of replies to the open requests of one user: who asks much at once hears less."""

MOST_CLOSED = 10_000
"""Requests that are kept in mind once they wait no more, to count what comes late."""


class Reply(Struct, frozen=True):
    """A reply as the log has it."""

    envelope: Envelope
    stamp: Stamp

    @property
    def size(self) -> int:
        """Its bytes, about."""
        return len(self.envelope.data) + len(self.envelope.source)

    @property
    def subscriber(self) -> str:
        """The id of who replies, as it names itself."""
        try:
            source: Any = msgspec.json.decode(self.envelope.source)
        except msgspec.MsgspecError:
            return ""
        return str(source.get("id", "")) if isinstance(source, dict) else ""

    def opened(self) -> Event:
        """Return it as plain values."""
        return self.envelope.opened(self.stamp)


class Room:
    """The room for replies to one user's open requests."""

    def __init__(self, held: Counter[str], user: str) -> None:
        self._held, self._user = held, user
        self._mine = 0

    def take(self, size: int) -> bool:
        """Take so many bytes if they are there."""
        if self._held[self._user] + size > MAX_BYTES:
            return False
        self._held[self._user] += size
        self._mine += size
        return True

    def leave(self) -> None:
        """Give all back that was taken."""
        self._held[self._user] -= self._mine
        self._mine = 0
        if not self._held[self._user]:
            del self._held[self._user]


class Request:
    """One question on its way: yields its replies, ends when all who were asked have replied."""

    def __init__(self, event: str, nodes: int, room: Room) -> None:
        self.event = event
        self.room = room
        self.begun = False
        """Whether its event has been routed here: another with the same id asks nobody in its name."""
        self._done = False
        self._waiting: set[str] = set()
        self._asked: dict[str, str | None] = {}
        """Whom the router has asked, and whose subscriber each is; None: known to another node alone."""
        self._heard: set[str] = set()
        self._replies: asyncio.Queue[Reply | None] = asyncio.Queue(MAX_REPLIES)
        self._nodes = nodes
        self._early: list[Reply] = []
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
        early, self._early = self._early, []
        for reply in early:
            if reply.subscriber in new:
                self._take(reply.subscriber, reply)
            elif self._nodes > 0:
                self._early.append(reply)
        self._end_if_done()

    def reply(self, reply: Reply) -> bool:
        """Take a reply; return False for one from somebody who was not asked, or who has replied.

        One that there is no room for counts as given, and is dropped.
        """
        subscriber = reply.subscriber
        if subscriber in self._asked:
            return self._take(subscriber, reply, reply.size)
        waits = self._nodes > 0 and len(self._early) < MAX_REPLIES and self.room.take(reply.size)
        if waits:
            self._early.append(reply)
        return waits

    def _take(self, subscriber: str, reply: Reply, size: int = 0) -> bool:
        """Keep a reply of who was asked, if there is room for `size` more bytes."""
        if subscriber in self._heard or not self._is_its_own(subscriber, reply):
            return False
        self._heard.add(subscriber)
        fits = not self._replies.full() and self.room.take(size)
        if fits:
            self._replies.put_nowait(reply)
        self.leave(subscriber)
        return fits

    def _is_its_own(self, subscriber: str, reply: Reply) -> bool:
        """Return whether a reply came with a key of the subscriber's user: `source` alone proves nothing."""
        user = self._asked[subscriber]
        return user is None or reply.stamp.publisher == user

    def leave(self, subscriber: str) -> None:
        """Wait no longer for this subscriber."""
        self._waiting.discard(subscriber)
        self._end_if_done()

    def _end_if_done(self) -> None:
        self._done = self._nodes <= 0 and not self._waiting
        if self._done and not self._replies.full():
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
            yield reply.opened()
            if self._done and self._replies.empty():
                return


class Requests:
    """The requests of this node that still wait; late, second and unasked replies are counted and dropped."""

    def __init__(self) -> None:
        self._open: dict[str, Request] = {}
        self._closed: dict[str, None] = {}
        """The newest that wait no more: replies to others are none of ours."""
        self._held: Counter[str] = Counter()
        """Bytes of replies to open requests, by the user who asks."""
        self.dropped = 0

    def __contains__(self, event: str | None) -> bool:
        return event in self._open

    def __len__(self) -> int:
        return len(self._open)

    def open(self, event: str, nodes: int = 1, user: str = "") -> Request:
        """Begin to wait for replies to a user's event with this id, from subscribers on so many nodes."""
        request = self._open[event] = Request(event, nodes, Room(self._held, user))
        return request

    def close(self, request: Request) -> None:
        """Stop waiting; later replies are late."""
        self._open.pop(request.event, None)
        request.room.leave()
        self._closed[request.event] = None
        if len(self._closed) > MOST_CLOSED:
            del self._closed[next(iter(self._closed))]

    def begin(self, event: str | None) -> bool:
        """Return whether the event with this id is a request of ours that was not routed here before."""
        request = self._open.get(event or "")
        if request is None or request.begun:
            return False
        request.begun = True
        return True

    def ask(self, event: str, subscribers: Iterable[str], users: Mapping[str, str] | None = None) -> None:
        """Note whom a node has asked for the event with this id, if it is a request of ours."""
        request = self._open.get(event)
        if request is not None:
            request.ask(subscribers, users)

    def reply(self, reply: Reply) -> None:
        """Hand a reply to the request that it answers."""
        request = self._open.get(reply.envelope.in_reply_to_event or "")
        if request is None or not request.reply(reply):
            self.dropped += 1

    def note_late(self, event: str | None) -> None:
        """Count a reply to a request that waits no more; one to anything else is none of ours."""
        self.dropped += event in self._closed

    def leave(self, subscribers: Iterable[str]) -> None:
        """Wait no longer for subscribers whose connection is gone."""
        for subscriber in subscribers:
            for request in list(self._open.values()):
                request.leave(subscriber)
