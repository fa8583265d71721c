"""A driver joins one printer's machine and link, in the streaming loop: it reads, lets write, and keeps time.

    link.heard -> machine.receive -> machine.outgoing -> link.write;  machine.tick at machine.due

It opens the link when asked, or when the port comes back, and closes it when the machine wants that. What
the machine tells goes to a `Crossing`, never further: nothing here waits for the hub.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Iterable
from random import Random
from typing import Any, Final

import structlog

from callboard.config.printer import Printer
from callboard.errors import CallboardError
from callboard.printing.detecting import detect, is_speedless
from callboard.printing.happening import Happening
from callboard.printing.link import CantOpen, Link, Simulated, open_link
from callboard.printing.machine import Machine
from callboard.printing.ports import allows, candidates
from callboard.printing.streaming import Crossing
from callboard.printing.wishes import Answer, Cancel, Disconnect, Wish

log = structlog.get_logger("callboard.printing")

LOOKING: Final = 1.0
"""Seconds between two looks for a port that is gone."""

RARELY: Final = 30.0
"""Seconds between two attempts to open one that is there and can't be opened, at most."""

SAMPLED: Final = 0.5
"""Seconds between two statuses that are shown, about: a hundred printers must not do so all at once."""

SHOWN: Final = 40
"""Lines of the terminal that are shown."""

ANSWERING: Final = 90.0
"""Seconds that a printer may take to answer after its port was opened."""


LEAVING: Final = 2.0
"""Seconds that a printer has to end its job, and to hear the last script, when the hub stops."""


class Driver:
    """Drives one printer; every method belongs to the streaming loop."""

    def __init__(
        self,
        printer: Printer,
        crossing: Crossing,
        *,
        taken: Callable[[], Iterable[str]] = tuple,
        virtual: Callable[[], Simulated] | None = None,
        looking: float = LOOKING,
    ) -> None:
        """`taken` tells which ports others have; `virtual` gives the simulated printer."""
        self.printer = printer
        self.link: Link | None = None
        self._loop = asyncio.get_running_loop()
        self.machine = Machine(printer, now=self._loop.time())
        self._crossing, self._taken, self._virtual = crossing, taken, virtual
        self._looking, self._chance = looking, Random()
        self._pause = looking
        self._timer: asyncio.TimerHandle | None = None
        self._sampling: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._turn = asyncio.Lock()
        self._coming_back: asyncio.Task[None] | None = None
        self._wanted = False
        self._last: tuple[str, int | None] = ("", None)
        self.reason = ""
        """Why there is no link, in a sentence; empty while nobody asked for one."""

    # What a link tells.

    def heard(self, data: bytes) -> None:
        """Bytes of the printer."""
        now = self._loop.time()
        self.machine.receive(data, now)
        self._step(now)

    def drained(self) -> None:
        """There is room for more."""
        self._step(self._loop.time())

    def lost(self, reason: str) -> None:
        """The link is gone: the machine hears of it, and the port is looked for.

        One that opens and is gone before the printer has answered is tried ever more rarely.
        """
        self._pause = self._looking if self.machine.is_ready else min(self._pause * 2, RARELY)
        self._gone(reason)
        self._look_for_it()

    # What the host asks for.

    def do(self, wish: Wish) -> Answer:
        """Give a wish to the machine."""
        now = self._loop.time()
        answer = self.machine.do(wish, now)
        self._step(now)
        return answer

    def show(self) -> None:
        """Show what is true of this printer now."""
        if self._sampling is not None:
            self._sampling.cancel()
            self._sampling = None
        self._crossing.show(self.printer.name, self.status())

    def status(self) -> dict[str, Any]:
        """Return what is true of this printer now."""
        link = self.link
        return {
            **self.machine.status(self._loop.time()),
            "port": link.port if link is not None else None,
            "baudrate": link.baudrate or None if link is not None else None,
            "reason": self.reason,
            "terminal": list(self.machine.terminal)[-SHOWN:],
        }

    def is_linked(self) -> bool:
        """Return whether the link is open."""
        return self.link is not None

    def begin(self) -> None:
        """Connect as soon as the port is there, if the configuration says so."""
        if self.printer.autoconnect:
            self._wanted = True
            self._look_for_it(at_once=True)
        self.show()

    async def connect(self, port: str = "", baudrate: int | None = None) -> Answer:
        """Open the link and wait for the printer's answer; to one that is open: say so."""
        name = self.printer.name
        if port and not allows(self.printer, port):
            return Answer(
                False, f"{name} may not use {port}: name it under `port` or `ports` of the printer."
            )
        async with self._turn:
            if self.link is not None:
                if self.machine.is_ready:
                    return Answer(True, f"{name} is connected already, on {self.link.port}.")
                return await self._answered()
            await self._stop_looking()
            self._wanted = True
            try:
                await self._open([port] if port else self._candidates(), baudrate, quietly=False)
            except CallboardError as error:
                self._wanted = False
                return Answer(False, str(error))
            return await self._answered()

    async def disconnect(self) -> Answer:
        """Close the link, after the printer's script for that; it is not opened again by itself."""
        self._wanted = False
        await self._stop_looking()
        name = self.printer.name
        if not self.is_linked():
            self.reason = ""
            self.show()
            return Answer(True, f"{name} is not connected.")
        answer = self.do(Disconnect())
        if answer.success:
            await self._until(lambda: not self.is_linked())
        return answer if self.is_linked() else Answer(True, f"The link to {name} is closed.")

    async def close(self) -> None:
        """Let go of the printer, since the hub stops; a job is called off, so that no heater stays on."""
        self._wanted = False
        await self._stop_looking()
        if self.machine.is_ready:
            self.do(Cancel())
            await self._until(lambda: not self.machine.is_ready or not self.machine.has_job, LEAVING)
            self.do(Disconnect())
            await self._until(lambda: not self.is_linked(), LEAVING)
        if self.link is not None:
            self.link.close()
            self._gone("The hub stops.")
        for timer in (self._timer, self._sampling):
            if timer is not None:
                timer.cancel()

    # How a link is opened.

    def _candidates(self) -> list[str]:
        return candidates(self.printer, self._last[0], self._taken())

    async def _open(self, ports: list[str], baudrate: int | None, *, quietly: bool) -> None:
        """Open the first of `ports` that the printer is on; raises CantOpen. `quietly`: nobody is told."""
        baudrate = baudrate or self.printer.baudrate
        sure = len(ports) == 1 and (baudrate is not None or is_speedless(ports[0]))
        if not quietly:
            self.machine.connecting(self._loop.time(), detecting=not sure)
            self._step(self._loop.time())
        try:
            link = await self._linked(ports, baudrate, sure)
        except CallboardError as error:
            self.reason = str(error)
            if not quietly:
                self.machine.failed(self._loop.time(), str(error), detecting=not sure)
                self._step(self._loop.time())
            self.show()
            raise
        if quietly:
            self.machine.connecting(self._loop.time(), detecting=not sure)
        self._take_over(link)

    async def _linked(self, ports: list[str], baudrate: int | None, sure: bool) -> Link:
        if not ports:
            raise CantOpen(f"{self.printer.name} is not there: look whether it is on, and at its `port`.")
        if sure:
            return await open_link(ports[0], baudrate or 0, self, virtual=self._virtual)
        speeds = [baudrate] if baudrate else [*filter(None, [self._last[1]]), *self.printer.baudrates]
        return (await detect(ports, speeds, virtual=self._virtual)).link

    def _take_over(self, link: Link) -> None:
        self.link, self.reason = link, ""
        self._last = (link.port, link.baudrate or None)
        link.listen(self)
        now = self._loop.time()
        self.machine.opened(link.port, link.baudrate, now)
        self._step(now)

    async def _answered(self) -> Answer:
        """Wait until the printer has answered, or the link is closed again."""
        name = self.printer.name
        await self._until(lambda: self.machine.is_ready or not self.is_linked())
        if self.link is not None and self.machine.is_ready:
            return Answer(True, f"{name} answers on {self.link.port}.")
        return Answer(False, self.reason or f"{name} does not answer: look at its speed and its cable.")

    async def _until(self, ready: Callable[[], bool], seconds: float = ANSWERING) -> None:
        """Wait until something is so, or for so many seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not ready():
                    self._changed.clear()
                    await self._changed.wait()

    # How it is looked for.

    def _look_for_it(self, *, at_once: bool = False) -> None:
        if self._wanted and (self.printer.reconnect or at_once) and self._coming_back is None:
            self._coming_back = self._loop.create_task(self._come_back(at_once))
            self._coming_back.add_done_callback(self._came_back)

    async def _come_back(self, at_once: bool) -> None:
        """Open the link once a port is there; look each second, and try rarely what can't be opened."""
        wait = 0.0 if at_once else self._pause
        while True:
            await asyncio.sleep(wait)
            ports = self._candidates()
            try:
                if ports:
                    await self._open(ports, None, quietly=True)
                    return
                self._missing()
                wait = self._looking
            except CallboardError:
                wait = min(max(wait, self._looking) * 2, RARELY)
            if at_once and not self.printer.reconnect:
                return

    def _missing(self) -> None:
        reason = f"{self.printer.name} is not there; the hub connects when it is."
        if reason != self.reason:
            self.reason = reason
            self.show()

    def _came_back(self, task: asyncio.Task[None]) -> None:
        """The looking has ended; one that broke, whatever of, is begun anew."""
        self._coming_back = None
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("looking for a printer broke", printer=self.printer.name, error=repr(error))
            self._pause = min(self._pause * 2, RARELY)
            self._look_for_it()

    async def _stop_looking(self) -> None:
        task = self._coming_back
        if task is not None:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    # How it is kept going.

    def _step(self, now: float) -> None:
        """Tell what the machine has to tell, let it write, and come again when it is due.

        What is told stands before the bytes that it announces; what writing itself leads to, behind them.
        """
        self._tell()
        link = self.link
        if link is not None and link.has_room and (data := self.machine.outgoing(now)):
            link.write(data)
        wish = self.machine.wants_close
        if wish is not None and self.link is not None:
            self.link.close()
            self._wanted = False
            self._gone(wish)
            return
        self._tell()
        self._arm()

    def _gone(self, reason: str) -> None:
        now = self._loop.time()
        self.link, self.reason = None, reason
        self._changed.set()
        self.machine.closed(now, reason)
        self._tell()
        self._arm()

    def _tell(self) -> None:
        happenings = self.machine.take()
        if happenings:
            self._changed.set()
            self._crossing.put(self.printer.name, happenings)
        if any(map(_turns, happenings)):
            self.show()
        elif self._sampling is None and self.link is not None:
            self._sampling = self._loop.call_later(SAMPLED * self._chance.uniform(0.8, 1.2), self.show)

    def _arm(self) -> None:
        """See to it that the machine is ticked when it is due; a timer that comes earlier looks again."""
        due = self.machine.due
        if self._timer is not None:
            if self._timer.when() <= due:
                return
            self._timer.cancel()
        self._timer = self._loop.call_at(min(due, self._loop.time() + 3600), self._due)

    def _due(self) -> None:
        self._timer = None
        now = self._loop.time()
        if now >= self.machine.due:
            self.machine.tick(now)
        self._step(now)


def _turns(happening: Happening) -> bool:
    return happening.name == "PrinterStateChanged"
