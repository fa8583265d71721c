"""Opening the tracker's database: made, taken over, brought up, refused; and what is said of it."""

from __future__ import annotations

import asyncio
import json
import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.command import upgrade
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection

from callboard.tracker.engines import CantOpen, engine_of, file_of, without_password
from callboard.tracker.entities import MODEL
from callboard.tracker.migrations import TABLE, config_of
from callboard.tracker.tables import tables_of
from callboard.tracker.upkeep import keep_up
from tests.postgresql import PASSWORD, Postgres
from tests.serving import eventually, serving
from tests.tracker.conftest import open_session

BOTH = ["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)]


@pytest.fixture(params=BOTH)
def url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a database in which there is nothing."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path / 'some.db'}"
    postgres: Postgres = request.getfixturevalue("postgres")
    return postgres.database()


async def differences(url: str, tmp_path: Path) -> list[Any]:
    """Return what the tables of a database have otherwise than the model."""
    engine = engine_of(url, tmp_path)

    def compared(connection: Connection) -> list[Any]:
        options = {"version_table": TABLE, "compare_server_default": True}
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, tables_of(MODEL).metadata))

    async with engine.connect() as connection:
        found = await connection.run_sync(compared)
    await engine.dispose()
    return found


async def in_database(url: str, tmp_path: Path, work: Any) -> Any:
    engine = engine_of(url, tmp_path, upkeep=True)
    async with engine.begin() as connection:
        done = await connection.run_sync(work)
    await engine.dispose()
    return done


async def test_what_the_revisions_make_is_what_the_model_has(url: str, tmp_path: Path) -> None:
    await in_database(url, tmp_path, lambda connection: upgrade(config_of(connection), "head"))
    assert await differences(url, tmp_path) == [], (
        "the model has changed: .venv/bin/python -m callboard.tracker.migrations 'What has changed'"
    )


async def test_a_new_database_has_what_the_model_has(url: str, tmp_path: Path) -> None:
    await keep_up(url, tmp_path)
    assert await differences(url, tmp_path) == []
    await keep_up(url, tmp_path)  # and is left as it is from then on
    assert await differences(url, tmp_path) == []


async def test_a_relative_file_lies_in_the_data_folder(tmp_path: Path) -> None:
    await keep_up("sqlite+aiosqlite:///tracker.db", tmp_path)
    assert (tmp_path / "tracker.db").is_file()
    assert file_of("sqlite+aiosqlite:///tracker.db", tmp_path) == tmp_path / "tracker.db"


@pytest.mark.slow
async def test_of_nodes_that_start_at_once_one_makes_the_tables(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    await asyncio.gather(*[keep_up(url, tmp_path) for _ in range(4)])
    assert await differences(url, tmp_path) == []


async def test_a_newer_database_is_left_alone(url: str, tmp_path: Path) -> None:
    await keep_up(url, tmp_path)
    newer = f"UPDATE {TABLE} SET version_num = '9999'"
    await in_database(url, tmp_path, lambda connection: connection.exec_driver_sql(newer))
    with pytest.raises(CantOpen, match=r"newer Callboard \(revision 9999"):
        await keep_up(url, tmp_path)


@pytest.mark.slow
async def test_a_postgresql_with_tables_of_others_is_left_alone(postgres: Postgres, tmp_path: Path) -> None:
    url = postgres.database()
    postgres.sql("CREATE TABLE asset (id int)", url)
    with pytest.raises(CantOpen, match=r"not the tracker's \(asset\)"):
        await keep_up(url, tmp_path)
    assert postgres.sql("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'", url) == ["1"]
    schema = f"{url}&search_path=tracker"
    postgres.sql("CREATE SCHEMA tracker", url)
    await keep_up(schema, tmp_path)  # a schema of its own will do
    assert await differences(schema, tmp_path) == []


@pytest.mark.slow
async def test_a_postgresql_that_can_not_hold_all_characters_is_refused(
    postgres: Postgres, tmp_path: Path
) -> None:
    postgres.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'", "postgres")
    with pytest.raises(CantOpen, match="LATIN1: make one with ENCODING 'UTF8'"):
        await keep_up(f"postgresql://postgres@/latin?host={postgres.folder}", tmp_path)


def first_tracker(file: Path) -> None:
    """Make the database of the version that knew no revisions: a dump of one that official clients filled."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with closing(sqlite3.connect(file)) as database:
        database.executescript((Path(__file__).parent / "first_tracker.sql").read_text())
        database.execute("PRAGMA journal_mode=WAL")


async def test_the_first_tracker_is_brought_up_to_what_the_model_has(tmp_path: Path) -> None:
    first_tracker(tmp_path / "tracker.db")
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        database.execute("DELETE FROM status WHERE name = 'Omitted'")  # as a studio may have
        database.commit()
    await keep_up(None, tmp_path)
    assert await differences(f"sqlite:///{tmp_path / 'tracker.db'}", tmp_path) == []
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []
    with closing(sqlite3.connect(tmp_path / "tracker-0001.db")) as copy:
        assert copy.execute("SELECT value FROM context_custom_attribute_value").fetchall() == [("25",)]
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]


async def test_what_fails_on_the_way_up_leaves_the_database_as_it_was(tmp_path: Path) -> None:
    first_tracker(tmp_path / "tracker.db")
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        database.execute("INSERT INTO note (id, content, user_id) VALUES ('n', 'x', 'nobody')")
        database.commit()
        before = list(database.iterdump())
    with pytest.raises(CantOpen, match=r"point to rows that are not there \(table note\)"):
        await keep_up(None, tmp_path)
    with closing(sqlite3.connect(tmp_path / "tracker.db")) as database:
        assert list(database.iterdump()) == before


@pytest.mark.slow
def test_clients_find_in_the_first_tracker_what_they_left_there(tmp_path: Path) -> None:
    first_tracker(tmp_path / "data" / "tracker.db")
    (tmp_path / "c.yaml").write_text("tracker:\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        with closing(open_session(server, tmp_path)) as session:
            task = session.query("Task where name is print").one()
            assert [each["name"] for each in task["link"]] == ["opera", "sh010", "print"]
            assert (task["status"]["name"], task["parent"]["bid"]) == ("Ready to print", 2.5)
            assert task["parent"]["custom_attributes"]["fps"] == 25
            assert task["parent"]["metadata"]["a"] == "b"
            assert task["notes"][0]["content"] == "Look at this"
            statuses = task["project"]["project_schema"].get_statuses("Task")
            assert "Ready to print" in [each["name"] for each in statuses]
            version = session.query("AssetVersion").one()
            assert version["components"][0]["component_locations"][0]["resource_identifier"] == "/x/hero.stl"
            session.create("Task", {"name": "film", "parent": task["parent"]})
            session.commit()
        found = "/v1/events?expression=topic%3Dftrack.update"
        eventually(lambda: b"left over" in server.get(found)[1], "what was in the outbox")


def serve(folder: Path, url: str) -> subprocess.CompletedProcess[str]:
    """Try to serve with a tracker that can't be opened."""
    (folder / "c.yaml").write_text(json.dumps({"tracker": {"database": url}}))
    command = [sys.executable, "-m", "callboard", "serve", "--data", str(folder / "data"), "--port", "0"]
    return subprocess.run(
        [*command, "--config", str(folder / "c.yaml")],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://jane:{PASSWORD}@127.0.0.1:1/studio",
        f"postgresql://jane:{PASSWORD}@127.0.0.1:1x/studio",
        f"postgresql://jane:{PASSWORD}@[::1/studio",
        f"postgres://jane:{PASSWORD}@nowhere.invalid/studio?sslmode=require",
        f"postgresql://127.0.0.1:1/studio?user=jane&password={PASSWORD}",
        f"postgresql:///studio?host=/nowhere&user=jane&password={PASSWORD}",
        f"postgresql+psycopg://jane:{PASSWORD}@127.0.0.1/studio",
        f"mysql://jane:{PASSWORD}@127.0.0.1/studio",
        f"{PASSWORD}",
        "sqlite://",
        "sqlite:///",
        "sqlite:////nowhere/at/all.db",
        "sqlite:////dev/null/x.db",
    ],
)
async def test_an_address_that_leads_nowhere_is_told_in_a_sentence_without_its_password(
    tmp_path: Path, url: str
) -> None:
    with pytest.raises(CantOpen, match="tracker") as told:
        await keep_up(url, tmp_path)
    assert PASSWORD not in str(told.value)
    assert told.value.__cause__ is None  # a log of the exception would show its cause


@pytest.mark.slow
def test_a_database_that_refuses_us_is_told_in_a_sentence(postgres: Postgres, tmp_path: Path) -> None:
    url = f"postgresql://nobody:{PASSWORD}@/postgres?host={postgres.folder}"
    said = serve(tmp_path, url).stdout
    assert 'role "nobody" does not exist' in said
    assert PASSWORD not in said


def test_a_file_has_one_hub(tmp_path: Path) -> None:
    shared = f"sqlite:///{tmp_path / 'shared.db'}"
    (tmp_path / "c.yaml").write_text(json.dumps({"tracker": {"database": shared}}))
    with serving(tmp_path / "first", "--config", str(tmp_path / "c.yaml")) as server:
        ended = serve(tmp_path, shared)
        said = ended.stdout
        assert ended.returncode == 1
        assert f"Another process ({server.process.pid if server.process else 0})" in said
        assert "the tracker's database" in said


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("pa:s@s is wrong", "postgresql://u:pa:s@s@h/d"),
        ("p@ss is wrong", "postgresql://u:p%40ss@h/d"),
        ("p%40ss is wrong", "postgresql://u:p%40ss@h/d"),
        ("geheim is wrong", "postgresql://h/d?sslmode=x&password=geheim&user=u"),
    ],
)
def test_a_password_is_taken_out_however_it_is_written(text: str, url: str) -> None:
    assert without_password(text, url) == "*** is wrong"
