"""A disk that is full: whole batches are refused, none is half there, and it goes on when there is room."""

from __future__ import annotations

import resource
import secrets
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.postgresql import Postgres, postgresql
from tests.serving import Server, eventually, serving
from tests.tracker.commits import BATCH, create, do, entries, found

pytestmark = [pytest.mark.slow, pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's prlimit")]

MIB = 1 << 20
SIZE = 100_000

Fill = Callable[[bool], None]
"""Fills the disk of a database, or makes room on it."""


@pytest.fixture
def own_postgres() -> Iterator[Postgres]:
    with postgresql() as running:
        yield running


@pytest.fixture(params=["sqlite", "postgresql"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Server, Fill]]:
    """A hub, and the disk of its tracker's database."""
    config = tmp_path / "c.yaml"
    config.write_text("tracker:\n")
    fill: Fill = lambda full: bound(server, 3 * MIB if full else None)  # noqa: E731
    if request.param == "postgresql":
        database: Postgres = request.getfixturevalue("own_postgres")
        config.write_text(f"tracker:\n  database: {database.database()}\n")
        fill = lambda full: database.bound_files(17 * MIB if full else None)  # noqa: E731 # its log has 16 MiB
    with serving(tmp_path / "data", "--config", str(config)) as server:
        yield server, fill
        print(server.output)


def bound(server: Server, size: int | None) -> None:
    assert server.process is not None
    limit = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def batch(name: str) -> list[dict[str, object]]:
    """Return a project with folders, with texts that can't be made smaller."""
    folders = [
        create("Folder", name=f"f{number}", parent_id=name, description=secrets.token_hex(SIZE // 2))
        for number in range(BATCH)
    ]
    return [create("Project", id=name, name=name), *folders]


def test_a_full_disk_refuses_whole_batches_and_goes_on_when_there_is_room(
    place: tuple[Server, Fill],
) -> None:
    server, fill = place
    assert do(server, *batch("first")) == 200
    fill(True)
    statuses = {name: do(server, *batch(name)) for name in (f"p{number}" for number in range(16))}
    assert set(statuses.values()) in ({200, 503}, {503})
    assert {each["id"] for each in found(server, "select id from Project")} >= {"first"}
    fill(False)
    assert do(server, *batch("last")) == 200
    there = {each["id"] for each in found(server, "select id from Project")}
    assert there == {"first", "last", *(name for name, status in statuses.items() if status == 200)}
    assert len(found(server, "select id from Folder")) == BATCH * len(there)

    def told() -> set[str]:
        adds = [each for each in entries(server) if each["action"] == "add"]
        return {each["entityId"] for each in adds if each["entityType"] == "show"}

    eventually(lambda: told() == there, "an event for each of them")
