"""The feed of a stream: its messages in their order, without a gap, from a position on for ever.

    server --push--> one turn's messages --> deliver(messages)
       |  a number is missing, silence, a reconnect
       `--> a new consumer behind the last message delivered

A consumer is only a place in the stream, held by the server in memory: to make another one
behind what was delivered is the cure for whatever went wrong with this one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial

import structlog
from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.aio.subscription import Subscription
from nats.errors import Error
from nats.js.api import AckPolicy, ConsumerConfig, DeliverPolicy

from callboard.errors import StorageFailed
from callboard.logs.subjects import Key

HEARTBEAT = 2.0
"""Seconds after which the server says that there is nothing; three missed ones are silence."""
RETRY = 0.5
IDLE = 5.0
"""Seconds after which the server forgets the consumer of a read that was given up."""

KEY = "Nats-Msg-Id"
NOTHING = "404"
"""The status of a read that found no message."""
_STATUS = "Status"
_STALLED = "Nats-Consumer-Stalled"

log_ = structlog.get_logger("callboard.logs")


@dataclass(frozen=True, slots=True)
class Message:
    """A stored message: its place and time in the stream, its key, its body."""

    position: int
    time: float
    key: Key | None
    body: bytes


def stored(message: Msg) -> tuple[Message, int]:
    """Return a delivered message, and its number in its consumer.

    Its reply subject says both: `$JS.ACK.<stream>.<consumer>.<tries>.<sequence>.<number>.<time>.<pending>`,
    on newer servers with a domain and an account before the stream.
    """
    parts = message.reply.split(".")
    sequence, number, time = parts[5:8] if len(parts) == 9 else parts[7:10]
    key = Key.of((message.headers or {}).get(KEY, ""))
    return Message(int(sequence), int(time) / 1e9, key, message.data), int(number)


class Feed:
    """Delivers a stream's messages behind `last`, in batches of one loop turn."""

    def __init__(
        self, connection: Client, stream: str, last: int, deliver: Callable[[Sequence[Message]], None]
    ) -> None:
        self._connection, self._stream, self._last, self._deliver = connection, stream, last, deliver
        self._js = connection.jetstream()
        self._loop = asyncio.get_running_loop()
        self._closed = False
        self._generation = self._next = 0
        self._heard = 0.0
        self._turn: list[Message] = []
        self._broken = asyncio.Event()
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    async def open(self) -> None:
        """Start to deliver."""
        await self._consume()
        self._task = self._loop.create_task(self._keep())

    def renew(self) -> None:
        """Make a new consumer: the connection was lost."""
        self._broken.set()

    async def close(self) -> None:
        """Stop to deliver."""
        self._closed = True
        self._generation += 1
        if self._task:
            self._task.cancel()
        await self._unsubscribe()

    async def _keep(self) -> None:
        while not self._closed:  # asked too, since `wait_for` may swallow a cancellation
            await self._until_broken()
            try:
                await self._consume()
            except (Error, TimeoutError) as error:
                log_.warning("the log's feed waits for its server", stream=self._stream, error=repr(error))
                await asyncio.sleep(RETRY)
                self._broken.set()

    async def _until_broken(self) -> None:
        while not self._broken.is_set() and self._loop.time() - self._heard < 3 * HEARTBEAT:
            with suppress(TimeoutError):
                await asyncio.wait_for(self._broken.wait(), HEARTBEAT)

    async def _consume(self) -> None:
        """Make a consumer behind the last message."""
        await self._unsubscribe()
        if self._closed:
            return
        self._broken.clear()
        self._generation += 1
        self._next, self._heard = 1, self._loop.time()
        inbox = self._connection.new_inbox()
        self._subscription = await self._connection.subscribe(
            inbox, cb=partial(self._receive, self._generation)
        )
        config = ConsumerConfig(
            deliver_policy=DeliverPolicy.BY_START_SEQUENCE,
            opt_start_seq=self._last + 1,
            deliver_subject=inbox,
            ack_policy=AckPolicy.NONE,
            max_deliver=1,
            flow_control=True,
            idle_heartbeat=HEARTBEAT,
            mem_storage=True,
            num_replicas=1,
        )
        await self._js.add_consumer(self._stream, config)

    async def _unsubscribe(self) -> None:
        subscription, self._subscription = self._subscription, None
        if subscription:
            with suppress(Error):
                await subscription.unsubscribe()

    async def _receive(self, generation: int, message: Msg) -> None:
        if generation != self._generation:
            return
        self._heard = self._loop.time()
        if message.headers and _STATUS in message.headers:
            await self._answer(message)
            return
        found, number = stored(message)
        if number != self._next:
            self._broken.set()
            return
        self._next += 1
        self._last = found.position
        self._turn.append(found)
        if len(self._turn) == 1:
            self._loop.call_soon(self._hand_over)

    def _hand_over(self) -> None:
        turn, self._turn = self._turn, []
        self._deliver(turn)

    async def _answer(self, message: Msg) -> None:
        """Tell the server that what it sent has come, when it asks: it sends no more until then."""
        asked = message.reply or (message.headers or {}).get(_STALLED)
        if asked:
            await self._connection.publish(asked)


async def fetch(
    connection: Client, stream: str, start: float, limit: int, max_bytes: int, patience: float
) -> list[Message]:
    """Return up to `limit` messages from a position (int) or a time (float) on, about `max_bytes` at most.

    A consumer of its own, because it reads from the stream's leader: a direct get may be
    answered by a replica that is behind, and what it lacks would look like a gap.
    """
    js = connection.jetstream(timeout=patience)
    inbox = connection.new_inbox()
    subscription = await connection.subscribe(inbox)
    try:
        name = (await js.add_consumer(stream, _from(start))).name
        source = f"$JS.API.CONSUMER.MSG.NEXT.{stream}.{name}"
        await connection.publish(
            source, b'{"batch":%d,"max_bytes":%d,"no_wait":true}' % (limit, max_bytes), inbox
        )
        found, why = await _collect(subscription, limit, patience)
        if not found and why != NOTHING:  # the first one alone has more than `max_bytes`
            await connection.publish(source, b'{"batch":1,"no_wait":true}', inbox)
            found, why = await _collect(subscription, 1, patience)
        await connection.publish(f"$JS.API.CONSUMER.DELETE.{stream}.{name}", b"")
        if found or why == NOTHING:
            return found
        raise StorageFailed(f"The log {stream} can't be read (status {why}): look at its NATS server.")
    except (Error, TimeoutError) as error:
        raise StorageFailed(f"The log {stream} can't be read ({error!r}): look at its NATS server.") from None
    finally:
        with suppress(Error):
            await subscription.unsubscribe()


def _from(start: float) -> ConsumerConfig:
    by_time = isinstance(start, float)
    return ConsumerConfig(
        deliver_policy=DeliverPolicy.BY_START_TIME if by_time else DeliverPolicy.BY_START_SEQUENCE,
        opt_start_time=datetime.fromtimestamp(start, UTC) if by_time else None,
        opt_start_seq=None if by_time else int(start),
        ack_policy=AckPolicy.NONE,
        mem_storage=True,
        num_replicas=1,
        inactive_threshold=IDLE,
    )


async def _collect(subscription: Subscription, limit: int, patience: float) -> tuple[list[Message], str]:
    """Return messages until there are enough, and the status with which the server ended before that."""
    found: list[Message] = []
    while len(found) < limit:
        message = await subscription.next_msg(patience)
        if message.headers and _STATUS in message.headers:
            return found, message.headers[_STATUS]
        found.append(stored(message)[0])
    return found, ""
