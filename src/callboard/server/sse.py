"""Server-Sent Events: what comes, as it comes, for whoever holds the response open.

    Stream.take, State.watch, Bus.request --> paced --> text/event-stream --> one reader

Every ten seconds without anything a comment keeps proxies awake, finds peers that are gone, and asks
whether the key is still good. Nothing is buffered here: a reader that does not read holds
up its own stream, which then waits in the log. Source: the HTML standard, "Server-sent events".
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import Any, TypeVar

from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from callboard.server.problems import BUSY, Problem

T = TypeVar("T")

KEEPALIVE = 10.0
_RETRY = b"retry: 2000\n"

Beat = Callable[[], bytes | None]
"""Gives what is sent when nothing came for a while; None ends the stream."""


class Streams:
    """All open streams of this node; `close` ends them, which the server waits for when it stops."""

    def __init__(self, most: int = 5_000, keepalive: float = KEEPALIVE) -> None:
        self.open = 0
        self._most = most
        self._keepalive = keepalive
        self._closing = asyncio.Event()

    def close(self) -> None:
        """End every stream, and those that are asked for from now on."""
        self._closing.set()

    def response(self, pieces: AsyncGenerator[bytes], beat: Beat) -> EventStream:
        """Return the response that sends `pieces`, whole messages each, and a beat in between.

        Raises Problem when there are too many streams, or the server is closing.
        """
        if self._closing.is_set() or self.open >= self._most:
            raise Problem(BUSY, "The hub keeps no more streams open now: connect again later.")
        return EventStream(self._bytes(pieces, beat))

    async def paced(self, pieces: AsyncGenerator[T]) -> AsyncGenerator[T | None]:
        """Yield what `pieces` yields, None when nothing comes for a while; end when the server closes."""
        self.open += 1
        try:
            async with aclosing(paced(pieces, self._closing, self._keepalive)) as all_pieces:
                async for piece in all_pieces:
                    yield piece
        finally:
            self.open -= 1

    async def _bytes(self, pieces: AsyncGenerator[bytes], beat: Beat) -> AsyncGenerator[bytes]:
        yield _RETRY + (beat() or b"\n")
        async with aclosing(self.paced(pieces)) as all_pieces:
            async for piece in all_pieces:
                sent = beat() if piece is None else piece
                if sent is None:
                    return
                yield sent


class EventStream(StreamingResponse):
    """A response that ends its generator when the peer goes, not when memory is next cleaned up."""

    media_type = "text/event-stream"

    def __init__(self, content: AsyncGenerator[bytes]) -> None:
        super().__init__(content, headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"})
        self._content = content

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send until the generator ends or the peer is gone."""
        async with aclosing(self._content):
            if scope["method"] == "HEAD":
                await Response(None, self.status_code, self.headers)(scope, receive, send)
            else:
                await super().__call__(scope, receive, send)


async def paced(pieces: AsyncGenerator[T], closing: asyncio.Event, period: float) -> AsyncGenerator[T | None]:
    """Yield what `pieces` yields, None when nothing came for `period` seconds; end when `closing` is set."""
    closed = asyncio.create_task(closing.wait())
    coming: asyncio.Task[T | None] | None = None
    try:
        while True:
            coming = coming or asyncio.create_task(_next(pieces))
            await asyncio.wait((coming, closed), timeout=period, return_when=asyncio.FIRST_COMPLETED)
            if coming.done():
                piece, coming = coming.result(), None
                if piece is None:
                    return
                yield piece
            elif closed.done():
                return
            else:
                yield None
    finally:
        await _cancelled(closed, coming)
        await pieces.aclose()


async def _next(pieces: AsyncGenerator[T]) -> T | None:
    return await anext(pieces, None)


async def _cancelled(*tasks: asyncio.Task[Any] | None) -> None:
    waiting = [task for task in tasks if task is not None]
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)


def message(data: bytes, event: str = "", position: str = "") -> bytes:
    """Return one message; `data` is JSON, which has no line breaks of its own."""
    head = f"event: {event}\n" if event else ""
    mark = f"id: {position}\n" if position else ""
    return b"%b%bdata: %b\n\n" % (head.encode(), mark.encode(), data)


def comment(text: str, position: str = "") -> bytes:
    """Return what says only that the stream lives, and how far it has come."""
    mark = f"id: {position}\n" if position else ""
    return f": {text}\n{mark}\n".encode()
