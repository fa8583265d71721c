"""A connection: a remote listener, whatever protocol it speaks.

The gateway hands over what the peer sent (`publish`, `pong`, `acknowledge`) and writes what
the connection flushes. Subscribing and unsubscribing are messages to the hub, consumed here; all else
goes into the log. Source: seeds/studio-events.txt, "Subscribing to events", facts 2.2 and 2.3.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Raw, Struct

from callboard.bus import REPLY
from callboard.errors import BadEvent, CallboardError
from callboard.event import Entry, Envelope, decode_json, encode_json
from callboard.expression import parse
from callboard.hub.owed import Owed, Replies, Returns
from callboard.hub.principal import Principal
from callboard.hub.receipts import Receipts
from callboard.hub.recipient import FAR, Framing, Recipient, Subscription
from callboard.hub.stream import gap_entry

if TYPE_CHECKING:
    from callboard.hub.hub import Hub

SUBSCRIBE = "ftrack.meta.subscribe"
UNSUBSCRIBE = "ftrack.meta.unsubscribe"
_MOST_SUBSCRIPTIONS = 20_000
_MOST_WISH = 128 * 1024
_LONGEST_ID = 1024
_MOST_IN_FLIGHT = 256 << 10
"""Bytes that one connection may have on their way into the log: what others wait behind (p99 of others
beside a flood of small events: 42 ms with 2 MiB, 17 with this), and no fewer events a second."""
_MOST_IN_FLIGHT_OF_ALL = 64 << 20
_OVERHEAD = 1024
"""Bytes that an event takes in memory beside its JSON, about: a flood of tiny ones counts too."""
_DURABLE = (True, "received", "handled", "acknowledged")


class Pipe(Protocol):
    """What the gateway offers a connection: a way out for frames that never waits."""

    def write(self, frames: Sequence[bytes]) -> bool:
        """Write frames in one go; return False when more than the bound is waiting to be sent."""

    async def drained(self) -> None:
        """Wait until what was written is nearly sent; raises Gone when it never will be."""

    def acknowledged(self, ack: int, success: bool, message: str = "") -> bytes:
        """Return the frame that answers a peer's message."""

    def ping(self, payload: bytes) -> bytes:
        """Return a WebSocket ping whose pong brings `payload` back."""

    def pause(self, paused: bool) -> None:
        """Stop reading from the peer, or go on."""


class _Wish(Struct):
    """The data of a subscribe message."""

    subscription: str
    subscriber: dict[str, Any] = {}


class _Named(Struct):
    id: Any = None


class _Farewell(Struct):
    """The data of an unsubscribe message: by subscriber, or by text as the seed has it."""

    subscription: str | None = None
    subscriber: _Named | None = None


_wishes = msgspec.json.Decoder(_Wish)
_farewells = msgspec.json.Decoder(_Farewell)
_sources = msgspec.json.Decoder(_Named)


class Connection(Recipient):
    """One peer: its subscriptions, its outbox, what it has in flight."""

    __slots__ = ("_hub", "_in_flight", "_paused", "_pipe", "_receipts", "_resuming", "_stamped", "name")

    def __init__(
        self,
        hub: Hub,
        principal: Principal,
        framing: Framing,
        pipe: Pipe,
        name: str,
        *,
        stamped: bool = False,
    ) -> None:
        super().__init__(principal, framing)
        self.name = name
        self._stamped = stamped
        self._hub = hub
        self._pipe = pipe
        self._in_flight = 0
        self._paused = self._resuming = False
        self._receipts: Receipts | None = None

    def publish(self, envelope: Envelope, ack: int | None) -> None:
        """Take an event that the peer sent: store it, or subscribe, and answer if an answer is asked for."""
        try:
            if envelope.topic == SUBSCRIBE:
                self._subscribe(envelope, ack)
            elif envelope.topic == UNSUBSCRIBE:
                self._unsubscribe(envelope, ack)
            else:
                self._store(envelope, ack)
        except CallboardError as error:
            self.answer(ack, False, str(error))

    def _store(self, envelope: Envelope, ack: int | None) -> None:
        envelope = self._with_source(envelope)
        size = len(envelope.json) + _OVERHEAD
        hub = self._hub
        hub.accept(self.principal, envelope, self, (ack, size))
        self._in_flight += size
        hub.in_flight += size
        if self._in_flight > _MOST_IN_FLIGHT or hub.in_flight > _MOST_IN_FLIGHT_OF_ALL:
            self._hold()

    def _hold(self) -> None:
        """Read nothing more from a peer that publishes faster than the log takes it."""
        if not self._paused:
            self._paused = True
            self._pipe.pause(True)

    def _with_source(self, envelope: Envelope) -> Envelope:
        """Give an event a source with an id: without one a listener's reply fails (facts, rule 7)."""
        try:
            if _sources.decode(envelope.source).id is not None:
                return envelope
        except msgspec.MsgspecError:
            pass
        source = decode_json(envelope.source)
        mended = {**(source if isinstance(source, dict) else {}), "id": self.name}
        return msgspec.structs.replace(envelope, source=Raw(encode_json(mended)))

    def stored(self, ack: tuple[int | None, int], entry: Entry) -> None:
        """An event of this peer is durable: say so."""
        self._landed(ack[1])
        if ack[0] is not None:
            position = self._hub.log.text(entry.position) if self._stamped else ""
            self._hub.router.touch(self, self._pipe.acknowledged(ack[0], True, position))
        if self._receipts is not None and entry.envelope.topic == REPLY:
            self._receipts.replied(entry.envelope)

    def failed(self, ack: tuple[int | None, int], error: Exception) -> None:
        """An event of this peer could not be stored: say so."""
        self._landed(ack[1])
        self.answer(ack[0], False, str(error))

    def _landed(self, size: int) -> None:
        self._in_flight -= size
        self._hub.in_flight -= size
        if self._paused and not self._resuming and self._in_flight < _MOST_IN_FLIGHT // 2:
            self._resuming = True
            self._hub.when_caught_up(self._go_on)

    def _go_on(self) -> None:
        """Read from the peer again."""
        self._paused = self._resuming = False
        self._pipe.pause(False)

    def answer(self, ack: int | None, success: bool, message: str = "") -> None:
        """Answer a message of the peer, if it asked for an answer."""
        if ack is not None:
            self._hub.router.touch(self, self._pipe.acknowledged(ack, success, message))

    def _subscribe(self, envelope: Envelope, ack: int | None) -> None:
        if len(envelope.data) > _MOST_WISH:
            raise BadEvent(
                f"This subscription has more than {_MOST_WISH} bytes: say less about the subscriber."
            )
        try:
            wish = _wishes.decode(envelope.data)
        except msgspec.MsgspecError as error:
            raise BadEvent(
                f"To subscribe, send data with `subscription` and `subscriber`: {error}."
            ) from None
        subscriber = self._described(wish.subscriber)
        expression = parse(wish.subscription)
        known = self.subscriptions.get((subscriber["id"], wish.subscription))
        if known is not None:
            self._hub.describe(known, subscriber)
            self._taken(ack, self._hub.router.position)
            return
        if len(self.subscriptions) >= _MOST_SUBSCRIPTIONS:
            raise BadEvent(f"This connection has {_MOST_SUBSCRIPTIONS} subscriptions: use wider expressions.")
        self._hub.own(subscriber["id"], self.principal)
        durable = subscriber.get("durable") in _DURABLE
        subscription = Subscription(
            self,
            wish.subscription,
            expression,
            subscriber,
            FAR if durable else self._hub.router.position,
            cursor=f"{self.principal.name}/{subscriber['id']}" if durable else None,
            owed=_owed(subscriber.get("durable")),
        )
        self.subscriptions[subscription.id, subscription.text] = subscription
        if durable:
            self._hub.durables.resume(subscription, partial(self._resumed, subscription, ack))
        else:
            self._hub.router.add(subscription)
            self._taken(ack, subscription.since)

    def _described(self, given: Mapping[str, Any]) -> dict[str, Any]:
        """Return what a subscriber says of itself, with an id that is text."""
        name = str(self.name if given.get("id") is None else given["id"])
        if len(name) > _LONGEST_ID:
            raise BadEvent(f"This subscriber's id has {len(name)} characters: use at most {_LONGEST_ID}.")
        return {**given, "id": name}

    def _resumed(self, subscription: Subscription, ack: int | None, error: CallboardError | None) -> None:
        if error is not None:
            self.drop(subscription)
            self.answer(ack, False, str(error))
            return
        if self._receipts is None:
            self._receipts = Receipts(self, self._hub, self._pipe)
        self._receipts.begin(subscription)
        self._taken(ack, subscription.since)

    def _taken(self, ack: int | None, since: int) -> None:
        """A subscription stands; our own client is told behind which position events come to it live."""
        self.answer(ack, True, self._hub.log.text(since) if self._stamped else "")

    def _unsubscribe(self, envelope: Envelope, ack: int | None) -> None:
        try:
            farewell = _farewells.decode(envelope.data)
        except msgspec.MsgspecError as error:
            raise BadEvent(
                f"To unsubscribe, send data with `subscriber` or `subscription`: {error}."
            ) from None
        if farewell.subscriber is not None and farewell.subscriber.id is not None:
            name = str(farewell.subscriber.id)
            gone = [one for one in self.subscriptions.values() if one.id == name]
        else:
            gone = [one for one in self.subscriptions.values() if one.text == farewell.subscription]
        for subscription in gone:
            self.drop(subscription)
        self.answer(ack, True)

    def drop(self, subscription: Subscription) -> None:
        """End one subscription; a durable cursor stays where it is."""
        self.subscriptions.pop((subscription.id, subscription.text), None)
        if self._receipts is not None:
            self._receipts.end(subscription)
        self._hub.leave(subscription)

    lose = drop

    @property
    def standing(self) -> int:
        """The position up to which everything this peer wants has been written to it."""
        return self._hub.router.position if self.live else self.position

    def flush(self) -> bool:
        """Write the outbox, and behind it a ping that asks how far durable subscribers have come."""
        if self._receipts is not None:
            self._receipts.flush(self.outbox)
        frames, self.outbox = self.outbox, []
        return self._pipe.write(frames)

    def pong(self, payload: bytes) -> None:
        """The peer's library has read everything that was written before the ping with `payload`."""
        if self._receipts is not None:
            self._receipts.pong(payload)

    def acknowledge(self, subscriber: str, position: int) -> None:
        """Our own client says that its handler has returned."""
        if self._receipts is not None:
            self._receipts.acknowledge(subscriber, position)

    def beat(self) -> None:
        """Called now and then: lets cursors of subscribers that nothing matches move on."""
        ping = self._receipts.due_ping() if self._receipts is not None else None
        if ping is not None:
            self._hub.router.touch(self, ping)

    async def room(self) -> None:
        """Wait until the socket has room."""
        await self._pipe.drained()

    def miss(self, after: int, before: int) -> None:
        """Send the gap in its place."""
        text = self._hub.log.text
        self.outbox.append(self.framing(gap_entry(after, before, text(after), text(before))))

    def close(self) -> None:
        """Forget the peer; durable cursors stay."""
        self._hub.detach(self)


def _owed(durable: Any) -> Owed | None:
    if durable == "handled":
        return Replies()
    return Returns() if durable == "acknowledged" else None
