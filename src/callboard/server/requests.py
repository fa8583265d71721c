"""Asking over HTTP: publish an event and gather what is replied to it."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Annotated

from msgspec import Meta, Raw, Struct
from starlette.responses import Response

from callboard.event import Event
from callboard.hub.hubbus import HubBus
from callboard.server.body import decode
from callboard.server.entries import reply_json
from callboard.server.operation import EVENT_STREAM, Call, json
from callboard.server.problems import CONFLICT, Problem
from callboard.server.publish import one_checked
from callboard.server.sse import comment, message


class Asking(Struct):
    """The body of a request; the shape for the docs is `shapes.Asking`."""

    event: Raw
    timeout: Annotated[float, Meta(gt=0, le=300)] = 10.0
    limit: Annotated[int, Meta(ge=1, le=1000)] = 1000


async def request(call: Call) -> Response:
    """Ask, and gather the replies.

    Publishes `event` and waits until all who were asked have replied, `limit` replies are there, or
    `timeout` seconds are over; at once if nobody was asked. With `Accept: text/event-stream`
    each reply comes as it is given: `event: reply`, and `event: end` at the end.
    """
    async with call.house.bodies.read(call.request) as body:
        asking = decode(body, Asking)
        event = _event(call, bytes(asking.event))
    replies = _replies(call, event, asking)
    if EVENT_STREAM in call.request.headers.get("accept", ""):
        return call.house.streams.response(_messages(replies), lambda: comment("beat"))
    return json(b'{"replies":[%b]}' % b",".join([one async for one in _until_closed(call, replies)]))


def _event(call: Call, text: bytes) -> Event:
    hub = call.house.hub
    envelope = one_checked(hub, call.principal, text)
    if envelope.id in hub.requests:
        raise Problem(
            CONFLICT, "A request with this event id still waits: leave the id out, or make a new one."
        )
    return envelope.opened(None)


async def _replies(call: Call, event: Event, asking: Asking) -> AsyncGenerator[bytes]:
    bus = HubBus(call.house.hub, call.principal)
    left = asking.limit
    async with aclosing(bus.request(event, deadline=asking.timeout)) as replies:
        async for reply in replies:
            yield reply_json(reply)
            left -= 1
            if not left:
                return


async def _until_closed(call: Call, replies: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(call.house.streams.paced(replies)) as pieces:
        async for piece in pieces:
            if piece is not None:
                yield piece


async def _messages(replies: AsyncGenerator[bytes]) -> AsyncGenerator[bytes]:
    async with aclosing(replies):
        async for reply in replies:
            yield message(reply, "reply")
    yield message(b"{}", "end")
