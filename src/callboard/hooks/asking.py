"""The `gcode` kind: ask the event's printer to send lines, at most once.

    callboard.printer.gcode {printer, commands} -> reply {success, message}

No answer is an unknown outcome: it is told, never tried again by itself. Of several hosts that answer, the
one that has the printer counts.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Mapping
from contextlib import aclosing
from typing import Any, Final

from callboard.bus import Bus
from callboard.event import Event, caused_by
from callboard.hooks.model import Gcode, Hook
from callboard.hooks.run import Outcome
from callboard.hooks.template import Refused, Values

REQUEST: Final = "callboard.printer.gcode"
OTHERS: Final = 1.0
"""Seconds after a refusal in which another host may say that the printer is its own."""


async def send_gcode(bus: Bus, hook: Hook, action: Gcode, event: Event) -> Outcome:
    """Ask for a hook's lines to be sent, and tell what the printer said."""
    printer = action.printer or str(event.source.get("printer") or "") or action.only
    if not printer:
        reason = "The event names no printer, and the hook neither: add printer: NAME."
        return Outcome("refused", reason, plain=True)
    try:
        lines = [filled for line in action.lines if (filled := line.fill(Values(event)))]
    except Refused as error:
        return Outcome("refused", str(error))
    seconds = hook.policy.timeout
    data = {"printer": printer, "commands": lines, "deadline": seconds}
    request = Event(REQUEST, data, {"printer": printer, "trace": caused_by(event)})
    return await _answered(bus, request, seconds, f"{printer}: " + " | ".join(lines))


async def _answered(bus: Bus, request: Event, seconds: float, shown: str) -> Outcome:
    began = time.monotonic()
    refused: Outcome | None = None
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(None) as limit, aclosing(_iterated(bus, request, seconds)) as replies:
            async for reply in replies:
                outcome = _outcome(reply.data, shown)
                if outcome is not None and outcome.state == "done":
                    return outcome
                if outcome is not None and refused is None:
                    refused = outcome
                    limit.reschedule(asyncio.get_running_loop().time() + OTHERS)
    if refused is not None:
        return refused
    if time.monotonic() - began >= seconds:
        return Outcome(
            "unknown",
            f"no answer within {seconds:g} s: nobody knows whether the lines were sent",
            command=shown,
            plain=True,
        )
    reason = "no printer answered: none listens, or it left before it could"
    return Outcome("failed", reason, command=shown, retry=False, plain=True)


async def _iterated(bus: Bus, request: Event, seconds: float) -> Any:
    async for reply in bus.request(request, deadline=seconds):
        yield reply


def _outcome(answer: Any, shown: str) -> Outcome | None:
    """Return what an answer means; None for one that says nothing, as of a host without this printer."""
    if answer is None:
        return None
    if isinstance(answer, Mapping) and answer.get("success") is False:
        reason = str(answer.get("message") or "the printer refused the lines")
        return Outcome("failed", reason, command=shown, retry=False)
    return Outcome("done", command=shown)
