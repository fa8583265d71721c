"""Socket.IO clients of today (protocol 5, WebSocket only): PyPI's python-socketio, npm's socket.io-client.

They speak events as they are: `ftrack.event` with one event, answered by an acknowledgement.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from typing import Any

import pytest
import socketio

from tests.clients.node import Node, modern_js, needs_node, node
from tests.clients.official import Hub, ftrack_py
from tests.serving import PATIENCE, Server


class Client:
    """python-socketio's AsyncClient with a queue of what it heard."""

    def __init__(self) -> None:
        self.socket = socketio.AsyncClient(reconnection_delay=0.1, reconnection_delay_max=0.1)
        self.heard: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        self.socket.on("ftrack.event", self._hear)

    async def _hear(self, event: dict[str, Any], *rest: Any) -> None:
        self.heard.put_nowait(event)

    async def publish(self, topic: str, data: Any = None, **values: Any) -> dict[str, Any]:
        """Publish and return the acknowledgement."""
        answer: dict[str, Any] = await self.socket.call(
            "ftrack.event", {"topic": topic, "data": data, **values}, timeout=PATIENCE
        )
        return answer

    async def subscribe(self, expression: str, **subscriber: Any) -> dict[str, Any]:
        """Subscribe and return the acknowledgement."""
        wish = {"subscription": expression, "subscriber": subscriber}
        return await self.publish("ftrack.meta.subscribe", wish)

    async def next(self) -> dict[str, Any]:
        """Return the next event."""
        return await asyncio.wait_for(self.heard.get(), PATIENCE)


@contextlib.asynccontextmanager
async def connected(server: Server, **options: Any) -> AsyncIterator[Client]:
    client = Client()
    ways = options or {"auth": {"user": server.user, "key": server.key}}
    await client.socket.connect(server.url, transports=["websocket"], **ways)
    try:
        yield client
    finally:
        await client.socket.disconnect()


async def test_it_publishes_and_hears(server: Server) -> None:
    async with connected(server) as client:
        assert (await client.subscribe("topic=v5.first and data.n>1", id="v5-first"))["success"] is True
        await client.publish("v5.first", {"n": 1})
        assert (await client.publish("v5.first", {"n": 2, "text": "東京 🎬"}))["success"] is True
        heard = await client.next()
        assert heard["data"] == {"n": 2, "text": "東京 🎬"}
        assert heard["source"]["id"]


async def test_headers_are_credentials_too(server: Server) -> None:
    headers = {"ftrack-user": server.user, "ftrack-api-key": server.key}
    async with connected(server, headers=headers) as client:
        assert (await client.publish("v5.headers"))["success"] is True


@pytest.mark.parametrize("auth", [{"user": "admin", "key": "wrong"}, {"user": "admin"}, None])
async def test_without_a_right_key_it_is_refused(server: Server, auth: Any) -> None:
    with pytest.raises(socketio.exceptions.ConnectionError):
        async with connected(server, auth=auth, wait_timeout=5):
            pass


async def test_an_expression_that_does_not_parse_is_an_answer_with_a_caret(server: Server) -> None:
    async with connected(server) as client:
        answer = await client.subscribe("topic=")
        assert answer["success"] is False
        assert "^" in answer["message"]
        assert (await client.subscribe("topic=v5.after"))["success"] is True


async def test_an_event_without_a_topic_is_refused_and_the_connection_stays(server: Server) -> None:
    async with connected(server) as client:
        answer = await client.socket.call("ftrack.event", {"data": {}}, timeout=PATIENCE)
        assert answer["success"] is False
        assert (await client.publish("v5.fine"))["success"] is True


async def test_it_talks_with_the_official_python_client(server: Server, hub: Hub) -> None:
    async with connected(server) as client:
        await client.subscribe("topic=v5.from.python", id="v5-python")
        sent = await asyncio.to_thread(hub.publish, "v5.from.python", {"a": 1})
        assert (await client.next())["id"] == sent["id"]
        theirs = await asyncio.to_thread(hub.subscribe, "topic=v5.to.python")
        await client.publish("v5.to.python", {"b": 2})
        await asyncio.to_thread(hub.until, lambda: theirs)
        assert theirs[0]["data"] == {"b": 2}


async def test_it_answers_and_is_answered(server: Server, hub: Hub) -> None:
    async with connected(server) as client:
        await client.subscribe("topic=ftrack.meta.reply", id="v5-asker")
        asked = await asyncio.to_thread(hub.subscribe, "topic=v5.asks", {"fine": True})
        await client.publish("v5.asks", {}, id="v5-question", source={"id": "v5-asker"})
        await asyncio.to_thread(hub.until, lambda: asked)
        reply = await client.next()
        assert reply["data"] == {"fine": True}
        assert reply["inReplyToEvent"] == "v5-question"


async def test_an_event_of_a_megabyte_travels(server: Server) -> None:
    async with connected(server) as client:
        await client.subscribe("topic=v5.big")
        assert (await client.publish("v5.big", {"text": "x" * 1_000_000}))["success"] is True
        assert len((await client.next())["data"]["text"]) == 1_000_000


async def test_an_event_over_the_limit_is_refused_by_its_acknowledgement(server: Server) -> None:
    async with connected(server) as client:
        answer = await client.publish("v5.too.big", {"text": "x" * 9_000_000})
        assert answer["success"] is False
        assert "8388608" in answer["message"]
        assert (await client.publish("v5.fine"))["success"] is True


async def test_after_a_restart_it_comes_back(own_server: Server) -> None:
    async with connected(own_server) as client:
        lost, back = asyncio.Event(), asyncio.Event()
        client.socket.on("disconnect", lambda *_: lost.set())
        client.socket.on("connect", lambda *_: back.set())
        await asyncio.to_thread(own_server.stop)
        await asyncio.wait_for(lost.wait(), PATIENCE)
        await asyncio.to_thread(own_server.start)
        await asyncio.wait_for(back.wait(), PATIENCE)
        assert (await client.publish("v5.back"))["success"] is True


# npm's socket.io-client


def _subscribe(modern: Node, expression: str, **subscriber: Any) -> None:
    wish = {"subscription": expression, "subscriber": subscriber}
    modern.do("emit", event={"topic": "ftrack.meta.subscribe", "data": wish})
    assert modern.said("ack", of="ftrack.meta.subscribe")["answer"]["success"] is True


@needs_node
def test_javascript_publishes_and_hears(modern: Node) -> None:
    _subscribe(modern, "topic=v5js.first and data.n>1")
    modern.do("emit", event={"topic": "v5js.first", "data": {"n": 1}})
    modern.do("emit", event={"topic": "v5js.first", "data": {"n": 2, "text": "東京 🎬"}})
    assert modern.said("heard")["event"]["data"] == {"n": 2, "text": "東京 🎬"}
    assert modern.said("ack", of="v5js.first")["answer"]["success"] is True


@needs_node
def test_javascript_without_acknowledgement_publishes_too(modern: Node) -> None:
    _subscribe(modern, "topic=v5js.quiet")
    modern.do("emitAnd", event={"topic": "v5js.quiet", "data": {}})
    assert modern.said("heard")["event"]["topic"] == "v5js.quiet"


@needs_node
def test_headers_are_credentials_for_javascript_too(server: Server) -> None:
    with modern_js(server, headers=True) as modern:
        _subscribe(modern, "topic=v5js.headers")


@needs_node
def test_javascript_with_a_wrong_key_is_refused_with_the_reason(server: Server) -> None:
    with node("modern.mjs") as modern:
        modern.do("connect", url=server.url, user="admin", key="wrong")
        assert "key" in modern.said("refused")["message"].lower()


@needs_node
def test_javascript_and_the_official_python_client_talk(modern: Node, hub: Hub) -> None:
    _subscribe(modern, "topic=v5js.from.python")
    sent = hub.publish("v5js.from.python")
    assert modern.said("heard")["event"]["id"] == sent["id"]
    heard = hub.subscribe("topic=v5js.to.python")
    modern.do("emit", event={"topic": "v5js.to.python", "data": {"b": 2}})
    hub.until(lambda: heard)


@needs_node
def test_an_event_of_another_name_hurts_nobody(modern: Node) -> None:
    modern.do("emitOther", name="chat", values=["hello", {"a": 1}])
    modern.said("emitted")
    _subscribe(modern, "topic=v5js.still.here")


@needs_node
def test_after_a_restart_javascript_comes_back(own_server: Server) -> None:
    with modern_js(own_server) as modern:
        own_server.stop()
        modern.said("lost")
        own_server.start()
        modern.said("connected")
        _subscribe(modern, "topic=v5js.back")
        with ftrack_py(own_server) as hub:
            hub.publish("v5js.back")
        assert modern.said("heard")["event"]["topic"] == "v5js.back"
