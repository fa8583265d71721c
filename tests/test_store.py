"""callboard.db, on real files."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from pathlib import Path

import pytest

from callboard.errors import StorageFailed
from callboard.store import open_store

FIRST = """
-- version 1
CREATE TABLE thing (name TEXT); -- a comment; with a semicolon
CREATE TRIGGER t AFTER INSERT ON thing BEGIN SELECT 1; SELECT 2; END;
"""
SECOND = (
    FIRST
    + """
-- version 2
ALTER TABLE thing ADD COLUMN size INTEGER;
"""
)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "callboard.db"


async def test_what_was_written_is_there_after_a_restart(path: Path) -> None:
    with open_store(path) as store:
        store.apply("things", FIRST)
        assert await store.write("INSERT INTO thing VALUES (?)", ("a",)) == 1
        assert await store.read("SELECT name FROM thing") == [("a",)]
    with open_store(path) as store:
        store.apply("things", FIRST)
        assert store.peek("SELECT name FROM thing") == [("a",)]


def test_tables_are_brought_up_to_date_step_by_step_and_keep_their_rows(path: Path) -> None:
    with open_store(path) as store:
        store.apply("things", FIRST)
        store.run(lambda db: db.execute("INSERT INTO thing VALUES ('a')")).result()
    with open_store(path) as store:
        store.apply("things", SECOND)
        assert store.peek("SELECT name, size FROM thing") == [("a", None)]


def test_a_step_that_fails_changes_nothing(path: Path) -> None:
    with open_store(path) as store:
        store.apply("things", FIRST)
        with pytest.raises(StorageFailed, match="no such column"):
            store.apply("things", SECOND + "UPDATE thing SET colour = 1;\n")
        store.apply("things", SECOND)
        assert store.peek("SELECT version FROM schema WHERE name = 'things'") == [(2,)]


def test_a_file_of_a_newer_callboard_is_left_alone(path: Path) -> None:
    with open_store(path) as store:
        store.apply("things", SECOND)
    with open_store(path) as store, pytest.raises(StorageFailed, match="newer Callboard"):
        store.apply("things", FIRST)


async def test_work_is_done_in_the_order_it_was_asked_for(path: Path) -> None:
    with open_store(path) as store:
        store.apply("things", FIRST)
        asked = [store.write("INSERT INTO thing VALUES (?)", (str(n),)) for n in range(50)]
        await asyncio.gather(*asked)
        assert [name for (name,) in store.peek("SELECT name FROM thing ORDER BY rowid")] == [
            str(n) for n in range(50)
        ]


def test_work_that_raises_is_undone_as_a_whole(path: Path) -> None:
    def work(db: sqlite3.Connection) -> None:
        db.execute("INSERT INTO thing VALUES ('a')")
        raise KeyError("mine")

    with open_store(path) as store:
        store.apply("things", FIRST)
        with pytest.raises(KeyError, match="mine"):
            store.run(work).result()
        assert store.peek("SELECT * FROM thing") == []


def test_closing_finishes_what_was_asked(path: Path) -> None:
    store = open_store(path)
    store.apply("things", FIRST)
    for n in range(20):
        store.run(lambda db, n=n: db.execute("INSERT INTO thing VALUES (?)", (n,)))  # type: ignore[misc]
    store.close()
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM thing").fetchone() == (20,)


def test_a_commit_of_any_connection_is_seen_by_peeking(path: Path) -> None:
    with open_store(path) as one, open_store(path) as other:
        one.apply("things", FIRST)
        before = other.peek("PRAGMA data_version")
        assert other.peek("PRAGMA data_version") == before
        one.run(lambda db: db.execute("INSERT INTO thing VALUES ('a')")).result()
        assert other.peek("PRAGMA data_version") != before


def test_peeking_cannot_write(path: Path) -> None:
    with open_store(path) as store, pytest.raises(StorageFailed, match="readonly"):
        store.peek("DELETE FROM schema")


def test_two_processes_take_turns(path: Path) -> None:
    with open_store(path) as one, open_store(path) as other:
        one.apply("things", FIRST)
        holding, go_on = threading.Event(), threading.Event()

        def hold(db: sqlite3.Connection) -> None:
            db.execute("INSERT INTO thing VALUES ('one')")
            holding.set()
            go_on.wait()

        first = one.run(hold)
        holding.wait()
        second = other.run(lambda db: db.execute("INSERT INTO thing VALUES ('other')").rowcount)
        go_on.set()
        first.result()
        assert second.result() == 1
        assert one.peek("SELECT name FROM thing") == [("one",), ("other",)]


def test_a_file_that_is_no_database_is_one_clear_sentence(path: Path) -> None:
    path.write_bytes(b"this is no database, and long enough to look at" * 100)
    with pytest.raises(StorageFailed, match=r"callboard\.db can't be used: file is not a database"):
        open_store(path)


def test_a_folder_that_is_not_there_is_one_clear_sentence(tmp_path: Path) -> None:
    with pytest.raises(StorageFailed, match="can't be used"):
        open_store(tmp_path / "missing" / "callboard.db")
