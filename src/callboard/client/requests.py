"""Requests: the hub gathers the replies, since only it knows who was asked."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing

import msgspec

from callboard.client.history import Stored
from callboard.client.http import Http
from callboard.errors import Gone
from callboard.event import Event

LONGEST = 300.0
"""Seconds that the hub waits for replies at most."""
MOST = 1000

_stored = msgspec.json.Decoder(Stored)


async def ask(http: Http, event: Event, deadline: float, limit: int | None) -> AsyncGenerator[Event, None]:
    """Publish `event` and yield the replies as they come; see `Client.request`."""
    body = {
        "event": {
            "topic": event.topic,
            "data": event.data,
            "source": event.source,
            "target": event.target,
            "id": event.id,
        },
        "timeout": min(deadline, LONGEST),
        "limit": min(limit or MOST, MOST),
    }
    async with aclosing(http.stream("POST", "/v1/requests", body)) as messages:
        async for message in messages:
            if message.event == "reply":
                yield _reply(message.data)


def _reply(data: bytes) -> Event:
    try:
        return _stored.decode(data).opened
    except msgspec.MsgspecError as error:
        raise Gone(f"The hub's reply can't be understood: {error}") from None
