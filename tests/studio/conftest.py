"""A `callboard serve` with a tracker, official clients that listen, and questions over HTTP."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.clients.connected import hub, js, other
from tests.serving import Server, serving

__all__ = ["hub", "js", "other"]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("studio")
    config = folder / "callboard.yaml"
    config.write_text("tracker:\n")
    with serving(folder / "data", "--config", str(config)) as running:
        yield running
