"""Many operations on the same rows in one batch: what was said last is what is there, and what is told."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest

from tests.clients.official import Hub
from tests.serving import Server


def api(server: Server, *batch: dict[str, Any]) -> list[Any]:
    status, answer = server.post("/api", list(batch))
    assert status == 200, answer
    results: list[Any] = json.loads(answer)
    return results


def create(kind: str, name: str, parent: str = "") -> dict[str, Any]:
    above = {"parent_id": parent} if parent else {}
    data = {"id": str(uuid.uuid4()), "name": name, **above}
    return {"action": "create", "entity_type": kind, "entity_key": [data["id"]], "entity_data": data}


def update(made: dict[str, Any], **values: Any) -> dict[str, Any]:
    kind, key = made["entity_type"], made["entity_key"]
    return {"action": "update", "entity_type": kind, "entity_key": key, "entity_data": values}


def query(made: dict[str, Any], names: str) -> dict[str, Any]:
    id_ = made["entity_key"][0]
    return {"action": "query", "expression": f"select {names} from Task where id is {id_}"}


@pytest.fixture
def project(server: Server) -> str:
    made = create("Project", f"opera_{uuid.uuid4().hex[:8]}")
    api(server, made)
    return str(made["entity_key"][0])


def found(server: Server, made: dict[str, Any], names: str) -> dict[str, Any]:
    [answer] = api(server, query(made, names))
    [one] = answer["data"]
    return {name: one[name] for name in names.split(", ")}


def told(hub: Hub, heard: list[Any], action: str) -> list[str]:
    """Return the ids in the first event that has such an action: creations may be told late."""

    def ids() -> list[str]:
        events = (event["data"]["entities"] for event in heard)
        return next(
            ([each["entityId"] for each in some] for some in events if some[0]["action"] == action), []
        )

    found: list[str] = hub.until(ids, f"an event with {action}")
    return found


def test_the_last_change_of_a_value_is_what_stays(server: Server, project: str) -> None:
    task = create("Task", "model", project)
    api(server, task)
    api(
        server,
        update(task, bid=1, description="a"),
        update(task, bid=2),
        update(task, description="b", sort=7),
        update(task, bid=3),
    )
    assert found(server, task, "bid, description, sort") == {"bid": 3, "description": "b", "sort": 7}


def test_what_was_just_created_can_be_changed(server: Server, project: str) -> None:
    task, other = create("Task", "model", project), create("Task", "rig", project)
    api(server, task, update(task, bid=4, name="sculpt"), other, update(other, bid=5), update(task, sort=1))
    assert found(server, task, "name, bid, sort") == {"name": "sculpt", "bid": 4, "sort": 1}
    assert found(server, other, "name, bid") == {"name": "rig", "bid": 5}


def test_two_names_are_swapped_by_a_third(server: Server, project: str) -> None:
    task, other = create("Task", "model", project), create("Task", "rig", project)
    api(server, task, other)
    api(server, update(task, name="-", bid=1), update(other, name="model"), update(task, name="rig"))
    assert found(server, task, "name, bid") == {"name": "rig", "bid": 1}
    assert found(server, other, "name") == {"name": "model"}


def test_a_query_in_a_batch_sees_what_was_changed_before_it(server: Server, project: str) -> None:
    task = create("Task", "model", project)
    api(server, task)
    _, before, _, after = api(
        server, update(task, bid=1), query(task, "bid"), update(task, bid=2), query(task, "bid")
    )
    assert [each["data"][0]["bid"] for each in (before, after)] == [1, 2]


def test_what_was_changed_and_is_then_deleted_is_gone(server: Server, project: str, hub: Hub) -> None:
    task = create("Task", "model", project)
    api(server, task)
    heard = hub.subscribe("topic=ftrack.update")
    gone = {"action": "delete", "entity_type": "Task", "entity_key": task["entity_key"]}
    api(server, update(task, bid=1), gone)
    assert told(hub, heard, "remove") == task["entity_key"]
    assert api(server, query(task, "bid"))[0]["data"] == []


def test_what_is_as_it_was_in_the_end_is_not_told(server: Server, project: str, hub: Hub) -> None:
    task, other = create("Task", "model", project), create("Task", "rig", project)
    api(server, task, other)
    heard = hub.subscribe("topic=ftrack.update")
    api(server, update(task, bid=1), update(other, bid=1), update(task, bid=None))
    assert told(hub, heard, "update") == other["entity_key"]
    assert found(server, task, "bid") == {"bid": None}
