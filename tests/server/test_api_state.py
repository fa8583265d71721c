"""What is true now, over HTTP."""

from __future__ import annotations

import asyncio
import json

from tests.server.doors import Doors

PATIENCE = 20


async def test_state_is_set_read_and_forgotten(doors: Doors) -> None:
    assert (await doors.ask("PUT", "/v1/state/mill/load", json=0.7))[0] == 204
    assert (await doors.ask("PUT", "/v1/state/saw", json={"on": True}))[0] == 204
    assert await doors.ask("GET", "/v1/state?prefix=mill") == (200, {"state": {"mill/load": 0.7}})
    assert (await doors.ask("PUT", "/v1/state/mill/load", data="null"))[0] == 204
    assert await doors.ask("GET", "/v1/state") == (200, {"state": {"saw": {"on": True}}})


async def test_a_stream_of_state_gives_all_values_then_what_changes(doors: Doors) -> None:
    doors.hub.state.set("a.x", 1)
    doors.hub.state.set("b.x", 1)
    async with doors.stream("/v1/state/stream?prefix=a.") as messages, asyncio.timeout(PATIENCE):
        first = await anext(messages)
        doors.hub.state.set("b.x", 2)
        doors.hub.state.set("a.x", None)
        second = await anext(messages)
    assert (first.event, json.loads(first.data)) == ("state", {"a.x": 1})
    assert json.loads(second.data) == {"a.x": None}


async def test_a_plain_key_may_read_state_and_not_set_it(doors: Doors) -> None:
    plain = doors.headers("plain")
    doors.hub.state.set("a", 1)
    assert (await doors.ask("GET", "/v1/state", plain))[1] == {"state": {"a": 1}}
    status, problem = await doors.ask("PUT", "/v1/state/a", plain, json=2)
    assert (status, problem["type"]) == (403, "/v1/docs#denied")
    assert doors.hub.state.values("") == {"a": 1}


async def test_state_is_seen_and_set_through_the_expressions_of_a_key(doors: Doors) -> None:
    topic = "topic=callboard.state.mill.*"
    miller = doors.headers("miller", publish=topic, receive=topic)
    assert (await doors.ask("PUT", "/v1/state/mill.load", miller, json=1))[0] == 204
    assert (await doors.ask("PUT", "/v1/state/saw.load", miller, json=1))[0] == 403
    doors.hub.state.set("saw.load", 5)
    assert (await doors.ask("GET", "/v1/state", miller))[1] == {"state": {"mill.load": 1}}
    async with doors.stream("/v1/state/stream", miller) as messages, asyncio.timeout(PATIENCE):
        assert json.loads((await anext(messages)).data) == {"mill.load": 1}
        doors.hub.state.set("saw.load", 6)
        await asyncio.sleep(0)
        doors.hub.state.set("mill.load", 2)
        assert json.loads((await anext(messages)).data) == {"mill.load": 2}
