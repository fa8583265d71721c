"""The nodes on one stream: how they speak to each other, and how many there are.

    every BEAT:  <stream>.nodes.beat  <node>      one that is heard for the first time is answered
    on close:    <stream>.nodes.bye   <node>

Plain NATS messages on the log's connection, which does not hear itself (no_echo).
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from contextlib import suppress

from nats.aio.client import Client
from nats.aio.msg import Msg
from nats.errors import Error

from callboard.logs.subjects import node_subject

BEAT = 2.0
"""Seconds between two signs of life; three missed ones make a node gone."""


class Nodes:
    """The other nodes: what they say, and which of them live."""

    def __init__(self, connection: Client, stream: str, node: str) -> None:
        self._connection, self._stream, self._node = connection, stream, node.encode()
        self._loop = asyncio.get_running_loop()
        self._heard: dict[bytes, float] = {}
        self._callbacks: dict[str, list[Callable[[bytes], None]]] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self.hear("beat", self._beaten)
        self.hear("bye", self._gone)

    async def open(self) -> None:
        """Listen to the others, and tell them that this one is here."""
        await self._connection.subscribe(node_subject(self._stream, ">"), cb=self._dispatch)
        self._spawn(self._beat())

    def count(self) -> int:
        """Return how many nodes there are, this one included."""
        oldest = self._loop.time() - 3 * BEAT
        self._heard = {node: time for node, time in self._heard.items() if time > oldest}
        return 1 + len(self._heard)

    def tell(self, subject: str, body: bytes) -> None:
        """Say something to the others; it is lost while the server is away."""
        self._spawn(self._say(subject, body))

    def hear(self, subject: str, callback: Callable[[bytes], None]) -> None:
        """Call `callback` with what the others say on `subject`."""
        self._callbacks.setdefault(subject, []).append(callback)

    async def close(self) -> None:
        """Tell the others that this one goes."""
        for task in self._tasks:
            task.cancel()
        await self._say("bye", self._node)

    async def _beat(self) -> None:
        while True:
            await self._say("beat", self._node)
            await asyncio.sleep(BEAT)

    def _beaten(self, node: bytes) -> None:
        if node not in self._heard:
            self.tell("beat", self._node)
        self._heard[node] = self._loop.time()

    def _gone(self, node: bytes) -> None:
        self._heard.pop(node, None)

    async def _say(self, subject: str, body: bytes) -> None:
        with suppress(Error):  # the server is away: at most once
            await self._connection.publish(node_subject(self._stream, subject), body)

    async def _dispatch(self, message: Msg) -> None:
        subject = message.subject.removeprefix(node_subject(self._stream, ""))
        for callback in self._callbacks.get(subject, ()):
            callback(message.data)

    def _spawn(self, work: Coroutine[object, object, None]) -> None:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
