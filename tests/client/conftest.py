"""Our own client, in the test's loop, against a real server in a process of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest

from callboard.client.client import Client
from callboard.client.connecting import Connecting, connect
from tests.serving import PATIENCE, Server

Heard = list[Any]


def to(server: Server, **options: Any) -> Connecting:
    """Return a connection to `server` as its admin."""
    return connect(server.url, server.user, server.key, **options)


@pytest.fixture
async def board(server: Server) -> AsyncIterator[Client]:
    """A client, connected."""
    async with to(server) as client:
        yield client


async def until(condition: Callable[[], Any], what: str = "") -> Any:
    """Return the first true answer of `condition`."""
    async with asyncio.timeout(PATIENCE):
        while not (answer := condition()):
            await asyncio.sleep(0.005)
    return answer
