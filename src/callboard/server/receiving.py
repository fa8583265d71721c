"""Bodies that are too large to be held: read piece by piece, with an end to patience."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from starlette.requests import ClientDisconnect, Request

from callboard.server.body import announced
from callboard.server.problems import BUSY, TOO_BIG, TOO_SLOW, Problem

SILENCE: Final = 30.0
"""Seconds within which the next piece must come."""
_GRACE: Final = 60.0
_SLOWEST: Final = 1024
"""Bytes a second that must come on average, once the first minute is over."""
_MOST: Final = 32
_LINGER: Final = 5.0
_MOST_DRAINED: Final = 256 << 20

CLOSE: Final = {"Connection": "close"}
"""What is left of a body that we don't want is not read: the connection is of no more use."""


class Receiving:
    """Bodies that stream in: at most a few at a time, each with a bound in size and patience."""

    def __init__(self, most_bytes: int, *, together: int = _MOST, silence: float = SILENCE) -> None:
        self._most_bytes, self._together, self._silence = most_bytes, together, silence
        self._open = 0

    @asynccontextmanager
    async def parts(self, request: Request, beside: int = 0) -> AsyncIterator[AsyncGenerator[bytes]]:
        """Give the pieces of a body; `beside` is what it may hold beside a file of the largest size.

        Raises Problem: 413 when it is too large, 408 when it is too slow, 503 when too many are open.
        """
        most = self._most_bytes + beside
        if announced(request) > most:
            raise _too_big(most)
        if self._open >= self._together:
            raise Problem(BUSY, "Too many files come in at once: send this one again later.", CLOSE)
        self._open += 1
        pieces = self._pieces(request, most)
        try:
            yield pieces
        finally:
            self._open -= 1
            await pieces.aclose()

    async def _pieces(self, request: Request, most: int) -> AsyncGenerator[bytes]:
        clock, stream, size = asyncio.get_running_loop().time, request.stream(), 0
        begun = clock()
        while True:
            try:
                async with asyncio.timeout(self._silence):
                    piece = await anext(stream, None)
            except TimeoutError:
                raise Problem(TOO_SLOW, f"Nothing came for {self._silence:g} seconds.", CLOSE) from None
            if piece is None:
                return
            request.state.begun = True
            size += len(piece)
            if size > most:
                raise _too_big(most)
            if clock() - begun > _GRACE and size < _SLOWEST * (clock() - begun):
                raise Problem(TOO_SLOW, f"Less than {_SLOWEST} bytes a second came.", CLOSE)
            yield piece


async def drain(request: Request) -> None:
    """Take what a client still sends, for a moment: most read the answer only once they have sent all.

    Not from one that waits to be asked for its body (`Expect`): it has not begun.
    """
    if "expect" in request.headers and not getattr(request.state, "begun", False):
        return
    size = 0
    with contextlib.suppress(TimeoutError, ClientDisconnect, RuntimeError):
        async with asyncio.timeout(_LINGER):
            async for piece in request.stream():
                size += len(piece)
                if size > _MOST_DRAINED:
                    return


def _too_big(most: int) -> Problem:
    return Problem(TOO_BIG, f"A file has at most {most} bytes here (files.max_upload).", CLOSE)
