"""The router: follows the log and feeds each entry to those who asked for it.

    log.follow --> index (or targets) --> one frame a protocol --> outbox of each recipient --> flush

An entry costs what it matches. A recipient whose flush says that its bound is passed is fed
no more; it reads the log by itself until, in one turn without an await, it stands where the
router stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog

from callboard.bus import REPLY
from callboard.errors import BadExpression, CallboardError, Gone
from callboard.event import Entry
from callboard.hub.index import Index
from callboard.hub.log import Log
from callboard.hub.recipient import FAR, Framing, Recipient, Subscription
from callboard.hub.replies import Requests
from callboard.hub.targets import Targets

_LIMIT = 512
_BYTES = 256 * 1024
_PATIENCE = 1.0
_TOPICS = 10_000
_TOPIC = frozenset({"topic"})

log_ = structlog.get_logger("callboard.router")


class Router:
    """Feeds what the log holds to recipients; `position` is how far it has come."""

    def __init__(self, log: Log, requests: Requests) -> None:
        self._log = log
        self._requests = requests
        self._index: Index[Subscription] = Index()
        self._by_topic: dict[str, list[Collection[Subscription]]] = {}
        self.targets = Targets()
        self.position = 0
        self.delivered = 0
        self.behind = 0
        self._dirty: list[Recipient] = []
        self._moved = asyncio.Event()
        self.on_request: Callable[[Entry], None] = lambda _: None

    async def run(self, after: int) -> None:
        """Route everything behind `after`, for ever."""
        self.position = after
        async for batch in self._log.follow(after):
            self.route(batch)

    def route(self, batch: Sequence[Entry]) -> None:
        """Feed one batch to all who want it, then flush them."""
        for entry in batch:
            try:
                self._route(entry)
            except Exception:  # one entry that can't be routed must not stop the board
                log_.exception("entry not routed", position=entry.position)
        self.position = batch[-1].position
        self.flush()
        moved, self._moved = self._moved, asyncio.Event()
        moved.set()

    async def reached(self, position: int) -> None:
        """Wait until everything up to `position` has been routed."""
        while self.position < position:
            await self._moved.wait()

    def _route(self, entry: Entry) -> None:
        groups = self._groups(entry)
        frames: dict[Framing, Any] = {}
        for group in groups:
            self._deliver(entry, group, frames)
        if self._requests:
            self._tell_requests(entry, groups)

    def _groups(self, entry: Entry) -> list[Collection[Subscription]]:
        """Return who wants an entry: the subscriptions of each matching expression, or those it is targeted at."""
        envelope = entry.envelope
        if envelope.target:
            return [self._targeted(entry, envelope.target)]
        known = self._by_topic.get(envelope.topic)
        return known if known is not None else self._matching(entry)

    def _matching(self, entry: Entry) -> list[Collection[Subscription]]:
        """Ask the index; what it decided by the topic alone holds for all events of that topic.

        A document keeps what was read of it, so it tells what the answer stands on.
        """
        document = entry.document
        document.clear()
        groups: list[Collection[Subscription]] = [node.items for node in self._index.match(document)]
        if document.keys() <= _TOPIC:
            if len(self._by_topic) >= _TOPICS:
                self._by_topic.clear()
            self._by_topic[entry.envelope.topic] = groups
        return groups

    def asked(self, entry: Entry) -> list[str]:
        """Return the ids of the subscribers here who want an entry."""
        return list(_repliers(self._groups(entry)))

    def _targeted(self, entry: Entry, target: str) -> list[Subscription]:
        try:
            found = self.targets.find(target)
        except BadExpression:
            return []
        return [one for one in found if one.wants(entry)]

    def _deliver(
        self, entry: Entry, subscriptions: Iterable[Subscription], frames: dict[Framing, Any]
    ) -> None:
        """Append the entry once to each recipient that the router feeds: the hottest loop of all."""
        position = entry.position
        dirty = self._dirty
        framing: Framing | None = None
        frame: Any = None
        count = 0
        for subscription in subscriptions:
            recipient = subscription.recipient
            if subscription.handled is not None and recipient.served <= position:
                subscription.handled.give(entry.envelope.id or "", position)
            if recipient.served < position:
                recipient.served = position
                if recipient.framing is not framing:
                    framing = recipient.framing
                    frame = frames.get(framing) or frames.setdefault(framing, framing(entry))
                outbox = recipient.outbox
                if not outbox:
                    dirty.append(recipient)
                outbox.append(frame)
                count += 1
        self.delivered += count

    def _tell_requests(self, entry: Entry, groups: Iterable[Collection[Subscription]]) -> None:
        envelope = entry.envelope
        if envelope.id in self._requests:
            self._requests.ask(str(envelope.id), _repliers(groups))
            self.on_request(entry)
        elif envelope.topic == REPLY and envelope.in_reply_to_event in self._requests:
            self._requests.reply(envelope.opened(self._log.stamp(entry)))

    def flush(self) -> None:
        """Hand on what stands in outboxes; those who can't take more are fed no more."""
        dirty, self._dirty = self._dirty, []
        for recipient in dirty:
            if not recipient.flush() and recipient.live:
                self.read_by_itself(recipient, self.position)

    def touch(self, recipient: Recipient, frame: Any) -> None:
        """Append something that is not from the log, an acknowledgement say, to an outbox."""
        if not self._dirty:
            asyncio.get_running_loop().call_soon(self.flush)
        if not recipient.outbox:
            self._dirty.append(recipient)
        recipient.outbox.append(frame)

    def add(self, subscription: Subscription) -> None:
        """Feed a subscription from now on; one whose `since` is past makes its recipient read the log."""
        recipient = subscription.recipient
        self._index.add(subscription.allowed, subscription)
        self._by_topic.clear()
        self.targets.add(subscription)
        if subscription.since < self.position:
            here = self.position if recipient.live else recipient.position
            for other in recipient.subscriptions.values():
                if other is not subscription:
                    other.since = max(other.since, here)
            self.read_by_itself(recipient, min(here, subscription.since))

    def describe(self, subscription: Subscription, subscriber: Mapping[str, Any]) -> None:
        """Replace what a subscriber says of itself; its subscription stays."""
        self.targets.remove(subscription)
        subscription.subscriber = subscriber
        self.targets.add(subscription)

    def remove(self, subscription: Subscription) -> None:
        """Feed a subscription no more."""
        self._index.remove(subscription.allowed, subscription)
        self._by_topic.clear()
        self.targets.remove(subscription)

    def stop(self, recipient: Recipient) -> None:
        """Feed a recipient no more: it is gone."""
        for subscription in recipient.subscriptions.values():
            self.remove(subscription)
        recipient.served = FAR
        if recipient.reading is not None:
            recipient.reading.cancel()

    def read_by_itself(self, recipient: Recipient, position: int) -> None:
        """Let a recipient read the log from `position` on until it has caught up."""
        recipient.served = FAR
        recipient.position = position
        if recipient.reading is None:
            recipient.reading = asyncio.create_task(self._catch_up(recipient))

    async def _catch_up(self, recipient: Recipient) -> None:
        self.behind += 1
        try:
            while not await self._step(recipient):
                pass
        except Gone:
            pass
        finally:
            self.behind -= 1
            recipient.reading = None

    async def _step(self, recipient: Recipient) -> bool:
        """Read one batch for a recipient; return True in the turn in which it is live again."""
        await recipient.room()
        start = recipient.position
        try:
            batch = await self._log.read(start, _LIMIT, _BYTES)
            missed = batch and batch[0].position > start + 1 and await self._log.first() > start + 1
        except CallboardError as error:
            log_.warning("reading for a slow subscriber failed", error=str(error))
            await asyncio.sleep(_PATIENCE)
            return False
        if recipient.position != start:  # it was sent further back while we read
            return False
        if missed:
            recipient.miss(start, batch[0].position)
        self._feed(recipient, batch)
        if not recipient.flush() or recipient.position < self.position:
            return False
        recipient.served = recipient.position
        return True

    def _feed(self, recipient: Recipient, batch: Sequence[Entry]) -> None:
        for entry in batch:
            wanted = self._wanted(recipient, entry)
            for subscription in wanted:
                if subscription.handled is not None:
                    subscription.handled.give(entry.envelope.id or "", entry.position)
            if wanted:
                recipient.outbox.append(recipient.framing(entry))
                self.delivered += 1
            recipient.position = entry.position
        if not batch:
            recipient.position = max(recipient.position, self.position)

    def _wanted(self, recipient: Recipient, entry: Entry) -> list[Subscription]:
        target = entry.envelope.target
        mine = [one for one in recipient.subscriptions.values() if entry.position > one.since]
        if target:
            chosen = set(self._targeted(entry, target))
            return [one for one in mine if one in chosen]
        return [one for one in mine if one.wants(entry)]


def _repliers(groups: Iterable[Collection[Subscription]]) -> set[str]:
    """Return the ids of those who may reply: who only looks on says `replies: false` of itself."""
    return {one.id for group in groups for one in group if one.subscriber.get("replies") is not False}
