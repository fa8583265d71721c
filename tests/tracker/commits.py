"""What tests send to `/api`, and how they see that what was acknowledged is there, whole, and told."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import quote

from tests.serving import Server, eventually

Operation = dict[str, Any]


def create(entity: str, **data: Any) -> Operation:
    return {"action": "create", "entity_type": entity, "entity_data": data}


def change(entity: str, key: str, **data: Any) -> Operation:
    return {"action": "update", "entity_type": entity, "entity_key": [key], "entity_data": data}


def delete(entity: str, key: str) -> Operation:
    return {"action": "delete", "entity_type": entity, "entity_key": [key]}


def do(server: Server, *batch: Operation) -> int:
    return server.post("/api", list(batch))[0]


def found(server: Server, expression: str) -> list[Any]:
    status, answer = server.post("/api", [{"action": "query", "expression": expression}])
    assert status == 200, answer
    data: list[Any] = json.loads(answer)[0]["data"]
    return data


def entries(server: Server) -> list[Any]:
    """Return the entries of all updates on the log, those of an event that came twice once."""
    events: dict[str, Any] = {}
    after = ""
    while True:
        _, answer = server.get(
            f"/v1/events?expression={quote('topic=ftrack.update')}&limit=1000&after={after}"
        )
        page = json.loads(answer)
        if not page["events"]:
            return [entry for event in events.values() for entry in event["data"]["entities"]]
        for each in page["events"]:
            events.setdefault(each["event"]["id"], each["event"])
        after = page["next"]


def together(*acts: Callable[[], Any]) -> list[Any]:
    """Do things at the same time, and return what came of each."""
    came: list[Any] = [None] * len(acts)

    def act(number: int) -> None:
        came[number] = acts[number]()

    threads = [threading.Thread(target=act, args=(number,)) for number in range(len(acts))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return came


BATCH = 20


class Batches:
    """A thread that makes projects with folders, each in one batch, and knows which were acknowledged."""

    def __init__(self, server: Server) -> None:
        self.done: list[str] = []
        self.refused: list[int] = []
        self._server, self._ending = server, threading.Event()
        self._thread = threading.Thread(target=self._send)
        self._thread.start()

    def _send(self) -> None:
        for number in itertools.count():
            if self._ending.is_set():
                return
            name = f"p{number}"
            folders = [create("Folder", name=f"f{each}", parent_id=name) for each in range(BATCH)]
            with contextlib.suppress(
                OSError, http.client.HTTPException
            ):  # a hub that is killed answers nothing
                status = do(self._server, create("Project", id=name, name=name), *folders)
                if status == 200:
                    self.done.append(name)
                else:
                    self.refused.append(status)

    def until(self, more: int) -> None:
        goal = len(self.done) + more
        eventually(lambda: len(self.done) >= goal, f"{more} more batches")

    def stop(self) -> None:
        self._ending.set()
        self._thread.join()


@contextlib.contextmanager
def sending(server: Server) -> Iterator[Batches]:
    batches = Batches(server)
    try:
        yield batches
    finally:
        batches.stop()


def check(server: Server, batches: Batches) -> None:
    """Check that what was acknowledged is there, all of each batch, and that just what is there was told."""
    there = {each["id"] for each in found(server, "select id from Project")}
    folders = [each["parent_id"] for each in found(server, "select parent_id from Folder")]
    assert set(batches.done) <= there
    assert {name: folders.count(name) for name in there} == dict.fromkeys(there, BATCH)

    def told() -> set[tuple[str, str]]:
        return {(each["entityType"], each["entityId"]) for each in entries(server) if each["action"] == "add"}

    eventually(lambda: {id_ for kind, id_ in told() if kind == "show"} == there, "an event for each project")
    assert sum(kind == "task" for kind, _ in told()) == len(folders)
