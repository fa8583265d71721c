"""The client: a `Bus` over the wire, that comes back by itself.

    program --> publish --> Outbox --> Line --> hub
    hub --> Line --> deliver --> each Listener that the event is for --> handler --> reply

The keeper brings a new line whenever one breaks; on each the client subscribes again and sends again
what was not answered.
"""

from __future__ import annotations

import asyncio
import logging
from asyncio import Future
from collections.abc import AsyncGenerator, Callable, Mapping
from types import TracebackType
from typing import Any, Literal, Self, TypeVar, overload

import msgspec

from callboard.bus import Handler
from callboard.client.calling import Invoke, call_here, results_of
from callboard.client.credentials import Credentials
from callboard.client.feed import Mark, Page
from callboard.client.history import read_page
from callboard.client.http import Http
from callboard.client.identity import Identity
from callboard.client.keeper import Keeper
from callboard.client.line import Line
from callboard.client.listener import Listener
from callboard.client.listeners import Listeners
from callboard.client.outbox import Outbox
from callboard.client.requests import ask
from callboard.client.state import State
from callboard.errors import BadEvent, CallboardError, Gone
from callboard.event import Envelope, Event, Stamp, new_id, seal

log = logging.getLogger("callboard.client")

CONNECTED, DISCONNECTED = "ftrack.meta.connected", "ftrack.meta.disconnected"
"""Made by the client for itself, as the official ones do; the hub never sends them."""
_SUBSCRIBE, _UNSUBSCRIBE = "ftrack.meta.subscribe", "ftrack.meta.unsubscribe"
_FAREWELL = 5.0

H = TypeVar("H", bound=Handler)


class Client:
    """A board far away: `async with connect() as board`.

    `id` is what this client's events carry as `source.id`; `subscriber` is said of each of its
    subscribers, beside id, applicationId, user and host.
    """

    def __init__(
        self,
        credentials: Credentials,
        *,
        subscriber: Mapping[str, Any] | None = None,
        id: str | None = None,  # noqa: A002 - the seed's word
        patience: float = 0.0,
        invoke: Invoke = call_here,
    ) -> None:
        self.credentials = credentials
        self.id = id or new_id()
        self.http = Http(credentials)
        self._invoke = invoke
        self.identity = Identity(self.id, credentials.user, subscriber or {})
        self._listeners = Listeners()
        self._state = State(self.http)
        self._outbox = Outbox()
        self._line: Line | None = None
        self._keeper = Keeper(self.http, self, patience)
        self._ending = False

    # Coming and going

    async def __aenter__(self) -> Self:
        try:
            await self._keeper.start()
        except BaseException:
            await self.http.close()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def connected(self) -> bool:
        """True while there is a line to the hub."""
        return self._line is not None

    async def wait(self) -> None:
        """Wait until this client is closed; raises Unauthenticated when the hub lets it in no more."""
        await self._keeper.ended()

    async def close(self) -> None:
        """Leave: running handlers are finished, what was published is sent; waits a few seconds for both."""
        if self._ending:
            return
        self._ending = True
        leaving = list(self._listeners)
        for listener in leaving:
            listener.close()
        await asyncio.gather(*(listener.ended(_FAREWELL) for listener in leaving))
        if self._line is not None:
            await self._outbox.drained(_FAREWELL)
        self._outbox.close(Gone("This client is closed: connect again to publish."))
        await self._state.close(_FAREWELL if self._line is not None else 0)
        await self._keeper.stop()
        await self.http.close()

    def attach(self, line: Line) -> None:
        """There is a line: subscribe again, send again what was not answered."""
        self._line = line
        for listener in self._listeners:
            self._subscribe(line, listener)
        self._outbox.attach(line.send)
        self._listeners.tell(self.identity.event(CONNECTED))

    def detach(self) -> None:
        """The line is broken."""
        self._line = None
        self._outbox.detach()
        for listener in self._listeners:
            listener.detach()
        self._listeners.tell(self.identity.event(DISCONNECTED))

    def refused(self, error: CallboardError) -> None:
        """The hub lets us in no more: nothing can be published."""
        self._outbox.close(error)

    # Publishing

    @overload
    def publish(
        self,
        event: Event | str,
        data: Any = None,
        *,
        target: str = "",
        source: Mapping[str, Any] | None = None,
        synchronous: Literal[False] = False,
    ) -> Future[str]: ...
    @overload
    def publish(
        self,
        event: Event | str,
        data: Any = None,
        *,
        target: str = "",
        source: Mapping[str, Any] | None = None,
        synchronous: Literal[True],
    ) -> Future[list[Any]]: ...
    def publish(
        self,
        event: Event | str,
        data: Any = None,
        *,
        target: str = "",
        source: Mapping[str, Any] | None = None,
        synchronous: bool = False,
    ) -> Future[str] | Future[list[Any]]:
        """Send an event, or a topic with data; the future gives its position once it is stored.

        It waits while there is no connection, and raises Gone if none comes until `close`. Sent at
        least once: after a lost connection it may come twice, with the same id. With `synchronous`
        it calls the handlers of this client only and gives the list of what they returned; it
        never reaches the hub. Source: seed, "Publish synchronously".
        """
        full = self.identity.event(event, data, target, source)
        if synchronous:
            return asyncio.ensure_future(results_of(self.meant(full), full))
        done: Future[str] = asyncio.get_running_loop().create_future()
        try:
            envelope = seal(full).json
        except BadEvent as error:
            done.set_exception(error)
        else:
            self._outbox.put(envelope, done)
        return done

    def request(
        self,
        event: Event | str,
        data: Any = None,
        *,
        deadline: float = 10.0,
        limit: int | None = None,
        target: str = "",
        source: Mapping[str, Any] | None = None,
    ) -> AsyncGenerator[Event, None]:
        """Publish and yield the replies as they come, for at most `deadline` seconds.

        Ends when all who were asked have replied, at once if nobody was, or after `limit` replies.
        Sent at most once: raises Gone when the hub is not there.
        """
        return ask(self.http, self.identity.event(event, data, target, source), deadline, limit)

    # Subscribing

    @overload
    def subscribe(
        self,
        expression: str,
        handler: None = None,
        *,
        priority: int = 100,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> Callable[[H], H]: ...
    @overload
    def subscribe(
        self,
        expression: str,
        handler: Handler,
        *,
        priority: int = 100,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> Listener: ...
    def subscribe(
        self,
        expression: str,
        handler: Handler | None = None,
        *,
        priority: int = 100,
        subscriber: Mapping[str, Any] | None = None,
        durable: str | None = None,
        after: str | None = None,
    ) -> Listener | Callable[[H], H]:
        """Call a handler with each matching event, one after the other; without one it is a decorator.

        What the handler returns, if not None, is the reply. `durable` names a cursor that outlives
        this program: the hub moves it after the handler returned, and what is missed comes later.
        `after` is a position or an ISO time to begin behind, or "now": with it, what is missed while
        the connection is lost comes later too. With neither, nothing past is ever delivered.
        Lower priorities are called first. Raises BadExpression at once.
        """
        if handler is None:

            def decorate(function: H) -> H:
                self.subscribe(
                    expression,
                    function,
                    priority=priority,
                    subscriber=subscriber,
                    durable=durable,
                    after=after,
                )
                return function

            return decorate
        if self._ending:
            raise Gone("This client is closed: connect again to subscribe.")
        if durable is not None:
            self._listeners.check_durable(durable)
        listener = Listener(
            self,
            expression,
            handler,
            self.identity.subscriber(subscriber, durable),
            priority=priority,
            durable=durable is not None,
            after=after,
        )
        self._listeners.add(listener)
        if self._line is not None:
            self._subscribe(self._line, listener)
        return listener

    def _subscribe(self, line: Line, listener: Listener) -> None:
        wish = {"subscription": listener.expression, "subscriber": dict(listener.subscriber)}

        def answered(success: bool, message: str) -> None:
            if self._line is line and success:
                listener.attach(message)
            elif not success:
                listener.refuse(CallboardError(message or None))

        self._say(line, Event(topic=_SUBSCRIBE, data=wish), answered)

    def _say(self, line: Line, event: Event, answered: Callable[[bool, str], None]) -> None:
        line.send(seal(msgspec.structs.replace(event, source={"id": self.id})).json, answered)

    # What listeners and the line ask of their client

    def forget(self, listener: Listener) -> None:
        """A listener was closed: unsubscribe."""
        last = self._listeners.remove(listener)
        if last and self._line is not None and not self._ending:
            farewell = {"subscriber": {"id": listener.id}}
            self._say(self._line, Event(topic=_UNSUBSCRIBE, data=farewell), lambda _success, _message: None)

    def invoke(self, handler: Handler, event: Event) -> Any:
        """Call a handler where this client calls handlers."""
        return self._invoke(handler, event)

    def reply(self, reply: Event) -> None:
        """Send a reply; it waits for a connection as other events do."""
        done: Future[str] = asyncio.get_running_loop().create_future()
        done.add_done_callback(_look)
        try:
            self._outbox.put(seal(reply).json, done)
        except BadEvent as error:
            done.set_exception(error)

    def acknowledge(self, subscriber: str, mark: Mark) -> None:
        """Tell the hub how far a durable subscriber has come."""
        if self._line is not None:
            self._line.acknowledge(subscriber, str(mark))

    async def read_past(self, listener: Listener, after: str) -> Page:
        """Return what the log holds for a listener behind a position."""
        return await read_page(self.http, listener, after)

    def meant(self, event: Event) -> list[Listener]:
        """Return the listeners of this client that an event is for, in the order in which they are called."""
        return self._listeners.meant(event)

    def deliver(self, envelope: Envelope, stamp: Stamp) -> None:
        """Hand an event from the hub to each listener that it is for."""
        self._listeners.deliver(envelope, stamp)

    # State

    def set(self, key: str, value: Any) -> None:
        """Keep `value` (JSON) as what is true now of `key`; None forgets it. Never logged, newest wins."""
        self._state.set(key, value)

    def watch(self, prefix: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the last values of the keys that start with `prefix`, then what changes, conflated."""
        return self._state.watch(prefix)


def _look(done: Future[str]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.warning("A reply was not sent: %s", done.exception())
