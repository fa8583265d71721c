"""The tracker: 10,000 entities through the official Python client, then updates, then queries.

The same client drives ours and a tracker as one writes it with SQLAlchemy's ORM (ormtracker.py), each in
a process of its own; what they tell is heard on a socket and compared with what the client did, one by one.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import multiprocessing
import os
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from benchmarks.ear import Ear
from benchmarks.filming import serving
from benchmarks.load import cpu_seconds
from benchmarks.peers import free_port, handshake, masked, process, upgrade, wait_for

BATCH, TASKS = 100, 9
BLOCK = 1000
"""Entities of one Session: the client looks through all that it knows at every commit."""
QUERY = "select name, status.name, parent.name from Task order by id limit 1000"
GOAL = 0.1


@dataclass(frozen=True)
class Peer:
    """A tracker that runs: where it is, what it is, and how it is listened to."""

    pid: int
    port: int
    key: str
    database: Path
    greeting: list[tuple[bytes, bytes]]


@contextlib.contextmanager
def callboard(folder: Path) -> Iterator[Peer]:
    with serving(folder, "tracker:\n") as hub:
        port = int(hub.url.rpartition(":")[2].rstrip("/"))
        auth = f"ftrack-user: admin\r\nftrack-api-key: {hub.key}\r\n"
        wish = {"subscription": "topic=ftrack.update", "subscriber": {}}
        event = {"topic": "ftrack.meta.subscribe", "data": wish, "source": {"id": "ear"}}
        words = masked(b"5:1+::" + json.dumps({"name": "ftrack.event", "args": [event]}).encode())
        greeting = [
            (upgrade(f"/socket.io/1/websocket/{handshake(port, hub.key)}", auth), b""),
            (words, b'"success":true'),
        ]
        yield Peer(hub.process.pid, port, hub.key, hub.data / "tracker.db", greeting)


@contextlib.contextmanager
def orm(folder: Path) -> Iterator[Peer]:
    folder.mkdir()
    port, database = free_port(), folder / "tracker.db"
    with process(sys.executable, "-m", "benchmarks.ormtracker", str(port), str(database)) as pid:
        wait_for(port)
        greeting = [
            (upgrade("/socket.io/?EIO=4&transport=websocket"), b""),
            (masked(b"40"), b'40{"sid"'),
            (masked(b'421["join"]'), b"431[true]"),
        ]
        yield Peer(pid, port, "key", database, greeting)


PEERS: dict[str, Callable[[Path], contextlib.AbstractContextManager[Peer]]] = {
    "callboard": callboard,
    "SQLAlchemy ORM": orm,
}


def produce(pipe: Connection, port: int, key: str, blocks: int) -> None:
    """Create entities, then change them, as a pipeline does; tells after each step what should be told."""
    import ftrack_api

    done = 0
    with tempfile.TemporaryDirectory() as cache:
        for block in range(blocks):
            session = ftrack_api.Session(
                f"http://127.0.0.1:{port}",
                key,
                "admin",
                auto_connect_event_hub=False,
                schema_cache_path=cache,
            )
            statuses = session.query("Status").all()
            project = session.create("Project", {"name": f"project {block}"})
            sequence = session.create("Sequence", {"name": "sq010", "parent": project})
            session.commit()
            done += 2
            for step in (_create(session, sequence), _change(session, statuses)):
                pipe.send(done)
                pipe.recv()
                begun = time.perf_counter()
                did = list(step)
                pipe.send((did, time.perf_counter() - begun))
                pipe.recv()
                done += len(did)
            session.close()
    pipe.send(None)


def _create(session: Any, sequence: Any) -> Iterator[tuple[str, str, str]]:
    for batch in range(BLOCK // BATCH):
        made = []
        for number in range(BATCH // (TASKS + 1)):
            shot = session.create("Shot", {"name": f"sh{batch:02}{number:02}", "parent": sequence})
            names = [f"task {each}" for each in range(TASKS)]
            made += [shot, *(session.create("Task", {"name": name, "parent": shot}) for name in names)]
        session.commit()
        yield from (("add", one["id"], one["name"]) for one in made)


def _change(session: Any, statuses: list[Any]) -> Iterator[tuple[str, str, str]]:
    known = [
        one for one in session._local_cache.values() if getattr(one, "entity_type", "") in ("Shot", "Task")
    ]
    for start in range(0, len(known), BATCH):
        some = known[start : start + BATCH]
        for number, one in enumerate(some):
            one["status"] = statuses[1 + number % (len(statuses) - 1)]
        session.commit()
        yield from (("update", one["id"], one["status"]["id"]) for one in some)


def told(entry: dict[str, Any]) -> tuple[str, str, str]:
    """What an entry says, as the client that caused it would."""
    key = "name" if entry["action"] == "add" else "statusid"
    return entry["action"], entry["entityId"], entry["changes"][key]["new"]


@dataclass
class Spent:
    """CPU seconds of the server, and seconds by the clock."""

    server: float = 0.0
    wall: float = 0.0


def drive(peer: Peer, blocks: int) -> list[Spent]:
    """Have entities created, then changed; returns what each took.

    Raises if what was told is not what was done.
    """
    ear = Ear(peer.port, peer.greeting)
    mine, theirs = multiprocessing.Pipe()
    child = multiprocessing.get_context("spawn").Process(
        target=produce, args=(theirs, peer.port, peer.key, blocks), daemon=True
    )
    child.start()
    spent, number = [Spent(), Spent()], 0
    try:
        while (before := _said(mine, child)) is not None:
            ear.until(before)
            server = cpu_seconds(peer.pid)
            mine.send("go")
            did, wall = _said(mine, child)
            ear.until(before + len(did))
            spent[number % 2].server += cpu_seconds(peer.pid) - server
            spent[number % 2].wall += wall
            if [told(one) for one in ear.entities[before:]] != did:
                raise AssertionError("the events are not what was done, in its order")
            number += 1
            mine.send("on")
    finally:
        child.kill()
        ear.close()
    return spent


def _said(pipe: Connection, child: Any) -> Any:
    while not pipe.poll(0.5):
        if not child.is_alive():
            raise RuntimeError("the client ended before its work did")
    return pipe.recv()


def ask(peer: Peer, times: int) -> tuple[float, int]:
    """Ask for 1,000 tasks with two relations; returns the server's CPU seconds and bytes of one."""
    line = http.client.HTTPConnection("127.0.0.1", peer.port)
    headers = {"ftrack-user": "admin", "ftrack-api-key": peer.key, "Content-Type": "application/json"}
    body = json.dumps([{"action": "query", "expression": QUERY}])

    def once() -> bytes:
        line.request("POST", "/api", body, headers)
        return line.getresponse().read()

    text = once()
    found = json.loads(text)[0]["data"]
    if len(found) != 1000 or not all(one["status"]["name"] and one["parent"]["name"] for one in found):
        raise AssertionError("the answer is not 1,000 tasks with their status and parent")
    before = cpu_seconds(peer.pid)
    for _ in range(times):
        once()
    return (cpu_seconds(peer.pid) - before) / times, len(text)


def by_hand(database: Path, times: int) -> float:
    """The same answer by sqlite3 and json alone: CPU seconds for one."""
    statement = (
        "SELECT t.id, t.name, s.id, s.name, p.kind, p.id, p.name FROM context t"
        " LEFT JOIN status s ON s.id = t.status_id LEFT JOIN context p ON p.id = t.parent_id"
        " WHERE t.kind = 'Task' ORDER BY t.id LIMIT 1000"
    )
    with contextlib.closing(sqlite3.connect(database)) as connection:
        begun = time.process_time()
        for _ in range(times):
            data = [
                {
                    "__entity_type__": "Task",
                    "id": row[0],
                    "name": row[1],
                    "status": {"__entity_type__": "Status", "id": row[2], "name": row[3]},
                    "parent": {"__entity_type__": row[4], "id": row[5], "name": row[6]},
                }
                for row in connection.execute(statement)
            ]
            json.dumps([{"action": "query", "data": data, "metadata": {"next": {"offset": None}}}])
        return (time.process_time() - begun) / times


@dataclass(frozen=True)
class Run:
    """One peer's figures in one repeat, in CPU seconds of its server."""

    created: float
    changed: float
    asked: float
    alone: float
    """The query by sqlite3 alone."""
    wall: float
    """Entities created in a second, by the clock: the client is the slower half of it."""


def one_run(name: str, folder: Path, blocks: int, times: int) -> Run:
    with PEERS[name](folder) as peer:
        created, changed = drive(peer, blocks)
        asked, size = ask(peer, times)
        alone = by_hand(peer.database, times)
    count = blocks * BLOCK
    run = Run(created.server / count, changed.server / count, asked, alone, count / created.wall)
    print(
        f"  {name:16} created {run.created * 1e3:.3f} ms, changed {run.changed * 1e3:.3f} ms an entity; "
        f"query {asked * 1e3:.1f} ms ({size:,} bytes; sqlite3 alone {alone * 1e3:.1f} ms)"
    )
    return run


def rows(runs: dict[str, list[Run]], count: int) -> Iterator[dict[str, Any]]:
    ours, theirs = runs["callboard"], runs["SQLAlchemy ORM"]
    wall = statistics.median(one.wall for one in ours)
    client = f"batches of 100 by the official client, events complete, in order; {wall:,.0f}/s by the clock"
    for title, name, note in (
        (f"{count:,} entities created", "created", client),
        (f"{count:,} entities changed", "changed", "a status each; events with old and new, in order"),
        ("query of 1,000 tasks with two relations", "asked", "status.name and parent.name; of 9,000 tasks"),
    ):
        mine = [getattr(one, name) for one in ours]
        other = [getattr(one, name) for one in theirs]
        goal = "under 100 ms" if name == "asked" else ""
        yield _row(title, "SQLAlchemy ORM", mine, other, goal, note)
    yield _row(
        "query of 1,000 tasks with two relations",
        "sqlite3 and json alone",
        [one.asked for one in ours],
        [one.alone for one in ours],
        "under 100 ms",
        "one statement written by hand, no HTTP",
    )


def _row(
    title: str, peer: str, ours: list[float], theirs: list[float], goal: str, note: str
) -> dict[str, Any]:
    ratios = sorted(one / other for one, other in zip(ours, theirs, strict=True))
    return {
        "name": title,
        "unit": "ms of server CPU" + ("" if goal else " an entity"),
        "ours": statistics.median(ours) * 1e3,
        "peer": f"{peer} {statistics.median(theirs) * 1e3:.3g}",
        "ratio": statistics.median(ratios),
        "spread": f"{ratios[0]:.2f} - {ratios[-1]:.2f}",
        "goal": goal,
        "note": note,
    }


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure all of it; `quick` only shows that it works."""
    blocks, times, repeats = (2, 10, 1) if quick else (10, 50, 3)
    runs: dict[str, list[Run]] = {name: [] for name in PEERS}
    with tempfile.TemporaryDirectory(dir=os.environ.get("CALLBOARD_BENCH_FOLDER")) as made:
        for repeat in range(repeats):
            for name in PEERS:
                runs[name].append(one_run(name, Path(made) / f"{name}{repeat}", blocks, times))
    return list(rows(runs, blocks * BLOCK))


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
