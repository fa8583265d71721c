"""The way into a stream: bursts of messages, one after the other, in the order of the appends.

    append --> queued --(a burst, its last message asks for an answer)--> server
                 ^                                                          |
                 `-- the next burst <-- done <-- arrived(key) <-- feed <-----

An entry is stored when the feed brings it back: that gives its position and time, which every
node sees alike, and makes an acknowledgement for each message needless (nats-py takes 16 us for
one). A burst's last message asks for one all the same, so that a refusal says its reason.
The stream keeps one connection's order: what is still missing when a later one has come was refused.
One burst at a time, as SQLite has one commit at a time: of two, a lost connection could drop the
first and nats-py send the second, which it still held, when it is back (decision 0005).
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec
import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error, MaxPayloadError

from callboard.errors import StorageFailed
from callboard.event import Draft, Entry
from callboard.logs.feed import KEY
from callboard.logs.subjects import Key, event_subject, quoted

BURST = 256
BURST_BYTES = 1 << 20
"""A burst has at most so many messages, and about so many bytes."""
GRACE = 0.5
"""Seconds that the rest of a burst gets to come back when its last message was refused."""
WAITING_BYTES = 64 << 20
"""Bytes of events that may wait for a server that is away."""
LONGEST_NAME = 800
"""Bytes a publisher's name may take, quoted."""
HEADERS = 1024
"""Bytes of a message that are not the event's."""

log_ = structlog.get_logger("callboard.logs")


@dataclass(slots=True, eq=False)
class _Append:
    """One append on its way: done when nothing of it is missing."""

    future: Future[Sequence[Entry]]
    numbers: range
    deadline: float
    entries: list[Entry] = field(default_factory=list)


class Sender:
    """Publishes drafts and matches what the feed brings back with who waits for it."""

    def __init__(self, connection: Client, stream: str, node: str, patience: float) -> None:
        self._connection, self._stream, self._patience = connection, stream, patience
        self._loop = asyncio.get_running_loop()
        self._node, self._inbox = node, connection.new_inbox()
        self._number, self._oldest = 0, 1
        self._bytes = 0
        self._waiting: dict[int, tuple[Draft, _Append]] = {}
        self._queued: deque[int] = deque()
        self._burst: set[int] = set()
        self._work, self._online, self._back = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._refusal = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start to send."""
        await self._connection.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._online.set()
        self._tasks = [self._loop.create_task(self._send()), self._loop.create_task(self._watch())]

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        """Have `drafts` stored; done with their entries once they came back."""
        future: Future[Sequence[Entry]] = self._loop.create_future()
        if not drafts:
            future.set_result([])
            return future
        size = sum([len(draft.envelope.json) for draft in drafts])
        if any(len(quoted(draft.publisher)) > LONGEST_NAME for draft in drafts):
            future.set_exception(StorageFailed("This user's name is too long for NATS: use a shorter one."))
            return future
        if self._bytes + size > WAITING_BYTES and self._waiting:
            future.set_exception(
                StorageFailed(f"{WAITING_BYTES >> 20} MB wait for the NATS server already: {_LATER}")
            )
            return future
        self._bytes += size
        numbers = range(self._number + 1, self._number + 1 + len(drafts))
        self._number = numbers[-1]
        waiting = _Append(future, numbers, self._loop.time() + self._patience)
        self._waiting.update(
            (number, (draft, waiting)) for number, draft in zip(numbers, drafts, strict=True)
        )
        self._queued.extend(numbers)
        self._work.set()
        return future

    def draft(self, key: Key) -> Draft | None:
        """Return the draft behind a message's key, if it is one of ours on its way."""
        found = self._waiting.get(key.number) if key.sender == self._node else None
        return found[0] if found else None

    def arrived(self, key: Key | None, entry: Entry) -> None:
        """Take note that a message is stored; what was sent before it and is missing was refused."""
        if key is None or key.sender != self._node or key.number not in self._waiting:
            return
        number = key.number
        found = self._waiting[number]
        while self._next() < number:
            self._fail(self._oldest, f"The NATS server refused it ({self._refusal or 'without a reason'}).")
        self._forget(number)
        waiting = found[1]
        waiting.entries.append(entry)
        if len(waiting.entries) == len(waiting.numbers) and not waiting.future.done():
            waiting.future.set_result(waiting.entries)

    def offline(self) -> None:
        """Hold back what comes: the connection is lost."""
        self._online.clear()

    def online(self) -> None:
        """Send again all that has not come back, under the same keys: the server knows those it has."""
        self._queued = deque(self._waiting)
        self._burst.clear()
        self._online.set()
        self._work.set()
        self._back.set()

    async def drain(self) -> None:
        """Wait until all is stored, or has failed."""
        while self._waiting:
            await asyncio.wait([self._waiting[self._next()][1].future])

    def close(self, reason: str) -> None:
        """Stop to send; what is under way fails with `reason`."""
        for task in self._tasks:
            task.cancel()
        self.fail_all(reason)

    def fail_all(self, reason: str) -> None:
        """Fail all that is under way."""
        while self._waiting:
            self._fail(self._next(), reason)

    def _next(self) -> int:
        """Return the oldest number that is waiting: a dict that is emptied from its front finds it slowly."""
        while self._oldest <= self._number and self._oldest not in self._waiting:
            self._oldest += 1
        return self._oldest

    def _forget(self, number: int) -> None:
        found = self._waiting.pop(number, None)
        if found:
            self._bytes -= len(found[0].envelope.json)
            self._burst.discard(number)
            if not self._burst:
                self._back.set()

    def _fail(self, number: int, reason: str) -> None:
        """Fail the append that a message is of, all of it: some of it may be stored, none acknowledged."""
        _, waiting = self._waiting[number]
        for each in waiting.numbers:
            self._forget(each)
        if not waiting.future.done():
            waiting.future.set_exception(StorageFailed(f"{reason} {_NOT}"))

    async def _send(self) -> None:
        while True:
            await self._work.wait()
            self._work.clear()
            while self._queued:
                await self._online.wait()
                await self._send_burst(self._take())

    def _take(self) -> list[int]:
        """Take the next burst out of the queue; what has failed meanwhile is left out."""
        taken: list[int] = []
        size = 0
        while self._queued and len(taken) < BURST and size < BURST_BYTES:
            number = self._queued.popleft()
            if number in self._waiting:
                taken.append(number)
                size += len(self._waiting[number][0].envelope.json)
        return taken

    async def _send_burst(self, burst: list[int]) -> None:
        """Send a burst, and wait until all of it is back."""
        if not burst:
            return
        self._burst, self._refusal = set(burst), ""
        self._back.clear()
        try:
            for number in burst:
                if number in self._waiting:
                    await self._publish(number, number == burst[-1])
        except Error as error:  # lost while sending: `online` sends all of it again
            log_.warning("an append waits for its NATS server", stream=self._stream, error=repr(error))
        await self._back.wait()

    async def _publish(self, number: int, last: bool) -> None:
        draft = self._waiting[number][0]
        headers = {KEY: f"{self._node}-{number}/{quoted(draft.publisher)}"}
        subject = event_subject(self._stream, draft.envelope.topic)
        reply = f"{self._inbox}.{number}" if last else ""
        try:
            await self._connection.publish(subject, draft.envelope.json, reply, headers)
        except MaxPayloadError:  # a server that came back with a smaller limit
            self._fail(number, "The NATS server takes no event of this size any more.")

    async def _answered(self, message: Msg) -> None:
        """Look only for refusals: what was stored comes back by itself."""
        if message.headers and message.headers.get("Status"):
            refusal = "no JetStream answers"
        elif b'"error"' in message.data:
            refusal = str(msgspec.json.decode(message.data).get("error", {}).get("description", ""))
        else:
            return
        self._refused(int(message.subject.rpartition(".")[2]), refusal)

    def _refused(self, number: int, refusal: str) -> None:
        """Fail what was refused; the rest of its burst may be stored, and comes back soon if so."""
        log_.warning("the NATS server refused an append", stream=self._stream, reason=refusal)
        self._refusal = refusal
        if number in self._waiting:
            self._fail(number, f"The NATS server refused it ({refusal}).")
        soon = self._loop.time() + GRACE
        for other in self._burst:
            self._waiting[other][1].deadline = min(soon, self._waiting[other][1].deadline)
        self._loop.call_later(GRACE * 1.1, self._expire)

    async def _watch(self) -> None:
        while True:
            await asyncio.sleep(self._patience / 10)
            self._expire()

    def _expire(self) -> None:
        """Fail what has waited long enough."""
        now = self._loop.time()
        reason = (
            f"refused it ({self._refusal})"
            if self._refusal
            else f"did not answer within {self._patience:g} s"
        )
        while self._waiting and self._waiting[self._next()][1].deadline < now:
            self._fail(self._oldest, f"The NATS server {reason}.")


_LATER = "publish again when it is back."
_NOT = "It is not acknowledged: publish it again."
