"""Connections to PostgreSQL that are lost or slow: what clients are told, and that nothing is half done."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path

import asyncpg
import pytest

from callboard.tracker.database import Database
from callboard.tracker.engines import engine_of
from callboard.tracker.refusals import Refused
from tests.postgresql import Postgres
from tests.serving import serving
from tests.tracker.commits import create, do, found

pytestmark = pytest.mark.slow

HELD = """
CREATE FUNCTION held() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF NEW.name = 'slow' THEN PERFORM pg_advisory_xact_lock(42); END IF; RETURN NULL; END $$;
CREATE CONSTRAINT TRIGGER held AFTER INSERT ON location DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION held()
"""
"""Holds up the commit of what is called slow, after all of its statements."""
CUT = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"


async def test_who_loses_the_connection_in_the_commit_is_told_that_nobody_knows(
    postgres: Postgres, tmp_path: Path
) -> None:
    url = postgres.database()
    (tmp_path / "c.yaml").write_text(f"tracker:\n  database: {url}\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        assert do(server, create("Location", name="quick")) == 200
        postgres.sql(HELD, url)
        other = await asyncpg.connect(url)
        async with other.transaction():
            await other.execute("SELECT pg_advisory_xact_lock(42)")
            asked = asyncio.to_thread(server.post, "/api", [create("Location", name="slow")])
            waiting = asyncio.create_task(asked)
            while not await other.fetch(CUT):
                await asyncio.sleep(0.01)
            status, answer = await waiting
        await other.close()
        said = json.loads(answer)
        assert (status, said["exception"]) == (503, "UnknownOutcomeError")
        assert "lost during the commit: look whether it was done" in said["content"]
        assert found(server, "Location where name is slow") == []
        assert do(server, create("Location", name="slow")) == 200


async def test_what_takes_the_database_too_long_is_refused(postgres: Postgres, tmp_path: Path) -> None:
    engine = engine_of(f"{postgres.database()}&statement_timeout=100ms", tmp_path)
    with pytest.raises(Refused, match="ask for less at once"):
        await Database(engine).read(lambda connection: connection.exec_driver_sql("SELECT pg_sleep(60)"))
    await engine.dispose()


async def test_who_reads_sees_one_moment_and_can_not_write(postgres: Postgres, tmp_path: Path) -> None:
    engine = engine_of(postgres.database(), tmp_path)
    with pytest.raises(Refused):
        await Database(engine).read(lambda connection: connection.exec_driver_sql("CREATE TABLE x (i int)"))
    shown = "SHOW transaction_isolation"
    found = await Database(engine).read(lambda connection: connection.exec_driver_sql(shown).scalar_one())
    assert found == "repeatable read"
    await engine.dispose()
