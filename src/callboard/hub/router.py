"""The router: follows the log and feeds each entry to those who asked for it.

    log.follow --> index (or targets) --> one frame a protocol --> outbox of each recipient --> flush

An entry costs what it matches. A recipient whose flush says that its bound is passed is fed
no more; it reads the log by itself (`catchup.py`) until, in one turn without an await, it stands
where the router stands.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any

import structlog

from callboard.bus import REPLY
from callboard.errors import BadExpression, CallboardError
from callboard.event import Entry
from callboard.hub.answers import OURS, Answers
from callboard.hub.catchup import CatchUp
from callboard.hub.index import Index
from callboard.hub.log import Log
from callboard.hub.recipient import FAR, Framing, Recipient, Subscription
from callboard.hub.replies import Reply, Requests
from callboard.hub.targets import Targets

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
        self.answers = Answers()
        self.position = 0
        self.delivered = 0
        self.catchup = CatchUp(log, self, self._groups)
        self._dirty: list[Recipient] = []
        self._moved = asyncio.Event()
        self.on_request: Callable[[Entry], None] = lambda _: None

    @property
    def behind(self) -> int:
        """How many recipients read the log to catch up."""
        return self.catchup.behind

    async def run(self, after: int) -> None:
        """Route everything behind `after`, until the log is closed."""
        self.position = after
        while True:
            try:
                async for batch in self._log.follow(self.position):
                    self.route(batch)
                return
            except CallboardError as error:  # the store can't be read now: nobody must stop hearing for ever
                log_.error("the log can't be followed", error=str(error))
                await asyncio.sleep(_PATIENCE)

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
        if entry.envelope.topic.startswith(OURS):
            self.answers.note(entry.envelope)
        groups = self._groups(entry)
        frames: dict[Framing, Any] = {}
        for group in groups:
            self._deliver(entry, group, frames)
        if self._requests or entry.envelope.topic == REPLY:
            self._tell_requests(entry, groups)

    def _groups(self, entry: Entry) -> list[Collection[Subscription]]:
        """Return who wants an entry: the subscriptions of each matching expression, or the targets."""
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

    def asked(self, entry: Entry) -> dict[str, str]:
        """Return the ids of the subscribers here who want an entry, and whose they are."""
        return _repliers(self._groups(entry))

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
            if subscription.owed is not None and recipient.served <= position > recipient.position:
                subscription.owed.give(entry.envelope.id or "", position)
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
        if self._requests.begin(envelope.id):
            asked = _repliers(groups)
            self._requests.ask(str(envelope.id), asked, asked)
            self.on_request(entry)
        elif envelope.topic == REPLY and envelope.in_reply_to_event in self._requests:
            self._requests.reply(Reply(envelope, self._log.stamp(entry)))
        elif envelope.topic == REPLY:
            self._requests.note_late(envelope.in_reply_to_event)

    def flush(self) -> None:
        """Hand on what stands in outboxes; those who can't take more are fed no more."""
        dirty, self._dirty = self._dirty, []
        for recipient in dirty:
            try:
                fits = recipient.flush()
            except Exception:  # the others must not stay unwritten
                log_.exception("an outbox could not be written")
                continue
            if not fits and recipient.live:
                self.catchup.start(recipient, self.position)

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
            self.catchup.start(recipient, min(here, subscription.since))

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

    def pause(self, subscription: Subscription) -> None:
        """Feed a subscription nothing until `add` brings it back; its recipient stays as it is."""
        self.remove(subscription)
        subscription.since = FAR


def _repliers(groups: Iterable[Collection[Subscription]]) -> dict[str, str]:
    """Return the ids of those who may reply, and whose they are; who only looks on says `replies: false`."""
    return {
        one.id: one.recipient.principal.name
        for group in groups
        for one in group
        if one.subscriber.get("replies") is not False
    }
