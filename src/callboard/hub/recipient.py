"""Who is fed from the log: a socket, a room's handler, a stream; and what it asked for.

The router appends what matches to a recipient's outbox and asks it to flush at the end of the
batch. A recipient that can't take more is left alone and reads the log by itself (`catchup.py`)
until it stands where the router stands: a slow subscriber is only one further back in the log.
"""

from __future__ import annotations

import sys
from abc import ABC, abstractmethod
from asyncio import Task
from collections.abc import Callable, Mapping
from typing import Any

from callboard.bus import REPLY
from callboard.event import Entry
from callboard.expression import Expression, both
from callboard.hub.owed import Owed
from callboard.hub.principal import Principal

FAR = sys.maxsize
"""`served` of a recipient that the router does not feed: it reads the log by itself."""

Framing = Callable[[Entry], Any]
"""Turns an entry into what an outbox holds; done once for all recipients that share the function."""


class Subscription:
    """One expression of one subscriber on one recipient.

    `expression` is what was asked for, `allowed` the same within what the principal may receive.
    `since` is the position up to which it wants nothing; `cursor` names its durable cursor, and
    `owed` is what it was given and has not confirmed, if that is more than a matter of reading.
    """

    __slots__ = (
        "allowed",
        "cursor",
        "expression",
        "id",
        "owed",
        "recipient",
        "since",
        "subscriber",
        "text",
    )

    def __init__(
        self,
        recipient: Recipient,
        text: str,
        expression: Expression,
        subscriber: Mapping[str, Any],
        since: int,
        cursor: str | None = None,
        owed: Owed | None = None,
    ) -> None:
        receive = recipient.principal.receive
        self.recipient = recipient
        self.text = text
        self.expression = expression
        self.allowed = expression if receive is None else both(expression, receive)
        self.subscriber = subscriber
        self.id = str(subscriber.get("id", ""))
        self.since = since
        self.cursor = cursor
        self.owed = owed

    def wants(self, entry: Entry) -> bool:
        """Return whether the expression holds.

        A targeted reply passes even what the key may not receive: who asks must
        hear the answer, and the target names it.
        """
        if self.allowed.matches(entry.document):
            return True
        envelope = entry.envelope
        return bool(
            envelope.topic == REPLY
            and envelope.target
            and self.allowed is not self.expression
            and self.expression.matches(entry.document)
        )


class Recipient(ABC):
    """One who is fed, in the order of positions, each event once however many subscriptions match."""

    __slots__ = ("framing", "outbox", "position", "principal", "reading", "served", "subscriptions")

    def __init__(self, principal: Principal, framing: Framing) -> None:
        self.principal = principal
        self.framing = framing
        self.outbox: list[Any] = []
        self.served = 0
        self.position = 0
        self.subscriptions: dict[tuple[str, str], Subscription] = {}
        self.reading: Task[None] | None = None

    @property
    def live(self) -> bool:
        """True while the router feeds it."""
        return self.served != FAR

    @abstractmethod
    def flush(self) -> bool:
        """Hand the outbox on without waiting; return False when its bound is passed."""

    @abstractmethod
    async def room(self) -> None:
        """Wait until more can be taken; raises Gone when that will never be."""

    @abstractmethod
    def lose(self, subscription: Subscription) -> None:
        """Give up a durable subscription: a newer connection owns its cursor now."""

    @abstractmethod
    def miss(self, after: int, before: int) -> None:
        """Say honestly that entries between the two positions are gone from the log."""
