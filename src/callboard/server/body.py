"""Bodies: read as they come, bounded in size, in time, and all together in memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeVar

import msgspec
from starlette.requests import Request

from callboard.server.problems import BAD_REQUEST, BUSY, TOO_BIG, TOO_SLOW, Problem

T = TypeVar("T")

_PATIENCE = 60.0
_CLOSE = {"Connection": "close"}
"""What is left of a body that we don't want is not read: the connection is of no more use."""


class Bodies:
    """The bodies that are being read: no more than `together` bytes at any time."""

    def __init__(self, most: int, together: int = 256 << 20, patience: float = _PATIENCE) -> None:
        self.most = most
        self._together, self._patience = together, patience
        self._held = 0

    @asynccontextmanager
    async def read(self, request: Request, most: int | None = None) -> AsyncIterator[bytes]:
        """Give the body of a request while it is worked with.

        Raises Problem: 413 over `most` bytes, 408 when it takes too long, 503 when all
        bodies together are too much.
        """
        body = bytearray()
        try:
            await self._collect(request, most or self.most, body)
            yield bytes(body)
        finally:
            self._held -= len(body)

    async def _collect(self, request: Request, most: int, body: bytearray) -> None:
        try:
            async with asyncio.timeout(self._patience):
                async for part in self._parts(request, most):
                    body += part
                    self._held += len(part)
        except TimeoutError:
            detail = f"The body did not come within {self._patience:g} seconds."
            raise Problem(TOO_SLOW, detail, _CLOSE) from None

    async def _parts(self, request: Request, most: int) -> AsyncIterator[bytes]:
        _refuse_if(announced(request) > most, most)
        size = 0
        async for part in request.stream():
            size += len(part)
            _refuse_if(size > most, most)
            if self._held + len(part) > self._together:
                raise Problem(BUSY, "Too many large requests at once: send this one again later.", _CLOSE)
            yield part


def decode(body: bytes, kind: type[T]) -> T:
    """Return a JSON body as `kind`; raises Problem with what is wrong and where."""
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise Problem(BAD_REQUEST, f"This body is not what is asked for: {error}.") from None


def announced(request: Request) -> int:
    """Return the size that a body says it has, 0 where it says none."""
    text = request.headers.get("content-length", "")
    return int(text) if text.isdigit() and len(text) < 20 else 0


def _refuse_if(over: bool, most: int) -> None:
    if over:
        raise Problem(
            TOO_BIG,
            f"A body has at most {most} bytes here: send fewer events at once, and bytes by reference.",
            _CLOSE,
        )
