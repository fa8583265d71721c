"""What tests anywhere may ask for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.serving import Server, serving


@pytest.fixture(scope="session", autouse=True)
def quiet_ends() -> Iterator[None]:
    """A thread that ends by SystemExit is no fault to Python; pytest alone would call it one."""
    told = threading.excepthook
    threading.excepthook = lambda args: None if args.exc_type is SystemExit else told(args)
    yield
    threading.excepthook = told


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
