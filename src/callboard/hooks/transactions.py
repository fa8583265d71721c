"""What each step does to the tables of callboard.db, inside one transaction each."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Sequence
from typing import Final

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

_CANDIDATES: Final = 256


def begin(db: sqlite3.Connection, now: float) -> tuple[str | None, frozenset[str], int]:
    """Queue again what was running, as a repeat, gcode never; returns cursor, known hooks, highest id."""
    db.execute(
        "UPDATE hook_run SET state = 'unknown', ended = ?, reason = ? "
        "WHERE state = 'running' AND kind = 'gcode'",
        (now, "the server stopped while the lines were being sent; they are not sent again"),
    )
    db.execute("UPDATE hook_run SET state = 'queued', repeats = repeats + 1 WHERE state = 'running'")
    cursor = db.execute("SELECT position FROM hook_cursor").fetchone()
    known = frozenset(row[0] for row in db.execute("SELECT name FROM hook_known"))
    last = db.execute("SELECT max(id) FROM hook_run").fetchone()[0] or 0
    return (cursor[0] if cursor else None), known, last


def store_read(
    db: sqlite3.Connection, steps: Sequence[Step], numbers: Sequence[int], cursor: str | None, now: float
) -> list[int | None]:
    """Store steps in order, runs under these numbers, and move the cursor; returns the id of each new run."""
    kept: dict[int, bytes] = {}
    ids = [_step(db, step, number, now, kept) for step, number in zip(steps, numbers, strict=True)]
    if cursor is not None:
        db.execute("REPLACE INTO hook_cursor VALUES (1, ?)", (cursor,))
    return ids


def _step(db: sqlite3.Connection, step: Step, number: int, now: float, kept: dict[int, bytes]) -> int | None:
    match step:
        case Wanted():
            return _insert(db, step, number, now, kept)
        case Cancel():
            _cancel(db, step, now)
        case Known():
            rows = [(name, step.position) for name in step.hooks]
            db.executemany("INSERT OR IGNORE INTO hook_known VALUES (?, ?)", rows)
    return None


def _insert(
    db: sqlite3.Connection, run: Wanted, number: int, now: float, kept: dict[int, bytes]
) -> int | None:
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
            number,
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
    "INSERT INTO hook_run (id, hook, kind, position, origin, topic, event_id, time, key, scope, merge, "
    "merged, state, due, attempt, repeats, queued, started, ended, reason, event) "
    "VALUES (?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?,?) "
    "ON CONFLICT (hook, position, origin) DO NOTHING RETURNING id"
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


def claim(
    db: sqlite3.Connection, hook: str, blocked: set[str], free: int, ready: bool, now: float
) -> Claimed:
    """Mark what may start now as running: the first run of each key that is not blocked."""
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


def finish(db: sqlite3.Connection, run: int, state: str, outcome: Outcome, after: float, now: float) -> None:
    """Write down how an attempt ended; the event is kept only as long as it may be needed."""
    output = outcome.output
    keeps = state == "queued" or state in REDRIVABLE
    db.execute(
        "UPDATE hook_run SET state = ?, after = ?, ended = ?, command = ?, exit = ?, head = ?, tail = ?, "
        "size = ?, reason = ?, event = CASE WHEN ? THEN event END WHERE id = ?",
        (
            *(
                state,
                after,
                None if state == "queued" else now,
                outcome.command[:65536],
                outcome.exit,
            ),
            *((output.head, output.tail, output.size) if output else (None, None, 0)),
            *(outcome.reason, keeps, run),
        ),
    )


def redrive(db: sqlite3.Connection, hooks: Collection[str], runs: Collection[int] | None) -> list[str]:
    """Queue dead letters again, out of turn; returns the hook of each."""
    sql = f"SELECT id, hook FROM hook_run WHERE state IN {REDRIVABLE} AND event IS NOT NULL"  # noqa: S608
    found = [
        (run, name)
        for run, name in db.execute(sql).fetchall()
        if name in hooks and (runs is None or run in runs)
    ]
    db.executemany(
        "UPDATE hook_run SET state = 'queued', due = -1, after = 0, attempt = 0, ended = NULL, merge = NULL "
        "WHERE id = ?",
        [(run,) for run, _ in found],
    )
    return [name for _, name in found]


def prune(db: sqlite3.Connection, before: float, most: int) -> int:
    """Forget one slice of ended runs that are too old or too many; returns how many. Dead letters stay."""
    sql = (
        "DELETE FROM hook_run WHERE id IN (SELECT id FROM hook_run WHERE ended IS NOT NULL "
        "AND state != 'dead' AND (ended < ? OR id <= (SELECT max(id) - ? FROM hook_run)) LIMIT 5000)"
    )
    return db.execute(sql, (before, most)).rowcount
