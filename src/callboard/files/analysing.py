"""The queue of files to analyse: one at a time, in a process of its own, stopped while a printer prints.

    add -> queue, by priority -> MetadataAnalysisStarted -> process -> store -> MetadataAnalysisFinished

While a printer prints, or copies to its card, the process stands still (SIGSTOP) and goes on afterwards
(SIGCONT). The reference kills it and begins anew: a file that takes longer than the pauses between two
prints is then never done, and MetadataAnalysisStarted comes again and again. Ours comes once.

An analysis that fails, takes too long or is of other bytes by its end has no Finished.
Source: facts/print-host-facts.md 4.4, 1.3 (both spellings).
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
from collections.abc import Mapping, Sequence
from enum import IntEnum
from pathlib import Path
from types import TracebackType
from typing import Any, Final, Literal, Protocol, Self

import structlog

from callboard.bus import Bus, Subscription
from callboard.errors import CallboardError
from callboard.event import Event, caused_by
from callboard.files.analysis import USUAL, Analyser
from callboard.files.analysisprocess import Child, Outcome, command_of
from callboard.files.refusals import Refused

log = structlog.get_logger("callboard.files")

RunAt = Literal["idle", "always", "never"]

STARTED: Final = "octoprint.MetadataAnalysisStarted"
FINISHED: Final = ("octoprint.MetadataAnalysisFinished", "octoprint.MetadataAnalaysisFinished")
"""The wire's spelling and the seed's: always both, adjacent, with one payload, so that hooks run once."""

BEGINNINGS: Final = ("PrintStarted", "TransferStarted")
ENDS: Final = ("PrintDone", "PrintFailed", "TransferDone", "TransferFailed", "Disconnected")

_TRIES: Final = 5
"""How often a file that changes meanwhile is begun anew."""


class Priority(IntEnum):
    """Which file comes first: the least. Source: facts/print-host-facts.md 4.4."""

    ABORTED_HIGH = 0
    HIGH = 50
    ABORTED_LOW = 75
    BACKLOG = 100

    def aborted(self) -> Priority:
        """Return the priority to begin anew with."""
        return Priority.ABORTED_HIGH if self <= Priority.HIGH else Priority.ABORTED_LOW


class Library(Protocol):
    """What the queue needs of the files' store; both may block and raise Refused."""

    def locate(self, path: str) -> Path:
        """Return where a file is on disk."""

    def update(self, path: str, **changes: Any) -> object:
        """Note something of a file."""


class Analysing:
    """The queue; `async with`: inside, what is added is analysed, and at the end its process is gone.

    `limit` is how many seconds one analysis may run; standing still does not count.
    """

    def __init__(
        self,
        bus: Bus,
        store: Library,
        run_at: RunAt = "idle",
        *,
        settings: Analyser = USUAL,
        limit: float = 600.0,
        command: Sequence[str] | None = None,
    ) -> None:
        self._bus, self._store, self._run_at, self._limit = bus, store, run_at, limit
        self._command = command_of(settings) if command is None else tuple(command)
        self._queue: list[tuple[Priority, int, str]] = []
        self._wanted: dict[str, tuple[Priority, int]] = {}
        self._tries: dict[str, int] = {}
        self._count = 0
        self._more, self._free, self._done = asyncio.Event(), asyncio.Event(), asyncio.Event()
        self._free.set()
        self._done.set()
        self._busy: set[str] = set()
        self._child: Child | None = None
        self._shown = "", 0.0
        self._subscription: Subscription | None = None
        self._task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        if self._run_at == "idle":
            names = " or ".join(f"topic=octoprint.{name}" for name in (*BEGINNINGS, *ENDS))
            self._subscription = self._bus.subscribe(names, self._follow)
        if self._run_at != "never":
            self._task = asyncio.create_task(self._run())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._subscription is not None:
            self._subscription.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def add(self, path: str, priority: Priority = Priority.HIGH) -> None:
        """Have the file at `path` analysed; one that waits already gets the better priority of the two."""
        known = self._wanted.get(path)
        if self._run_at == "never" or (known is not None and known[0] <= priority):
            return
        self._count += 1
        self._wanted[path] = (priority, self._count)
        heapq.heappush(self._queue, (priority, self._count, path))
        self._done.clear()
        self._more.set()

    def ask(self, path: str, urgent: bool) -> None:
        """Have a file analysed: soon, or after all others; this is what the files room calls."""
        self.add(path, Priority.HIGH if urgent else Priority.BACKLOG)

    async def caught_up(self) -> None:
        """Return once nothing waits any more."""
        await self._done.wait()

    async def _run(self) -> None:
        while True:
            await self._more.wait()
            await self._free.wait()
            found = self._next()
            if found is None:
                self._more.clear()
                self._done.set()
                continue
            try:
                await self._analyse(*found)
            except (CallboardError, OSError) as error:
                log.warning("a file is not analysed", file=found[0], reason=str(error))

    def _next(self) -> tuple[str, Priority] | None:
        while self._queue:
            priority, number, path = heapq.heappop(self._queue)
            if self._wanted.get(path) == (priority, number):
                del self._wanted[path]
                return path, priority
        return None

    async def _analyse(self, path: str, priority: Priority) -> None:
        """Analyse one file. Raises Refused or OSError when it can't even be begun."""
        before = await asyncio.to_thread(self._look, path)
        if before is None:
            self._tries.pop(path, None)
            return
        started = Event(STARTED, _about(path))
        self._publish(started)
        try:
            outcome = await self._in_process(path, before[0])
        finally:
            self._bus.set(_key(path), None)
        if await asyncio.to_thread(self._look, path) != before:
            self._begin_anew(path, priority)
        elif outcome.result is None:
            self._tries.pop(path, None)
            log.warning("an analysis failed", file=path, reason=outcome.reason)
        else:
            self._tries.pop(path, None)
            await self._keep(path, started, outcome.result)

    def _look(self, path: str) -> tuple[Path, int, int, int] | None:
        """Return where a file is and what tells it from another; None if it is gone."""
        try:
            place = self._store.locate(path)
            found = place.stat()
        except (Refused, FileNotFoundError, NotADirectoryError):
            return None
        return place, found.st_ino, found.st_size, found.st_mtime_ns

    async def _in_process(self, path: str, place: Path) -> Outcome:
        child = self._child = await Child.start([*self._command, str(place)], self._limit)
        if not self._free.is_set():
            child.pause()
        self._show(path, 0.0)
        try:
            return await child.outcome(lambda done: self._show(path, done))
        finally:
            self._child = None
            await child.kill()

    def _show(self, path: str, done: float) -> None:
        self._shown = path, done
        self._bus.set(_key(path), {"progress": done, "paused": not self._free.is_set()})

    async def _keep(self, path: str, started: Event, result: Mapping[str, Any]) -> None:
        try:
            await asyncio.to_thread(self._store.update, path, analysis=dict(result))
        except Refused as error:
            log.warning("an analysis could not be noted", file=path, reason=str(error))
            return
        for topic in FINISHED:
            source = {"trace": caused_by(started)}
            self._publish(Event(topic, {**_about(path), "result": dict(result)}, source))

    def _begin_anew(self, path: str, priority: Priority) -> None:
        """The file is another one now, or gone: what was found is of no use."""
        tries = self._tries[path] = self._tries.get(path, 0) + 1
        if tries < _TRIES:
            self.add(path, priority.aborted())
        else:
            del self._tries[path]
            log.warning("a file is not analysed, it changes all the time", file=path)

    def _follow(self, event: Event) -> None:
        """Stand still while any printer is busy, and go on when none is."""
        name = event.topic.rpartition(".")[2]
        printer = str(event.source.get("printer") or "")
        if name in BEGINNINGS:
            self._busy.add(printer)
        else:
            self._busy.discard(printer)
        if self._busy and self._free.is_set():
            self._free.clear()
            if self._child is not None:
                self._child.pause()
                self._show(*self._shown)
        elif not self._busy and not self._free.is_set():
            self._free.set()
            if self._child is not None:
                self._child.resume()
                self._show(*self._shown)

    def _publish(self, event: Event) -> None:
        self._bus.publish(event).add_done_callback(_look_at)


def _about(path: str) -> dict[str, Any]:
    return {
        "file": path,
        "name": path.rpartition("/")[2],
        "path": path,
        "origin": "local",
        "type": "gcode",
    }


def _key(path: str) -> str:
    return f"files/analysis/{path}"


def _look_at(done: asyncio.Future[str]) -> None:
    with contextlib.suppress(asyncio.CancelledError):
        if (error := done.exception()) is not None:
            log.error("an event of an analysis could not be published", error=str(error))
