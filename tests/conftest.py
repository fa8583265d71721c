"""What tests anywhere may ask for."""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.serving import Server, serving

# Whoever starts tests in the background has them ignore these, and so would every program that they start.
for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGHUP):
    if signal.getsignal(number) is signal.SIG_IGN:
        signal.signal(number, signal.default_int_handler if number is signal.SIGINT else signal.SIG_DFL)

# What was active stays (in CI examples are the same each time), but no example is timed: machines differ.
settings.register_profile("patient", parent=settings(), deadline=None)
settings.load_profile("patient")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Run the files with the most slow tests first: a long one at the end would keep one worker busy."""
    slow = Counter(item.path for item in items if item.get_closest_marker("slow"))
    items.sort(key=lambda item: -slow[item.path])


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
