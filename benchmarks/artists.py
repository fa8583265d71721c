"""The people of a studio of 100 artists: what their programs subscribe to, and what they do all day.

Source: facts, section 6. Three programs for each artist (user server, tray timer, Connect); for all of them a
leecher that stores every event, and a processor.
"""

from __future__ import annotations

import http.client
import json
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from benchmarks.crowd import Place

SELECTION = [{"entityId": "eb16970c-5fc6-11e2-bb9a-f23c91df25eb", "entityType": "task"}]
REPLIES = 16
UPDATES, MENUS, BURST, EVERY = 10, 2, 300, 10.0
"""Updates and menus a second; entities in a burst, and the seconds between two."""
_BUILT_IN = (
    "topic=ftrack.meta.reply",
    "topic=ftrack.api.session.construct-entity-type",
    "topic=ftrack.api.session.get-file-type-from-string",
)
_IDLE = 3.0
"""Seconds after which a server may have closed a connection."""
_TEXT = "the hero holds the cup a little higher than before. " * 8


class Line:
    """HTTP to a hub, as one user, over one connection."""

    def __init__(self, port: int, user: str, key: str) -> None:
        self._line = http.client.HTTPConnection("127.0.0.1", port)
        self._headers = {"ftrack-user": user, "ftrack-api-key": key, "Content-Type": "application/json"}
        self._used = 0.0

    def post(self, path: str, body: Any) -> Any:
        if time.monotonic() - self._used > _IDLE:
            self._line.close()  # it connects again by itself
        self._used = time.monotonic()
        self._line.request("POST", path, json.dumps(body), self._headers)
        answer = self._line.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text[:300]!r}")
        return json.loads(text)


def desks(artist: str, key: str) -> Iterator[Place]:
    """Yield the programs of one artist."""
    mine = f"source.user.username={artist}"
    actions = [*(f"studio.local.{number:02}" for number in range(14)), "applications"]
    server = (
        *(f"topic=ftrack.action.discover and {mine}" for _ in range(REPLIES)),
        *(f"topic=ftrack.action.launch and data.actionIdentifier={each}.* and {mine}" for each in actions),
        *_BUILT_IN,
    )
    offers = tuple(f"{artist}.{number}" for number in range(REPLIES))
    yield Place("user server", artist, key, server, offers)
    yield Place("tray timer", artist, key, (f"topic=ftrack.update and {mine}", *_BUILT_IN))
    connect = (
        *(f'topic=ftrack.connect.{each} and source.user.username="{artist}"' for each in range(10)),
        *(f"topic=ftrack.location.{each} and {mine}" for each in ("component-added", "request-resolve")),
        *(f"topic=ftrack.storage-scenario.{each} and {mine}" for each in ("discover", "configure")),
        *(f"topic=ftrack.action.launch and data.host={artist}.{each} and {mine}" for each in range(4)),
        f'topic=ftrack.connect and source.user.username="{artist}"',
        "topic=ftrack.update",
        *_BUILT_IN,
    )
    yield Place("Connect", artist, key, connect)


def services(key: str) -> Iterator[Place]:
    """Yield the studio's own: who stores every event, and who works on it."""
    yield Place("leecher", "admin", key, ("topic=*", *_BUILT_IN))
    actions = [f"studio.server.{number}" for number in range(11)]
    launches = (f"topic=ftrack.action.launch and data.actionIdentifier={each}" for each in actions)
    # Its actions are not for these artists: a menu has 16 replies.
    discovers = (f"topic=ftrack.action.discover and data.project={each}" for each in actions)
    custom = (f"topic=my-studio.{number}" for number in range(3))
    yield Place("processor", "admin", key, (*launches, *discovers, *custom, *("topic=ftrack.update",) * 10))


@dataclass(frozen=True)
class Artist:
    """A user of the studio, with a key of their own."""

    name: str
    key: str


class Day:
    """What the artists do: change tasks, all over the studio; change many at once; open menus."""

    def __init__(self, port: int, artists: list[Artist], tasks: list[str], seconds: float) -> None:
        self._port, self._artists, self._tasks, self._seconds = port, artists, tasks, seconds
        self._lines = [self._line(number) for number in range(len(artists))]
        self._pool = ThreadPoolExecutor(40)
        self._opening: list[Any] = []
        self.done: dict[str, float] = {"updates": 0, "bursts": 0, "menus": 0, "late": 0.0}
        self.planned: dict[str, int] = {}

    def _line(self, number: int) -> Line:
        one = self._artists[number % len(self._artists)]
        return Line(self._port, one.name, one.key)

    def pass_by(self) -> None:
        """Do it all, each at its rate."""
        begun = time.perf_counter() + 0.2
        plans: list[tuple[str, float, Callable[[int], None]]] = [
            ("updates", UPDATES, self._change),
            ("bursts", 1 / EVERY, self._burst),
            ("menus", MENUS, lambda number: self._opening.append(self._pool.submit(self._menu, number))),
        ]
        threads = [threading.Thread(target=self._at, args=(begun, *each)) for each in plans]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        for each in self._opening:
            each.result()
        if any(self.done[name] != count for name, count in self.planned.items()):
            raise AssertionError(f"done was {self.done}, planned {self.planned}")

    def _at(self, begun: float, name: str, rate: float, act: Callable[[int], None]) -> None:
        self.planned[name] = int(self._seconds * rate)
        for number in range(self.planned[name]):
            due = begun + number / rate
            time.sleep(max(due - time.perf_counter(), 0))
            self.done["late"] = max(self.done["late"], time.perf_counter() - due)
            act(number)
            self.done[name] += 1

    def _change(self, number: int) -> None:
        task = self._tasks[number % len(self._tasks)]
        said = {"description": f"version {number}: {_TEXT}"[:400], "bid": number}
        self._lines[number % len(self._lines)].post("/api", [_update(task, said)])

    def _burst(self, number: int) -> None:
        some = [self._tasks[(number * BURST + each) % len(self._tasks)] for each in range(BURST)]
        self._line(number).post("/api", [_update(task, {"sort": number + 1.0}) for task in some])

    def _menu(self, number: int) -> None:
        found = self._line(number * 7).post("/v1/actions/discover", {"selection": SELECTION})["items"]
        if len(found) != REPLIES:
            raise AssertionError(f"{len(found)} of {REPLIES} replies are in the menu")


def work(pipe: Connection, port: int, artists: list[Artist], tasks: list[str], seconds: float) -> None:
    """Be the artists for so many seconds; tells how much they did, in a process of its own."""
    day = Day(port, artists, tasks, seconds)
    day.pass_by()
    pipe.send(day.done)


def _update(task: str, data: dict[str, Any]) -> dict[str, Any]:
    return {"action": "update", "entity_type": "Task", "entity_key": [task], "entity_data": data}


def tasks_of(line: Line, count: int) -> list[str]:
    """Make a project with so many tasks, in shots of a sequence; returns their ids."""
    [project] = _create(line, _made("Project", "opera"))
    [sequence] = _create(line, _made("Sequence", "sq010", project, "Project"))
    shots = _create(line, *(_made("Shot", f"sh{number:03}", sequence) for number in range(count // 10)))
    return _create(line, *(_made("Task", f"task {each}", shots[each // 10]) for each in range(count)))


def _create(line: Line, *batch: dict[str, Any]) -> list[str]:
    return [one["data"]["id"] for one in line.post("/api", list(batch))]


def _made(kind: str, name: str, parent: str = "", above: str = "TypedContext") -> dict[str, Any]:
    more = {"parent": {"__entity_type__": above, "id": parent}} if parent else {}
    return {"action": "create", "entity_type": kind, "entity_data": {"name": name, **more}}
