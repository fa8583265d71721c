"""The listeners of one client, in the order in which they are called; and which of them an event is for.

The hub sends an event once to a connection, however many of its subscriptions match: it is sorted
out here. Source: facts 2.2.
"""

from __future__ import annotations

import logging
from bisect import insort
from collections.abc import Iterator, Sequence

from callboard.client.feed import Delivery, Mark, mark_of
from callboard.client.history import GAP, stamped_document, told
from callboard.client.listener import Listener
from callboard.client.rounds import Round
from callboard.errors import CallboardError
from callboard.event import Document, Envelope, Event, Stamp, decode_json, seal

log = logging.getLogger("callboard.client")


class Listeners:
    """Lower priorities first, equal ones in the order in which they were registered."""

    def __init__(self) -> None:
        self._all: list[Listener] = []

    def __iter__(self) -> Iterator[Listener]:
        return iter(list(self._all))

    def add(self, listener: Listener) -> None:
        """Take a listener up."""
        insort(self._all, listener, key=lambda one: one.priority)

    def remove(self, listener: Listener) -> bool:
        """Forget a listener; return whether the hub must be told: no other has its subscriber id."""
        if listener not in self._all:
            return False
        self._all.remove(listener)
        return not any(one.id == listener.id for one in self._all)

    def check_durable(self, name: str) -> None:
        """Raise CallboardError when a durable subscription has this name: they would share a cursor."""
        if any(one.durable and not one.closed and one.id == name for one in self._all):
            raise CallboardError(f"There is a durable subscription {name!r} already: choose another name.")

    def meant(self, event: Event) -> list[Listener]:
        """Return whom an event is for."""
        document = Document(seal(event))
        return [one for one in self if one.wants(document, event.target)]

    def deliver(self, envelope: Envelope, stamp: Stamp) -> None:
        """Hand an event from the hub to each listener that it is for."""
        if envelope.topic == GAP and not stamp.time:
            log.warning(told(decode_json(envelope.data)))
        document = stamped_document(envelope, stamp)
        target = envelope.target or ""
        wanting = [one for one in self._all if one.wants(document, target)]
        if wanting:
            _offer(envelope.opened(stamp), wanting, mark_of(stamp.position), len(envelope.json))

    def tell(self, event: Event) -> None:
        """Hand an event that this client made for itself to each listener that it is for."""
        _offer(event, self.meant(event), None, 0)


def _offer(event: Event, listeners: Sequence[Listener], mark: Mark | None, size: int) -> None:
    delivery = Delivery(Round(event, [one.priority for one in listeners]), mark, size)
    for listener in listeners:
        listener.offer(delivery)
