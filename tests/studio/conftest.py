"""A `callboard serve` with a tracker, official clients that listen, and questions over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.node import Node, ftrack_js
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, serving


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("studio")
    config = folder / "callboard.yaml"
    config.write_text("tracker:\n")
    with serving(folder / "data", "--config", str(config)) as running:
        yield running


@pytest.fixture
def hub(server: Server) -> Iterator[Hub]:
    with ftrack_py(server) as connected:
        yield connected


@pytest.fixture
def other(server: Server) -> Iterator[Hub]:
    with ftrack_py(server) as connected:
        yield connected


@pytest.fixture
def js(server: Server) -> Iterator[Node]:
    with ftrack_js(server) as connected:
        yield connected
