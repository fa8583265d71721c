"""The official Python client's Session, unchanged, against a real tracker."""

from __future__ import annotations

import contextlib
import json
import uuid
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import ftrack_api.exception
import pytest

from tests.clients.official import Hub
from tests.serving import Server
from tests.tracker.conftest import open_session

ServerError = ftrack_api.exception.ServerError


def name(what: str) -> str:
    """Return a name that no other test has."""
    return f"{what}_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def project(session: Any) -> Any:
    made = session.create("Project", {"name": name("opera"), "full_name": "The Opera"})
    session.commit()
    return made


@pytest.fixture
def shot(session: Any, project: Any) -> Any:
    sequence = session.create("Sequence", {"name": "sq010", "parent": project})
    made = session.create("Shot", {"name": "sh010", "parent": sequence})
    session.commit()
    return made


def test_a_session_begins_and_finds_its_user(session: Any) -> None:
    user = session.query('User where username is "admin"').one()
    assert user["username"] == "admin"
    assert user["created_at"].tzinfo is not None
    assert session.server_information["schema_hash"]


def test_a_second_session_takes_the_schemas_that_the_first_one_kept(server: Server, tmp_path: Path) -> None:
    open_session(server, tmp_path).close()
    kept = tmp_path / "ftrack_api_schema_cache.json"
    kept.write_text(kept.read_text())
    with contextlib.closing(open_session(server, tmp_path)) as session:
        assert session._read_schemas_from_cache(str(kept))[1] == session.server_information["schema_hash"]


def test_what_is_created_can_be_walked_in_every_direction(session: Any, project: Any, shot: Any) -> None:
    task = session.create("Task", {"name": "comp", "parent": shot, "bid": 3.5})
    session.commit()
    assert task["status"]["name"] == "Not started"
    assert [each["name"] for each in task["link"]] == [project["name"], "sq010", "sh010", "comp"]
    assert task["project"]["full_name"] == "The Opera"
    assert shot["children"][0] is task
    assert (task["bid"], task["parent"]["parent"]["name"]) == (3.5, "sq010")
    assert task["created_by"]["username"] == "admin"
    assert session.get("TypedContext", task["id"]) is task


def test_another_session_sees_what_was_committed(
    session: Any, shot: Any, server: Server, tmp_path: Path
) -> None:
    due = datetime(2026, 12, 24, 18, tzinfo=UTC)
    task = session.create("Task", {"name": "light", "parent": shot, "end_date": due})
    session.commit()
    with contextlib.closing(open_session(server, tmp_path / "other")) as other:
        seen = other.get("Task", task["id"])
        assert (seen["name"], seen["end_date"]) == ("light", due)
        seen["description"] = "Ünïcode, 'quotes' and \"more\""
        seen["status"] = other.query("Status where name is Approved").one()
        other.commit()
    del task["description"], task["status"]
    session.populate(task, "description, status.name, status.state.name")
    assert task["description"] == "Ünïcode, 'quotes' and \"more\""
    assert (task["status"]["name"], task["status"]["state"]["name"]) == ("Approved", "Done")


def test_deleting_a_project_deletes_all_that_is_in_it(session: Any, project: Any, shot: Any) -> None:
    task = session.create("Task", {"name": "comp", "parent": shot})
    shot["metadata"]["lens"] = "50mm"
    shot.create_note("Too dark.", session.query("User where username is admin").one())
    session.commit()
    session.delete(project)
    session.commit()
    assert session.query(f"Metadata where parent_id is {shot['id']}").all() == []
    assert session.query(f"Note where parent_id is {shot['id']}").all() == []
    found = session.query(f"select id from Context where id in ({project['id']}, {shot['id']}, {task['id']})")
    assert found.all() == []


def test_assets_versions_and_components_belong_together(session: Any, shot: Any, tmp_path: Path) -> None:
    part = tmp_path / "part.stl"
    part.write_bytes(b"solid part\nendsolid part\n")
    asset = session.create(
        "Asset",
        {"name": "hero", "parent": shot, "type": session.query('AssetType where name is "Model"').one()},
    )
    versions = [session.create("AssetVersion", {"asset": asset}) for _ in range(2)]
    session.commit()
    assert [each["version"] for each in versions] == [1, 2]
    component = versions[1].create_component(str(part), {"name": "main"}, location=None)
    session.commit()
    found = session.query(f'Component where version.asset.id is "{asset["id"]}"').one()
    assert (found, found.entity_type) == (component, "FileComponent")
    assert (component["size"], component["file_type"], component["system_type"]) == (25, ".stl", "file")
    origin = session.query('Location where name is "ftrack.origin"').one()
    assert origin.get_resource_identifier(component) == str(part)
    unmanaged = session.query('Location where name is "ftrack.unmanaged"').one()
    unmanaged.add_component(component, origin)
    assert component.get_availability()[unmanaged["id"]] == 100.0


def test_a_component_is_announced_when_it_is_added_to_a_location_and_taken_from_it(
    session: Any, shot: Any, hub: Hub, tmp_path: Path
) -> None:
    added = hub.subscribe("topic=ftrack.location.component-added")
    removed = hub.subscribe("topic=ftrack.location.component-removed")
    session.event_hub.connect()
    (tmp_path / "a.txt").write_text("a")
    component = session.create_component(str(tmp_path / "a.txt"), {"name": "main"}, location=None)
    unmanaged = session.query("Location where name is ftrack.unmanaged").one()
    unmanaged.add_component(component, session.query("Location where name is ftrack.origin").one())
    unmanaged.remove_component(component)
    hub.until(lambda: len(added) == 2 and removed, "events of locations")
    ids = (component["id"], unmanaged["id"])
    assert added[1]["data"] == dict(
        zip(("component_id", "location_id", "componentId", "locationId"), ids * 2, strict=True)
    )
    assert removed[0]["data"]["component_id"] == component["id"]


def test_notes_are_written_and_answered(session: Any, shot: Any) -> None:
    author = session.query("User where username is admin").one()
    note = shot.create_note("Too dark.", author)
    reply = note.create_reply("Brighter now.", author)
    session.commit()
    del shot["notes"], note["replies"]
    assert [each["content"] for each in shot["notes"]] == ["Too dark."]
    assert note["replies"][0] is reply
    assert session.query(f'Note where parent_id is "{shot["id"]}"').one()["author"]["username"] == "admin"


def test_metadata_is_kept_by_key(session: Any, shot: Any) -> None:
    shot["metadata"]["lens"] = "50mm"
    shot["metadata"]["take"] = "3"
    session.commit()
    shot["metadata"]["lens"] = "85mm"
    del shot["metadata"]["take"]
    session.commit()
    del shot["metadata"]
    assert dict(shot["metadata"]) == {"lens": "85mm"}


def test_people_are_assigned(session: Any, shot: Any) -> None:
    user = session.create("User", {"username": name("jane")})
    task = session.create("Task", {"name": "comp", "parent": shot})
    session.create("Appointment", {"context": task, "resource": user})
    session.commit()
    mine = session.query(f'Task where assignments any (resource.username is "{user["username"]}")')
    assert mine.all() == [task]


def test_lists_hold_what_is_put_into_them(session: Any, project: Any, shot: Any) -> None:
    made = session.create("TypedContextList", {"name": "dailies", "project": project})
    session.create("ListObject", {"list": made, "entity_id": shot["id"]})
    session.commit()
    assert [each["entity_id"] for each in made["list_objects"]] == [shot["id"]]
    assert made["owner"]["username"] == "admin"


def test_many_are_read_page_by_page(session: Any, shot: Any) -> None:
    for number in range(120):
        session.create("Task", {"name": f"t{number:03}", "parent": shot})
    session.commit()
    found = session.query(f"Task where parent_id is {shot['id']} order by name", page_size=50)
    assert [each["name"] for each in found] == [f"t{number:03}" for number in range(120)]


@pytest.mark.parametrize(
    ("entity", "data", "said"),
    [
        ("Task", {"name": "x"}, "ValidationError\\(Task needs a parent"),
        ("Task", {"name": "", "parent_id": "SHOT"}, "Task needs name"),
        (
            "Task",
            {"name": "x", "parent_id": "nowhere"},
            "NotFoundError\\(Task.parent points to the Context nowhere",
        ),
        ("Task", {"name": "x", "parent_id": "SHOT", "bid": "many"}, "Task.bid takes a number, not 'many'"),
        ("Task", {"name": "x", "parent_id": "SHOT", "status_id": "none"}, "points to the Status none"),
        (
            "Task",
            {"name": "x", "parent_id": "SHOT", "project_id": "p"},
            "Task.project_id is made by the tracker",
        ),
        (
            "Shot",
            {"name": "sh010", "parent_id": "SEQUENCE"},
            "DuplicateEntryError\\(There is one like this already",
        ),
        ("User", {"username": "admin"}, "DuplicateEntryError"),
    ],
)
def test_what_can_not_be_created_is_refused_with_its_reason(
    session: Any, shot: Any, entity: str, data: dict[str, Any], said: str
) -> None:
    places = {"SHOT": shot["id"], "SEQUENCE": shot["parent_id"]}
    before = len(session.query("select id from Context"))
    with pytest.raises(ServerError, match=said):
        session.call(
            [
                {
                    "action": "create",
                    "entity_type": "Folder",
                    "entity_data": {"name": "half", "parent_id": shot["id"]},
                },
                {
                    "action": "create",
                    "entity_type": entity,
                    "entity_data": {key: places.get(value, value) for key, value in data.items()},
                },
            ]
        )
    assert len(session.query("select id from Context")) == before


def test_what_others_point_to_can_not_be_deleted(session: Any, shot: Any) -> None:
    status = session.query("Status where name is 'Not started'").one()
    session.delete(status)
    with pytest.raises(
        ServerError, match=r"IntegrityError\(\d+ entities \(\w+ first\) point to this by status_id"
    ):
        session.commit()


def test_a_shot_can_not_be_moved_into_itself(session: Any, shot: Any) -> None:
    sequence = shot["parent"]
    sequence["parent"] = shot
    with pytest.raises(ServerError, match="can't be moved into itself"):
        session.commit()


def test_what_is_gone_can_not_be_changed(session: Any, shot: Any, server: Server, tmp_path: Path) -> None:
    with contextlib.closing(open_session(server, tmp_path / "other")) as other:
        other.delete(other.get("Shot", shot["id"]))
        other.commit()
    shot["name"] = "sh020"
    with pytest.raises(ServerError, match=r"NotFoundError\(There is no Shot"):
        session.commit()


def test_of_two_writers_both_are_told_in_order(
    session: Any, shot: Any, hub: Hub, server: Server, tmp_path: Path
) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    begun = str(shot["name"])
    with contextlib.closing(open_session(server, tmp_path / "other")) as other:
        sessions = [(session, shot), (other, other.get("Shot", shot["id"]))]
        for number in range(4):
            mine, seen = sessions[number % 2]
            seen["name"] = f"sh{number}"
            mine.commit()

    def changed() -> list[Any]:
        entries = [entry for event in heard for entry in event["data"]["entities"]]
        return [entry["changes"]["name"] for entry in entries if entry["action"] == "update"]

    hub.until(lambda: len(changed()) == 4, "four updates")
    changes = changed()
    assert [change["new"] for change in changes] == ["sh0", "sh1", "sh2", "sh3"]
    assert [change["old"] for change in changes] == [begun, "sh0", "sh1", "sh2"]


def test_without_the_right_key_there_is_no_session(server: Server, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="FTAuthenticationError"):
        ftrack_api.Session(server.url, "wrong", server.user, schema_cache_path=str(tmp_path))


def test_a_key_without_the_right_may_not(server: Server, tmp_path: Path) -> None:
    status, body = server.post("/v1/keys", {"user": "visitor"})
    assert status == 201
    key = json.loads(body)["key"]
    with pytest.raises(ServerError, match="right `tracker`"):
        ftrack_api.Session(server.url, key, "visitor", schema_cache_path=str(tmp_path))
