"""A connection: a remote listener, whatever protocol it speaks.

The gateway hands over what the peer sent (`publish`, `pong`, `acknowledge`) and writes what
the connection flushes. Subscribing and unsubscribing are messages to the hub, consumed here; all else
goes into the log. Source: seeds/studio-events.txt, "Subscribing to events", facts 2.2 and 2.3.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Protocol

import msgspec
from msgspec import Raw, Struct

from callboard.bus import REPLY
from callboard.errors import BadEvent, CallboardError
from callboard.event import Entry, Envelope, decode_json, encode_json
from callboard.expression import parse
from callboard.hub.principal import Principal
from callboard.hub.recipient import Framing, Outstanding, Recipient, Subscription
from callboard.hub.stream import gap_entry

if TYPE_CHECKING:
    from callboard.hub.hub import Hub

SUBSCRIBE = "ftrack.meta.subscribe"
UNSUBSCRIBE = "ftrack.meta.unsubscribe"
_MOST_SUBSCRIPTIONS = 20_000
_MOST_WISH = 128 * 1024
_MOST_IN_FLIGHT = 16 << 20
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
        self._paused = False
        self._pinged = 0
        self._pinging = False
        self._freed: asyncio.Event | None = None
        self._durables: list[Subscription] = []

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
        size = len(envelope.json)
        self._hub.accept(self.principal, envelope, self, (ack, size))
        self._in_flight += size
        if self._in_flight > _MOST_IN_FLIGHT and not self._paused:
            self._paused = True
            self._pipe.pause(True)
        if envelope.topic == REPLY:
            self._replied(envelope)

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
        self._in_flight -= ack[1]
        if self._paused:
            self._read_on()
        if ack[0] is not None:
            position = self._hub.log.text(entry.position) if self._stamped else ""
            self._hub.router.touch(self, self._pipe.acknowledged(ack[0], True, position))

    def failed(self, ack: tuple[int | None, int], error: Exception) -> None:
        """An event of this peer could not be stored: say so."""
        self._in_flight -= ack[1]
        if self._paused:
            self._read_on()
        self.answer(ack[0], False, str(error))

    def _read_on(self) -> None:
        if self._in_flight < _MOST_IN_FLIGHT // 2:
            self._paused = False
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
        subscriber = {**wish.subscriber}
        if subscriber.get("id") is None:
            subscriber["id"] = self.name
        subscriber["id"] = str(subscriber["id"])
        expression = parse(wish.subscription)
        known = self.subscriptions.get((subscriber["id"], wish.subscription))
        if known is not None:
            self._hub.router.describe(known, subscriber)
            self._taken(ack, self._hub.router.position)
            return
        if len(self.subscriptions) >= _MOST_SUBSCRIPTIONS:
            raise BadEvent(f"This connection has {_MOST_SUBSCRIPTIONS} subscriptions: use wider expressions.")
        self._hub.own(subscriber["id"], self.principal)
        durable = subscriber.get("durable")
        subscription = Subscription(
            self,
            wish.subscription,
            expression,
            subscriber,
            self._hub.router.position,
            cursor=self._cursor(subscriber["id"]) if durable in _DURABLE else None,
            handled=Outstanding() if durable == "handled" else None,
        )
        self.subscriptions[subscription.id, subscription.text] = subscription
        if subscription.cursor is None:
            self._hub.router.add(subscription)
            self._taken(ack, subscription.since)
        else:
            self._durables.append(subscription)
            self._hub.resume(subscription, lambda: self._taken(ack, subscription.since))

    def _taken(self, ack: int | None, since: int) -> None:
        """A subscription stands; our own client is told behind which position events come to it live."""
        self.answer(ack, True, self._hub.log.text(since) if self._stamped else "")

    def _cursor(self, subscriber: str) -> str:
        return f"{self.principal.name}/{subscriber}"

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
        if subscription.cursor is not None:
            self._durables.remove(subscription)
        self._hub.leave(subscription)

    def _replied(self, envelope: Envelope) -> None:
        """A reply may be what a `durable: "handled"` subscriber owed."""
        for subscription in self.subscriptions.values():
            handled = subscription.handled
            if handled is not None and handled.reply(envelope.in_reply_to_event or ""):
                self._hub.move(subscription, handled.handled(self.standing))
                if self._freed is not None and not handled.full:
                    self._freed.set()

    @property
    def standing(self) -> int:
        """The position up to which everything this peer wants has been written to it."""
        return self._hub.router.position if self.live else self.position

    def flush(self) -> bool:
        """Write the outbox, and behind it a ping that asks a durable subscriber's library how far it has read."""
        if self._durables:
            self._ping_if_due()
        frames, self.outbox = self.outbox, []
        fits = self._pipe.write(frames)
        return fits and not self._owing

    @property
    def _owing(self) -> bool:
        return any(one.handled is not None and one.handled.full for one in self._durables)

    def _ping_if_due(self) -> None:
        ping = self._due_ping()
        if ping is not None:
            self.outbox.append(ping)

    def _due_ping(self) -> bytes | None:
        if self._pinging or self.standing == self._pinged:
            return None
        self._pinging = True
        self._pinged = self.standing
        return self._pipe.ping(str(self._pinged).encode())

    def pong(self, payload: bytes) -> None:
        """The peer's library has read everything up to the position in `payload`."""
        if not payload.isdigit() or int(payload) > self._pinged:
            return
        self._pinging = False
        for subscription in self._durables:
            mode = subscription.subscriber.get("durable")
            if mode in (True, "received"):
                self._hub.move(subscription, int(payload))
            elif subscription.handled is not None:
                self._hub.move(subscription, min(int(payload), subscription.handled.handled(int(payload))))

    def acknowledge(self, subscriber: str, position: int) -> None:
        """Our own client says that its handler has returned."""
        for subscription in self._durables:
            if subscription.id == subscriber and subscription.subscriber.get("durable") == "acknowledged":
                self._hub.move(subscription, min(position, self.standing))

    def beat(self) -> None:
        """Called now and then: lets cursors of subscribers that nothing matches move on."""
        ping = self._due_ping() if self._durables else None
        if ping is not None:
            self._hub.router.touch(self, ping)

    async def room(self) -> None:
        """Wait until the socket has room and a `handled` subscriber owes less."""
        await self._pipe.drained()
        while self._owing:
            self._freed = asyncio.Event()
            await self._freed.wait()

    def miss(self, after: int, before: int) -> None:
        """Send the gap in its place."""
        text = self._hub.log.text
        self.outbox.append(self.framing(gap_entry(after, before, text(after), text(before))))

    def close(self) -> None:
        """Forget the peer; durable cursors stay."""
        self._hub.detach(self)
        if self._freed is not None:
            self._freed.set()
