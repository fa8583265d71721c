"""The clients of the tests in this folder, each connected to the server that they share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.connected import hub, js, other
from tests.clients.node import Node, modern_js
from tests.serving import Server

__all__ = ["hub", "js", "other"]


@pytest.fixture
def modern(server: Server) -> Iterator[Node]:
    """A Socket.IO client of today, in JavaScript."""
    with modern_js(server) as connected:
        yield connected
