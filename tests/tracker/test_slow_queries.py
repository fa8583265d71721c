"""SQLite interrupts what takes too long, as PostgreSQL does, and goes on."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from sqlalchemy import event, text

from callboard.tracker.database import Database
from callboard.tracker.engines import engine_of
from callboard.tracker.refusals import Refused
from callboard.tracker.sqlite import Line, _executed, line

ENDLESS = text("WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n) SELECT count(*) FROM n")
LONG = text(
    "WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n LIMIT 99999) SELECT count(*) FROM n"
)


async def test_a_statement_that_takes_too_long_is_refused_and_the_next_one_done(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Line, "longest", 0.05)
    engine = engine_of(None, tmp_path)
    database = Database(engine)
    for attempt in (database.read, database.write):
        with pytest.raises(Refused, match="ask for less at once"):
            await attempt(lambda connection: connection.execute(ENDLESS).scalar())
        assert await attempt(lambda connection: connection.execute(text("SELECT 7")).scalar()) == 7
    await engine.dispose()


async def test_a_statement_that_nobody_waits_for_any_more_is_ended(tmp_path: Path) -> None:
    engine = engine_of(None, tmp_path)
    begun = asyncio.Event()

    @event.listens_for(engine.sync_engine, "before_cursor_execute")
    def executing(_connection: object, _cursor: object, statement: str, *_: object) -> None:
        if "RECURSIVE" in statement:
            begun.set()

    endless = Database(engine).read(lambda connection: connection.execute(ENDLESS).scalar())
    asking = asyncio.create_task(endless)
    await begun.wait()
    async with asyncio.timeout(20):
        asking.cancel()
        await asyncio.wait([asking])
        await engine.dispose()


async def test_a_connection_that_is_stopped_while_it_closes_keeps_nobody_waiting() -> None:
    connection = line(":memory:")
    await connection
    running = asyncio.create_task(connection.run(_executed, str(LONG), ()))
    await asyncio.sleep(0)
    closing = asyncio.create_task(connection.close())
    await asyncio.sleep(0)
    ended = connection.stop()
    assert ended is not None
    async with asyncio.timeout(20):
        await asyncio.wait([running, closing, ended])


async def test_upkeep_takes_its_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Line, "longest", 0.0)
    engine = engine_of(None, tmp_path, upkeep=True)
    counted = await Database(engine).read(lambda connection: connection.execute(LONG).scalar())
    assert counted == 99999
    await engine.dispose()
