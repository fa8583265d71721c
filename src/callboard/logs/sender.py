"""The way into a stream: many messages under way, in the order of the appends.

    append --> queued --(one burst a turn, the last one asks for an answer)--> server
                                                                                 |
    done <-- arrived(key) <-- feed <-----------------------------------------------

An entry is stored when the feed brings it back: that gives its position and time, which every
node sees alike, and makes an acknowledgement for each message needless (nats-py takes 16 us for
one). A burst's last message asks for one all the same, so that a refusal says its reason.
The stream keeps one connection's order: what is still missing when a later one has come was refused.
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
from nats.errors import Error

from callboard.errors import StorageFailed
from callboard.event import Draft, Entry
from callboard.logs.feed import KEY
from callboard.logs.subjects import Key, event_subject, quoted

BURST = 256
UNDER_WAY = 4000
"""Messages sent and not back yet; a server drops what is beyond 10,000."""
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
        self._work, self._online, self._room = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._refusal = ""
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self) -> None:
        """Start to send."""
        await self._connection.subscribe(f"{self._inbox}.*", cb=self._answered)
        self._online.set()
        self._tasks = [self._loop.create_task(self._send()), self._loop.create_task(self._expire())]

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
        self._online.set()
        self._work.set()
        self._room.set()

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
            self._room.set()

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
                await self._until_room()
                await self._burst()

    async def _until_room(self) -> None:
        while len(self._waiting) - len(self._queued) > UNDER_WAY:
            self._room.clear()
            await self._room.wait()

    async def _burst(self) -> None:
        queued = self._queued
        count = min(BURST, len(queued))
        burst = [queued.popleft() for _ in range(count)]
        try:
            for number in burst:
                await self._publish(number, number == burst[-1])
        except Error as error:  # lost while sending: `online` sends all of it again
            log_.warning("an append waits for its NATS server", stream=self._stream, error=repr(error))
            self._online.clear()

    async def _publish(self, number: int, last: bool) -> None:
        found = self._waiting.get(number)
        if found is None:  # it has failed meanwhile
            return
        draft = found[0]
        headers = {KEY: f"{self._node}-{number}/{quoted(draft.publisher)}"}
        subject = event_subject(self._stream, draft.envelope.topic)
        reply = f"{self._inbox}.{number}" if last else ""
        await self._connection.publish(subject, draft.envelope.json, reply, headers)

    async def _answered(self, message: Msg) -> None:
        """Look only for refusals: what was stored comes back by itself."""
        if message.headers and message.headers.get("Status"):
            refusal = "no JetStream answers"
        elif b'"error"' in message.data:
            refusal = str(msgspec.json.decode(message.data).get("error", {}).get("description", ""))
        else:
            return
        number = int(message.subject.rpartition(".")[2])
        self._refusal = refusal
        log_.warning("the NATS server refused an append", stream=self._stream, reason=refusal)
        if number in self._waiting:
            self._fail(number, f"The NATS server refused it ({refusal}).")

    async def _expire(self) -> None:
        while True:
            await asyncio.sleep(self._patience / 10)
            now = self._loop.time()
            while self._waiting and self._waiting[self._next()][1].deadline < now:
                self._fail(self._oldest, f"The NATS server did not answer within {self._patience:g} s.")


_LATER = "publish again when it is back."
_NOT = "It is not acknowledged: publish it again."
