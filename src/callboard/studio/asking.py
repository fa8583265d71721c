"""Asking all listeners at once: publish a question, gather what is replied until all have, or time is up.

    Asker + Question --Bus.request--> replies, as they come --> Answer(data, who), or a fault

A listener is a stranger's program: what it says may be anything, of any size. What makes no sense is
noted with who said it, and never keeps the others from being heard. Source: facts, sections 4.1 and 4.3.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, Final

from msgspec import Struct

from callboard.bus import Bus
from callboard.event import Event, encode_json

MOST_REPLIES: Final = 1000
"""Replies that are looked at."""
MOST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of JSON that all replies to one question may have together."""
MOST_FAULTS: Final = 100


class Asker(Struct, frozen=True):
    """Whose act it is: handlers of the official clients read `source.user.id` and `.username` unguarded."""

    username: str
    id: str

    @property
    def source(self) -> dict[str, Any]:
        """The source of what this user asks; the bus adds the id that replies go to."""
        return {"user": {"id": self.id, "username": self.username}}


class Fault(Struct, frozen=True):
    """What was wrong with a reply: the subscriber as it names itself, the user whose key it came with."""

    subscriber: str
    publisher: str
    reason: str


class Answer(Struct, frozen=True):
    """One reply, its event with it."""

    data: Any
    event: Event

    @property
    def subscriber(self) -> str:
        """The id of the subscriber, as it names itself."""
        return str(self.event.source.get("id", ""))[:200]

    @property
    def publisher(self) -> str:
        """The user whose key the reply came with."""
        return self.event.entry.publisher if self.event.entry is not None else ""

    def fault(self, reason: str) -> Fault:
        """Return what is wrong with it."""
        return Fault(self.subscriber, self.publisher, reason)


def ask(
    bus: Bus, asker: Asker, topic: str, data: Mapping[str, Any], deadline: float
) -> AsyncGenerator[Answer, None]:
    """Publish a question and yield the first reply of each subscriber, as they come.

    Ends when all who were asked have replied, or `deadline` seconds are over; at once if nobody was
    asked. Raises what `Bus.publish` raises.
    """
    return _answers(bus, Event(topic, dict(data), asker.source), deadline)


async def _answers(bus: Bus, event: Event, deadline: float) -> AsyncGenerator[Answer, None]:
    heard: set[str] = set()
    left = MOST_BYTES
    async with aclosing(bus.request(event, deadline=deadline)) as replies:  # type: ignore[type-var]
        async for reply in replies:
            answer = Answer(reply.data, reply)
            left -= len(encode_json(reply.data))
            if left < 0 or len(heard) >= MOST_REPLIES:
                return
            if answer.subscriber not in heard:
                heard.add(answer.subscriber)
                yield answer


class Faults:
    """The faults of one question: the first hundred are kept, the others are only counted."""

    def __init__(self) -> None:
        self._kept: list[Fault] = []
        self._more = 0

    def add(self, fault: Fault) -> None:
        """Note one."""
        if len(self._kept) < MOST_FAULTS:
            self._kept.append(fault)
        else:
            self._more += 1

    @property
    def all(self) -> tuple[Fault, ...]:
        """Those that were kept, and one that says how many more there were."""
        more = (Fault("", "", f"{self._more} more faults are not told."),) if self._more else ()
        return (*self._kept, *more)
