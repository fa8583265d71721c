"""State over HTTP: what is true now, and what changes.

A key sees and sets state through the same expressions as events: the key `printer.mk3.temperature`
stands for an event with the topic `callboard.state.printer.mk3.temperature` and the value as `data`.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any

from starlette.responses import Response

from callboard.errors import Denied
from callboard.event import encode_json
from callboard.hub.principal import Principal
from callboard.hub.state import MAX_VALUE
from callboard.server.body import decode
from callboard.server.operation import Call, json
from callboard.server.problems import BAD_REQUEST, Problem
from callboard.server.sse import comment, message

TOPIC = "callboard.state."
_LONGEST = 512


async def state(call: Call) -> Response:
    """Read what is true now.

    The last value of every key that starts with `prefix`.
    """
    return json({"state": visible(call.principal, call.house.hub.state.values(call.text("prefix")))})


async def state_stream(call: Call) -> Response:
    """Watch what is true now.

    Server-Sent Events: first all values, then what changes, each as an object of values by key; null
    is a key that is gone. A slow reader gets the newest value of each key, not every one.
    """
    pieces = _changes(call.principal, call.house.hub.state.watch(call.text("prefix")))
    return call.house.streams.response(pieces, lambda: comment("beat") if call.still() else None)


async def set_state(call: Call) -> Response:
    """Set what is true now.

    The body is the value, any JSON of at most 64 KiB; null forgets the key. Never logged.
    """
    key = call.request.path_params["key"]
    if len(key) > _LONGEST:
        raise Problem(BAD_REQUEST, f"A key of state has at most {_LONGEST} characters.")
    async with call.house.bodies.read(call.request, MAX_VALUE + 1024) as body:
        value: Any = decode(body, Any)
    if not call.principal.may_publish(_document(key, value)):
        raise Denied(f"The key of {call.principal.name} may not set state: it may not publish {TOPIC}{key}.")
    call.house.hub.state.set(key, value)
    return Response(status_code=204)


def visible(principal: Principal, values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values that this principal may see."""
    if principal.receive is None:
        return dict(values)
    return {key: value for key, value in values.items() if principal.may_receive(_document(key, value))}


async def _changes(principal: Principal, changes: AsyncGenerator[Mapping[str, Any]]) -> AsyncGenerator[bytes]:
    first = True
    async with aclosing(changes):
        async for values in changes:
            seen = visible(principal, values)
            if seen or first:
                yield message(encode_json(seen), "state")
            first = False


def _document(key: str, value: Any) -> dict[str, Any]:
    return {"topic": TOPIC + key, "data": value}
