"""A mark: what must outlive a kill of the hub, by printer, in one small file beside the files.

values change --> written whole, in a thread, then put in place of the one before
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import Final, Generic, TypeVar

import structlog
from msgspec import MsgspecError
from msgspec.json import Decoder, encode

log = structlog.get_logger("callboard.printing")

MOST: Final = 1 << 20
"""Bytes of a mark that is read: a thousand printers."""

AGAIN: Final = 2.0
"""Seconds until what could not be written is tried again: a full disk has room again some day."""

T = TypeVar("T")


class Mark(Generic[T]):
    """Values by printer, on disk a moment after `changed`; an empty mark has no file."""

    def __init__(self, file: Path, decoder: Decoder[dict[str, T]], what: str) -> None:
        """`what` it holds is told to the operator where it can't be read or written."""
        self._file, self._decoder, self._what = file, decoder, what
        self.values: dict[str, T] = {}
        self._changed = asyncio.Event()
        self._writing = threading.Lock()
        self._said = ""

    def read(self) -> bool:
        """Read the values; returns whether they are known. Blocks, and never raises."""
        try:
            with self._file.open("rb") as file:
                self.values = self._decoder.decode(file.read(MOST))
        except FileNotFoundError:
            return True
        except (OSError, MsgspecError) as error:
            log.warning("a mark can't be read", of=self._what, file=str(self._file), reason=str(error))
            return False
        return True

    def changed(self) -> None:
        """Have the values written soon."""
        self._changed.set()

    async def run(self) -> None:
        """Write the values when they have changed, again and again while that fails, until cancelled."""
        try:
            while True:
                await self._changed.wait()
                self._changed.clear()
                if not await asyncio.to_thread(self._put):
                    self._changed.set()
                    await asyncio.sleep(AGAIN)
        finally:
            if self._changed.is_set():
                self._put()

    def _put(self) -> bool:
        """Write what is true now; whoever comes last, a thread left behind too, writes the newest."""
        with self._writing:
            try:
                self._write(encode(self.values) if self.values else b"")
            except (OSError, ValueError) as error:
                self._say(str(getattr(error, "strerror", None) or error))
                return False
        self._said = ""
        return True

    def _say(self, reason: str) -> None:
        """Tell the operator once why nothing can be written."""
        if reason != self._said:
            log.warning("a mark can't be written", of=self._what, file=str(self._file), reason=reason)
        self._said = reason

    def _write(self, data: bytes) -> None:
        if not data:
            self._file.unlink(missing_ok=True)
            return
        part = self._file.with_name(f"{self._file.name}.part")
        try:
            with part.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            part.replace(self._file)
        except OSError:
            part.unlink(missing_ok=True)
            raise
