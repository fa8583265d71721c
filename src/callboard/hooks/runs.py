"""The runs in callboard.db: the queue, its history, and the cursor, each step one transaction.

    events read -> store_read(wanted, cursor) -> claim -> finish | retry

The cursor moves in the transaction that stores what was read, so each event is queued once. A run is
marked as running before it starts, in the tables or in the journal, so after a crash exactly those are
repeated.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from typing import Any, Final, TypeVar

import msgspec

from callboard.hooks import transactions
from callboard.hooks.clock import Clock
from callboard.hooks.journal import Journal
from callboard.hooks.run import (
    COLUMNS,
    Claimed,
    Outcome,
    Run,
    Step,
    Wanted,
    run_of,
)
from callboard.store import Store

T = TypeVar("T")

KEEP: Final = 30 * 86400.0
"""Seconds that ended runs are kept."""
MOST: Final = 500_000
"""Ended runs kept at most."""


class Runs:
    """Everything about runs that outlives the process."""

    def __init__(self, store: Store, clock: Clock | None = None) -> None:
        self._store = store
        self.clock = clock or Clock()
        self._last = 0
        self.journal = Journal(store.path.with_name("callboard.begun"))
        store.apply("hooks", files("callboard.hooks").joinpath("runs.sql").read_text("utf-8"))

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.run(work))

    async def begin(self) -> tuple[str | None, frozenset[str]]:
        """Return the cursor and the known hooks, once what was running is queued again.

        A repeat is marked; gcode is never repeated, its outcome stays unknown.
        """
        now = self.clock.now()
        cursor, known, self._last = await self._do(lambda db: transactions.begin(db, now))
        self.journal.open(cursor or "")
        return cursor, known

    def number(self) -> int:
        """Return the id of a run to come: only this room makes runs."""
        self._last += 1
        return self._last

    async def unknown(self, since: float) -> list[Run]:
        """Return the runs whose outcome became unknown since a time."""
        return await self._select("state = 'unknown' AND ended >= ?", (since,), "id", 1000)

    async def known_since(self, hook: str) -> str | None:
        """Return the position from which a hook listens, None if it has not begun."""
        rows = await self._store.read("SELECT position FROM hook_known WHERE name = ?", (hook,))
        return rows[0][0] if rows else None

    async def store_read(self, steps: Sequence[Step], cursor: str | None) -> list[int | None]:
        """Store what was read and move the cursor; returns each run's id, None where it was there already."""
        numbers = [(step.number or self.number()) if isinstance(step, Wanted) else 0 for step in steps]
        now = self.clock.now()
        return await self._do(lambda db: transactions.store_read(db, steps, numbers, cursor, now))

    async def claim(self, hook: str, busy: Collection[str], free: int, *, ready: bool) -> Claimed:
        """Mark up to `free` runs that may start now as running, and return them.

        `busy` keys are left alone, and a key's first run holds back those behind it; runs with a
        delay are left until `ready`.
        """
        blocked, now = set(busy), self.clock.now()
        return await self._do(lambda db: transactions.claim(db, hook, blocked, free, ready, now))

    async def waiting(self) -> frozenset[str]:
        """Return the names of the hooks that have queued runs."""
        sql = "SELECT DISTINCT hook FROM hook_run WHERE state = 'queued'"
        return frozenset(row[0] for row in await self._store.read(sql))

    async def finish(self, run: int, state: str, outcome: Outcome) -> None:
        """Keep how a run ended; its event is kept only when it may be redriven."""
        now = self.clock.now()
        await self._do(lambda db: transactions.finish(db, run, state, outcome, 0.0, now))

    async def again(self, run: int, outcome: Outcome, after: float) -> None:
        """Put a run back into the queue, not before `after` (seconds since 1970)."""
        now = self.clock.now()
        await self._do(lambda db: transactions.finish(db, run, "queued", outcome, after, now))

    async def abandon(self, known: Collection[str], reason: str) -> int:
        """Skip what waits for hooks that are not `known` any more; returns how many runs."""
        sql = (
            "UPDATE hook_run SET state = 'skipped', reason = ?, ended = ?, event = NULL "
            "WHERE state = 'queued' AND hook NOT IN (SELECT value FROM json_each(?))"
        )
        names = msgspec.json.encode(list(known)).decode()
        return await self._store.write(sql, (reason, self.clock.now(), names))

    async def forget(self, known: Collection[str]) -> None:
        """Forget from where on hooks listened that are not `known` any more."""
        sql = "DELETE FROM hook_known WHERE name NOT IN (SELECT value FROM json_each(?))"
        await self._store.write(sql, (msgspec.json.encode(list(known)).decode(),))

    def oldest_open(self) -> str:
        """Return the position of the oldest run that has not ended, empty when all have; at once."""
        sql = "SELECT position FROM hook_run WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1"
        rows = self._store.peek(sql)
        return str(rows[0][0]) if rows else ""

    async def redrive(self, hooks: Collection[str], runs: Collection[int] | None = None) -> list[str]:
        """Queue dead letters of these hooks again, all or the given ones; returns each one's hook."""
        return await self._do(lambda db: transactions.redrive(db, hooks, runs))

    async def find(self, hook: str, position: str) -> list[Run]:
        """Return the runs of one hook for one event, the live one first."""
        return await self._select("hook = ? AND position = ?", (hook, position), "id", 100)

    async def latest(
        self, hook: str = "", states: Collection[str] = (), limit: int = 100, before: int | None = None
    ) -> list[Run]:
        """Return the latest runs, newest first, of one hook or all, in some states or all."""
        terms, params = ["1"], []
        if hook:
            terms.append("hook = ?")
            params.append(hook)
        if states:
            terms.append(f"state IN ({', '.join('?' * len(states))})")
            params.extend(states)
        if before is not None:
            terms.append("id < ?")
            params.append(str(before))
        return await self._select(" AND ".join(terms), params, "id DESC", limit)

    async def counts(self) -> dict[str, dict[str, int]]:
        """Return how many runs each hook has in each state."""
        found: dict[str, dict[str, int]] = {}
        sql = "SELECT hook, state, count(*) FROM hook_run GROUP BY hook, state"
        for hook, state, count in await self._store.read(sql):
            found.setdefault(hook, {})[state] = count
        return found

    async def prune(self, keep: float = KEEP, most: int = MOST) -> int:
        """Forget ended runs that are older than `keep` seconds, or too many; in slices."""
        gone = 0
        before = self.clock.now() - keep
        while slice_gone := await self._do(lambda db: transactions.prune(db, before, most)):
            gone += slice_gone
        return gone

    async def _select(self, where: str, params: Sequence[Any], order: str, limit: int) -> list[Run]:
        sql = f"SELECT {COLUMNS} FROM hook_run WHERE {where} ORDER BY {order} LIMIT {int(limit)}"  # noqa: S608
        return [run_of(row) for row in await self._store.read(sql, params)]
