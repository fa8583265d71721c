"""A stored file on its way out: whole or a range of it, under a name that no browser runs.

Starlette's FileResponse lost: it opens by path once more, where a link may stand by then.
"""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Mapping
from email.utils import formatdate
from typing import BinaryIO, Final
from urllib.parse import quote

from msgspec import Struct
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from callboard.server.problems import BAD_RANGE, Problem

_BLOCK: Final = 256 * 1024
_STALLED: Final = 120.0
"""Seconds that a reader may take nothing."""
_RANGE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Span(Struct, frozen=True):
    """Which bytes are sent: from `start` up to, not including, `end`, of `size`."""

    start: int
    end: int
    size: int

    @property
    def is_part(self) -> bool:
        """Whether it is less than all."""
        return self.end - self.start < self.size


def span_of(headers: Mapping[str, str], size: int, etag: str) -> Span:
    """Return what a request asks for: one range, or all; several ranges mean all, as RFC 9110 allows.

    Raises Problem (416) for a range that is not there.
    """
    whole = Span(0, size, size)
    found = _RANGE.fullmatch(headers.get("range", "").replace(" ", ""))
    if found is None or headers.get("if-range", etag) != etag:
        return whole
    first, last = found[1], found[2]
    if not first and not last:
        return whole
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last) + 1, size) if first and last else size
    if first and last and int(last) < int(first):
        return whole
    if start >= size or start >= end:
        raise Problem(BAD_RANGE, f"This file has {size} bytes.", {"Content-Range": f"bytes */{size}"})
    return Span(start, end, size)


def disposition(name: str) -> str:
    """Return the header that makes any browser store a file under its name, whatever is in it."""
    plain = "".join(
        sign if sign.isascii() and sign.isprintable() and sign not in '"\\%' else "_" for sign in name
    )
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


class Download(Response):
    """Sends `file`, and closes it whatever happens."""

    def __init__(self, file: BinaryIO, request: Request, name: str, sha256: str) -> None:
        self._file, self._request = file, request
        found = os.fstat(file.fileno())
        etag = f'"{sha256 or f"{found.st_mtime_ns:x}-{found.st_size:x}"}"'
        self._known = request.headers.get("if-none-match") in {etag, "*"}
        self._span = span_of(request.headers, found.st_size, etag)
        part = self._span.is_part and not self._known
        headers = {
            "ETag": etag,
            "Last-Modified": formatdate(found.st_mtime, usegmt=True),
            "Accept-Ranges": "bytes",
            "Cache-Control": "private, no-cache",
            "Content-Disposition": disposition(name),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "sandbox",
        }
        if part:
            span = self._span
            headers["Content-Range"] = f"bytes {span.start}-{span.end - 1}/{span.size}"
        if not self._known:
            headers["Content-Length"] = str(self._span.end - self._span.start)
        status = 304 if self._known else 206 if part else 200
        super().__init__(None, status, headers, "application/octet-stream")
        if not self._known:
            self.raw_headers = [pair for pair in self.raw_headers if pair != (b"content-length", b"0")]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:  # noqa: ARG002
        """Send the bytes; stops when the reader is gone or takes nothing for too long."""
        try:
            await send(
                {"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers}
            )
            if scope["method"] != "HEAD" and not self._known:
                await self._send(send)
            await send({"type": "http.response.body", "body": b""})
        except TimeoutError:
            return
        finally:
            await asyncio.to_thread(self._file.close)

    async def _send(self, send: Send) -> None:
        left = self._span.end - self._span.start
        await asyncio.to_thread(self._file.seek, self._span.start)
        while left and not await self._request.is_disconnected():
            block = await asyncio.to_thread(self._file.read, min(_BLOCK, left))
            if not block:
                return  # it became shorter: the length that was promised tells the reader
            left -= len(block)
            async with asyncio.timeout(_STALLED):
                await send({"type": "http.response.body", "body": block, "more_body": True})
