"""A subscription of this client: one handler, called with one event after the other.

    dispatch --> Listener.offer --> Feed --> worker --> handler --> reply, acknowledgement

Each has a worker of its own, so a slow handler makes only its own subscription late.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from asyncio import Future
from collections.abc import Awaitable, Mapping
from contextvars import ContextVar
from typing import Any, Protocol

from callboard.bus import REPLY, Handler, reply_to
from callboard.client.feed import Delivery, Feed, Mark, Page, seen
from callboard.errors import BadExpression, CallboardError, Gone
from callboard.event import Event
from callboard.expression import parse, parse_target

log = logging.getLogger("callboard.client")

handling: ContextVar[Event | None] = ContextVar("handling", default=None)
"""The event that is being handled: what is published meanwhile is led back to it."""


class Home(Protocol):
    """What a listener needs of its client."""

    def invoke(self, handler: Handler, event: Event) -> Awaitable[Any]:
        """Call a handler where this client calls handlers, and give what it returned."""

    def reply(self, reply: Event) -> None:
        """Send a reply."""

    def acknowledge(self, subscriber: str, mark: Mark) -> None:
        """Tell the hub how far a durable subscriber has come."""

    async def read_past(self, listener: Listener, after: str) -> Page:
        """Return what the log holds for a listener behind a position."""

    def forget(self, listener: Listener) -> None:
        """A listener was closed."""


class Listener:
    """One subscription: `close` ends it, and keeps a durable cursor where it is."""

    def __init__(
        self,
        home: Home,
        expression: str,
        handler: Handler,
        subscriber: Mapping[str, Any],
        *,
        priority: int = 100,
        durable: bool = False,
        after: str | None = None,
    ) -> None:
        self.expression = expression
        self.subscriber = subscriber
        self.handler = handler
        self.priority = priority
        self.durable = durable
        self._home = home
        self._parsed = parse(expression)
        self._feed = Feed(self._read, after)
        self._handled: Mark | None = None
        self._taken: Future[None] = asyncio.get_running_loop().create_future()
        self._over: Future[None] = asyncio.get_running_loop().create_future()
        for future in (self._taken, self._over):
            future.add_done_callback(_look)
        self._task = asyncio.create_task(self._run(), name=f"callboard {expression}")

    @property
    def id(self) -> str:
        """The subscriber's id: the durable name of a durable one."""
        return str(self.subscriber["id"])

    @property
    def behind(self) -> bool:
        """True while it reads past events from the log."""
        return self._feed.behind

    @property
    def closed(self) -> bool:
        """True once it takes no more events."""
        return self._over.done()

    async def ready(self) -> None:
        """Wait until the hub has taken the subscription; raises what the hub refused it with."""
        await asyncio.shield(self._taken)

    async def over(self) -> None:
        """Wait until the subscription ends; raises what ended it, if that was not `close`."""
        await asyncio.shield(self._over)

    def attach(self, position: str) -> None:
        """The hub gives what is behind `position` from now on."""
        self._feed.attach(position)
        if not self._taken.done():
            self._taken.set_result(None)

    def detach(self) -> None:
        """The connection is lost."""
        self._feed.detach()

    def refuse(self, error: CallboardError) -> None:
        """The hub does not take the subscription."""
        log.error("The subscription %s was refused: %s", self.expression, error)
        if not self._taken.done():
            self._taken.set_exception(error)
        if not self._over.done():
            self._over.set_exception(error)
        self.close()

    def wants(self, document: Mapping[str, Any], target: str) -> bool:
        """Tell whether an event is for this subscription. Source: facts 2.2."""
        return (not target or self.targeted(target)) and self._parsed.matches(document)

    def targeted(self, target: str) -> bool:
        """Tell whether a target means this subscriber."""
        try:
            return parse_target(target).matches(self.subscriber)
        except BadExpression:
            return False

    def offer(self, delivery: Delivery) -> None:
        """Take a live event, or leave it: the round goes on without this handler."""
        if not self._feed.offer(delivery):
            delivery.round.done(self.priority)
            if self.durable and delivery.mark and seen(self._handled, delivery.mark):
                self._home.acknowledge(self.id, delivery.mark)

    async def _read(self, after: str) -> Page:
        return await self._home.read_past(self, after)

    async def _run(self) -> None:
        try:
            while (delivery := await self._feed.take()) is not None:
                await self._handle(delivery)
        except CallboardError as error:
            self.refuse(error)
        finally:
            self._home.forget(self)  # only now: what was handled is acknowledged before we unsubscribe

    async def _handle(self, delivery: Delivery) -> None:
        event = delivery.round.event
        value = None
        try:
            if await delivery.round.turn(self.priority):
                value = await self._call(event)
        finally:
            delivery.round.done(self.priority)
        if value is not None and event.topic != REPLY:
            self._home.reply(reply_to(event, value, self.subscriber))
        if self.durable and delivery.mark is not None:
            self._handled = delivery.mark
            self._home.acknowledge(self.id, delivery.mark)

    async def _call(self, event: Event) -> Any:
        token = handling.set(event)
        try:
            return await self._home.invoke(self.handler, event)
        except Exception:
            log.exception("The handler of %s failed on %s %s.", self.expression, event.topic, event.id)
        finally:
            handling.reset(token)

    def close(self) -> None:
        """End the subscription; the handler that runs is finished, a durable cursor stays."""
        for delivery in self._feed.close():
            delivery.round.done(self.priority)
        if not self._taken.done():
            self._taken.set_exception(Gone("The subscription was closed before the hub took it."))
        if not self._over.done():
            self._over.set_result(None)

    async def ended(self, patience: float) -> None:
        """Wait until the last handler has returned; after `patience` seconds it is cancelled."""
        if self._task is asyncio.current_task():
            return
        _, running = await asyncio.wait([self._task], timeout=patience)
        if running:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task


def _look(future: Future[None]) -> None:
    """Nobody need wait for `ready` or `over`: what went wrong is in the program's log too."""
    if not future.cancelled():
        future.exception()
