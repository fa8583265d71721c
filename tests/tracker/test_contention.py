"""Many at once, and ends without warning: what is acknowledged is there, whole, and told; nothing else is."""

from __future__ import annotations

import asyncio
import itertools
import json
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import asyncpg
import pytest
from sqlalchemy.exc import DBAPIError

from callboard.tracker.engines import WRITING, engine_of, writing
from tests.postgresql import Postgres, postgresql
from tests.serving import Server, eventually, serving
from tests.tracker.commits import BATCH, change, check, create, delete, do, entries, found, sending, together


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
        (tmp_path / "c.yaml").write_text(f"tracker:\n  database: {url}\n")
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


@pytest.mark.slow
async def test_a_node_that_hangs_in_a_commit_is_put_out_by_postgresql(
    owned: tuple[Postgres, str, Server], tmp_path: Path
) -> None:
    _, url, server = owned
    node = engine_of(f"{url}&idle_in_transaction_session_timeout=1s", tmp_path)
    async with writing(node).connect() as hanging:
        await hanging.begin()  # and never goes on
        assert await asyncio.to_thread(do, server, create("Project", name="p")) == 200
        with pytest.raises(DBAPIError):
            await hanging.exec_driver_sql("SELECT 1")
    await node.dispose()


@pytest.mark.slow
async def test_who_keeps_the_database_to_himself_is_waited_for_only_so_long(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.database()
    (tmp_path / "c.yaml").write_text(f"tracker:\n  database: {url}&lock_timeout=300ms\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute(WRITING)
            status, answer = await asyncio.to_thread(server.post, "/api", [create("Project", name="p")])
        await other.close()
        assert (status, "keeps the tracker's database" in json.loads(answer)["content"]) == (503, True)
        assert do(server, create("Project", name="p")) == 200
