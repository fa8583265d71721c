"""Listening over HTTP: Server-Sent Events."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from pathlib import Path
from typing import Any

from callboard.client.http import Message
from callboard.event import Event
from tests.server.doors import Doors, open_doors

PATIENCE = 20


async def take(messages: AsyncGenerator[Message], count: int) -> list[Message]:
    async with asyncio.timeout(PATIENCE):
        return [await anext(messages) for _ in range(count)]


def numbers(messages: list[Message]) -> list[Any]:
    return [json.loads(message.data)["event"]["data"] for message in messages]


async def test_a_stream_gives_what_is_published_from_the_moment_it_answers(doors: Doors) -> None:
    await doors.publish({"topic": "t", "data": 0})
    async with doors.stream("/v1/events/stream?expression=topic=t") as messages:
        positions = await doors.publish({"topic": "t", "data": 1}, {"topic": "u"}, {"topic": "t", "data": 2})
        got = await take(messages, 2)
    assert numbers(got) == [1, 2]
    assert [message.position for message in got] == [positions[0], positions[2]]
    assert json.loads(got[0].data)["publisher"] == "admin"


async def test_a_stream_resumed_by_last_event_id_misses_nothing(doors: Doors) -> None:
    """Disconnected again and again while somebody publishes: each event arrives once, in order."""
    count = 300
    seen: list[int] = []
    _, page = await doors.ask("GET", "/v1/events")
    last = page["next"]
    publishing = asyncio.create_task(publish_slowly(doors, count))
    while len(seen) < count:
        async with doors.stream("/v1/events/stream?expression=topic=t", last=last) as messages:
            for message in await take(messages, min(23, count - len(seen))):
                seen.append(json.loads(message.data)["event"]["data"])
                last = message.position
    await publishing
    assert seen == list(range(count))


async def publish_slowly(doors: Doors, count: int) -> None:
    for n in range(count):
        await doors.bus.publish(Event("t", n))
        if n % 10 == 0:
            await asyncio.sleep(0.002)


async def test_a_stream_begins_behind_after(doors: Doors) -> None:
    positions = await doors.publish(*({"topic": "t", "data": n} for n in range(5)))
    async with doors.stream(f"/v1/events/stream?after={positions[2]}") as messages:
        assert numbers(await take(messages, 2)) == [3, 4]


async def test_a_stream_tells_a_gap_in_its_place(doors: Doors) -> None:
    positions = await doors.publish(*({"topic": "t", "data": n} for n in range(6)))
    await doors.hub.log.prune(doors.hub.log.number(positions[3]))
    async with doors.stream(f"/v1/events/stream?after={positions[0]}") as messages:
        gap, *rest = await take(messages, 4)
    assert gap.event == "gap"
    assert json.loads(gap.data) == {"after": positions[0], "before": positions[3], "missed": 2}
    assert numbers(rest) == [3, 4, 5]


async def test_a_position_of_another_log_is_a_gap_in_a_stream_too(doors: Doors) -> None:
    await doors.publish({"topic": "t", "data": 0})
    async with doors.stream("/v1/events/stream", last="feedbeef-9") as messages:
        gap, entry = await take(messages, 2)
    assert (gap.event, json.loads(gap.data)["missed"]) == ("gap", None)
    assert numbers([entry]) == [0]


async def test_a_published_event_that_looks_like_a_gap_is_an_event(doors: Doors) -> None:
    async with doors.stream("/v1/events/stream") as messages:
        await doors.publish({"topic": "callboard.meta.gap", "data": 5})
        (message,) = await take(messages, 1)
    assert (message.event, numbers([message])) == ("", [5])


async def test_a_stream_shows_only_what_the_key_may_receive(doors: Doors) -> None:
    limited = doors.headers("limited", receive="topic=public.*")
    async with doors.stream("/v1/events/stream?after=", limited) as messages:
        await doors.publish({"topic": "secret", "data": 1}, {"topic": "public.x", "data": 2})
        assert numbers(await take(messages, 1)) == [2]


async def test_replay_shows_only_what_the_key_may_receive(doors: Doors) -> None:
    positions = await doors.publish(
        {"topic": "a"}, {"topic": "secret", "data": 1}, {"topic": "public.x", "data": 2}
    )
    limited = doors.headers("limited", receive="topic=public.*")
    async with doors.stream(f"/v1/events/stream?after={positions[0]}", limited) as messages:
        assert numbers(await take(messages, 1)) == [2]


async def test_silence_is_broken_by_comments_that_carry_the_position(tmp_path: Path) -> None:
    async with open_doors(tmp_path, keepalive=0.02) as doors:
        url = f"{doors.url}/v1/events/stream?expression=topic=never"
        async with doors.http.get(url, headers=doors.admin) as response, asyncio.timeout(PATIENCE):
            (position,) = await doors.publish({"topic": "t"})
            text = b""
            while f": beat\nid: {position}\n\n".encode() not in text:
                text += await response.content.readany()
    assert text.startswith(b"retry: ")


async def test_a_revoked_key_loses_its_streams(tmp_path: Path) -> None:
    async with open_doors(tmp_path, keepalive=0.02) as doors:
        mine = doors.headers("guest")
        number = next(key.id for key in doors.keys.list() if key.user == "guest")
        async with doors.stream("/v1/events/stream", mine) as messages, asyncio.timeout(PATIENCE):
            doors.keys.revoke(number)
            assert [message async for message in messages] == []


async def test_streams_end_when_the_server_closes(tmp_path: Path) -> None:
    async with open_doors(tmp_path) as doors:
        events, state = doors.stream("/v1/events/stream"), doors.stream("/v1/state/stream")
        async with events as messages, state as changes, asyncio.timeout(PATIENCE):
            await take(changes, 1)
            doors.streams.close()
            assert [message async for message in messages] == []
            assert [message async for message in changes] == []
        status, problem = await doors.ask("GET", "/v1/events/stream")
        assert (status, problem["type"]) == (503, "/v1/docs#busy")


async def test_a_stream_that_is_left_leaves_nothing_behind(doors: Doors) -> None:
    async with doors.stream("/v1/events/stream?expression=topic=t") as messages:
        await doors.publish({"topic": "t", "data": 1})
        await take(messages, 1)
        assert (len(doors.hub.router.targets), doors.streams.open) == (1, 1)
    async with asyncio.timeout(PATIENCE):
        while len(doors.hub.router.targets) or doors.streams.open:
            await doors.publish({"topic": "t"})
            await asyncio.sleep(0.01)


async def test_a_reader_that_does_not_read_costs_bounded_memory_and_then_catches_up(doors: Doors) -> None:
    count, big = 400, "x" * 50_000
    async with doors.stream("/v1/events/stream?expression=topic=big") as messages:
        for n in range(count):
            await doors.bus.publish(Event("big", {"n": n, "x": big}))
        (stream,) = {one.recipient for one in doors.hub.router.targets.find("replies=false")}
        assert held(stream) < 4 << 20
        got = await take(messages, count)
    assert [number["n"] for number in numbers(got)] == list(range(count))


def held(stream: Any) -> int:
    return sum(len(entry.envelope.data) for entry in [*stream._ready, *stream.outbox])


async def test_head_tells_about_a_stream_without_opening_it(doors: Doors) -> None:
    async with doors.http.head(f"{doors.url}/v1/events/stream", headers=doors.admin) as response:
        assert response.status == 200
        assert response.content_type == "text/event-stream"
    assert doors.streams.open == 0
