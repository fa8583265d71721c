"""`callboard publish`: one event, and the replies to it if somebody waits for them."""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from callboard.cli.outcome import FAILED, AsJson, WrongUse, told
from callboard.cli.output import note, say, say_event, say_json
from callboard.cli.reach import Reach
from callboard.event import Event, encode_json

if TYPE_CHECKING:
    from callboard.client.http import Http


def publish(
    topic: Annotated[str, Parameter(help="What happened, for example shot.approved.")],
    /,
    *,
    data: Annotated[
        str | None, Parameter(help="JSON, @FILE with JSON, or - for stdin.", allow_leading_hyphen=True)
    ] = None,
    target: Annotated[str, Parameter(help="Expression over subscribers; without it: everybody.")] = "",
    wait: Annotated[
        float | None,
        Parameter(help="Seconds to wait for replies; they are printed.", allow_leading_hyphen=True),
    ] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int | None:
    """Publish an event, and print its position in the log, or the replies."""
    if not topic.strip():
        raise WrongUse("TOPIC must not be empty.")
    event = Event(topic=topic, data=_value(data), target=target)
    encode_json(event.data)
    return asyncio.run(_publish(event, wait, as_json, reach or Reach()))


async def _publish(event: Event, wait: float | None, as_json: bool, reach: Reach) -> int | None:
    from callboard.client.http import Http
    from callboard.client.identity import Identity

    credentials = reach.credentials
    async with Http(credentials) as http:
        full = Identity(event.id, credentials.user, {"applicationId": "callboard.cli"}).event(event)
        if wait is None:
            answer = await http.ask("POST", "/v1/events", _shape(full))
            position = answer["positions"][0]
            if as_json:
                say_json({"position": position, "id": full.id})
            else:
                say(position)
            return None
        return await _request(http, full, wait, as_json)


async def _request(http: Http, event: Event, wait: float, as_json: bool) -> int | None:
    from callboard.client.requests import ask

    if not 0 < wait <= 300:
        raise WrongUse("--wait takes seconds, more than 0 and at most 300.")
    count = 0
    async for reply in ask(http, event, wait, None):
        say_event(reply, as_json)
        count += 1
    if not count:
        note("Nobody replied.")
    return None if count else FAILED


def _shape(event: Event) -> dict[str, Any]:
    return {
        "topic": event.topic,
        "data": event.data,
        "source": event.source,
        "target": event.target,
        "id": event.id,
    }


def _value(text: str | None) -> Any:
    """Return the data that `--data` means."""
    if text is None:
        return {}
    try:
        return json.loads(_read(text))
    except (ValueError, RecursionError) as error:
        raise WrongUse(f"--data is no JSON: {error}. Write for example --data '{{\"frame\": 12}}'.") from None


def _read(text: str) -> str:
    try:
        if text == "-":
            return sys.stdin.read()
        return Path(text[1:]).read_text("utf-8") if text.startswith("@") else text
    except (OSError, UnicodeDecodeError) as error:
        raise WrongUse(f"--data can't be read: {text[1:]}: {told(error)}.") from None
