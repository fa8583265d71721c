"""Printers over HTTP: how they are, and a request to one of them for each verb.

    POST /v1/printers/{name}/{verb} -> callboard.printer.<verb>, on the log as anybody's -> reply -> JSON

Everything here needs the right `printers`, and nothing else: a key that may not publish `callboard.*` may
use printers all the same, since that is what the right is for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from contextlib import aclosing
from typing import Any, Final

import structlog
from starlette.responses import Response

from callboard.catalog.printers import PREFIX, TOPICS
from callboard.errors import StorageFailed
from callboard.event import Event
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.printing.asking import DEADLINE, NoSuchPrinter, Refused, named, payload
from callboard.printing.driver import ANSWERING
from callboard.printing.host import PrintHost
from callboard.server import printershapes as shapes
from callboard.server.body import decode
from callboard.server.operation import JSON, Call, Operation, Outcome, Parameter, json
from callboard.server.problems import CONFLICT, NOT_FOUND, TIMED_OUT, Kind, Problem

log = structlog.get_logger("callboard.server")

RIGHT: Final = "printers"
UNPROCESSABLE: Final = Kind(422, "no-such-wish", "A printer can't be asked for this")
IN_THE_WAY: Final = Kind(CONFLICT.status, "in-the-way", "The printer can't do this now")

HALTING: Final = frozenset({"pause", "cancel", "stop"})
"""What is done even while the log refuses events."""

_SMALL = 256 * 1024
_LONGEST = 300.0
"""Seconds that an answer is waited for, whatever the deadline."""
_SLOW = frozenset({"connect", "disconnect"})
_NAME = Parameter("name", "The printer's name.", where="path", example="mk3")


def printer_operations(host: PrintHost) -> tuple[Operation, ...]:
    """Return the operations under /v1/printers."""
    door = PrintersDoor(host)
    return (
        Operation(
            method="GET",
            path="/v1/printers",
            answer=door.list_printers,
            group="Printers",
            rights=(RIGHT,),
            outcomes=(Outcome(200, "All of them.", shapes.PrinterList),),
        ),
        Operation(
            method="GET",
            path="/v1/printers/{name}",
            answer=door.show_printer,
            group="Printers",
            rights=(RIGHT,),
            parameters=(_NAME,),
            outcomes=(Outcome(200, "This one.", shapes.PrinterInfo), _UNKNOWN),
        ),
        *(_operation(door, verb) for verb in shapes.BODIES),
    )


_UNKNOWN = Outcome(404, "There is no such printer.")


def _operation(door: PrintersDoor, verb: str) -> Operation:
    kind = shapes.BODIES[verb]
    return Operation(
        method="POST",
        path=f"/v1/printers/{{name}}/{verb}",
        answer=door.asking(verb),
        group="Printers",
        rights=(RIGHT,),
        parameters=(_NAME,),
        body={JSON: kind},
        outcomes=(
            Outcome(200, "Done, or begun.", shapes.Done),
            _UNKNOWN,
            Outcome(409, "The printer can't do this now; `detail` says why."),
            Outcome(422, "This can't be asked of a printer; `detail` says why."),
        ),
        example=_EXAMPLES.get(verb, "-d '{}'"),
    )


_EXAMPLES: Final[Mapping[str, str]] = {
    "print": """-d '{"file": "parts/arm.gcode"}'""",
    "select": """-d '{"file": "parts/arm.gcode"}'""",
    "gcode": """-d '{"commands": ["G28", "M117 ready"]}'""",
    "jog": """-d '{"x": 10}'""",
    "temperature": """-d '{"targets": {"tool0": 210, "bed": 60}}'""",
    "extrude": """-d '{"amount": 5}'""",
    "transfer": """-d '{"file": "parts/arm.gcode"}'""",
    "sd": """-d '{"action": "refresh"}'""",
    "reply": """-d '{"choice": 0}'""",
}


class PrintersDoor:
    """Answers under /v1/printers."""

    def __init__(self, host: PrintHost) -> None:
        self._host = host

    async def list_printers(self, _: Call) -> Response:
        """List the printers.

        Each as it is now: state, temperatures, job and progress. To follow what changes, watch
        `/v1/state/stream?prefix=printers/`.
        """
        found = await self._host.statuses()
        return json({"printers": [_without(status, "terminal") for status in found]})

    async def show_printer(self, call: Call) -> Response:
        """Show one printer.

        As in the list, and the last lines that went both ways.
        """
        try:
            return json(await self._host.status(call.request.path_params["name"]))
        except NoSuchPrinter as error:
            raise Problem(NOT_FOUND, str(error)) from None

    def asking(self, verb: str) -> Callable[[Call], Awaitable[Response]]:
        """Return what answers the address of a verb."""

        async def answer(call: Call) -> Response:
            return await self._ask(call, verb)

        answer.__name__ = f"{verb}_printer"
        answer.__doc__ = (
            f"{_DESCRIPTIONS[verb]}\n\n"
            f"The same as the request `{PREFIX}{verb}`: it is on the log, published by this key's user."
        )
        return answer

    async def _ask(self, call: Call, verb: str) -> Response:
        name = call.request.path_params["name"]
        async with call.house.bodies.read(call.request, _SMALL) as body:
            data = {**decode(body or b"{}", dict[str, Any]), "printer": name}
        self._check(verb, name, data)
        event = Event(PREFIX + verb, data)
        try:
            reply = await _asked(call, event, _patience(verb, data))
        except StorageFailed:
            if verb not in HALTING:
                raise
            reply = await self._unlogged(event, call.principal.name)
        if not reply.get("success"):
            raise Problem(IN_THE_WAY, str(reply.get("message") or "The printer refused."))
        return json(reply)

    async def _unlogged(self, event: Event, user: str) -> Mapping[str, Any]:
        """Halt a printer though the log refuses events: a full disk must not keep it running."""
        log.error("a printer is halted, and the log does not have it", topic=event.topic, user=user)
        reply = await self._host.ask(event, user)
        return {**reply, "message": f"{reply['message']} The log is full or broken: it does not have this."}

    def _check(self, verb: str, name: str, data: Mapping[str, Any]) -> None:
        """Refuse at the door what can't be asked: it never reaches the log."""
        try:
            named(name, self._host.printers)
            payload(verb, data)
        except NoSuchPrinter as error:
            raise Problem(NOT_FOUND, str(error)) from None
        except Refused as error:
            raise Problem(UNPROCESSABLE, str(error)) from None


async def _asked(call: Call, event: Event, patience: float) -> Mapping[str, Any]:
    """Publish a request in the caller's name, and return what the print host replies."""
    bus = HubBus(call.house.hub, Principal(call.principal.name))
    async with aclosing(bus.request(event, deadline=patience)) as replies:
        async for reply in replies:
            if isinstance(reply.data, Mapping) and "success" in reply.data:
                return reply.data
    raise Problem(TIMED_OUT, f"No answer within {patience:g} s: look at the printer, it may have been done.")


def _patience(verb: str, data: Mapping[str, Any]) -> float:
    said = data.get("deadline")
    if isinstance(said, int | float):
        return min(float(said), _LONGEST)
    return ANSWERING + 10 if verb in _SLOW else DEADLINE


def _without(status: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in status.items() if name != key}


_DESCRIPTIONS: Final = {topic.name.removeprefix(PREFIX): topic.description for topic in TOPICS}
