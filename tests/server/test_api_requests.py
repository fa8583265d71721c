"""Asking over HTTP."""

from __future__ import annotations

import asyncio
import json
import time

from callboard.event import Event
from tests.server.doors import Doors

PATIENCE = 20


async def test_replies_are_gathered_until_all_have_replied(doors: Doors) -> None:
    doors.bus.subscribe("topic=ask", lambda event: {"twice": event.data * 2})
    doors.bus.subscribe("topic=ask", lambda event: {"thrice": event.data * 3})
    async with asyncio.timeout(PATIENCE):
        status, body = await doors.ask(
            "POST", "/v1/requests", json={"event": {"topic": "ask", "data": 2}, "timeout": 300}
        )
    assert status == 200
    assert sorted(str(reply["event"]["data"]) for reply in body["replies"]) == [
        "{'thrice': 6}",
        "{'twice': 4}",
    ]
    assert {reply["publisher"] for reply in body["replies"]} == {"tester"}
    assert {reply["event"]["topic"] for reply in body["replies"]} == {"ftrack.meta.reply"}


async def test_a_request_that_nobody_hears_ends_at_once(doors: Doors) -> None:
    async with asyncio.timeout(PATIENCE), doors.stream("/v1/events/stream"):  # a stream can't reply
        answer = await doors.ask("POST", "/v1/requests", json={"event": {"topic": "ask"}, "timeout": 300})
    assert answer == (200, {"replies": []})


async def test_a_request_ends_with_its_time(doors: Doors) -> None:
    doors.bus.subscribe("topic=ask", lambda _: None)
    begun = time.monotonic()
    answer = await doors.ask("POST", "/v1/requests", json={"event": {"topic": "ask"}, "timeout": 0.05})
    assert answer == (200, {"replies": []})
    assert time.monotonic() - begun >= 0.05
    assert len(doors.hub.requests) == 0


async def test_a_request_ends_with_as_many_replies_as_are_enough(doors: Doors) -> None:
    doors.bus.subscribe("topic=ask", lambda _: "first")
    doors.bus.subscribe("topic=ask", lambda _: None)
    async with asyncio.timeout(PATIENCE):
        _, body = await doors.ask(
            "POST", "/v1/requests", json={"event": {"topic": "ask"}, "timeout": 300, "limit": 1}
        )
    assert [reply["event"]["data"] for reply in body["replies"]] == ["first"]


async def test_replies_come_as_they_are_given(doors: Doors) -> None:
    second = asyncio.Event()

    async def slow(_: Event) -> str:
        await second.wait()
        return "second"

    doors.bus.subscribe("topic=ask", lambda _: "first")
    doors.bus.subscribe("topic=ask", slow)
    asked = {"event": {"topic": "ask"}, "timeout": 300}
    async with doors.stream("/v1/requests", method="POST", json=asked) as messages:
        async with asyncio.timeout(PATIENCE):
            first = await anext(messages)
            second.set()
            rest = [message async for message in messages]
    assert (first.event, json.loads(first.data)["event"]["data"]) == ("reply", "first")
    assert [message.event for message in rest] == ["reply", "end"]


async def test_a_request_that_may_not_be_published_is_refused_as_json(doors: Doors) -> None:
    plain = {**doors.headers("plain"), "Accept": "text/event-stream"}
    status, problem = await doors.ask("POST", "/v1/requests", plain, json={"event": {"topic": "callboard.x"}})
    assert status == 403
    assert problem["type"] == "/v1/docs#denied"


async def test_an_event_id_asks_only_once_at_a_time(doors: Doors) -> None:
    """Whoever guesses an id that still waits can't take its replies away."""
    asked: asyncio.Queue[Event] = asyncio.Queue()
    doors.bus.subscribe("topic=ask", asked.put)
    event = {"topic": "ask", "id": "the-same"}
    first = asyncio.create_task(doors.ask("POST", "/v1/requests", json={"event": event, "limit": 1}))
    async with asyncio.timeout(PATIENCE):
        heard = await asked.get()
        status, problem = await doors.ask("POST", "/v1/requests", json={"event": event})
        assert (status, problem["type"]) == (409, "/v1/docs#conflict")
        reply = Event("ftrack.meta.reply", "yes", {"id": "x"}, in_reply_to_event=heard.id)
        await doors.bus.publish(reply)
        doors.streams.close()
        assert (await first)[0] == 200


async def test_a_waiting_request_does_not_hold_up_the_end_of_the_server(doors: Doors) -> None:
    asked = asyncio.Event()
    doors.bus.subscribe("topic=ask", lambda _: asked.set())
    waiting = asyncio.create_task(
        doors.ask("POST", "/v1/requests", json={"event": {"topic": "ask"}, "timeout": 300})
    )
    async with asyncio.timeout(PATIENCE):
        await asked.wait()
        doors.streams.close()
        assert await waiting == (200, {"replies": []})
