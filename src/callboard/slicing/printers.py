"""The printers, asked over the bus: whether there is one, and to print, or select, what was sliced.

    print: mk3 -> callboard.printer.list  when it is ordered   -> is there such a printer?
               -> callboard.printer.print when it is sliced    -> in the name of who asked

Whoever has a job printed must be allowed to publish that request, too: the hub looks with `LEADS`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final

import msgspec
from msgspec import Raw, Struct

from callboard.bus import Bus
from callboard.errors import CallboardError
from callboard.event import Envelope, Event, decode_json, encode_json
from callboard.files.telling import HOUSE, Cause
from callboard.slicing.job import Job
from callboard.slicing.refusals import Refused

_TOPIC: Final = "callboard.printer."
_PATIENCE: Final = 15.0
"""Seconds that a printer has to answer."""
_GLANCE: Final = 2.0
"""Seconds that are waited for who knows a printer: of several nodes only the one that has it answers."""


class Said(Struct, frozen=True):
    """What a print host answered: whether it does it, and a sentence."""

    success: bool
    message: str


class Printers:
    """The printers that the hosts on a bus have."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    async def check(self, name: str) -> None:
        """Raise Refused for a printer that there is not; where nobody knows that now, it may yet come."""
        said = await self._ask("list", {"printer": name}, _GLANCE, HOUSE)
        if said is not None and not said.success:
            raise Refused(said.message)

    async def take(self, job: Job) -> Said:
        """Have a job's result printed, or selected, as was ordered."""
        order = job.order
        verb, printer = order.then
        data: dict[str, Any] = {"printer": printer, "file": order.to, "origin": "local"}
        if order.print and order.if_clear:
            data["if_clear"] = True
        said = await self._ask(verb, data, _PATIENCE, job.by)
        return said or Said(False, "no print host answered: is the printer configured?")

    async def _ask(self, verb: str, data: Mapping[str, Any], patience: float, by: Cause) -> Said | None:
        wish = Event(f"{_TOPIC}{verb}", {**data, "deadline": patience}, by.source)
        with contextlib.suppress(CallboardError):
            async with aclosing(self._bus.request(wish, deadline=patience)) as replies:
                async for reply in replies:
                    if isinstance(reply.data, dict) and isinstance(reply.data.get("success"), bool):
                        return Said(reply.data["success"], str(reply.data.get("message", "")))
        return None


def led_to(wish: Envelope) -> Iterator[Envelope]:
    """Yield what a wish to slice has the room publish in the name of who published it."""
    data = decode_json(wish.data)
    if not isinstance(data, dict):
        return
    made = {"file": data["to"]} if data.get("to") else {}
    for verb in ("print", "select"):
        if data.get(verb):
            asked = Raw(encode_json({"printer": data[verb], **made}))
            yield msgspec.structs.replace(wish, topic=f"{_TOPIC}{verb}", data=asked)


LEADS: Final[Mapping[str, Callable[[Envelope], Iterable[Envelope]]]] = {"callboard.slicing.slice": led_to}
"""What the hub is given: for a topic, what else whoever publishes it must be allowed to publish."""
