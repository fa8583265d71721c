"""How the node is: is it up, is it ready."""

from __future__ import annotations

import asyncio

from starlette.responses import Response

from callboard import __version__
from callboard.errors import CallboardError, StorageFailed
from callboard.event import Event
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.server.operation import Call, json
from callboard.server.problems import NOT_READY, Problem

_PATIENCE = 5.0
_PROBE = "callboard.meta.probe"


async def healthz(_: Call) -> Response:
    """Ask whether it is up.

    Answers as long as the process does.
    """
    return json({"status": "up", "version": __version__})


async def readyz(call: Call) -> Response:
    """Ask whether it is ready.

    It is while the log answers, takes what is published, and the router is not too far behind it. After
    an append failed, this publishes a `callboard.meta.probe` to see whether the log is well again.
    """
    hub = call.house.hub
    try:
        async with asyncio.timeout(_PATIENCE):
            behind = await hub.log.last() - hub.router.position
            await _heal(hub)
    except TimeoutError:
        raise Problem(NOT_READY, f"The log did not answer within {_PATIENCE:g} seconds.") from None
    except CallboardError as error:
        raise Problem(NOT_READY, str(error)) from None
    if behind > call.house.most_behind:
        raise Problem(NOT_READY, f"The router is {behind} entries behind the log.", behind=behind)
    return json({"status": "ready", "version": __version__, "behind": max(behind, 0)})


async def _heal(hub: Hub) -> None:
    """Try to store something if the newest append failed; else nobody might, and it would never be known."""
    if isinstance(hub.failure, Exception):
        await HubBus(hub, Principal("callboard")).publish(Event(_PROBE))
    elif hub.failure is not None:
        raise StorageFailed
