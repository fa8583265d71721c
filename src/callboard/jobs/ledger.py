"""The table of jobs in callboard.db: each change is one transaction, so no job is given to two workers."""

from __future__ import annotations

import asyncio
import secrets
import sqlite3
import time
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final, TypeVar

from callboard.event import decode_json, encode_json, new_id
from callboard.jobs.job import MOST_ATTEMPTS, Heard, Job, State
from callboard.store import Row, Store

T = TypeVar("T")

_COLUMNS: Final = "id, kind, payload, source, state, attempts, worker, lease, result, created, heard"
_SELECT: Final = f"SELECT {_COLUMNS} FROM job"  # noqa: S608
_MINE: Final = "WHERE id = ? AND lease = ? AND state = 'taken'"
_FREE: Final = "WHERE id = ? AND state = 'waiting'"


class Ledger:
    """All jobs that are not forgotten. Every method waits for the disk."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.apply("jobs", files("callboard.jobs").joinpath("jobs.sql").read_text("utf-8"))

    async def all(self) -> list[Job]:
        """Return all jobs, oldest first."""
        return await self._run(lambda db: [_job(row) for row in db.execute(f"{_SELECT} ORDER BY created")])

    async def get(self, id_: str) -> Job | None:
        """Return a job; None when it is forgotten."""
        return await self._one(f"{_SELECT} WHERE id = ?", (id_,))

    async def put(self, kind: str, payload: Mapping[str, Any], source: Mapping[str, Any]) -> Job:
        """Add a job that waits for a worker."""
        job = Job(id=new_id(), kind=kind, payload=payload, source=source, created=time.time())
        row = (job.id, kind, _text(payload), _text(source), job.state.value, job.created)
        sql = "INSERT INTO job (id, kind, payload, source, state, created) VALUES (?, ?, ?, ?, ?, ?)"
        await self._run(lambda db: db.execute(sql, row))
        return job

    async def take(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        """Give the oldest job that waits to `worker`, under a fresh lease."""
        marks = ", ".join("?" * len(kinds))
        found = f"SELECT id FROM job WHERE state = 'waiting' AND kind IN ({marks}) ORDER BY created LIMIT 1"  # noqa: S608
        sql = (
            "UPDATE job SET state = 'taken', attempts = attempts + 1, worker = ?, lease = ? "  # noqa: S608
            f"WHERE id = ({found}) RETURNING {_COLUMNS}"
        )
        params = (worker, secrets.token_urlsafe(16), *kinds)
        return await self._one(sql, params)

    async def held(self, id_: str, lease: str) -> Job | None:
        """Return the job that is done under this lease now; None when it is not."""
        return await self._one(f"{_SELECT} {_MINE}", (id_, lease))

    async def begin(self, id_: str) -> None:
        """Note that its room has heard that a worker began."""
        await self._run(
            lambda db: db.execute("UPDATE job SET heard = ? WHERE id = ?", (Heard.BEGUN.value, id_))
        )

    async def end(self, id_: str, lease: str, state: State, result: Mapping[str, Any]) -> Job | None:
        """Note what came of a job; None when it is not under this lease any more."""
        sql = f"UPDATE job SET state = ?, result = ? {_MINE} RETURNING {_COLUMNS}"  # noqa: S608
        return await self._one(sql, (state.value, _text(result), id_, lease))

    async def free(self, id_: str, lease: str, *, counts: bool) -> Job | None:
        """Take a job from the worker that has it under `lease`; failed if that was its last attempt."""
        sql = (
            "UPDATE job SET lease = '', attempts = attempts - ?, "  # noqa: S608
            f"state = CASE WHEN attempts >= ? THEN 'failed' ELSE 'waiting' END {_MINE} RETURNING {_COLUMNS}"
        )
        most = MOST_ATTEMPTS if counts else MOST_ATTEMPTS + 1
        return await self._one(sql, (0 if counts else 1, most, id_, lease))

    async def withdraw(self, id_: str, result: Mapping[str, Any]) -> Job | None:
        """End a job that no worker has; None when one has it. One that nobody began is forgotten at once."""
        failed = f"UPDATE job SET state = 'failed', result = ? {_FREE} RETURNING {_COLUMNS}"  # noqa: S608
        params = (_text(result), id_)

        def work(db: sqlite3.Connection) -> Row | None:
            row: Row | None = db.execute(failed, params).fetchone()
            if row is not None:
                db.execute("DELETE FROM job WHERE id = ? AND attempts = 0 AND heard = ''", (id_,))
            return row

        row = await self._run(work)
        return _job(row) if row is not None else None

    async def settle(self, job: Job) -> None:
        """Keep how a job ended after all, before that is told."""
        sql = "UPDATE job SET state = ?, result = ?, heard = ? WHERE id = ?"
        params = (job.state.value, _text(job.result), Heard.END.value, job.id)
        await self._run(lambda db: db.execute(sql, params))

    async def forget(self, id_: str) -> None:
        """Forget a job."""
        await self._run(lambda db: db.execute("DELETE FROM job WHERE id = ?", (id_,)))

    async def _one(self, sql: str, params: tuple[Any, ...]) -> Job | None:
        row = await self._run(lambda db: db.execute(sql, params).fetchone())
        return _job(row) if row is not None else None

    async def _run(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.run(work))


def _text(value: Mapping[str, Any]) -> str:
    return encode_json(value).decode()


def _job(row: Row) -> Job:
    id_, kind, payload, source, state, attempts, worker, lease, result, created, heard = row
    return Job(
        id=id_,
        kind=kind,
        payload=decode_json(payload.encode()),
        source=decode_json(source.encode()),
        state=State(state),
        attempts=attempts,
        worker=worker,
        lease=lease,
        result=decode_json(result.encode()),
        created=created,
        heard=Heard(heard),
    )
