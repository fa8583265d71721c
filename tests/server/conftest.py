"""Doors for the tests of this folder."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.server.doors import Doors, open_doors


@pytest.fixture
async def doors(tmp_path: Path) -> AsyncIterator[Doors]:
    """The doors to a hub of this test alone."""
    async with open_doors(tmp_path) as doors:
        yield doors
