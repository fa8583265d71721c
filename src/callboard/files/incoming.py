"""A file on its way in, seen from the loop: small pieces are joined and written in a thread."""

from __future__ import annotations

from typing import Any, Final

from msgspec import Struct

from callboard.files.threads import Threads
from callboard.files.upload import Upload

_BLOCK: Final = 1 << 20
"""Bytes that are written at once; so much an upload costs in memory."""


class Wish(Struct, frozen=True, kw_only=True):
    """What shall happen with a file once it is stored, and on which printer."""

    select: bool = False
    print: bool = False
    printer: str = ""
    userdata: Any = None


NO_WISH: Final = Wish()


class Incoming:
    """An upload that is fed as bytes come; whoever opens it ends it with `finish` or `abort`."""

    def __init__(self, upload: Upload, threads: Threads) -> None:
        self.upload = upload
        self._threads = threads
        self._waiting = bytearray()

    async def expect(self, size: int) -> None:
        """Refuse at once what won't fit."""
        await self._threads.do(self.upload.expect, size)

    async def feed(self, data: bytes) -> None:
        """Take the next bytes; raises TooLarge or DiskFull."""
        self._waiting += data
        if len(self._waiting) >= _BLOCK:
            await self.flush()

    async def flush(self) -> None:
        """Write what waits."""
        waiting, self._waiting = self._waiting, bytearray()
        if waiting:
            await self._threads.do(self.upload.write, waiting)

    async def abort(self) -> None:
        """Remove what came, unless it is in its place."""
        await self._threads.do(self.upload.abort)
