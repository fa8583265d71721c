"""The log over HTTP, for those who run it: how it is, and forgetting what is old or gone."""

from __future__ import annotations

from msgspec import Struct
from starlette.responses import Response

from callboard.hub.hubbus import position_of
from callboard.hub.log import Log
from callboard.server.body import decode
from callboard.server.entries import iso
from callboard.server.operation import Call, json
from callboard.server.problems import NOT_FOUND, Problem
from callboard.server.shapes import LogInfo

_MOST = 4096
_WHERE = "`callboard log stat`, or GET /v1/log, lists those that are, as USER/NAME"


class Pruning(Struct, forbid_unknown_fields=True):
    """Up to where to forget: a position, or an ISO 8601 time."""

    before: str


async def log_info(call: Call) -> Response:
    """See how the log is.

    Where it begins and ends, how large it is, and how far each durable subscriber has come.
    """
    log = call.house.hub.log
    first, last = await log.first(), await log.last()
    cursors = {name: log.text(position) for name, position in (await log.cursors()).items()}
    return json(
        LogInfo(
            id=log.id,
            first=log.text(first),
            last=log.text(last),
            since=await _time(log, first),
            until=await _time(log, last),
            events=max(last - first + 1, 0),
            bytes=await log.size(),
            nodes=log.nodes(),
            cursors=cursors,
        )
    )


async def _time(log: Log, position: int) -> str | None:
    entries = await log.read(max(position - 1, 0), 1)
    return iso(entries[0].time) if entries else None


async def prune(call: Call) -> Response:
    """Forget what is old.

    Every event before a position or a time goes; who still wanted it gets a gap.
    """
    async with call.house.bodies.read(call.request, _MOST) as body:
        asked = decode(body, Pruning)
    hub = call.house.hub
    before = await position_of(hub, asked.before)
    if not asked.before.startswith(f"{hub.log.id}-"):
        before += 1  # a time means the position before the first event that stays
    return json({"pruned": await hub.log.prune(before)})


async def forget(call: Call) -> Response:
    """Forget a durable subscriber.

    How far it has come, that is: `user/name` as `GET /v1/log` lists it. When it comes back it begins
    anew; one that is connected now is remembered again as soon as it moves on.
    """
    name, log = call.request.path_params["name"], call.house.hub.log
    if name not in await log.cursors():
        raise Problem(NOT_FOUND, f"No durable subscriber {name[:200]!r} is known: {_WHERE}.")
    await log.drop(name)
    return Response(status_code=204)
