"""Asking all listeners at once: publish a question, gather what is replied until all have, or time is up.

    Asker + question --Bus.request--> replies, as they come --> Answer: what was said, and by whom

A listener is a stranger's program: what it says may be anything, of any size. What makes no sense is
noted as a Fault with who said it, and never keeps the others from being heard. Source: facts, sections
2.4, 4.1 and 4.3.
"""

from __future__ import annotations

import hashlib
from collections.abc import AsyncGenerator, AsyncIterator, Iterable, Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.bus import Bus
from callboard.event import Event, encode_json
from callboard.jsontext import fit

MOST_ANSWERS: Final = 1000
"""Answers to one question that are listened to."""
MOST_BYTES: Final = 32 * 1024 * 1024
"""Bytes of JSON that all answers to one question may have together."""
MOST_FAULTS: Final = 100


class Asker(Struct, frozen=True):
    """Whose act it is: handlers of the official clients read `source.user.id` and `.username` unguarded.

    `trace` {correlation, cause, hops} is what led to the act, if something did.
    """

    username: str
    id: str
    trace: Mapping[str, Any] | None = None

    @property
    def source(self) -> dict[str, Any]:
        """The source of what this user asks; the bus adds the id that replies go to."""
        trace = {} if self.trace is None else {"trace": dict(self.trace)}
        return {"user": {"id": self.id, "username": self.username}, **trace}


class Fault(Struct, frozen=True):
    """What was wrong with an answer: its subscriber as it names itself, the user whose key it came with."""

    subscriber: str
    publisher: str
    reason: str


class Answer(Struct, frozen=True):
    """One reply; `data` is what was said, `event` the whole of it."""

    event: Event

    @property
    def data(self) -> Any:
        """What was said: any JSON."""
        return self.event.data

    @property
    def subscriber(self) -> str:
        """The id of the subscriber, as it names itself."""
        return str(self.event.source.get("id", ""))[:200]

    @property
    def publisher(self) -> str:
        """The user whose key it came with, proven."""
        return self.event.entry.publisher if self.event.entry is not None else ""

    def fault(self, reason: str) -> Fault:
        """Return what is wrong with it."""
        return Fault(self.subscriber, self.publisher, reason)


class Faults:
    """The faults of one question: the first `most` are kept, the others only counted."""

    def __init__(self, most: int = MOST_FAULTS) -> None:
        self._most = most
        self._kept: list[Fault] = []
        self._last: Fault | None = None
        self._more = 0

    def add(self, fault: Fault) -> None:
        """Note one."""
        if len(self._kept) < self._most:
            self._kept.append(fault)
        else:
            self._last = fault
            self._more += 1

    def extend(self, faults: Iterable[Fault]) -> None:
        """Note several."""
        for fault in faults:
            self.add(fault)

    @property
    def all(self) -> tuple[Fault, ...]:
        """Those that were kept, and one that says how many more there were."""
        if self._last is None:
            return tuple(self._kept)
        more = msgspec.structs.replace(self._last, reason=f"There were {self._more} more faults.")
        return (*self._kept, more)


class Distinct:
    """Values that were seen: equal JSON is one value, whatever the order of its keys."""

    def __init__(self) -> None:
        self._seen: set[bytes] = set()

    def __len__(self) -> int:
        return len(self._seen)

    def add(self, value: Any) -> bool:
        """Note a value; return whether it is new."""
        digest = hashlib.sha256(msgspec.json.encode(value, order="deterministic")).digest()
        new = digest not in self._seen
        self._seen.add(digest)
        return new


def question(asker: Asker, topic: str, data: Mapping[str, Any]) -> Event:
    """Return the event that asks; raises BadEvent for what the hub would not take from outside."""
    fit(encode_json(data))
    return Event(topic, dict(data), asker.source)


async def answers(bus: Bus, event: Event, faults: Faults, deadline: float) -> AsyncGenerator[Answer, None]:
    """Publish a question and yield the first answer of each subscriber, as they come.

    Ends when all who were asked have replied, or `deadline` seconds are over; at once if nobody was
    asked. Answers that are too large together are faults. Raises what `Bus.publish` raises.
    """
    heard: set[str] = set()
    left = MOST_BYTES
    async with aclosing(_replies(bus, event, deadline)) as replies:
        async for reply in replies:
            answer = Answer(reply)
            size = len(encode_json(answer.data))
            if answer.subscriber in heard:
                continue
            heard.add(answer.subscriber)
            if size > left:
                faults.add(answer.fault(f"An answer of {size} bytes is too large beside the others."))
                continue
            left -= size
            yield answer
            if len(heard) >= MOST_ANSWERS:
                return


async def _replies(bus: Bus, event: Event, deadline: float) -> AsyncGenerator[Event, None]:
    """Yield the replies; a bus promises no more than an iterator, which may have something to close."""
    replies: AsyncIterator[Event] = bus.request(event, deadline=deadline)
    try:
        async for reply in replies:
            yield reply
    finally:
        close = getattr(replies, "aclose", None)
        if close is not None:
            await close()
