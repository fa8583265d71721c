"""Streaming: one thread with one plain asyncio loop, in which all printers are driven.

    hub's loop  --call(coroutine)-->  streaming loop: links, machines
                <--Crossing--------   what happened, in order; what is true now, the newest

The hub's loop may stall, or its log may be slow or full: no line waits for that, since crossing is one
append to a bounded queue and one wake-up. uvloop was left out here: its descriptors are quicker, but a
line a millisecond is the wire's, not the loop's; a process for all printers lost, since each event would
be encoded twice.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import deque
from collections.abc import Callable, Coroutine, Iterable, Mapping
from types import TracebackType
from typing import Any, Final, Self, TypeVar

from msgspec import Struct

from callboard.printing.happening import Happening

T = TypeVar("T")

MOST: Final = 50_000
"""Happenings that may wait for the hub's loop, or for its log."""

SWITCH: Final = 0.0002
"""Seconds that the hub may hold the interpreter while a printer waits for it; Python's own 5 ms are late."""

Status = Mapping[str, Any]


class Told(Struct, frozen=True):
    """One thing that a printer tells; `missed` is how many before it could not be kept."""

    printer: str
    happening: Happening
    missed: int = 0


class Crossing:
    """From the streaming thread to the hub's loop: happenings in order, of statuses the newest.

    `put` and `show` are called in the streaming thread; they never block.
    """

    def __init__(self, home: asyncio.AbstractEventLoop, most: int = MOST) -> None:
        self._home, self._most = home, most
        self._told: deque[Told] = deque()
        self._missed: dict[str, int] = {}
        self._statuses: dict[str, Status] = {}
        self._lock = threading.Lock()
        self._woken = False
        self._arrived, self._changed = asyncio.Event(), asyncio.Event()
        self.missed = 0
        """How many happenings could not be kept, ever."""

    def put(self, printer: str, happenings: Iterable[Happening]) -> None:
        """Take what happened; beyond the bound it is counted, and the next one that fits says so."""
        for happening in happenings:
            if len(self._told) >= self._most:
                self._missed[printer] = self._missed.get(printer, 0) + 1
                self.missed += 1
            else:
                self._told.append(Told(printer, happening, self._missed.pop(printer, 0)))
        self._wake()

    def show(self, printer: str, status: Status) -> None:
        """Take what is true of a printer now; what was there before is forgotten."""
        with self._lock:
            self._statuses[printer] = status
        self._wake()

    async def arrived(self) -> None:
        """Wait until there is something to take."""
        await self._arrived.wait()
        self._arrived.clear()

    async def changed(self) -> None:
        """Wait until a status changed."""
        await self._changed.wait()
        self._changed.clear()

    def take(self, most: int) -> list[Told]:
        """Return the oldest happenings, at most so many; whoever has not taken all comes again by himself."""
        told = self._told
        return [told.popleft() for _ in range(min(len(told), most))]

    def statuses(self) -> dict[str, Status]:
        """Return the statuses that changed since the last call."""
        with self._lock:
            found, self._statuses = self._statuses, {}
        return found

    @property
    def waiting(self) -> int:
        """How many happenings wait."""
        return len(self._told)

    def _wake(self) -> None:
        if self._woken:
            return
        self._woken = True
        try:
            self._home.call_soon_threadsafe(self._arrive)
        except RuntimeError:  # the hub's loop is closed: nobody takes anything any more
            self._told.clear()

    def wake(self) -> None:
        """Let whoever waits look again; called in the hub's loop."""
        self._arrived.set()

    def _arrive(self) -> None:
        self._woken = False
        self._arrived.set()
        self._changed.set()


class Streaming:
    """The thread; inside `async with` it runs."""

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None
        self._thread = threading.Thread(target=self._run, name="callboard streaming", daemon=True)
        self._started = threading.Event()

    async def __aenter__(self) -> Self:
        self._interval = sys.getswitchinterval()
        sys.setswitchinterval(SWITCH)
        self._thread.start()
        await asyncio.to_thread(self._started.wait)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._loop is not None
        await self.call(_end_tasks())
        self._loop.call_soon_threadsafe(self._loop.stop)
        await asyncio.to_thread(self._thread.join)
        sys.setswitchinterval(self._interval)

    async def call(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the streaming loop and return what it returns; cancelled with its caller."""
        assert self._loop is not None
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(work, self._loop))

    async def ask(self, function: Callable[[], T]) -> T:
        """Call a function in the streaming loop and return what it returns."""

        async def asked() -> T:
            return function()

        return await self.call(asked())

    def _run(self) -> None:
        loop = asyncio.SelectorEventLoop()
        asyncio.set_event_loop(loop)
        self._loop = loop
        self._started.set()
        try:
            loop.run_forever()
            loop.run_until_complete(loop.shutdown_default_executor())
        finally:
            loop.close()


async def _end_tasks() -> None:
    """Cancel what still runs in this loop, and wait for it."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)
