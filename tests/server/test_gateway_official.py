"""Durable subscribers through the official Python client, unchanged, on a network that breaks."""

from __future__ import annotations

import contextlib
import socket
from typing import Any

import pytest

from tests.clients.official import Hub, ftrack_py
from tests.serving import Server

pytestmark = pytest.mark.slow


def cut(hub: Hub) -> None:
    """Break the connection as a network does."""
    with contextlib.suppress(OSError, AttributeError):
        hub.hub._connection.sock.shutdown(socket.SHUT_RDWR)


@pytest.mark.parametrize("durable", [True, "handled"])
def test_a_network_that_breaks_loses_nothing(server: Server, durable: Any) -> None:
    topic = f"official.durable.{durable}"
    with ftrack_py(server) as listener, ftrack_py(server) as desk:
        subscriber = {"id": topic, "durable": durable}
        heard = listener.subscribe(f"topic={topic}", lambda event: {"done": True}, subscriber=subscriber)
        for number in range(200):
            desk.publish(topic, {"number": number})
            if number % 50 == 25:
                desk.settle()
                cut(listener)
        listener.until(lambda: heard and heard[-1]["data"]["number"] == 199, "the last event")
    numbers = list(dict.fromkeys(event["data"]["number"] for event in heard))
    assert numbers == list(range(200))  # some perhaps twice, none missing, first seen in order
    with ftrack_py(server) as listener, ftrack_py(server) as desk:
        desk.publish(topic, {"number": 200})
        desk.settle()
        heard = listener.subscribe(f"topic={topic}", {"done": True}, subscriber=dict(subscriber))
        listener.until(lambda: heard and heard[-1]["data"]["number"] == 200, "what was missed")


def test_what_a_handler_did_not_finish_comes_again_to_the_next_process(server: Server) -> None:
    topic = "official.handled"
    subscriber = {"id": topic, "durable": "handled"}
    with ftrack_py(server) as worker, ftrack_py(server) as desk:
        heard = worker.subscribe(
            f"topic={topic}",
            lambda event: {"done": True} if event["data"]["number"] < 5 else None,  # then it is stuck
            subscriber=dict(subscriber),
        )
        for number in range(10):
            desk.publish(topic, {"number": number})
        worker.until(lambda: len(heard) == 10)
        worker.settle()
    with ftrack_py(server) as worker:
        heard = worker.subscribe(f"topic={topic}", {"done": True}, subscriber=dict(subscriber))
        worker.until(lambda: len(heard) == 5)
    assert [event["data"]["number"] for event in heard] == list(range(5, 10))
