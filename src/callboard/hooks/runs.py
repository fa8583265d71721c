"""The runs in callboard.db: the queue, its history, and the cursor, each step one transaction.

    events read -> store_read(wanted, cursor) -> claim -> finish | retry

The cursor moves in the transaction that stores what was read, so each event is queued once;
a run is marked as running before it starts, so after a crash exactly those are repeated.
"""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import Callable, Collection, Sequence
from importlib.resources import files
from typing import Any, Final, TypeVar

import msgspec

from callboard.hooks.run import (
    COLUMNS,
    REDRIVABLE,
    Cancel,
    Claimed,
    Known,
    Outcome,
    Run,
    Step,
    Wanted,
    run_of,
    write_event,
)
from callboard.store import Store

T = TypeVar("T")

KEEP: Final = 30 * 86400.0
"""Seconds that ended runs are kept."""
MOST: Final = 500_000
"""Ended runs kept at most."""
_CANDIDATES: Final = 256


class Runs:
    """Everything about runs that outlives the process."""

    def __init__(self, store: Store) -> None:
        self._store = store
        store.apply("hooks", files("callboard.hooks").joinpath("runs.sql").read_text("utf-8"))

    async def _do(self, work: Callable[[sqlite3.Connection], T]) -> T:
        return await asyncio.wrap_future(self._store.run(work))

    async def begin(self) -> tuple[str | None, frozenset[str]]:
        """Return the cursor and the known hooks, once what was running is queued again.

        A repeat is marked; gcode is never repeated, its outcome stays unknown.
        """
        return await self._do(_begin)

    async def unknown(self, since: float) -> list[Run]:
        """Return the runs whose outcome became unknown since a time."""
        return await self._select("state = 'unknown' AND ended >= ?", (since,), "id", 1000)

    async def known_since(self, hook: str) -> str | None:
        """Return the position from which a hook listens, None if it has not begun."""
        rows = await self._store.read("SELECT position FROM hook_known WHERE name = ?", (hook,))
        return rows[0][0] if rows else None

    async def store_read(self, steps: Sequence[Step], cursor: str | None) -> list[int | None]:
        """Store what was read and move the cursor; returns each run's id, None where it was there already."""
        return await self._do(lambda db: _store_read(db, steps, cursor))

    async def claim(self, hook: str, busy: Collection[str], free: int, *, ready: bool) -> Claimed:
        """Mark up to `free` runs that may start now as running, and return them.

        `busy` keys are left alone, and a key's first run holds back those behind it; runs with a
        delay are left until `ready`.
        """
        blocked = set(busy)
        return await self._do(lambda db: _claim(db, hook, blocked, free, ready))

    async def waiting(self) -> list[str]:
        """Return the names of hooks that have queued runs."""
        return [
            row[0]
            for row in await self._store.read("SELECT DISTINCT hook FROM hook_run WHERE state = 'queued'")
        ]

    async def finish(self, run: int, state: str, outcome: Outcome) -> None:
        """Keep how a run ended; its event is kept only when it may be redriven."""
        await self._do(lambda db: _finish(db, run, state, outcome, 0.0))

    async def again(self, run: int, outcome: Outcome, after: float) -> None:
        """Put a run back into the queue, not before `after` (seconds since 1970)."""
        await self._do(lambda db: _finish(db, run, "queued", outcome, after))

    async def abandon(self, known: Collection[str], reason: str) -> int:
        """Skip what waits for hooks that are not `known` any more; returns how many runs."""
        sql = (
            "UPDATE hook_run SET state = 'skipped', reason = ?, ended = ?, event = NULL "
            "WHERE state = 'queued' AND hook NOT IN (SELECT value FROM json_each(?))"
        )
        names = msgspec.json.encode(list(known)).decode()
        return await self._store.write(sql, (reason, time.time(), names))

    def oldest_open(self) -> str:
        """Return the position of the oldest run that has not ended, empty when all have; at once."""
        sql = "SELECT position FROM hook_run WHERE state IN ('queued', 'running') ORDER BY id LIMIT 1"
        rows = self._store.peek(sql)
        return str(rows[0][0]) if rows else ""

    async def redrive(self, runs: Collection[int] | None = None, hook: str = "") -> list[str]:
        """Queue dead letters again, all or the given ones; returns each one's hook."""
        return await self._do(lambda db: _redrive(db, runs, hook))

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
        while slice_gone := await self._do(lambda db: _prune(db, time.time() - keep, most)):
            gone += slice_gone
        return gone

    async def _select(self, where: str, params: Sequence[Any], order: str, limit: int) -> list[Run]:
        sql = f"SELECT {COLUMNS} FROM hook_run WHERE {where} ORDER BY {order} LIMIT {int(limit)}"  # noqa: S608
        return [run_of(row) for row in await self._store.read(sql, params)]


def _begin(db: sqlite3.Connection) -> tuple[str | None, frozenset[str]]:
    now = time.time()
    db.execute(
        "UPDATE hook_run SET state = 'unknown', ended = ?, reason = ? "
        "WHERE state = 'running' AND kind = 'gcode'",
        (now, "the server stopped while the lines were being sent; they are not sent again"),
    )
    db.execute("UPDATE hook_run SET state = 'queued', repeats = repeats + 1 WHERE state = 'running'")
    cursor = db.execute("SELECT position FROM hook_cursor").fetchone()
    known = frozenset(row[0] for row in db.execute("SELECT name FROM hook_known"))
    return (cursor[0] if cursor else None), known


def _store_read(db: sqlite3.Connection, steps: Sequence[Step], cursor: str | None) -> list[int | None]:
    now = time.time()
    kept: dict[int, bytes] = {}
    ids = [_step(db, step, now, kept) for step in steps]
    if cursor is not None:
        db.execute("REPLACE INTO hook_cursor VALUES (1, ?)", (cursor,))
    return ids


def _step(db: sqlite3.Connection, step: Step, now: float, kept: dict[int, bytes]) -> int | None:
    match step:
        case Wanted():
            return _insert(db, step, now, kept)
        case Cancel():
            _cancel(db, step, now)
        case Known():
            rows = [(name, step.position) for name in step.hooks]
            db.executemany("INSERT OR IGNORE INTO hook_known VALUES (?, ?)", rows)
    return None


def _insert(db: sqlite3.Connection, run: Wanted, now: float, kept: dict[int, bytes]) -> int | None:
    """Insert a run; `kept` holds each event's JSON once for all hooks that it concerns."""
    event, stamp = run.event, run.event.entry
    assert stamp is not None
    open_ = run.state in {"queued", "running"}
    if open_ and id(event) not in kept:
        kept[id(event)] = write_event(event)
    merging = open_ and run.merge is not None
    if merging and _is_there(db, run, stamp.position):
        return None
    due, merged = _merge(db, run, now) if merging else (run.due, 0)
    running = run.state == "running"
    row = (
        *(
            run.hook,
            run.kind,
            stamp.position,
            run.origin,
            event.topic,
            event.id,
            stamp.time,
            run.key,
            run.scope,
        ),
        *(run.merge, merged, run.state, due, int(running), run.repeats, now, now if running else None),
        *(None if open_ else now, run.reason, kept[id(event)] if open_ else None),
    )
    inserted = db.execute(_INSERT, row).fetchone()
    return inserted[0] if inserted else None


_INSERT: Final = (
    "INSERT INTO hook_run (hook, kind, position, origin, topic, event_id, time, key, scope, merge, merged, "
    "state, due, attempt, repeats, queued, started, ended, reason, event) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT DO NOTHING RETURNING id"
)


def _is_there(db: sqlite3.Connection, run: Wanted, position: str) -> bool:
    sql = "SELECT 1 FROM hook_run WHERE hook = ? AND position = ? AND origin = ?"
    return db.execute(sql, (run.hook, position, run.origin)).fetchone() is not None


def _merge(db: sqlite3.Connection, run: Wanted, now: float) -> tuple[float, int]:
    """Take the place of the run that gathers for this key, if there is one: its time stays."""
    sql = (
        "SELECT id, due, merged FROM hook_run WHERE hook = ? AND state = 'queued' "
        "AND merge = ? AND origin = ? AND attempt = 0 AND repeats = 0 LIMIT 1"
    )
    found = db.execute(sql, (run.hook, run.merge, run.origin)).fetchone()
    if found is None:
        return run.due, 0
    assert run.event.entry is not None
    reason = f"coalesced: {run.event.entry.position} came within the window and stands for it"
    db.execute(
        "UPDATE hook_run SET state = 'merged', ended = ?, reason = ?, event = NULL WHERE id = ?",
        (now, reason, found[0]),
    )
    return found[1], found[2] + 1


def _cancel(db: sqlite3.Connection, cancel: Cancel, now: float) -> None:
    sql = (
        "UPDATE hook_run SET state = 'cancelled', ended = ?, reason = ?, event = NULL "
        "WHERE hook = ? AND state = 'queued' AND due > 0 AND attempt = 0 "
        "AND origin = ? AND (scope = ? OR scope = '' OR ? = '')"
    )
    db.execute(sql, (now, cancel.reason, cancel.hook, cancel.origin, cancel.scope, cancel.scope))


def _claim(db: sqlite3.Connection, hook: str, blocked: set[str], free: int, ready: bool) -> Claimed:
    now = time.time()
    claimed: list[int] = []
    wakes: list[float] = []
    full = _CANDIDATES
    while len(claimed) < free and full == _CANDIDATES:
        rows = _candidates(db, hook, blocked, now if ready else 0.0)
        full = len(rows)
        for run, key, after in rows:
            if len(claimed) == free or key in blocked:
                continue
            if after <= now:
                claimed.append(run)
            else:
                wakes.append(after)
            blocked.add(key)
    return Claimed(_started(db, claimed, now), _wake(db, hook, wakes, now, ready), _is_behind(db, hook))


def _started(db: sqlite3.Connection, claimed: Sequence[int], now: float) -> list[Run]:
    update = "UPDATE hook_run SET state = 'running', attempt = attempt + 1, started = ? WHERE id = ?"
    db.executemany(update, [(now, run) for run in claimed])
    marks = ", ".join("?" * len(claimed))
    found = db.execute(f"SELECT {COLUMNS} FROM hook_run WHERE id IN ({marks}) ORDER BY id", claimed)  # noqa: S608
    return [run_of(row) for row in found.fetchall()]


def _wake(db: sqlite3.Connection, hook: str, wakes: Sequence[float], now: float, ready: bool) -> float | None:
    """Return when the next run that waits for its time may start; the others wait for a place."""
    sql = "SELECT min(due) FROM hook_run WHERE hook = ? AND state = 'queued' AND due > ?"
    due = db.execute(sql, (hook, now)).fetchone()[0] if ready else None
    return min([*wakes, *([due] if due is not None else [])], default=None)


def _is_behind(db: sqlite3.Connection, hook: str) -> bool:
    sql = "SELECT 1 FROM hook_run WHERE hook = ? AND state = 'queued' LIMIT 1"
    return db.execute(sql, (hook,)).fetchone() is not None


def _candidates(
    db: sqlite3.Connection, hook: str, blocked: Collection[str], until: float
) -> list[tuple[int, str, float]]:
    sql = (
        "SELECT id, key, after FROM hook_run WHERE hook = ? AND state = 'queued' AND due <= ? "
        "AND key NOT IN (SELECT value FROM json_each(?)) ORDER BY due, id LIMIT ?"
    )
    blocked_json = msgspec.json.encode(sorted(blocked)).decode()
    return db.execute(sql, (hook, until, blocked_json, _CANDIDATES)).fetchall()


def _finish(db: sqlite3.Connection, run: int, state: str, outcome: Outcome, after: float) -> None:
    output = outcome.output
    keeps = state == "queued" or state in REDRIVABLE
    db.execute(
        "UPDATE hook_run SET state = ?, after = ?, ended = ?, command = ?, exit = ?, head = ?, tail = ?, "
        "size = ?, reason = ?, event = CASE WHEN ? THEN event END WHERE id = ?",
        (
            *(
                state,
                after,
                None if state == "queued" else time.time(),
                outcome.command[:65536],
                outcome.exit,
            ),
            *((output.head, output.tail, output.size) if output else (None, None, 0)),
            *(outcome.reason, keeps, run),
        ),
    )


def _redrive(db: sqlite3.Connection, runs: Collection[int] | None, hook: str) -> list[str]:
    sql = f"SELECT id, hook FROM hook_run WHERE state IN {REDRIVABLE} AND event IS NOT NULL"  # noqa: S608
    found = [
        (run, name)
        for run, name in db.execute(sql).fetchall()
        if (run in runs if runs is not None else _means(name, hook))
    ]
    db.executemany(
        "UPDATE hook_run SET state = 'queued', due = -1, after = 0, attempt = 0, ended = NULL, merge = NULL "
        "WHERE id = ?",
        [(run,) for run, _ in found],
    )
    return [name for _, name in found]


def _means(name: str, hook: str) -> bool:
    """Tell whether a run of the hook `name` is meant when `hook` is asked for."""
    return not hook or name == hook


def _prune(db: sqlite3.Connection, before: float, most: int) -> int:
    sql = (
        "DELETE FROM hook_run WHERE id IN (SELECT id FROM hook_run WHERE ended IS NOT NULL "
        "AND state != 'dead' AND (ended < ? OR id <= (SELECT max(id) - ? FROM hook_run)) LIMIT 5000)"
    )
    return db.execute(sql, (before, most)).rowcount
