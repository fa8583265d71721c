"""Many at once, and ends without warning: what is acknowledged is there, whole, and told; nothing else is."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import threading
import time
import urllib.error
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import quote

import asyncpg
import pytest

from callboard.tracker.engines import WRITING
from tests.postgresql import Postgres, postgresql
from tests.serving import Server, eventually, serving

Operation = dict[str, Any]


def create(entity: str, **data: Any) -> Operation:
    return {"action": "create", "entity_type": entity, "entity_data": data}


def change(entity: str, key: str, **data: Any) -> Operation:
    return {"action": "update", "entity_type": entity, "entity_key": [key], "entity_data": data}


def delete(entity: str, key: str) -> Operation:
    return {"action": "delete", "entity_type": entity, "entity_key": [key]}


def do(server: Server, *batch: Operation) -> int:
    return server.post("/api", list(batch))[0]


def found(server: Server, expression: str) -> list[Any]:
    status, answer = server.post("/api", [{"action": "query", "expression": expression}])
    assert status == 200, answer
    data: list[Any] = json.loads(answer)[0]["data"]
    return data


def entries(server: Server) -> list[Any]:
    """Return the entries of all updates on the log, those of an event that came twice once."""
    events: dict[str, Any] = {}
    after = ""
    while True:
        _, answer = server.get(
            f"/v1/events?expression={quote('topic=ftrack.update')}&limit=1000&after={after}"
        )
        page = json.loads(answer)
        if not page["events"]:
            return [entry for event in events.values() for entry in event["data"]["entities"]]
        for each in page["events"]:
            events.setdefault(each["event"]["id"], each["event"])
        after = page["next"]


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Do things at the same time, and return what came of each."""
    came: list[Any] = [None] * len(acts)

    def act(number: int) -> None:
        came[number] = acts[number]()

    threads = [threading.Thread(target=act, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


def test_of_many_who_take_one_name_one_gets_it(server: Server) -> None:
    assert do(server, create("Project", id="names", name="names")) == 200
    for number in range(5):
        shot = create("Shot", name=f"sh{number}", parent_id="names")
        statuses = together(*[partial(do, server, shot)] * 8)
        assert sorted(statuses) == [200, *[409] * 7]


def test_each_of_two_writers_of_a_row_says_what_it_found(server: Server) -> None:
    assert do(server, create("Project", id="row", name="row")) == 200
    texts = [f"{who}{number}" for who in "ab" for number in range(30)]

    def write(who: str) -> Callable[[], list[int]]:
        mine = [text for text in texts if text.startswith(who)]
        return lambda: [do(server, change("Project", "row", full_name=text)) for text in mine]

    assert together(write("a"), write("b")) == [[200] * 30] * 2

    def changes() -> list[Any]:
        mine = [each["changes"] for each in entries(server) if each["entityId"] == "row"]
        return [each["fullname"] for each in mine if "fullname" in each and each["fullname"]["new"]]

    eventually(lambda: len(changes()) == len(texts), "all changes")
    for before, after in itertools.pairwise(changes()):
        assert before["new"] == after["old"]
    assert (
        found(server, "select full_name from Project where id is row")[0]["full_name"]
        == (changes()[-1]["new"])
    )


def test_what_is_made_below_what_is_deleted_is_gone_or_was_never_made(server: Server) -> None:
    assert do(server, create("Project", id="race", name="race")) == 200
    for number in range(10):
        top, shot = f"seq{number}", f"shot{number}"
        made = [create("Sequence", id=top, name=top, parent_id="race")]
        made.append(create("Shot", id=shot, name=shot, parent_id=top))
        assert do(server, *made) == 200
        tasks = [partial(do, server, create("Task", name=name, parent_id=shot)) for name in "abcd"]
        *statuses, deleted = together(*tasks, partial(do, server, delete("Sequence", top)))
        assert deleted == 200
        assert set(statuses) <= {200, 404}
    assert found(server, "Task where project_id is race") == []
    eventually(lambda: balance(entries(server), "race") == {"race"}, "an event for each of them")


def balance(told: list[Any], project: str) -> set[str]:
    """Return what is there in a project by what events say."""
    there: set[str] = set()
    for each in told:
        if each["parents"][-1]["entityId"] == project:
            (there.add if each["action"] == "add" else there.discard)(each["entityId"])
    return there


BATCH = 20


class Batches:
    """A thread that makes projects with folders, each in one batch, and knows which were acknowledged."""

    def __init__(self, server: Server) -> None:
        self.done: list[str] = []
        self.refused: list[int] = []
        self._server, self._ending = server, threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        for number in itertools.count():
            if self._ending.is_set():
                return
            name = f"p{number}"
            folders = [create("Folder", name=f"f{each}", parent_id=name) for each in range(BATCH)]
            with contextlib.suppress(OSError, urllib.error.URLError):
                status = do(self._server, create("Project", id=name, name=name), *folders)
                if status == 200:
                    self.done.append(name)
                else:
                    self.refused.append(status)

    def until(self, more: int) -> None:
        goal = len(self.done) + more
        eventually(lambda: len(self.done) >= goal, f"{more} more batches")

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()


@contextlib.contextmanager
def sending(server: Server) -> Iterator[Batches]:
    batches = Batches(server)
    try:
        yield batches
    finally:
        batches.stop()


def check(server: Server, batches: Batches) -> None:
    """Check that what was acknowledged is there, all of each batch, and that just what is there was told."""
    there = {each["id"] for each in found(server, "select id from Project")}
    folders = [each["parent_id"] for each in found(server, "select parent_id from Folder")]
    assert set(batches.done) <= there
    assert {name: folders.count(name) for name in there} == dict.fromkeys(there, BATCH)

    def told() -> set[tuple[str, str]]:
        return {(each["entityType"], each["entityId"]) for each in entries(server) if each["action"] == "add"}

    eventually(lambda: {id_ for kind, id_ in told() if kind == "show"} == there, "an event for each project")
    assert sum(kind == "task" for kind, _ in told()) == len(folders)


@pytest.fixture
def own(settings: Callable[[], str], tmp_path: Path) -> Iterator[Server]:
    """A server of one test's own."""
    (tmp_path / "c.yaml").write_text(settings())
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as running:
        yield running
        print(running.output)


@pytest.mark.slow
def test_a_hub_that_is_killed_while_it_commits_keeps_what_it_acknowledged(own: Server) -> None:
    with sending(own) as batches:
        for pause in (0.0, 0.01, 0.02, 0.03):
            batches.until(5)
            time.sleep(pause)  # to be somewhere else in the commit
            own.kill()
            own.start()
    check(own, batches)


def again(database: Postgres) -> None:
    database.kill()
    database.start()


@pytest.fixture
def owned(tmp_path: Path) -> Iterator[tuple[Postgres, str, Server]]:
    """A PostgreSQL of one test's own, a database in it, and a hub."""
    with postgresql() as database:
        url = database.database()
        (tmp_path / "c.yaml").write_text(f"tracker:\n  url: {url}\n")
        with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as running:
            yield database, url, running
            print(running.output)


@pytest.mark.slow
def test_a_postgresql_that_goes_and_comes_back_leaves_nothing_half_done(
    owned: tuple[Postgres, str, Server],
) -> None:
    database, _, server = owned
    with sending(server) as batches:
        for away in (database.restart, partial(again, database), database.restart):
            batches.until(5)
            away()
            batches.until(1)
    assert set(batches.refused) <= {503}
    assert do(server, create("Project", id="after", name="after")) == 200
    batches.done.append("after")
    assert do(server, *(create("Folder", name=f"f{each}", parent_id="after") for each in range(BATCH))) == 200
    check(server, batches)


@pytest.mark.slow
def test_a_postgresql_that_stays_away_is_told_with_503(owned: tuple[Postgres, str, Server]) -> None:
    database, _, server = owned
    assert do(server, create("Project", id="p", name="p")) == 200
    database.kill()
    status, answer = server.post("/api", [change("Project", "p", name="q")])
    said = json.loads(answer)
    assert (status, said["exception"]) == (503, "ServiceUnavailableError")
    assert "can't be reached" in said["content"]
    assert server.get("/readyz")[0] == 200  # the hub has more to do than the tracker
    database.start()
    assert found(server, "select name from Project")[0]["name"] == "p"


@pytest.mark.slow
async def test_who_dies_in_a_deadlock_with_another_program_is_done_again(
    owned: tuple[Postgres, str, Server],
) -> None:
    database, url, server = owned
    made = [create("Project", id=name, name=name) for name in "ab"]
    assert do(server, *made) == 200
    other = await asyncpg.connect(url)
    await other.execute("SET deadlock_timeout = '1h'")  # it is never the one who finds it, and dies
    async with other.transaction():
        await other.execute("UPDATE context SET color = 'red' WHERE id = 'b'")
        waiting = asyncio.create_task(
            asyncio.to_thread(do, server, *(change("Project", each, full_name="x") for each in "ab"))
        )
        await blocked(other)
        await other.execute("UPDATE context SET color = 'red' WHERE id = 'a'")
    assert await waiting == 200
    await other.close()
    assert [each["full_name"] for each in found(server, "select full_name, color from Project")] == ["x", "x"]
    assert database.sql("SELECT DISTINCT color FROM context", url) == ["red"]


async def blocked(connection: asyncpg.Connection) -> None:
    """Wait until somebody waits for what a connection has locked."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE pg_backend_pid() = ANY(pg_blocking_pids(pid))"
    while not await connection.fetchval(waiting):
        await asyncio.sleep(0.01)


@pytest.mark.slow
async def test_who_reads_never_waits_for_who_writes(owned: tuple[Postgres, str, Server]) -> None:
    _, url, server = owned
    assert do(server, create("Project", id="p", name="p")) == 200
    other = await asyncpg.connect(url)
    async with other.transaction():
        await other.execute(WRITING)  # as another node does while it writes
        await other.execute("UPDATE context SET name = 'q'")
        waiting = asyncio.create_task(asyncio.to_thread(do, server, change("Project", "p", full_name="x")))
        await blocked(other)
        assert await asyncio.to_thread(found, server, "Project where name is p") != []
        assert not waiting.done()
    assert await waiting == 200
    await other.close()
    assert found(server, "Project where name is q and full_name is x") != []
