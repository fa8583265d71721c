"""What tests anywhere may ask for."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serving


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server that many tests share: use topics of your own, and leave it running."""
    with serving(tmp_path_factory.mktemp("serve") / "data") as running:
        yield running


@pytest.fixture
def own_server(tmp_path: Path) -> Iterator[Server]:
    """A server for one test, to stop, kill and start again."""
    with serving(tmp_path / "data") as running:
        yield running
        print(running.output)  # shown when the test fails
