"""A `callboard serve` with a tracker, and the official Python client's Session in front of it."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import ftrack_api
import pytest

from tests.clients.connected import hub
from tests.postgresql import Postgres, postgresql
from tests.serving import Server, serving

__all__ = ["hub"]

Listening = Callable[[], Any]


@pytest.fixture(scope="session")
def postgres() -> Iterator[Postgres]:
    """One PostgreSQL for all tests; each has databases of its own in it."""
    with postgresql() as running:
        yield running


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def settings(request: pytest.FixtureRequest) -> Callable[[], str]:
    """Return a function that gives a configuration with an empty tracker, in either database."""
    if request.param == "sqlite":
        return lambda: "tracker:\n"
    server: Postgres = request.getfixturevalue("postgres")
    return lambda: f"tracker:\n  database: {server.database()}\n"


@pytest.fixture(scope="module")
def server(settings: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("tracker")
    config = folder / "callboard.yaml"
    config.write_text(settings())
    with serving(folder / "data", "--config", str(config)) as running:
        yield running


@pytest.fixture
def session(server: Server, tmp_path: Path) -> Iterator[Any]:
    with contextlib.closing(open_session(server, tmp_path)) as opened:
        yield opened


def open_session(server: Server, cache: Path, **options: Any) -> Any:
    """Return the official client's Session, with a cache of schemas of its own."""
    return ftrack_api.Session(server.url, server.key, server.user, schema_cache_path=str(cache), **options)
