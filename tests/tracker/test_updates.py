"""`ftrack.update`: one event a commit, in the seed's form, whatever happens to the hub meanwhile."""

from __future__ import annotations

import json
import sqlite3
import uuid
from pathlib import Path
from typing import Any

import pytest

from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, eventually, serving
from tests.tracker.commits import change, create, delete, do, found
from tests.tracker.conftest import open_session

UPDATES = "topic=ftrack.update"


@pytest.fixture
def shot(session: Any, server: Server) -> Any:
    """Return a shot whose creation is on the log already."""
    project = session.create("Project", {"name": f"opera_{uuid.uuid4().hex[:8]}"})
    made = session.create("Shot", {"name": "sh010", "parent": project})
    session.commit()
    told = "/v1/events?expression=topic%3Dftrack.update&limit=1000"
    eventually(lambda: made["id"].encode() in server.get(told)[1], "its creation on the log")
    return made


def of(heard: list[Any], entity: Any, action: str) -> list[Any]:
    """Return the entries about an entity in events that were heard."""
    return [
        entry
        for event in heard
        for entry in event["data"]["entities"]
        if (entry["entityId"], entry["action"]) == (entity["id"], action)
    ]


def test_a_change_of_status_is_told_as_the_seed_has_it(session: Any, shot: Any, hub: Hub) -> None:
    task = session.create("Task", {"name": "print", "parent": shot})
    session.commit()
    heard = hub.subscribe(UPDATES)
    old, task["status"] = task["status"], session.query('Status where name is "Ready to print"').one()
    session.commit()
    hub.until(lambda: of(heard, task, "update"), "the update")
    (entry,) = of(heard, task, "update")
    project = task["project"]
    assert entry == {
        "action": "update",
        "entityId": task["id"],
        "entityType": "task",
        "entity_type": "Task",
        "objectTypeId": task["object_type_id"],
        "keys": ["statusid"],
        "changes": {"statusid": {"old": old["id"], "new": task["status_id"]}},
        "parentId": shot["id"],
        "parents": [
            {"entityId": task["id"], "entityType": "task", "entity_type": "Task", "parentId": shot["id"]},
            {"entityId": shot["id"], "entityType": "task", "entity_type": "Shot", "parentId": project["id"]},
            {"entityId": project["id"], "entityType": "show", "entity_type": "Project", "parentId": None},
        ],
    }
    user = session.query("User where username is admin").one()
    event = heard[-1]
    assert event["data"]["user"] == {"userid": user["id"], "name": "admin"}
    assert set(event["data"]["parents"]) == {shot["id"], project["id"]}
    assert event["source"]["user"] == {"id": user["id"], "username": "admin"}


def test_a_commit_is_one_event_with_one_entry_an_entity(session: Any, shot: Any, hub: Hub) -> None:
    heard = hub.subscribe(UPDATES)
    tasks = [session.create("Task", {"name": f"t{number}", "parent": shot}) for number in range(3)]
    shot["description"] = "A bird."
    tasks[0]["name"] = "t9"
    session.commit()
    hub.until(lambda: of(heard, tasks[2], "add"), "the commit")
    (event,) = [event for event in heard if of([event], tasks[2], "add")]
    assert [(entry["action"], entry["entityId"]) for entry in event["data"]["entities"]] == [
        *(("add", task["id"]) for task in tasks),
        ("update", shot["id"]),
    ]
    assert event["data"]["entities"][0]["changes"]["name"] == {"old": None, "new": "t9"}


def test_a_deletion_tells_of_all_that_goes_with_it(session: Any, shot: Any, hub: Hub) -> None:
    task = session.create("Task", {"name": "comp", "parent": shot})
    asset = session.create("Asset", {"name": "plate", "parent": shot})
    version = session.create("AssetVersion", {"asset": asset, "task": task})
    session.commit()
    heard = hub.subscribe(UPDATES)
    session.delete(shot)
    session.commit()
    hub.until(lambda: of(heard, shot, "remove"), "the removal")
    assert {entry["entityId"] for entry in heard[-1]["data"]["entities"]} == {
        *(each["id"] for each in (shot, task, asset, version))
    }
    (entry,) = of(heard, version, "remove")
    assert [each["entityType"] for each in entry["parents"]] == ["assetversion", "asset", "task", "show"]
    assert entry["changes"]["taskid"] == {"old": task["id"], "new": None}


def test_a_new_parent_is_a_move(session: Any, shot: Any, hub: Hub) -> None:
    folder = session.create("Folder", {"name": "reels", "parent": shot["parent"]})
    session.commit()
    heard = hub.subscribe(UPDATES)
    shot["parent"] = folder
    session.commit()
    hub.until(lambda: of(heard, shot, "move"), "the move")
    (entry,) = of(heard, shot, "move")
    assert entry["keys"] == ["parent_id"]
    assert [each["entity_type"] for each in entry["parents"]] == ["Shot", "Folder", "Project"]


def test_nothing_is_told_of_what_did_not_happen(session: Any, shot: Any, hub: Hub) -> None:
    heard = hub.subscribe(UPDATES)
    name = shot["name"]
    shot["name"] = "sh999"
    shot["bid"] = "not a number"
    with pytest.raises(Exception, match="takes a number"):
        session.commit()
    session.rollback()
    session.call(
        [
            {
                "action": "update",
                "entity_type": "Shot",
                "entity_key": [shot["id"]],
                "entity_data": {"name": name},
            }
        ]
    )
    hub.drain()
    assert of(heard, shot, "update") == []  # its creation may be told late


@pytest.mark.slow
def test_what_was_committed_before_a_power_cut_is_told_after_it(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        session = open_session(server, tmp_path)
        session.create("Project", {"name": "opera"})
        session.commit()
        eventually(lambda: left(server) == 0, "an outbox that is empty")
        server.kill()
        # As a crash between the commit and the log leaves it.
        entities = [{"action": "add", "entityId": "x", "entityType": "task"}]
        with sqlite3.connect(server.data / "tracker.db") as database:
            for number in range(3):
                row = (f"{number:032x}", json.dumps({"entities": entities, "n": number}), "{}")
                database.execute("INSERT INTO outbox (event, data, source) VALUES (?, ?, ?)", row)
            beside = ("f" * 32, "ftrack.location.component-added", '{"n": 3}', "{}")
            database.execute("INSERT INTO outbox (event, topic, data, source) VALUES (?, ?, ?, ?)", beside)
        database.close()
        server.start()
        eventually(lambda: left(server) == 0, "an outbox that is empty")
        status, body = server.get("/v1/events?expression=topic%3Dftrack.*")
        told = [json.loads(line) for line in body.splitlines()] if status == 200 else []
        topics = ["ftrack.update"] * 3 + ["ftrack.location.component-added"]
        assert [(event["topic"], event["data"]["n"]) for event in numbered(told)] == list(
            zip(topics, range(4), strict=True)
        )
        session.close()


def test_a_commit_of_many_entities_is_one_event(server: Server, hub: Hub, shot: Any) -> None:
    heard = hub.subscribe(UPDATES)
    names = [f"f{number}" for number in range(1_500)]
    assert do(server, *(create("Folder", name=name, parent_id=shot["project_id"]) for name in names)) == 200
    hub.until(lambda: heard, "the commit")
    assert [entry["changes"]["name"]["new"] for entry in heard[0]["data"]["entities"]] == names
    assert heard[0]["data"]["parents"] == [shot["project_id"]]


def test_a_user_who_was_deleted_is_welcomed_again(server: Server, hub: Hub, shot: Any) -> None:
    me = 'User where username is "admin"'
    (before,) = found(server, me)
    assert do(server, delete("User", before["id"])) == 200
    (again,) = found(server, me)
    assert again["id"] != before["id"]
    heard = hub.subscribe(UPDATES)
    assert do(server, change("Shot", shot["id"], description="Told by whom?")) == 200
    by = hub.until(lambda: [event for event in heard if is_described(event)], "the change")[0]
    (user,) = found(server, me)
    assert by["data"]["user"] == {"userid": user["id"], "name": "admin"}
    assert by["source"]["user"]["id"] == user["id"]


def test_a_commit_larger_than_an_event_may_be_is_told_in_parts(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\nhub:\n  max_event: 16KiB\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server, ftrack_py(server) as hub:
        heard = hub.subscribe(UPDATES)
        session = open_session(server, tmp_path)
        project = session.create("Project", {"name": "opera"})
        made = [session.create("Folder", {"name": f"f{number}", "parent": project}) for number in range(20)]
        session.commit()
        hub.until(lambda: of(heard, made[-1], "add"), "the last of them")
        told = [entry["entityId"] for event in heard for entry in event["data"]["entities"]]
        assert told[-21:] == [project["id"], *(each["id"] for each in made)]
        assert len(heard) > 2
        session.close()


def test_a_text_larger_than_an_event_may_be_is_told_cut(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\nhub:\n  max_event: 16KiB\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server, ftrack_py(server) as hub:
        heard = hub.subscribe(UPDATES)
        session = open_session(server, tmp_path)
        project = session.create("Project", {"name": "opera", "full_name": "x" * 20_000})
        other = session.create("Project", {"name": "other"})
        session.commit()
        hub.until(lambda: of(heard, other, "add"), "what comes behind it")
        (entry,) = of(heard, project, "add")
        assert entry["changes"]["fullname"] == {"old": None, "new": "x" * 1000 + "…"}
        assert entry["changes"]["name"] == {"old": None, "new": "opera"}
        session.close()


def is_described(event: Any) -> bool:
    return any("description" in entry["keys"] for entry in event["data"]["entities"])


def numbered(found: list[Any]) -> list[Any]:
    events = found[0]["events"] if len(found) == 1 and "events" in found[0] else found
    events = [each.get("event", each) for each in events]
    return [each for each in events if "n" in each["data"]]


def left(server: Server) -> int:
    database = sqlite3.connect(server.data / "tracker.db")
    try:
        return int(database.execute("SELECT count(*) FROM outbox").fetchone()[0])
    finally:
        database.close()


def test_the_catalog_knows_what_is_told(session: Any, shot: Any, server: Server) -> None:
    with ftrack_py(server) as listener:
        heard = listener.subscribe(UPDATES)
        shot["description"] = "x"
        session.commit()
        listener.until(lambda: of(heard, shot, "update"), "the update")
    import msgspec

    from callboard.catalog.studio import Update

    told = json.loads(json.dumps(heard[-1]["data"]))  # the creation may have come late, before it
    assert msgspec.convert(told, Update).entities[0].action == "update"
