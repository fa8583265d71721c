"""Doors for the tests of this folder."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from pathlib import Path

import pytest
import uvloop

from tests.server.doors import Doors, open_doors


def pytest_asyncio_loop_factories(
    config: pytest.Config, item: pytest.Item
) -> Mapping[str, Callable[[], asyncio.AbstractEventLoop]]:
    """Run sockets on the loop that serves in earnest: the two differ in how they write."""
    sockets = item.path.stem.startswith(("test_gateway", "test_upgrade"))
    return {"uvloop": uvloop.new_event_loop} if sockets else {"asyncio": asyncio.new_event_loop}


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    """The doors to a hub of this test alone."""
    async with open_doors(tmp_path) as doors:
        yield doors
