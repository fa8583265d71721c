"""Requests over two nodes of one log: who was asked elsewhere, and whose word counts."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from callboard.event import Event
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs import open_log
from tests.natsserver import NatsServer


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


async def test_nobody_answers_for_a_subscriber_of_another_node(nats: NatsServer) -> None:
    logs = [await open_log(nats.url) for _ in range(2)]
    async with asyncio.timeout(60), Hub(logs[0]) as one, Hub(logs[1]) as two:
        jane, mallory = HubBus(one, Principal("jane")), HubBus(one, Principal("mallory"))
        ann, may_answer = HubBus(two, Principal("ann")), asyncio.Event()

        async def answer(_: Event) -> str:
            await may_answer.wait()
            return "true"

        ann.subscribe("topic=question", answer, subscriber={"id": "the-one-who-knows"})
        while logs[0].nodes() < 2:
            await asyncio.sleep(0.01)
        replies = jane.request(Event("question", id="q"), deadline=60)
        first = asyncio.ensure_future(anext(replies))
        while "q" not in one.requests or one.requests._open["q"].asked == 0:
            await asyncio.sleep(0.01)
        forged = Event("ftrack.meta.reply", "forged", {"id": "the-one-who-knows"}, in_reply_to_event="q")
        await mallory.publish(forged)
        may_answer.set()
        assert (await first).data == "true"
        assert one.requests.dropped == 1
        await replies.aclose()
        for bus in (jane, mallory, ann):
            await bus.close()
    for log in logs:
        await log.close()
