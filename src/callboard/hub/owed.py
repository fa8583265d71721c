"""What a durable subscription was given and has not confirmed yet: its cursor stays before that.

    give(event, position)   the router hands an event over
    settled(served)         how far the cursor may go, when all up to `served` was handed over

`durable: true` owes nothing beyond the pong, which the connection counts; see docs/delivery.md.
"""

from __future__ import annotations

from abc import ABC, abstractmethod


class Owed(ABC):
    """What one subscription owes, in the order of positions."""

    __slots__ = ()

    @abstractmethod
    def give(self, event: str, position: int) -> None:
        """Note that the event at `position` was handed over."""

    @abstractmethod
    def settled(self, served: int) -> int:
        """Return the position up to which all is confirmed, given all up to `served` was handed over."""


class Replies(Owed):
    """`durable: "handled"`: each event is owed a reply; with too many open no more are given."""

    __slots__ = ("_events", "paused_at")

    LIMIT = 1000

    def __init__(self) -> None:
        self._events: dict[str, int] = {}
        self.paused_at: int | None = None
        """Where it was paused because it owed too much; None while it is fed."""

    def __len__(self) -> int:
        return len(self._events)

    @property
    def full(self) -> bool:
        """True when so many wait for a reply that no more are given."""
        return len(self._events) >= self.LIMIT

    def give(self, event: str, position: int) -> None:
        """Note an event; of two with the same id the first counts, since one reply answers both."""
        self._events.setdefault(event, position)

    def reply(self, event: str) -> bool:
        """Note a reply; return whether the event was owed one."""
        return self._events.pop(event, None) is not None

    def settled(self, served: int) -> int:
        """Return the position before the oldest event without a reply."""
        return next(iter(self._events.values())) - 1 if self._events else served


class Returns(Owed):
    """`durable: "acknowledged"`: our own client says how far its handler has come."""

    __slots__ = ("_given", "_returned")

    def __init__(self) -> None:
        self._given = 0
        self._returned = 0

    def give(self, event: str, position: int) -> None:  # noqa: ARG002 - positions are enough here
        """Note the newest event."""
        self._given = position

    def returned(self, position: int) -> None:
        """Note that the handler has returned from everything up to `position`."""
        self._returned = max(self._returned, position)

    def settled(self, served: int) -> int:
        """Return how far the handler has come, or all that was looked through for it if it owes nothing."""
        return served if self._returned >= self._given else self._returned
