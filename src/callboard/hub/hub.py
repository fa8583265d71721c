"""The hub: takes events in, has them stored, and lets the router bring them to who asked.

    accept --> (one batch a loop turn) --> log.append --> answered
                                              `--> log.follow --> router --> recipients

One hub runs in one event loop. `bus(principal)` is how rooms use it, `Connection` how sockets do.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

import msgspec
import structlog
from msgspec import Raw

from callboard.bus import REPLY
from callboard.errors import BadEvent, CallboardError, Denied, StorageFailed
from callboard.event import Document, Draft, Entry, Envelope, too_big
from callboard.expression import both, parse, parse_target
from callboard.hub.durables import Durables
from callboard.hub.log import Log
from callboard.hub.nodes import Nodes
from callboard.hub.owners import Owners
from callboard.hub.principal import Principal
from callboard.hub.recipient import FAR, Recipient, Subscription
from callboard.hub.replies import Requests
from callboard.hub.router import Router
from callboard.hub.sieve import sieve_of
from callboard.hub.state import State
from callboard.hub.stream import Stream

log_ = structlog.get_logger("callboard.hub")

_BREATH = 0.005
"""Seconds between two looks at a log that is behind."""
_SCAN = 512
_SCAN_BYTES = 1 << 20


class Waiting(Protocol):
    """Somebody who waits until an event of theirs is stored."""

    def stored(self, ack: Any, entry: Entry) -> None:
        """The event is durable."""

    def failed(self, ack: Any, error: Exception) -> None:
        """The event could not be stored."""


class Hub:
    """One node's board: `async with Hub(log) as hub`."""

    def __init__(
        self,
        log: Log,
        spellings: Mapping[str, Callable[[Raw], Raw]] | None = None,
        leads: Mapping[str, Callable[[Envelope], Iterable[Envelope]]] | None = None,
    ) -> None:
        """Open on a log.

        `spellings` has, for a topic, what completes the data of its events; `leads` what a room publishes
        in the name of who publishes them, so that no key does by a room what it may not do itself.
        """
        self.log = log
        self._spellings, self._leads = spellings or {}, leads or {}
        self.requests = Requests()
        self.router = Router(log, self.requests)
        self.nodes = Nodes(log, self.router, self.requests)
        self.router.on_request = self.nodes.ask
        self.durables = Durables(log, self.router)
        self.state = State()
        self.in_flight = 0
        """Bytes of events from sockets that are accepted and not stored yet."""
        self.accepted = 0
        self.refused = 0
        self.failure: BaseException | None = None
        """Why the newest append failed; None once one has succeeded."""
        self._pending: list[Draft] = []
        self._waiting: list[tuple[Waiting, Any]] = []
        self._owners = Owners()

    async def __aenter__(self) -> Self:
        head = await self.log.last()
        self.router.position = head
        self._loop = asyncio.get_running_loop()
        self._routing = asyncio.create_task(self.router.run(head))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.commit()
        self.durables.close()
        self._routing.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._routing

    # Taking events in

    def accept(self, principal: Principal, envelope: Envelope, waiting: Waiting, ack: Any) -> None:
        """Check an event and have it stored with all others of this loop turn; `waiting` hears of it.

        Raises Denied for what the key may not publish, BadEvent and BadExpression for what is none.
        """
        try:
            envelope = self.check(principal, envelope)
        except CallboardError:
            self.refused += 1
            raise
        if not self._pending:
            self._loop.call_soon(self.commit)
        self._pending.append(Draft(principal.name, envelope))
        self._waiting.append((waiting, ack))

    def check(self, principal: Principal, envelope: Envelope) -> Envelope:
        """Return an event as it would be stored; raises what `accept` would raise, and takes nothing in."""
        topic = envelope.topic
        if topic in self._spellings:
            envelope = self._completed(envelope)
        if not topic or topic.isspace():
            raise BadEvent("This event has an empty topic: name what happened, as render.done does.")
        if topic.startswith("ftrack.meta.") and topic != REPLY:
            raise BadEvent(f"{topic} is no event to publish: clients make it for themselves or for the hub.")
        if principal.publish is not None:
            self._check_rights(principal, envelope)
        if topic == REPLY:
            self.router.answers.refuse(principal, envelope)
        if envelope.target:
            # Only replies may write `id=` and anything: clients do so, whatever the id is made of.
            (parse_target if topic == REPLY else parse)(envelope.target)
        if len(envelope.json) > self.log.max_event:
            raise too_big(len(envelope.json), self.log.max_event)
        return envelope

    def _check_rights(self, principal: Principal, envelope: Envelope) -> None:
        """Raise Denied unless a key may publish an event, and each that a room would because of it."""
        leads = self._leads.get(envelope.topic)
        for one in (envelope, *(leads(envelope) if leads else ())):
            if not principal.may_publish(Document(one)):
                led = "" if one is envelope else f", which this {envelope.topic} leads to"
                raise Denied(
                    f"The key of {principal.name} may not publish {one.topic}{led}: "
                    "ask an administrator for a key made with --publish."
                )

    def _completed(self, envelope: Envelope) -> Envelope:
        """Return an event with both spellings of its keys, unless that makes it too big."""
        data = self._spellings[envelope.topic](envelope.data)
        if data is envelope.data:
            return envelope
        completed = msgspec.structs.replace(envelope, data=data)
        return completed if len(completed.json) <= self.log.max_event else envelope

    def commit(self) -> None:
        """Hand what was accepted in this turn to the log."""
        if not self._pending:
            return
        drafts, self._pending = self._pending, []
        waiting, self._waiting = self._waiting, []
        self.accepted += len(drafts)
        self.log.append(drafts).add_done_callback(partial(self._committed, waiting))

    def _committed(self, waiting: list[tuple[Waiting, Any]], done: asyncio.Future[Sequence[Entry]]) -> None:
        error = StorageFailed("The hub is shutting down: publish again once it is back.")
        failure = self.failure = error if done.cancelled() else done.exception()
        if failure is None:
            for (who, ack), entry in zip(waiting, done.result(), strict=True):
                who.stored(ack, entry)
        else:
            log_.error("events not stored", count=len(waiting), error=str(failure))
            for who, ack in waiting:
                who.failed(
                    ack, failure if isinstance(failure, CallboardError) else StorageFailed(str(failure))
                )

    def when_caught_up(self, go_on: Callable[[], None]) -> None:
        """Call `go_on` at once, or when a log that is behind has caught up."""
        if self.log.behind():
            self._loop.call_later(_BREATH, self.when_caught_up, go_on)
        else:
            go_on()

    # Subscriptions

    def own(self, subscriber: str, principal: Principal) -> None:
        """Note that a subscriber id is held by a user; raises Denied when another user holds it."""
        self._owners.hold(subscriber, principal.name)

    def describe(self, subscription: Subscription, subscriber: Mapping[str, Any]) -> None:
        """Replace what a subscriber says of itself; its subscription stays."""
        if subscription.since == FAR:  # it waits, and is in no index yet
            subscription.subscriber = subscriber
        else:
            self.router.describe(subscription, subscriber)

    def leave(self, subscription: Subscription) -> None:
        """Feed a subscription no more."""
        self.router.remove(subscription)
        self._left(subscription)

    def detach(self, recipient: Recipient) -> None:
        """Feed a recipient no more: it is gone."""
        self.router.stop(recipient)
        for subscription in list(recipient.subscriptions.values()):
            self._left(subscription)
        recipient.subscriptions.clear()

    def _left(self, subscription: Subscription) -> None:
        if self._owners.release(subscription.id):
            self.nodes.left(subscription.id)
        self.durables.leave(subscription)

    # Looking back, and streams

    async def history(
        self, principal: Principal, expression: str, after: int, limit: int, scan: int = 100_000
    ) -> tuple[list[Entry], int]:
        """Return up to `limit` entries behind `after` that match, and the position to go on from.

        Looks at no more than `scan` entries, so that one question never holds the hub; the position
        tells whether there is more to look at.
        """
        wanted = parse(expression)
        if principal.receive is not None:
            wanted = both(wanted, principal.receive)
        sieve = sieve_of(wanted)
        found: list[Entry] = []
        seen = 0
        while seen < scan:
            batch = await self.log.read(after, _SCAN, _SCAN_BYTES)
            if not batch:
                break
            for entry in batch:
                after = entry.position
                if (sieve is None or sieve(entry.envelope)) and wanted.matches(entry.document):
                    found.append(entry)
                    if len(found) >= limit:
                        return found, after
            seen += len(batch)
            await asyncio.sleep(0)  # a log in memory reads without waiting: let others have their turn
        return found, after

    @contextlib.asynccontextmanager
    async def stream(
        self,
        principal: Principal,
        expression: str,
        subscriber: dict[str, Any],
        after: int | None = None,
        cursor: str | None = None,
    ) -> AsyncIterator[Stream]:
        """Give a stream of entries that match: from now on, behind `after`, or from a durable cursor on."""
        stream = Stream(principal, self.log.text)
        self.own(str(subscriber["id"]), principal)
        since = FAR if cursor is not None else self.router.position if after is None else after
        subscription = Subscription(stream, expression, parse(expression), subscriber, since, cursor)
        stream.subscriptions[subscription.id, expression] = subscription
        try:
            if cursor is None:
                self.router.add(subscription)
            else:
                await self._resumed(subscription)
            yield stream
        finally:
            stream.close()
            self.detach(stream)

    async def _resumed(self, subscription: Subscription) -> None:
        begun: asyncio.Future[CallboardError | None] = asyncio.get_running_loop().create_future()
        self.durables.resume(subscription, lambda error: None if begun.done() else begun.set_result(error))
        error = await begun
        if error is not None:
            raise error
