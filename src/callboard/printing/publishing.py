"""Publishing: what printers tell becomes `octoprint.*` events and state, on the hub's loop.

    Crossing -> batches, in order -> bus.publish;  newest statuses -> bus.set, only what changed

While the log refuses, the oldest batch is tried again and again, and the rest waits in the crossing's
bounded queue: nothing overtakes, and the printers go on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

import structlog

from callboard.bus import Bus
from callboard.catalog.printers import MISSED
from callboard.config.printer import Printer
from callboard.errors import BadEvent, CallboardError, Denied
from callboard.event import Event, new_id
from callboard.printing.causes import Causes
from callboard.printing.happening import Happening
from callboard.printing.steering import ON_REQUEST
from callboard.printing.streaming import Crossing, Status, Told

log = structlog.get_logger("callboard.printing")

BATCH: Final = 256
"""Events that are published before the first of them is stored."""

PATIENCE: Final = (0.1, 5.0)
"""Seconds before the log is tried again: at first, and at most."""

KEYS: Final = ("state", "temperatures", "progress", "job", "position", "terminal", "prompt", "transfer", "sd")
"""The parts of a driver's status that have a state key of their own; `connection` has the rest."""


class Publishing:
    """Publishes what crosses, for as long as `events` and `states` run.

    `told` hears of each happening first, `stored` of the event that it became, once the log has it.
    """

    def __init__(
        self,
        bus: Bus,
        crossing: Crossing,
        printers: Sequence[Printer],
        told: Callable[[Told], None],
        stored: Callable[[Event], None] = lambda _: None,
    ) -> None:
        self.causes = {printer.name: Causes() for printer in printers}
        self._tags = {printer.name: list(printer.tags) for printer in printers}
        self._bus, self._crossing, self._told, self._stored = bus, crossing, told, stored
        self._shown: dict[str, Any] = {}
        self._refused = 0
        self._idle = asyncio.Event()

    async def events(self, first: Sequence[Event] = ()) -> None:
        """Publish `first`, and then what crosses, until cancelled."""
        await self._store(first)
        while True:
            batch = self._crossing.take(BATCH)
            if batch:
                self._idle.clear()
                await self._store([event for told in batch for event in self._events(told)])
            else:
                self._idle.set()
                await self._crossing.arrived()

    async def done(self) -> None:
        """Wait until all that has crossed is stored."""
        self._idle.clear()
        self._crossing.wake()
        await self._idle.wait()

    async def states(self) -> None:
        """Set state keys until cancelled."""
        while True:
            await self._crossing.changed()
            for name, status in self._crossing.statuses().items():
                self.show(name, status)

    def show(self, name: str, status: Status) -> None:
        """Set the state keys of a printer that changed."""
        for key, value in parts(status).items():
            self.show_part(name, key, value)

    def show_part(self, name: str, key: str, value: Any) -> None:
        """Set one state key of a printer, if it changed."""
        place = f"printers/{name}/{key}"
        before = self._shown.get(place)
        if before == value:
            return
        self._shown[place] = value
        if key == "connection":
            _tell_why(name, before, value)
        try:
            self._bus.set(place, value)
        except CallboardError as error:
            log.warning("a printer's state can't be kept", key=place, error=str(error))

    def forget(self) -> None:
        """Forget all state keys: the host stops."""
        for place in self._shown:
            self._bus.set(place, None)

    def _events(self, told: Told) -> list[Event]:
        """Return what is to be published; a gap is told before what comes after it."""
        self._told(told)
        event = self._event(told.printer, told.happening)
        if not told.missed:
            return [event]
        log.error("events of a printer could not be kept", printer=told.printer, events=told.missed)
        data = {"printer": told.printer, "missed": told.missed}
        return [Event(MISSED, data, {"printer": told.printer}), event]

    def _event(self, printer: str, happening: Happening) -> Event:
        event = new_id()
        source: dict[str, Any] = {"printer": printer, "tags": self._tags[printer], "job": happening.job}
        if (trace := self.causes[printer].of(happening, event, time.monotonic())) is not None:
            source["trace"] = trace
        return Event(f"octoprint.{happening.name}", dict(happening.data), source, id=event)

    async def _store(self, all_of_them: Sequence[Event]) -> None:
        """Return once all are stored, in order; while the log refuses, try again."""
        events, wait = list(all_of_them), PATIENCE[0]
        while events:
            left = await self._attempt(events)
            if left and len(left) == len(events):
                self._say_refused(len(left))
                await asyncio.sleep(wait)
                wait = min(wait * 2, PATIENCE[1])
            elif not left and self._refused:
                log.info("the log takes events again", events=self._refused)
                self._refused = 0
            events = left
        for event in all_of_them:
            self._stored(event)

    async def _attempt(self, events: list[Event]) -> list[Event]:
        """Publish all; after one that was refused each waits for the one before. Returns what is left."""
        if self._refused:
            return events[1:] if await self._kept(events[0]) else events
        futures = [self._bus.publish(event) for event in events]
        results = await asyncio.gather(*futures, return_exceptions=True)
        return [event for event, result in zip(events, results, strict=True) if self._again(event, result)]

    async def _kept(self, event: Event) -> bool:
        (result,) = await asyncio.gather(self._bus.publish(event), return_exceptions=True)
        return not self._again(event, result)

    def _again(self, event: Event, result: object) -> bool:
        """Return whether an event must be published again: one that can't ever be is told and let go."""
        if not isinstance(result, BaseException):
            return False
        if isinstance(result, BadEvent | Denied):
            log.error("an event can't be published", topic=event.topic, error=str(result))
            return False
        if not isinstance(result, CallboardError):
            raise result
        self._error = str(result)
        return True

    def _say_refused(self, count: int) -> None:
        if not self._refused:
            log.error(
                "the log refuses events; printers go on, and events wait", events=count, error=self._error
            )
        self._refused = max(self._refused, count + self._crossing.waiting)


def _tell_why(printer: str, before: Any, now: Mapping[str, Any]) -> None:
    """Tell the operator, once, that a printer is there, or why it is not."""
    was, why = before or {}, now.get("reason")
    if why and why != was.get("reason"):
        tell = log.info if why == ON_REQUEST else log.warning
        tell("a printer is not connected", printer=printer, reason=why)
    elif now.get("port") and now["port"] != was.get("port"):
        log.info("a printer's port is open", printer=printer, port=now["port"], baudrate=now["baudrate"])


def parts(status: Status) -> Mapping[str, Any]:
    """Return a status by its state keys; what has no key of its own is `connection`."""
    rest = {key: value for key, value in status.items() if key not in KEYS}
    return {**{key: status[key] for key in KEYS if key in status}, "connection": rest}
