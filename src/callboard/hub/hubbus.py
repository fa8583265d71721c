"""The bus that the hub gives to rooms: the same as the client's, without a wire in between."""

from __future__ import annotations

import asyncio
import inspect
from asyncio import Future
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from datetime import datetime
from typing import Any

import msgspec
import structlog
from msgspec import Raw

from callboard.bus import REPLY, Handler, reply_to
from callboard.errors import BadPosition, CallboardError
from callboard.event import Entry, Event, encode_json, new_id, seal
from callboard.expression import parse
from callboard.hub.hub import Hub
from callboard.hub.principal import Principal
from callboard.hub.stream import Stream

log_ = structlog.get_logger("callboard.bus")


class HubBus:
    """A `Bus` in the hub's own process, as one principal; `async with` ends its subscriptions."""

    def __init__(self, hub: Hub, principal: Principal) -> None:
        self._hub = hub
        self.principal = principal
        self.id = new_id()
        self._listeners: set[Listener] = set()

    def publish(self, event: Event) -> Future[str]:
        """Send an event; see `Bus.publish`."""
        done: Future[str] = asyncio.get_running_loop().create_future()
        try:
            envelope = seal(event)
            if not event.source.get("id"):
                envelope = msgspec.structs.replace(
                    envelope, source=Raw(encode_json(self._source(event.source)))
                )
            self._hub.accept(self.principal, envelope, self, done)
        except CallboardError as error:
            done.set_exception(error)
        return done

    def _source(self, given: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "applicationId": "callboard",
            "user": {"username": self.principal.name},
            **given,
            "id": self.id,
        }

    def stored(self, ack: Future[str], entry: Entry) -> None:
        """An event of ours is durable."""
        if not ack.done():
            ack.set_result(self._hub.log.text(entry.position))

    def failed(self, ack: Future[str], error: Exception) -> None:
        """An event of ours could not be stored."""
        if not ack.done():
            ack.set_exception(error)

    def subscribe(
        self,
        expression: str,
        handler: Handler,
        *,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> Listener:
        """Call a handler with each matching event; see `Bus.subscribe`."""
        parse(expression)
        described = {
            "id": durable or new_id(),
            "applicationId": "callboard",
            "user": {"username": self.principal.name},
            **(subscriber or {}),
        }
        listener = Listener(self, self._hub, expression, handler, described, durable, after)
        self._listeners.add(listener)
        return listener

    async def request(self, event: Event, *, deadline: float) -> AsyncGenerator[Event]:
        """Publish and yield replies; see `Bus.request`."""
        if not event.source.get("id"):
            event = msgspec.structs.replace(event, source=self._source(event.source))
        request = self._hub.requests.open(event.id, self._hub.nodes.count, self.principal.name)
        try:
            await self.publish(event)
            async for reply in request.replies(deadline):
                yield reply
        finally:
            self._hub.requests.close(request)

    def set(self, key: str, value: Any) -> None:
        """Keep what is true now; see `Bus.set`."""
        self._hub.state.set(key, value)

    def watch(self, prefix: str) -> AsyncIterator[Mapping[str, Any]]:
        """Yield what is true now and what changes; see `Bus.watch`."""
        return self._hub.state.watch(prefix)

    def forget(self, listener: Listener) -> None:
        """A subscription of ours has ended."""
        self._listeners.discard(listener)

    async def close(self) -> None:
        """End all subscriptions; handlers that run are finished."""
        for listener in list(self._listeners):
            listener.close()
            await listener.ended()


class Listener:
    """A room's subscription: one handler, called with one event after the other."""

    def __init__(
        self,
        bus: HubBus,
        hub: Hub,
        expression: str,
        handler: Handler,
        subscriber: dict[str, Any],
        durable: str | None,
        after: str | None,
    ) -> None:
        self._bus = bus
        self._hub = hub
        self.expression = expression
        self.subscriber = subscriber
        self._handler = handler
        self._cursor = f"{bus.principal.name}/{durable}" if durable else None
        self._stream: Stream | None = None
        self._closed = False
        self.error: CallboardError | None = None
        """Why the subscription could not begin, if it could not."""
        since = None if durable or after else hub.router.position
        self._task = asyncio.create_task(self._run(after, since))

    def close(self) -> None:
        """End the subscription; a durable cursor stays where it is."""
        self._closed = True
        if self._stream is not None:
            self._stream.close()

    async def ended(self) -> None:
        """Wait until the last handler has returned."""
        await asyncio.wait([self._task])

    async def _run(self, after: str | None, since: int | None) -> None:
        try:
            await self._listen(after, since)
        except CallboardError as error:
            self.error = error
            log_.warning("a subscription could not begin", expression=self.expression, error=str(error))
        finally:
            self._bus.forget(self)

    async def _listen(self, after: str | None, since: int | None) -> None:
        if after is not None:
            since = await position_of(self._hub, after)
        async with self._hub.stream(
            self._bus.principal, self.expression, self.subscriber, since, self._cursor
        ) as stream:
            self._stream = stream
            if self._closed:
                stream.close()
            async for entry in stream:
                await self._handle(entry)

    async def _handle(self, entry: Entry) -> None:
        event = entry.envelope.opened(self._hub.log.stamp(entry))
        try:
            value = self._handler(event)
            if inspect.isawaitable(value):
                value = await value
        except Exception:
            log_.exception("a handler failed", expression=self.expression, topic=event.topic, id=event.id)
            value = None
        if value is not None and event.topic != REPLY:
            self._bus.publish(reply_to(event, value, self.subscriber)).add_done_callback(_look)
        if self._cursor is not None and not self._closed:
            self._hub.log.move(self._cursor, entry.position)


def _look(done: Future[str]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log_.warning("a reply was not stored", error=str(done.exception()))


async def position_of(hub: Hub, text: str) -> int:
    """Return the number of a position, or the position before an ISO 8601 time; raises BadPosition."""
    try:
        return hub.log.number(text)
    except BadPosition:
        try:
            time = datetime.fromisoformat(text).timestamp()
        except (ValueError, OverflowError):
            raise BadPosition(
                f"{text[:80]!r} is neither a position of this log nor an ISO 8601 time: use one of them."
            ) from None
        return await hub.log.position_at(time)
