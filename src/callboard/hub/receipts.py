"""Receipts: how far a peer has come with what its durable subscriptions were given.

    flush --> ping "<round>.<position>" --> pong: its library has read so far
    reply or acknowledgement --------------> owed less
                                               `--> durables.confirm --> log.move

A ping asks about one round of subscriptions: its pong says nothing of one that began after it, and
was perhaps sent back to events long before.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Protocol

import msgspec
from msgspec import Struct

from callboard.event import Envelope
from callboard.hub.owed import Replies, Returns
from callboard.hub.recipient import FAR, Subscription

if TYPE_CHECKING:
    from callboard.hub.hub import Hub

_PAYLOAD = re.compile(rb"([0-9]{1,9})\.([0-9]{1,19})")


class Peer(Protocol):
    """The connection, as far as it matters here."""

    @property
    def standing(self) -> int:
        """The position up to which everything this peer wants has been written to it."""


class Pings(Protocol):
    """Makes pings."""

    def ping(self, payload: bytes) -> bytes:
        """Return a WebSocket ping whose pong brings `payload` back."""


class _Source(Struct):
    id: str = ""


_sources = msgspec.json.Decoder(_Source)


class Receipts:
    """The durable subscriptions of one connection, once they have begun."""

    __slots__ = ("_durables", "_hub", "_peer", "_pinged", "_pinging", "_pings", "_read", "_round")

    def __init__(self, peer: Peer, hub: Hub, pings: Pings) -> None:
        self._peer = peer
        self._hub = hub
        self._pings = pings
        self._durables: list[Subscription] = []
        self._round = 0
        self._pinged = -1
        self._pinging = False
        self._read = 0

    def begin(self, subscription: Subscription) -> None:
        """A subscription is fed from its cursor on; pings that are under way say nothing of it."""
        self._durables.append(subscription)
        self._round += 1
        self._pinged, self._pinging, self._read = -1, False, 0

    def end(self, subscription: Subscription) -> None:
        """A subscription is over."""
        if subscription in self._durables:
            self._durables.remove(subscription)

    def flush(self, outbox: list[bytes]) -> None:
        """Pause those that owe too much, and put a ping behind what is about to be written."""
        for subscription in self._durables:
            owed = subscription.owed
            if type(owed) is Replies and owed.full and owed.paused_at is None:
                owed.paused_at = self._peer.standing
                self._hub.router.pause(subscription)
        ping = self.due_ping()
        if ping is not None:
            outbox.append(ping)

    def due_ping(self) -> bytes | None:
        """Return a ping if there is something to ask and no ping is under way."""
        standing = self._peer.standing
        if self._pinging or standing == self._pinged or not self._durables:
            return None
        self._pinging, self._pinged = True, standing
        return self._pings.ping(b"%d.%d" % (self._round, standing))

    def pong(self, payload: bytes) -> None:
        """The peer has read everything up to the position in `payload`."""
        told = _PAYLOAD.fullmatch(payload)
        if told is None or int(told[1]) != self._round or int(told[2]) > self._pinged:
            return
        self._pinging = False
        self._read = int(told[2])
        for cursor in {str(one.cursor) for one in self._durables}:
            self._hub.durables.confirm(cursor, self._settled)

    def replied(self, reply: Envelope) -> None:
        """A reply is stored: it may be what a subscription owed."""
        replier = _replier(reply)
        mine = any(one.id == replier for one in self._durables)
        for subscription in list(self._durables):
            owed = subscription.owed
            if (
                type(owed) is Replies
                and (not mine or subscription.id == replier)
                and owed.reply(reply.in_reply_to_event or "")
            ):
                self._hub.durables.confirm(str(subscription.cursor), self._settled)
                self._go_on(subscription, owed)

    def _go_on(self, subscription: Subscription, owed: Replies) -> None:
        """Feed a subscription again once it owes little."""
        if owed.paused_at is not None and len(owed) <= Replies.LIMIT // 2:
            subscription.since, owed.paused_at = owed.paused_at, None
            self._hub.router.add(subscription)

    def acknowledge(self, subscriber: str, position: int) -> None:
        """The handler of a subscriber has returned from everything up to `position`."""
        for subscription in self._durables:
            if subscription.id == subscriber and type(subscription.owed) is Returns:
                subscription.owed.returned(min(position, self._peer.standing))
                self._hub.durables.confirm(str(subscription.cursor), self._settled)

    def _settled(self, subscription: Subscription) -> int:
        """Return the position up to which a subscription has confirmed all that it was given."""
        owed = subscription.owed
        if type(owed) is Replies and owed.paused_at is not None:
            return owed.settled(owed.paused_at)
        if subscription.since == FAR:
            return 0  # it waits for its cursor
        return self._read if owed is None else owed.settled(self._peer.standing)


def _replier(reply: Envelope) -> str:
    try:
        return _sources.decode(reply.source).id
    except msgspec.MsgspecError:
        return ""
