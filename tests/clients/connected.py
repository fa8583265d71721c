"""Official clients as fixtures, each connected to whatever the tests' `server` is."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.node import Node, ftrack_js
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server


@pytest.fixture
def hub(server: Server) -> Iterator[Hub]:
    """An official Python client."""
    with ftrack_py(server) as connected:
        yield connected


@pytest.fixture
def other(server: Server) -> Iterator[Hub]:
    """Another official Python client."""
    with ftrack_py(server) as connected:
        yield connected


@pytest.fixture
def js(server: Server) -> Iterator[Node]:
    """An official JavaScript client."""
    with ftrack_js(server) as connected:
        yield connected
