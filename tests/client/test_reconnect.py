"""The hub goes and comes back; so does the client."""

from __future__ import annotations

import asyncio
import json
import signal
from typing import Any

import pytest

from callboard import Event, connect
from callboard.client.client import Client
from callboard.errors import Gone, Unauthenticated
from tests.client.conftest import to, until
from tests.serving import Server

pytestmark = pytest.mark.slow


async def publish_elsewhere(server: Server, *numbers: int) -> None:
    events = [{"topic": "t", "data": number} for number in numbers]
    status, body = await asyncio.to_thread(server.post, "/v1/events", events)
    assert status == 201, body


@pytest.mark.parametrize("how", [signal.SIGTERM, signal.SIGKILL])
async def test_a_durable_subscription_misses_nothing_when_the_hub_restarts(
    own_server: Server, how: signal.Signals
) -> None:
    heard: list[int] = []
    plain: list[int] = []
    async with to(own_server) as board:
        board.subscribe("topic=t", lambda event: plain.append(event.data))
        await board.subscribe("topic=t", lambda event: heard.append(event.data), durable="d").ready()
        await publish_elsewhere(own_server, 1)
        await until(lambda: heard == [1])
        await asyncio.to_thread(own_server.stop, how)
        await until(lambda: not board.connected)
        await asyncio.to_thread(own_server.start)
        await publish_elsewhere(own_server, 2, 3)
        await until(lambda: board.connected)
        await publish_elsewhere(own_server, 4)
        await until(lambda: 4 in heard)
        await until(lambda: 4 in plain)
    assert heard == [1, 2, 3, 4]
    assert plain[0] == 1
    assert plain == sorted(set(plain))


async def test_a_subscription_from_now_on_misses_nothing_while_the_program_lives(own_server: Server) -> None:
    heard: list[int] = []
    async with to(own_server) as board:
        await board.subscribe("topic=t", lambda event: heard.append(event.data), after="now").ready()
        await publish_elsewhere(own_server, 1)
        await asyncio.to_thread(own_server.stop)
        await asyncio.to_thread(own_server.start)
        await publish_elsewhere(own_server, 2)
        await until(lambda: board.connected)
        await publish_elsewhere(own_server, 3)
        await until(lambda: 3 in heard)
    assert heard == [1, 2, 3]


async def test_what_is_published_while_the_hub_is_away_is_sent_when_it_is_back(own_server: Server) -> None:
    heard: list[int] = []
    async with to(own_server) as board:
        board.subscribe("topic=t", lambda event: heard.append(event.data), durable="d")
        await asyncio.to_thread(own_server.stop)
        await until(lambda: not board.connected)
        waiting = [board.publish("t", number) for number in range(3)]
        await asyncio.to_thread(own_server.start)
        assert len(set(await asyncio.gather(*waiting))) == 3
        await until(lambda: len(heard) == 3)
    assert heard == [0, 1, 2]


async def test_what_was_not_sent_fails_at_close(own_server: Server) -> None:
    async with to(own_server) as board:
        await asyncio.to_thread(own_server.stop)
        await until(lambda: not board.connected)
        waiting = board.publish("t")
    with pytest.raises(Gone, match="closed"):
        await waiting


async def test_a_client_says_to_itself_when_it_comes_and_goes(own_server: Server) -> None:
    heard: list[str] = []
    async with to(own_server) as board:
        board.subscribe("topic=ftrack.meta.*", lambda event: heard.append(event.topic))
        await asyncio.to_thread(own_server.restart)
        await until(lambda: len(heard) == 2)
    assert heard == ["ftrack.meta.disconnected", "ftrack.meta.connected"]


async def test_a_hub_that_is_still_starting_is_waited_for(own_server: Server) -> None:
    port = own_server.port
    key = own_server.key
    await asyncio.to_thread(own_server.stop)
    entering = asyncio.create_task(
        connect(f"http://127.0.0.1:{port}", "admin", key, patience=60).__aenter__()
    )
    await asyncio.to_thread(own_server.start)
    board: Client = await entering
    assert board.connected
    await board.close()


async def test_a_key_that_was_revoked_ends_the_client(own_server: Server) -> None:
    status, body = await asyncio.to_thread(own_server.post, "/v1/keys", {"user": "guest"})
    assert status == 201, body
    made = json.loads(body)
    async with connect(own_server.url, "guest", made["key"]) as board:
        await asyncio.to_thread(own_server.ask, "DELETE", f"/v1/keys/{made['id']}", None, {})
        await asyncio.to_thread(own_server.restart)
        with pytest.raises(Unauthenticated):
            async with asyncio.timeout(20):
                await board.wait()
        with pytest.raises(Unauthenticated):
            await board.publish("t")


async def test_another_log_than_before_is_a_gap_and_no_silence(own_server: Server) -> None:
    heard: list[object] = []
    gaps: list[Event] = []
    async with to(own_server) as board:
        board.subscribe("topic=callboard.meta.gap", gaps.append, after="now")
        await board.subscribe("topic=t", lambda event: heard.append(event.data), after="now").ready()
        await publish_elsewhere(own_server, 1)
        await until(lambda: heard == [1])
        await asyncio.to_thread(own_server.stop)
        for path in own_server.data.glob("events.db*"):
            path.unlink()
        await asyncio.to_thread(own_server.start)
        await publish_elsewhere(own_server, 2)
        await until(lambda: board.connected)
        await publish_elsewhere(own_server, 3)
        await until(lambda: 3 in heard)
        await until(lambda: gaps)
    assert heard == [1, 2, 3]


async def test_a_line_on_which_nothing_comes_any_more_is_found(
    own_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    from callboard.client import line as module

    made: list[module.Line] = []

    class Impatient(module.Line):
        def __init__(self, socket: Any, peer: Any, _: float) -> None:
            super().__init__(socket, peer, 1.0)
            made.append(self)

    monkeypatch.setattr(module, "Line", Impatient)
    async with to(own_server) as board:
        assert own_server.process is not None
        own_server.process.send_signal(signal.SIGSTOP)  # the port is open, and nobody is at home
        try:
            await until(lambda: not board.connected)
        finally:
            own_server.process.send_signal(signal.SIGCONT)
        await until(lambda: len(made) > 1 and board.connected)
