"""The log on a NATS JetStream that several nodes share: its sequence is the position.

    append --> Sender --> stream --> Feed of each node --> Tail, and the Sender that waits

Every node sees the entries as the stream's leader ordered and timed them. Cursors and the log's
id are in a key-value bucket beside the stream, what nodes tell each other is plain NATS.
"""

from __future__ import annotations

import asyncio
import secrets
from asyncio import Future
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass

import structlog
from nats.errors import Error
from nats.js.api import StreamConfig, StreamInfo
from nats.js.errors import NotFoundError

from callboard.errors import BadEvent, StorageFailed
from callboard.event import MAX_EVENT, Draft, Entry, open_envelope
from callboard.hub.log import Log
from callboard.hub.tail import Tail
from callboard.logs.bucket import Bucket
from callboard.logs.cursors import Cursors
from callboard.logs.feed import Feed, Message, fetch
from callboard.logs.line import STREAM, Line, parts_of, refusal
from callboard.logs.nodes import Nodes
from callboard.logs.sender import HEADERS, Sender

PATIENCE = 10.0
"""Seconds an append waits for a server that is away."""
CONNECT = 5.0
"""Seconds to wait for the server at the start."""
RETRY = 0.5
"""Seconds between two questions whether the log is there again."""
SLICE = 50_000
"""Positions that are purged at once."""
DUPLICATES = 120.0
"""Seconds for which the server knows the keys of what it stored: longer than any append waits."""

log_ = structlog.get_logger("callboard.logs")


@dataclass(frozen=True)
class Limits:
    """What a log may take: bytes of an event, seconds to wait for its server, entries in memory."""

    max_event: int
    patience: float
    tail: Tail | None


class JetStreamLog(Log):
    """The log on a stream; open it with `open_jetstream`."""

    def __init__(self, line: Line, stream: StreamInfo, bucket: Bucket, log_id: str, limits: Limits) -> None:
        node, connection = secrets.token_hex(6), line.connection
        self.id, self.stream = log_id, stream.config.name or STREAM
        self.max_event = min(limits.max_event, connection.max_payload - HEADERS)
        self._connection, self._bucket, self._js = (
            connection,
            bucket,
            connection.jetstream(timeout=limits.patience),
        )
        self._patience = limits.patience
        self._tail = limits.tail or Tail()
        self._tail.start(stream.state.last_seq)
        self._sender = Sender(connection, self.stream, node, limits.patience)
        self._feed = Feed(connection, self.stream, self._tail.last, self._deliver)
        self._nodes = Nodes(connection, self.stream, node)
        self._cursors = Cursors({}, bucket.write)
        self._trouble = ""
        self._asked, self._answered = 0, asyncio.Event()
        self._answered.set()
        self._resuming: asyncio.Task[None] | None = None
        self._line = line
        line.gone, line.back = self._gone, self._back

    async def open(self) -> None:
        """Start to follow the stream."""
        self._cursors.learn(await self._bucket.cursors())
        await self._sender.open()
        await self._feed.open()
        await self._nodes.open()

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        if self._trouble:
            future: Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
            future.set_exception(StorageFailed(self._trouble))
            return future
        return self._sender.append(drafts)

    def _deliver(self, messages: Sequence[Message]) -> None:
        """Take what the feed brings: into the tail first, so that whoever is told finds it there."""
        found = [(message.key, entry) for message in messages if (entry := self._entry(message))]
        self._tail.extend([entry for _, entry in found])
        for key, entry in found:
            self._sender.arrived(key, entry)

    def _entry(self, message: Message) -> Entry | None:
        """Return a message as an entry; None for what no hub wrote."""
        if message.key is None:
            return None
        draft = self._sender.draft(message.key)
        if draft:
            return Entry(message.position, message.time, draft.publisher, draft.envelope)
        try:
            envelope = open_envelope(message.body, MAX_EVENT)
        except BadEvent:
            return None
        return Entry(message.position, message.time, message.key.publisher, envelope)

    def follow(self, after: int) -> AsyncIterator[Sequence[Entry]]:
        return self._tail.follow(after, self._stored_in_the_end)

    async def _stored_in_the_end(self, after: int, limit: int, max_bytes: int) -> Sequence[Entry]:
        """Read as long as it takes: a follower outlives a server that goes and comes back."""
        while True:
            try:
                return await self._stored(after, limit, max_bytes)
            except StorageFailed as error:
                if self._trouble:
                    raise
                log_.warning("a follower waits for the log", stream=self.stream, error=str(error))
                await asyncio.sleep(RETRY)

    async def read(self, after: int, limit: int = 1000, max_bytes: int = 1 << 20) -> Sequence[Entry]:
        if after >= self._tail.floor:
            return self._tail.after(after, limit, max_bytes)
        return await self._stored(after, limit, max_bytes)

    async def _stored(self, after: int, limit: int, max_bytes: int) -> Sequence[Entry]:
        while True:
            messages = await self._fetch(after + 1, limit, max_bytes)
            entries = [entry for message in messages if (entry := self._entry(message))]
            if entries or not messages:
                return entries
            after = messages[-1].position  # none of them was a hub's

    async def _fetch(self, start: float, limit: int, max_bytes: int) -> Sequence[Message]:
        self._check_open()
        with self._asking():
            return await fetch(self._connection, self.stream, start, limit, max_bytes, self._patience)

    async def first(self) -> int:
        state = (await self._info()).state
        return state.first_seq if state.messages else state.last_seq + 1

    async def last(self) -> int:
        return (await self._info()).state.last_seq

    async def position_at(self, time: float) -> int:
        early = time - 1e-6  # a float of seconds is coarser than the server's nanoseconds
        for message in await self._fetch(early, 100, 1 << 20):
            if message.time >= time:
                return message.position - 1
        return await self.last()

    async def prune(self, before: int) -> int:
        first = start = await self.first()
        before = min(before, await self.last() + 1)
        while start < before:
            start = min(start + SLICE, before)
            with self._asking():
                await self._js.purge_stream(self.stream, seq=start)
        self._tail.forget(before)
        return max(0, before - first)

    async def size(self) -> int:
        return (await self._info()).state.bytes

    async def cursors(self) -> Mapping[str, int]:
        self._check_open()
        with self._asking():
            self._cursors.learn(await self._bucket.cursors())
        return self._cursors.all()

    def move(self, cursor: str, position: int) -> None:
        self._cursors.move(cursor, position)

    async def drop(self, cursor: str) -> None:
        self._check_open()
        self._cursors.drop(cursor)
        with self._asking():
            await self._bucket.drop(cursor)

    def tell(self, subject: str, body: bytes) -> None:
        self._nodes.tell(subject, body)

    def hear(self, subject: str, callback: Callable[[bytes], None]) -> None:
        self._nodes.hear(subject, callback)

    def nodes(self) -> int:
        return self._nodes.count()

    async def close(self) -> None:
        if self._connection.is_closed:
            return
        await self._sender.drain()
        self._line.gone = self._line.back = lambda: None
        if self._resuming:
            self._resuming.cancel()
        self._trouble = self._trouble or f"The log {self.stream} is closed: nothing was stored."
        self._sender.close(self._trouble)
        await self._until_answered()
        self._cursors.close()
        await self._bucket.close()
        self._tail.close()
        await self._nodes.close()
        await self._feed.close()
        await self._connection.close()

    async def _info(self) -> StreamInfo:
        self._check_open()
        with self._asking():
            return await self._js.stream_info(self.stream)

    @contextmanager
    def _asking(self) -> Iterator[None]:
        """Say in one sentence what NATS answered when it could not; `close` waits for who asks."""
        self._asked += 1
        self._answered.clear()
        try:
            yield
        except (Error, TimeoutError) as error:
            raise StorageFailed(
                f"The log {self.stream} does not answer ({error!r}): look at its NATS server."
            ) from None
        finally:
            self._asked -= 1
            if not self._asked:
                self._answered.set()

    async def _until_answered(self) -> None:
        """Let questions that are under way end: nobody would answer them on a closed connection."""
        with suppress(TimeoutError):
            await asyncio.wait_for(self._answered.wait(), 1)

    def _check_open(self) -> None:
        if self._trouble:
            raise StorageFailed(self._trouble)

    def _gone(self) -> None:
        log_.warning("the connection to the log is lost", stream=self.stream)
        self._sender.offline()

    def _back(self) -> None:
        if self._resuming:
            self._resuming.cancel()
        self._resuming = asyncio.get_running_loop().create_task(self._resume())

    async def _resume(self) -> None:
        """Go on after a lost connection, if this is still the same log."""
        deadline = asyncio.get_running_loop().time() + self._patience
        while not self._trouble:
            try:
                stream = await self._js.stream_info(self.stream)
                if stream.state.last_seq >= self._tail.last and await self._bucket.id() == self.id:
                    log_.info("the connection to the log is back", stream=self.stream)
                    self._feed.renew()
                    self._sender.online()
                else:
                    self._lose()
                return
            except NotFoundError:  # it may still be reading its store
                if asyncio.get_running_loop().time() > deadline:
                    self._lose()
                    return
            except (Error, TimeoutError) as error:
                log_.warning("the log does not answer yet", stream=self.stream, error=str(error))
            await asyncio.sleep(RETRY)

    def _lose(self) -> None:
        """Refuse everything: positions of another log would be given to these entries."""
        self._trouble = (
            f"The NATS server came back with another log in the stream {self.stream}: "
            "give it back its store folder, or restart this node."
        )
        log_.error(self._trouble)
        self._sender.fail_all(self._trouble)
        self._tail.close()


async def open_jetstream(
    address: str, *, max_event: int = MAX_EVENT, patience: float = PATIENCE, tail: Tail | None = None
) -> JetStreamLog:
    """Open the log at `nats://[user:password@]host:port[,host:port ...][/stream]`; make it if there is none.

    The stream is made with one replica and the server's storage; one that is there, as an
    operator made it, is used as it is. Raises BadConfig, or StorageFailed when nobody answers.
    """
    servers, name = parts_of(address)
    line = Line()
    try:
        await asyncio.wait_for(line.open(servers), CONNECT)
        log = await _open_stream(line, name, Limits(max_event, patience, tail))
    except (Error, OSError, TimeoutError) as error:
        await line.connection.close()
        reason = line.error or str(error) or type(error).__name__
        raise StorageFailed(refusal(address, reason)) from None
    return log


async def _open_stream(line: Line, name: str, limits: Limits) -> JetStreamLog:
    js = line.connection.jetstream()
    try:
        stream = await js.stream_info(name)
    except NotFoundError:
        config = StreamConfig(name=name, subjects=[f"{name}.events.>"], duplicate_window=DUPLICATES)
        stream = await js.add_stream(config)
    bucket = await Bucket.open(js, name, stream.config.num_replicas or 1)
    log = JetStreamLog(line, stream, bucket, await bucket.id(), limits)
    await log.open()
    return log
