"""What one client does is its own affair: neighbours that stall, shout, or talk nonsense."""

from __future__ import annotations

import json
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import websocket

from tests.clients.official import Hub, ftrack_py
from tests.serving import PATIENCE, Server


def _open(server: Server) -> Any:
    """Return a bare socket of the old protocol, greeted."""
    path = f"{server.url}/socket.io/1/?api_user={server.user}&api_key={server.key}"
    with urllib.request.urlopen(path, timeout=PATIENCE) as answer:
        session = answer.read().decode().partition(":")[0]
    url = server.url.replace("http", "ws", 1)
    socket = websocket.create_connection(f"{url}/socket.io/1/websocket/{session}", timeout=PATIENCE)
    assert socket.recv() == "1::"
    return socket


@pytest.fixture
def bare(server: Server) -> Iterator[Any]:
    with closing(_open(server)) as socket:
        yield socket


def _send(socket: Any, topic: str, data: Any, ack: int = 1) -> None:
    packet = {"name": "ftrack.event", "args": [{"topic": topic, "data": data}]}
    socket.send(f"5:{ack}+::{json.dumps(packet)}")


def _subscribe(socket: Any, expression: str) -> None:
    _send(socket, "ftrack.meta.subscribe", {"subscription": expression, "subscriber": {"id": "bare"}})
    while not (packet := socket.recv()).startswith("6:"):
        pass
    assert json.loads(packet.partition("+")[2])[0]["success"] is True


@pytest.mark.parametrize(
    "nonsense",
    [
        "",
        "hello",
        "5",
        "5:::",
        "5:::{",
        "5:::[]",
        '5:::{"name":"ftrack.event","args":[]}',
        "99::",
        "6:::x+",
        "::::",
    ],
)
def test_nonsense_from_one_is_not_noticed_by_the_others(
    server: Server, bare: Any, hub: Hub, nonsense: str
) -> None:
    heard = hub.subscribe("topic=nonsense.*")
    bare.send(nonsense)
    bare.send("2::")
    hub.publish("nonsense.after")
    hub.until(lambda: heard)
    assert server.get("/healthz")[0] == 200


def test_bytes_that_are_no_text_are_not_noticed_by_the_others(bare: Any, hub: Hub) -> None:
    heard = hub.subscribe("topic=binary.after")
    bare.send_binary(b"\x00\xff" * 1000)
    hub.publish("binary.after")
    hub.until(lambda: heard)


def test_the_same_subscriber_id_on_two_connections_of_a_user_is_two_listeners(hub: Hub, other: Hub) -> None:
    lists = [one.subscribe("topic=same.id", subscriber={"id": "workstation"}) for one in (hub, other)]
    hub.publish("same.id", target="id=workstation")
    hub.until(lambda: lists[0])
    other.until(lambda: lists[1])


@pytest.mark.slow
def test_listeners_that_never_read_delay_nobody_and_cost_little(own_server: Server) -> None:
    with ExitStack() as stack:
        stalled = [stack.enter_context(closing(_open(own_server))) for _ in range(5)]
        hub = stack.enter_context(ftrack_py(own_server))
        for socket in stalled:
            _subscribe(socket, "topic=flood")
        heard = hub.subscribe("topic=flood")
        before = _memory(own_server)
        for start in range(0, 1000, 50):
            numbers = range(start, start + 50)
            batch = [{"topic": "flood", "data": {"number": n, "text": "x" * 20_000}} for n in numbers]
            assert own_server.post("/v1/events", batch)[0] == 201
            _say_alive(stalled)
        hub.until(lambda: len(heard) == 1000, "all events")
        grown = _memory(own_server) - before
        assert [event["data"]["number"] for event in heard] == list(range(1000))
        assert grown < 64 << 20, f"{grown >> 20} MiB more for 20 MB sent to five listeners that read nothing"
        _say_alive(stalled)
        assert _numbers(stalled[0], 1000) == list(range(1000))


def _say_alive(stalled: list[Any]) -> None:
    """Only a listener that gives no sign of life is taken for dead; these are merely slow."""
    for socket in stalled:
        socket.send("2::")


def _numbers(socket: Any, count: int) -> list[int]:
    """Read events, answering heartbeats, until `count` came."""
    numbers: list[int] = []
    while len(numbers) < count:
        packet = socket.recv()
        if packet.startswith("2"):
            socket.send("2::")
        elif packet.startswith("5"):
            event = json.loads(packet[4:])["args"][0]
            assert event["topic"] == "flood", event
            numbers.append(event["data"]["number"])
    return numbers


def _memory(server: Server) -> int:
    """Return the bytes that the server holds in memory."""
    assert server.process is not None
    status = Path(f"/proc/{server.process.pid}/status")
    if not status.exists():
        pytest.skip("no /proc here: memory can't be measured")
    line = next(line for line in status.read_text().splitlines() if line.startswith("VmRSS"))
    return int(line.split()[1]) * 1024
