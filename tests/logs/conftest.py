"""The three logs, each opened as an operator would, and events to put into them."""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from callboard.event import Draft, Entry, Event, seal
from callboard.hub.log import Log
from callboard.logs import open_log
from tests.natsserver import NatsServer

KINDS = ["memory", "sqlite", "jetstream"]
LASTING = ["sqlite", "jetstream"]

Opener = Callable[..., Awaitable[Log]]


@pytest.fixture(scope="session")
def nats(tmp_path_factory: pytest.TempPathFactory) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path_factory.mktemp("nats"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def opener(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opener]:
    """Open the log of this test, again and again the same; what is open at the end is closed."""
    address = "memory:"
    if request.param == "sqlite":
        address = str(tmp_path / "events.db")
    elif request.param == "jetstream":
        address = f"{request.getfixturevalue('nats').url}/t{secrets.token_hex(8)}"
    opened: list[Log] = []

    async def open_it(**settings: Any) -> Log:
        opened.append(await open_log(address, **settings))
        return opened[-1]

    yield open_it
    for log in opened:
        await log.close()


@pytest.fixture
async def log(opener: Opener) -> Log:
    return await opener()


def drafts(count: int, start: int = 0, publisher: str = "jane", size: int = 0) -> list[Draft]:
    """Return drafts whose data.n counts from `start`."""
    return [
        Draft(publisher, seal(Event(topic="test.count", data={"n": n, "pad": "x" * size})))
        for n in range(start, start + count)
    ]


def numbers(entries: Sequence[Entry]) -> list[int]:
    """Return the data.n of entries."""
    return [entry.document["data"]["n"] for entry in entries]


async def take(log: Log, after: int, count: int) -> list[Entry]:
    """Return what following gives, until it is `count` entries."""
    found: list[Entry] = []
    async for batch in log.follow(after):
        found += batch
        if len(found) >= count:
            break
    return found


async def written(log: Log) -> None:
    """Wait until all moved cursors are written."""
    cursors = log._cursors  # type: ignore[attr-defined]
    async with asyncio.timeout(10):
        while cursors._moved or cursors._writing:
            await asyncio.sleep(0.01)
