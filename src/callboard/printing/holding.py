"""Holding: the file of a job can't be changed or removed for as long as it prints.

PrintStarted -> FileStore.hold;  PrintDone, PrintFailed -> FileStore.release
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import Final

from callboard.files.refusals import Refused
from callboard.files.store import FileStore
from callboard.printing.streaming import Told

_ENDED: Final = frozenset({"PrintDone", "PrintFailed"})


class Holding:
    """Holds and releases files as it hears of jobs; in a thread, one after the other."""

    def __init__(self, files: FileStore) -> None:
        self._files = files
        self._held: dict[str, str] = {}
        self._todo: asyncio.Queue[Told] = asyncio.Queue()

    def hear(self, told: Told) -> None:
        """Hear of a happening."""
        if told.happening.name in _ENDED or told.happening.name == "PrintStarted":
            self._todo.put_nowait(told)

    async def run(self) -> None:
        """Hold and release until cancelled; then nothing is held any more."""
        try:
            while True:
                told = await self._todo.get()
                await asyncio.to_thread(self._follow, told)
        finally:
            for printer in list(self._held):
                self._release(printer)

    def _follow(self, told: Told) -> None:
        data = told.happening.data
        self._release(told.printer)
        if told.happening.name == "PrintStarted" and data.get("origin") == "local":
            path = str(data.get("path") or data.get("file"))
            with contextlib.suppress(Refused):  # it was removed in the same moment: the job has it open
                self._files.hold(path, told.printer)
                self._held[told.printer] = path

    def _release(self, printer: str) -> None:
        path = self._held.pop(printer, None)
        if path is not None:
            with contextlib.suppress(Refused):
                self._files.release(path, printer)
