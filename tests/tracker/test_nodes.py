"""Several nodes on one PostgreSQL and one log: every commit is told once, in the order of the commits."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import itertools
import json
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from callboard.tracker.engines import TELLING
from tests.natsserver import NatsServer
from tests.postgresql import Postgres
from tests.serving import Server, eventually, serving

pytestmark = pytest.mark.slow


@pytest.fixture
def database(postgres: Postgres) -> str:
    return postgres.database()


@pytest.fixture
def nats(tmp_path: Path) -> Iterator[NatsServer]:
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


@pytest.fixture
def nodes(database: str, nats: NatsServer, tmp_path: Path) -> Iterator[tuple[Server, Server]]:
    """Two hubs on one log, with one tracker between them."""
    (tmp_path / "c.yaml").write_text(f"tracker:\n  database: {database}\n")
    options = ("--config", str(tmp_path / "c.yaml"), "--log", nats.url)
    with serving(tmp_path / "a", *options) as first, serving(tmp_path / "b", *options) as second:
        yield first, second


class Writers:
    """Threads that give one project one description after another, each through one node, until `stop`."""

    def __init__(self, nodes: tuple[Server, Server], threads: int = 4) -> None:
        self.done: list[str] = []
        self._numbers = itertools.count()
        self._ending = threading.Event()
        self._threads = [
            threading.Thread(target=self._write, args=(node,)) for node in nodes for _ in range(threads)
        ]
        post(nodes[0], "create", entity_data={"name": "opera", "id": "opera"})
        for thread in self._threads:
            thread.start()

    def _write(self, node: Server) -> None:
        while not self._ending.is_set():
            text = f"n{next(self._numbers)}"
            with contextlib.suppress(
                OSError, http.client.HTTPException
            ):  # a hub that is killed answers nothing
                if post(node, "update", entity_key=["opera"], entity_data={"full_name": text}) == 200:
                    self.done.append(text)

    def until(self, count: int) -> None:
        """Wait until so many have been done."""
        eventually(lambda: len(self.done) >= count, f"{count} commits", 60)

    def stop(self) -> None:
        self._ending.set()
        for thread in self._threads:
            thread.join()


def post(node: Server, action: str, **more: Any) -> int:
    return node.post("/api", [{"action": action, "entity_type": "Project", **more}])[0]


def told(node: Server) -> list[Any]:
    """Return all updates on the log, in its order."""
    found: list[Any] = []
    after = ""
    while True:
        _, answer = node.get(f"/v1/events?expression={quote('topic=ftrack.update')}&limit=1000&after={after}")
        page = json.loads(answer)
        found += [each["event"] for each in page["events"]]
        if not page["events"]:
            return found
        after = page["next"]


def names(events: list[Any]) -> list[tuple[str, str]]:
    """Return what each event says the project's name was, and became."""
    entries = [event["data"]["entities"][0] for event in events]
    changes = [each["changes"]["fullname"] for each in entries if "fullname" in each["changes"]]
    return [(each["old"], each["new"]) for each in changes]


def is_chain(changes: list[tuple[str, str]]) -> bool:
    """Return whether each change begins with what the one before it ended with: the order of the commits."""
    return all(before[1] == after[0] for before, after in itertools.pairwise(changes))


def current(node: Server) -> str:
    _, answer = node.post("/api", [{"action": "query", "expression": "select full_name from Project"}])
    return str(json.loads(answer)[0]["data"][0]["full_name"])


def test_commits_of_two_nodes_are_told_once_and_in_their_order(nodes: tuple[Server, Server]) -> None:
    writers = Writers(nodes)
    writers.until(400)
    writers.stop()
    eventually(lambda: len(names(told(nodes[0]))) >= len(writers.done), "all of them on the log")
    events = told(nodes[1])
    assert sorted(new for _, new in names(events)) == sorted(writers.done)
    assert len({event["id"] for event in events}) == len(events)
    assert is_chain(names(events))


HELD = """
CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.name = 'slow' THEN PERFORM pg_advisory_xact_lock(42); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER held AFTER INSERT ON location DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION held()
"""
"""Holds up the commit of what is called slow, when its event has its number already."""


async def test_a_commit_that_takes_long_is_not_told_before_one_that_was_done_meanwhile(
    nodes: tuple[Server, Server], database: str, postgres: Postgres
) -> None:
    for node in nodes:
        assert place(node, "first") == 200
    await asyncio.to_thread(eventually, lambda: len(shown(nodes[0])) == 2, "the first of them")
    postgres.sql(HELD, database)
    teller, holder = await asyncpg.connect(database), await asyncpg.connect(database)
    async with teller.transaction():
        await teller.execute(TELLING)  # so that both are there when they are told
        async with holder.transaction():
            await holder.execute("SELECT pg_advisory_xact_lock(42)")
            slow = asyncio.create_task(asyncio.to_thread(place, nodes[0], "slow"))
            await waiting(holder, 1)
            fast = asyncio.create_task(asyncio.to_thread(place, nodes[1], "fast"))
            while not fast.done() and await waits(holder) < 2:
                await asyncio.sleep(0.01)
        assert [await slow, await fast] == [200, 200]
    await teller.close()
    await holder.close()
    ordered = "SELECT name FROM location ORDER BY pg_xact_commit_timestamp(xmin) DESC LIMIT 2"
    await asyncio.to_thread(eventually, lambda: len(shown(nodes[0])) == 4, "all of them on the log")
    assert shown(nodes[1])[:1:-1] == postgres.sql(ordered, database)


def place(node: Server, name: str) -> int:
    """Make what points to nothing, so that only its own commit can hold it up."""
    made = {"action": "create", "entity_type": "Location", "entity_data": {"name": name}}
    return node.post("/api", [made])[0]


async def waiting(connection: asyncpg.Connection, count: int) -> None:
    """Wait until so many wait for a lock."""
    while await waits(connection) < count:
        await asyncio.sleep(0.01)


async def waits(connection: asyncpg.Connection) -> int:
    """Return how many wait for a lock, but for that of those who tell."""
    asked = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted AND classid <> $1"
    return int(await connection.fetchval(asked, 0x63620002))


def shown(node: Server) -> list[str]:
    """Return the locations on the log, in its order."""
    entries = [entry for event in told(node) for entry in event["data"]["entities"]]
    return [each["changes"]["name"]["new"] for each in entries if each["entityType"] == "location"]


def test_a_node_that_dies_loses_no_commit(nodes: tuple[Server, Server]) -> None:
    writers = Writers(nodes)
    for number, node in enumerate([*nodes, *nodes]):
        writers.until(100 * (number + 1))
        node.kill()
        writers.until(100 * (number + 1) + 50)
        node.start()
    writers.stop()
    last = current(nodes[0])
    eventually(lambda: [new for _, new in names(told(nodes[0])) if new == last], "the last of them")
    events = {event["id"]: event for event in reversed(told(nodes[1]))}
    changes = names(list(events.values())[::-1])  # where one came twice, the first counts
    assert set(writers.done) <= {new for _, new in changes}
    assert is_chain(changes)
    assert changes[-1][1] == last


def test_who_has_a_tracker_of_his_own_beside_others_is_warned(nats: NatsServer, tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\n")
    options = ("--config", str(tmp_path / "c.yaml"), "--log", nats.url)
    with serving(tmp_path / "a", *options) as server:
        assert "don't share this tracker" in server.output
