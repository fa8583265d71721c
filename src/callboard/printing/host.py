"""The print host: the printers of the configuration, as events, state and requests on a bus.

bus: callboard.printer.<verb> --> asking.read --> wishing --> Driver (streaming loop)
bus: octoprint.*, state       <-- publishing <-- Crossing <----'
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping, Sequence
from types import TracebackType
from typing import Any, Final, Self

import structlog

from callboard.bus import Bus, Subscription, reply_to
from callboard.catalog import printers as catalog
from callboard.config.printer import Printer
from callboard.errors import CallboardError
from callboard.event import Event, caused_by
from callboard.files.store import FileStore
from callboard.printing.asking import Asked, NoSuchPrinter, Refused, read
from callboard.printing.beds import Beds
from callboard.printing.driver import Driver
from callboard.printing.holding import Holding
from callboard.printing.publishing import Publishing
from callboard.printing.simulating import Simulation
from callboard.printing.streaming import Crossing, Streaming, Told
from callboard.printing.unfinished import Unfinished
from callboard.printing.wishes import Answer
from callboard.printing.wishing import Wishing

log = structlog.get_logger("callboard.printing")

MOST_AT_ONCE: Final = 500
"""Requests that are worked on at the same time."""

HOUSE: Final = "callboard"
"""The publisher of the house's own rooms; no key can bear this name (`callboard.hub.principal`)."""

FAREWELL: Final = 3.0
"""Seconds in which the last events are stored when the host stops."""


class PrintHost:
    """Drives printers; inside `async with` it answers requests.

    One that is not `alone` on its log leaves printers that it does not know to the others: a client takes
    the first reply, and "no such printer" must not be quicker than the node that has it.
    """

    def __init__(
        self, bus: Bus, files: FileStore, printers: Sequence[Printer], *, alone: bool = True
    ) -> None:
        self._alone = alone
        self.printers = tuple(printers)
        self._bus = bus
        self._streaming = Streaming()
        self._drivers: dict[str, Driver] = {}
        self._simulations: list[Simulation] = []
        self._beds = Beds(files.base, [printer.name for printer in printers], self._show_bed)
        self._wishing = Wishing(self._streaming, files, self._beds)
        self._holding = Holding(files)
        self._unfinished = Unfinished(files.base)
        self._asked: set[asyncio.Task[None]] = set()
        self._stack = contextlib.AsyncExitStack()
        self._subscription: Subscription | None = None
        self._began = 0.0

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            self._crossing = Crossing(asyncio.get_running_loop())
            self._publishing = Publishing(
                self._bus, self._crossing, self.printers, self._hear, self._unfinished.hear
            )
            stack.callback(self._publishing.forget)
            cut_off = await asyncio.to_thread(self._unfinished.left)
            await asyncio.to_thread(self._beds.read)
            self._beds.show()
            runs = (
                *(self._publishing.events(cut_off), self._publishing.states(), self._holding.run()),
                *(self._unfinished.mark.run(), self._beds.mark.run()),
            )
            tasks = [asyncio.create_task(run) for run in runs]
            for task in tasks:
                task.add_done_callback(_broke)
            stack.push_async_callback(_ended, tasks)
            stack.push_async_callback(self._say_the_last)
            await stack.enter_async_context(self._streaming)
            stack.push_async_callback(self._close_drivers)
            await self._streaming.ask(self._make_drivers)
            for simulation in self._simulations:
                await self._streaming.call(simulation.open_camera())
            self._began = time.time()
            self._subscription = self._bus.subscribe(f"topic={catalog.PREFIX}*", self._receive)
            stack.callback(self._stop_answering)
            await self._streaming.ask(self._begin)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def status(self, name: str) -> Mapping[str, Any]:
        """Return what is true of a printer now; raises NoSuchPrinter."""
        if name not in self._drivers:
            raise NoSuchPrinter(
                f"There is no printer {name[:80]!r}: there are {', '.join(self._drivers) or 'none'}."
            )
        driver = self._drivers[name]
        return self._status(driver.printer, await self._streaming.ask(driver.status))

    async def statuses(self) -> list[Mapping[str, Any]]:
        """Return what is true of all printers now, in the configuration's order."""
        drivers = list(self._drivers.values())
        found = await self._streaming.ask(lambda: [driver.status() for driver in drivers])
        return [self._status(driver.printer, each) for driver, each in zip(drivers, found, strict=True)]

    def _status(self, printer: Printer, now: Mapping[str, Any]) -> Mapping[str, Any]:
        about = {"name": printer.name, "tags": list(printer.tags), "configured_port": printer.port or None}
        return {**about, **now, "bed": self._beds.of(printer.name)}

    # What printers tell

    def _hear(self, told: Told) -> None:
        self._holding.hear(told)
        self._beds.hear(told)

    def _show_bed(self, printer: str, bed: Mapping[str, Any]) -> None:
        self._publishing.show_part(printer, "bed", bed)

    # Drivers

    def _make_drivers(self) -> None:
        for printer in self.printers:
            simulation = Simulation(printer)
            if printer.is_virtual:
                self._simulations.append(simulation)
            self._drivers[printer.name] = Driver(
                printer, self._crossing, taken=self._taken, virtual=simulation.printer
            )

    async def _close_drivers(self) -> None:
        """Let go of all printers: what breaks for one must not leave another's heaters on."""
        drivers = self._drivers.values()
        closing = [self._streaming.call(driver.close()) for driver in drivers]
        ends = await asyncio.gather(*closing, return_exceptions=True)
        for driver, ended in zip(drivers, ends, strict=True):
            if isinstance(ended, BaseException):
                log.error("a printer was not let go of", printer=driver.printer.name, error=repr(ended))
        for simulation in self._simulations:
            await self._streaming.call(simulation.close())

    def _begin(self) -> None:
        for driver in self._drivers.values():
            driver.begin()

    def _taken(self) -> list[str]:
        """Return the ports that are open; called in the streaming loop."""
        return [driver.link.port for driver in self._drivers.values() if driver.link is not None]

    # Requests

    def _stop_answering(self) -> None:
        if self._subscription is not None:
            self._subscription.close()
        for task in self._asked:
            task.cancel()

    def _receive(self, event: Event) -> None:
        """Begin to answer a request; the next one does not wait for that."""
        if len(self._asked) >= MOST_AT_ONCE:
            self._reply(event, _said(Answer(False, "The print host has too much to do: ask again later.")))
            return
        task = asyncio.create_task(self._answer(event))
        self._asked.add(task)
        task.add_done_callback(self._asked.discard)

    async def _answer(self, event: Event) -> None:
        if self._alone or not self._is_elsewhere(event):
            self._reply(event, await self.ask(event, _asker(event)))

    def _is_elsewhere(self, event: Event) -> bool:
        try:
            read(event, self.printers, time.time(), self._began)
        except NoSuchPrinter:
            return True
        except Refused:
            return not self.printers  # what is wrong with it is told by a node that has printers
        return False

    async def ask(self, event: Event, user: str) -> Mapping[str, Any]:
        """Do what a request asks for, and return what its reply says; the request needs not be on the log."""
        try:
            asked = read(event, self.printers, time.time(), self._began)
        except Refused as error:
            return _said(Answer(False, str(error)))
        if asked.verb == "list":
            return await self._list(asked)
        answers = await asyncio.gather(
            *(self._grant(printer, asked, event, user) for printer in asked.printers)
        )
        return _together(asked, answers) if asked.several else _said(answers[0])

    async def _grant(self, printer: Printer, asked: Asked, event: Event, user: str) -> Answer:
        """Ask one printer; what it may tell because of that carries the request's trace."""
        commands = getattr(asked.wanted, "commands", ())
        causes = self._publishing.causes[printer.name]
        trace = caused_by(event)
        causes.expect(asked.verb, trace, time.monotonic(), commands)
        answer = await self._wishing.ask(self._drivers[printer.name], asked.verb, asked.wanted, user)
        if not answer.success:
            causes.forget(trace)
        log.info(
            "printer asked",
            printer=printer.name,
            verb=asked.verb,
            success=answer.success,
            said=answer.message,
        )
        return answer

    async def _list(self, asked: Asked) -> Mapping[str, Any]:
        wanted = {printer.name for printer in asked.printers}
        found = [status for status in await self.statuses() if status["name"] in wanted]
        return {
            "success": True,
            "message": f"{len(found)} printer{'' if len(found) == 1 else 's'}.",
            "printers": found,
        }

    def _reply(self, event: Event, data: Mapping[str, Any]) -> None:
        assert self._subscription is not None
        done = self._bus.publish(reply_to(event, data, self._subscription.subscriber))
        done.add_done_callback(_look)

    async def _say_the_last(self) -> None:
        """Give the last events their time to be stored."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FAREWELL):
                await self._publishing.done()


async def _ended(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Cancel tasks and wait for their end."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


def _broke(task: asyncio.Task[None]) -> None:
    """A part of the host has ended by itself, which it never should: say so, since nobody waits for it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("a part of the print host broke: restart the hub", error=repr(error))


def _said(answer: Answer) -> dict[str, Any]:
    return {"success": answer.success, "message": answer.message}


def _together(asked: Asked, answers: Sequence[Answer]) -> Mapping[str, Any]:
    """Return the answers of several printers as one."""
    done = sum(answer.success for answer in answers)
    each = {printer.name: _said(answer) for printer, answer in zip(asked.printers, answers, strict=True)}
    failed = "; ".join(f"{name}: {said['message']}" for name, said in each.items() if not said["success"])
    message = f"{done} of {len(answers)} printers" + (f". {failed}" if failed else ".")
    return {"success": done == len(answers), "message": message, "printers": each}


def _asker(event: Event) -> str:
    """Return who asked: the publisher; where that is the house itself, whom its source names."""
    publisher = event.entry.publisher if event.entry is not None else ""
    said = event.source.get("user") if publisher == HOUSE else None
    name = said.get("username") if isinstance(said, Mapping) else None
    return name if isinstance(name, str) and name else publisher


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and isinstance(error := done.exception(), CallboardError):
        log.warning("a reply was not stored", error=str(error))
