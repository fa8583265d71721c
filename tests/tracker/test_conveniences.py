"""What the official Python client does for its users beyond create, query and delete.

Each method of ftrack_api/session.py and ftrack_api/entity that needs the server is here, with what it
gives; docs/tracker.md lists those that are refused.
"""

from __future__ import annotations

import gc
import json
import logging
import re
import uuid
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import ftrack_api
import pytest
from ftrack_api.exception import NotUniqueError, ServerError

from tests.clients.official import Hub
from tests.serving import Server
from tests.tracker.conftest import open_session


def name(what: str) -> str:
    return f"{what}_{uuid.uuid4().hex[:8]}"


@pytest.fixture
def shot(session: Any) -> Any:
    project = session.create("Project", {"name": name("breadth"), "full_name": "Breadth"})
    sequence = session.create("Sequence", {"name": "sq010", "parent": project})
    made = session.create("Shot", {"name": "sh010", "parent": sequence, "bid": 3})
    session.create("Task", {"name": "comp", "parent": made})
    session.commit()
    return made


@pytest.fixture
def version(session: Any, shot: Any) -> Any:
    asset = session.create("Asset", {"name": "plate", "parent": shot})
    made = session.create("AssetVersion", {"asset": asset})
    session.commit()
    return made


@pytest.fixture
def user(session: Any) -> Any:
    made = session.create("User", {"username": name("jane"), "first_name": "Jane"})
    session.commit()
    return made


def told(heard: list[Any], kind: str) -> list[Any]:
    """Return what was told of entities of a type; what was made before may be told late."""
    entries = [entry for event in heard for entry in event["data"]["entities"]]
    return [entry for entry in entries if entry["entityType"] == kind]


def fresh(server: Server, cache: Path) -> Any:
    """Return another session, which knows nothing yet."""
    return open_session(server, cache)


def test_ancestors_and_descendants_are_read_from_any_level(session: Any, shot: Any) -> None:
    task = shot["children"][0]
    assert [each["name"] for each in task["ancestors"]] == ["sq010", "sh010"]
    assert [each["name"] for each in shot["parent"]["descendants"]] == ["sh010", "comp"]
    assert [each["name"] for each in shot["project"]["descendants"]] != []


def test_projections_may_be_narrowed_to_a_type(server: Server, tmp_path: Path, shot: Any) -> None:
    where = f"where project_id is {shot['project_id']}"
    with fresh(server, tmp_path) as session:
        task = session.query(f"select ancestors[Shot].bid, ancestors.name from Task {where}").one()
        with session.auto_populating(False):
            sequence, above = task["ancestors"]
            assert (above["bid"], above["name"], sequence["name"]) == (3, "sh010", "sq010")
            assert sequence["bid"] is ftrack_api.symbol.NOT_SET
    with fresh(server, tmp_path) as session:
        task = session.query(f"select parent[Shot].parent.name, parent[Task].bid from Task {where}").one()
        with session.auto_populating(False):
            assert task["parent"]["parent"]["name"] == "sq010"
            assert task["parent"]["bid"] is ftrack_api.symbol.NOT_SET


def test_what_a_note_is_about_is_read_with_it(
    server: Server, tmp_path: Path, version: Any, user: Any
) -> None:
    version.create_note("Too dark.", user)
    version["asset"]["parent"].create_note("Start here.", user)
    version.session.commit()
    with fresh(server, tmp_path) as session:
        shown = "content, parent.id, parent.name, parent.version"
        asked = f"select {shown} from Note where author.id is {user['id']}"
        about = {each["content"]: each["parent"] for each in session.query(asked)}
        with session.auto_populating(False):
            assert about["Too dark."].entity_type == "AssetVersion"
            assert about["Too dark."]["version"] == 1
            assert (about["Start here."].entity_type, about["Start here."]["name"]) == ("Shot", "sh010")


def test_notes_have_labels_recipients_and_replies(session: Any, shot: Any, user: Any) -> None:
    group = session.create("Group", {"name": name("lighting")})
    session.create("Membership", {"user": user, "group": group})
    label = session.query('NoteLabel where name is "Client feedback"').one()
    me = session.query("User where username is admin").one()
    note = shot.create_note("Warmer, please.", me, recipients=[user, group], labels=[label])
    note.create_reply("Done.", user)
    session.commit()
    found = session.query(f"Note where recipients any (resource_id is {group['id']})").one()
    assert found is note
    session.populate(
        note, "recipients.recipient, note_label_links.label.name, replies.content, replies.author"
    )
    assert {each["recipient"]["id"] for each in note["recipients"]} == {user["id"], group["id"]}
    assert [each["label"]["name"] for each in note["note_label_links"]] == ["Client feedback"]
    assert [(each["content"], each["author"]["id"]) for each in note["replies"]] == [("Done.", user["id"])]
    assert [each["user"]["id"] for each in group["memberships"]] == [user["id"]]
    assert session.query(f"User where memberships.group.name is {group['name']}").one() is user


def test_a_category_of_a_note_is_a_label(session: Any, shot: Any, user: Any) -> None:
    label = session.query("NoteLabel where name is Internal").one()
    with pytest.warns(PendingDeprecationWarning):
        note = shot.create_note("Between us.", user, category=label)
    session.commit()
    assert session.query(
        "Note where note_label_links.label.name is Internal and content like 'Between%'"
    ).all()
    session.delete(note)
    session.commit()


def test_metadata_of_many_kinds_of_things(session: Any, version: Any, user: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    component = version.create_component(str(tmp_path / "a.txt"), {"name": "main"}, location=None)
    about = [version, version["asset"], version["asset"]["parent"], user, component]
    for each in about:
        each["metadata"]["source"] = "camera"
        each["metadata"] = {**each["metadata"], "take": "3"}
    session.commit()
    for each in about:
        del each["metadata"]
        assert dict(each["metadata"]) == {"source": "camera", "take": "3"}
    found = session.query(
        f"select parent.id from Metadata where parent_id is {user['id']} and key is take"
    ).one()
    assert found["parent"] is user


def test_a_project_schema_says_which_statuses_and_types_there_are(session: Any, shot: Any) -> None:
    schema = shot["project"]["project_schema"]
    modeling = session.query("Type where name is Modeling").one()
    in_order = [each["name"] for each in session.query("Status")]
    assert in_order[:2] == ["Not started", "Ready to start"]
    for asked in ("Task", "Shot", "AssetBuild", "AssetVersion"):
        assert [each["name"] for each in schema.get_statuses(asked)] == in_order
    for asked in ("Task", "Shot"):
        assert modeling in schema.get_types(asked)
    only = session.create("WorkflowSchema", {"name": "Short"})
    done = session.query("Status where name is Approved").one()
    only["statuses"].append(done)
    session.create(
        "ProjectSchemaOverride", {"project_schema": schema, "type": modeling, "workflow_schema": only}
    )
    session.commit()
    del schema["_overrides"]
    assert [each["name"] for each in schema.get_statuses("Task", modeling["id"])] == ["Approved"]


def test_timers_become_time_logs(session: Any, shot: Any, user: Any, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    task = shot["children"][0]
    user.start_timer(task, comment="Keying")
    with pytest.raises(NotUniqueError):
        user.start_timer(task)
    session.rollback()
    timelog = user.stop_timer()
    assert (timelog["context_id"], timelog["comment"]) == (task["id"], "Keying")
    user.start_timer(task, force=True)
    assert session.query(f"Timer where user_id is {user['id']}").one()["context_id"] == task["id"]
    session.create("Timelog", {"user": user, "context": task, "duration": 3600, "comment": "Roto"})
    session.commit()
    del task["timelogs"]
    assert sorted(each["comment"] for each in task["timelogs"]) == ["Keying", "Roto"]
    hub.until(lambda: told(heard, "timer"), "updates of timers")
    first = told(heard, "timer")[0]
    assert (first["objectTypeId"], first["action"]) == ("timer", "add")


def test_jobs_say_how_far_something_is(session: Any, version: Any, tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("a")
    component = version.create_component(str(tmp_path / "a.txt"), {"name": "main"}, location=None)
    job = session.create("Job", {"status": "running", "data": json.dumps({"description": "Publishing"})})
    session.create("JobComponent", {"job_id": job["id"], "component_id": component["id"]})
    session.commit()
    job["status"] = "done"
    session.commit()
    found = session.query(
        f"select status, user.username, job_components from Job where id is {job['id']}"
    ).one()
    assert (found["status"], found["type"], found["user"]["username"]) == ("done", "api_job", "admin")
    assert [each["component_id"] for each in found["job_components"]] == [component["id"]]
    with pytest.raises(ValueError, match="api_job"):
        session.create("Job", {"type": "encode_media"})


def test_components_are_where_they_were_added(session: Any, version: Any, tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"f.{number:04d}.exr").write_text("x")
    (tmp_path / "main.ma").write_text("x")
    disk = session.ensure("Location", {"name": name("disk")})
    disk.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(tmp_path / "disk"))
    disk.structure = ftrack_api.structure.standard.StandardStructure()
    disk.priority = 0
    component = version.create_component(str(tmp_path / "main.ma"), {"name": "scene"}, location=disk)
    frames = version.create_component(str(tmp_path / "f.%04d.exr [0-2]"), {"name": "frames"}, location=disk)
    session.commit()
    assert session.pick_location()["id"] == disk["id"]
    assert session.pick_location(component)["id"] == disk["id"]
    assert session.pick_locations([component, frames])[1]["id"] == disk["id"]
    assert component.get_availability()[disk["id"]] == 100.0
    assert session.get_component_availability(frames, [disk]) == {disk["id"]: 100.0}
    where = Path(disk.get_filesystem_path(component))
    assert where.is_file()
    assert disk.get_filesystem_paths([component]) == [str(where)]
    assert disk.get_component_availability(component) == 100.0
    assert disk.get_resource_identifier(component) == str(where.relative_to(tmp_path / "disk"))
    assert len(frames["members"]) == 3
    disk.remove_component(component)
    assert component.get_availability([disk]) == {disk["id"]: 0.0}


def test_a_thumbnail_is_a_component_that_is_pointed_to(session: Any, version: Any, tmp_path: Path) -> None:
    (tmp_path / "t.png").write_bytes(b"\x89PNG")
    made = session.create_component(str(tmp_path / "t.png"), {"name": "thumbnail"}, location=None)
    version["thumbnail"] = made
    session.commit()
    found = session.query(f"select thumbnail.name from AssetVersion where id is {version['id']}").one()
    assert found["thumbnail"]["name"] == "thumbnail"


def test_lists_take_items(server: Server, tmp_path: Path, shot: Any, version: Any) -> None:
    session = shot.session
    dailies = session.create("AssetVersionList", {"name": name("dailies"), "project": shot["project"]})
    todo = session.create("TypedContextList", {"name": name("todo"), "project": shot["project"]})
    dailies["items"].append(version)
    todo["items"] = [shot, shot["children"][0]]
    session.commit()
    with fresh(server, tmp_path) as other:
        found = other.get("TypedContextList", todo["id"])
        assert {each["id"] for each in found["items"]} == {shot["id"], shot["children"][0]["id"]}
        found["items"].remove(other.get("Shot", shot["id"]))
        other.commit()
        assert [each["name"] for each in found["items"]] == ["comp"]
        assert other.query(f"AssetVersion where lists.name is {dailies['name']}").one()["id"] == version["id"]
        assert other.query(f"Task where lists any (id is {todo['id']})").one()["name"] == "comp"


def test_versions_know_the_latest_and_what_they_use(session: Any, version: Any) -> None:
    asset = version["asset"]
    second = session.create("AssetVersion", {"asset": asset})
    second["uses_versions"].append(version)
    session.commit()
    asked = f"select version, is_latest_version from AssetVersion where asset_id is {asset['id']}"
    latest = {
        each["version"]: each["is_latest_version"] for each in session.query(f"{asked} order by version")
    }
    assert latest == {1: False, 2: True}
    assert session.query(f"{asked} and is_latest_version is true").one() is second
    assert session.query(f"{asked} and is_latest_version is False").one() is version
    assert asset["latest_version"] is second
    assert session.query(f"Asset where id is {asset['id']} and latest_version.version is 2").one() is asset
    assert [each["id"] for each in version["used_in_versions"]] == [second["id"]]
    session.delete(second)
    session.commit()
    session.populate(asset, "latest_version")
    assert asset["latest_version"] is version


def test_the_history_of_a_status_is_kept(session: Any, shot: Any, version: Any, hub: Hub) -> None:
    names = ("In progress", "Approved")
    statuses = [session.query(f'Status where name is "{each}"').one() for each in names]
    heard = hub.subscribe("topic=ftrack.update")
    for entity in (shot, version):
        for status in statuses:
            entity["status"] = status
            session.commit()
        shot["description"] = "no news"
        session.commit()
        asked = "select date, status.name, from_status.name, user.username, parent.id from StatusChange"
        found = session.query(f"{asked} where parent_id is {entity['id']} order by date").all()
        assert [(each["from_status"]["name"], each["status"]["name"]) for each in found] == [
            ("Not started", "In progress"),
            ("In progress", "Approved"),
        ]
        assert {each["user"]["username"] for each in found} == {"admin"}
        assert {each["parent"]["id"] for each in found} == {entity["id"]}
        assert len(entity["status_changes"]) == 2
    hub.until(lambda: told(heard, "assetversion"), "an update")
    assert told(heard, "statuschange") == []
    session.delete(shot)
    session.commit()
    assert session.query(f"StatusChange where parent_id is {shot['id']}").all() == []


@pytest.mark.parametrize("action", ["create", "update"])
def test_history_is_not_written_by_hand(session: Any, shot: Any, action: str) -> None:
    shot["status"] = session.query("Status where name is Approved").one()
    session.commit()
    change = shot["status_changes"][0]
    data = {"parent_id": shot["id"], "status_id": shot["status"]["id"], "date": "2020-01-01"}
    operation = {"action": action, "entity_type": "StatusChange", "entity_data": data}
    with pytest.raises(ServerError, match="StatusChange"):
        session.call([{**operation, "entity_key": [change["id"]]}])


def test_one_context_may_wait_for_another(session: Any, shot: Any, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    second = session.create("Task", {"name": "light", "parent": shot})
    session.create("TypedContextLink", {"from": shot["children"][0], "to": second})
    session.commit()
    assert [each["from"]["name"] for each in second["incoming_links"]] == ["comp"]
    hub.until(lambda: told(heard, "dependency"), "an update")
    assert set(told(heard, "dependency")[0]["keys"]) == {"from_id", "to_id"}


def test_an_entity_is_found_or_made(session: Any, shot: Any) -> None:
    data = {"name": "sh020", "parent_id": shot["parent_id"], "bid": 5.0}
    made = session.ensure("Shot", data, identifying_keys=["name", "parent_id"])
    again = session.ensure("Shot", {**data, "bid": 7.0}, identifying_keys=["name", "parent_id"])
    assert again is made
    assert session.query(f"Shot where id is {made['id']} and bid is 7").one() is made


def test_settings_are_kept_by_name_and_group(session: Any) -> None:
    group = name("STORAGE")
    session.create("Setting", {"name": "storage_scenario", "group": group, "value": "{}"})
    session.commit()
    asked = f'select value from Setting where name is "storage_scenario" and group is "{group}"'
    setting = session.query(asked).one()
    setting["value"] = '{"scenario": "none"}'
    session.commit()
    del setting["value"]
    assert setting["value"] == '{"scenario": "none"}'


def test_several_entities_are_filled_at_once(server: Server, tmp_path: Path, shot: Any) -> None:
    session = shot.session
    for number in range(5):
        session.create("Task", {"name": f"t{number}", "parent": shot, "bid": number})
    session.commit()
    with fresh(server, tmp_path) as other:
        tasks = other.query(f"select id from Task where parent_id is {shot['id']}").all()
        other.populate(tasks, "name, bid, status.name, ancestors.name")
        with other.auto_populating(False):
            assert sorted(each["name"] for each in tasks) == ["comp", "t0", "t1", "t2", "t3", "t4"]
            assert {each["status"]["name"] for each in tasks} == {"Not started"}


def test_pages_of_any_size_make_the_same_whole(session: Any, shot: Any) -> None:
    for number in range(23):
        session.create("Task", {"name": f"p{number:02d}", "parent": shot})
    session.commit()
    asked = f"Task where parent_id is {shot['id']} and name like 'p%' order by name"
    wanted = [f"p{number:02d}" for number in range(23)]
    for size in (1, 7, 23, 500):
        assert [each["name"] for each in session.query(asked, page_size=size)] == wanted
    assert [each["name"] for each in session.query(f"{asked} limit 9 offset 4", page_size=5)] == wanted[4:13]
    assert session.query(asked).first()["name"] == "p00"


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        (lambda session, user, file: session.reset_remote("api_key", user), "reset_remote"),
        (lambda session, user, file: user.send_invite(), "send_user_invite"),
        (lambda session, user, file: session.get_widget_url("tasks"), "get_widget_url"),
        (lambda session, user, file: session.encode_media(file), "encode_media.*make the film yourself"),
        (lambda session, user, file: session.send_review_session_invites([user]), "send_review_session"),
    ],
)
def test_what_is_not_there_is_refused_by_name(
    session: Any, user: Any, tmp_path: Path, ask: Any, said: str
) -> None:
    (tmp_path / "a.png").write_bytes(b"\x89PNG")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the client leaves the file open
        assert re.search(said, said_by(lambda: ask(session, user, str(tmp_path / "a.png"))), re.DOTALL)
        gc.collect()


def said_by(work: Callable[[], Any]) -> str:
    """Return what a call is refused with, and keep nothing of it: pytest keeps what is logged."""
    logging.disable()
    try:
        work()
    except Exception as error:
        return str(error)
    finally:
        logging.disable(logging.NOTSET)
    raise AssertionError("it was not refused")


@pytest.mark.parametrize("kind", ["AssetVersion", "Asset", "User", "TypedContextList", "Project"])
def test_custom_attributes_are_for_more_than_shots(session: Any, version: Any, user: Any, kind: str) -> None:
    asset = version["asset"]
    project = asset["parent"]["project"]
    todo = session.create("TypedContextList", {"name": name("todo"), "project": project})
    what = {
        "AssetVersion": version,
        "Asset": asset,
        "User": user,
        "TypedContextList": todo,
        "Project": project,
    }
    called = {"Project": "show", "TypedContextList": "list"}.get(kind, kind.lower())
    key = name("key")
    number = session.query("CustomAttributeType where name is number").one()
    session.create(
        "CustomAttributeConfiguration", {"key": key, "entity_type": called, "type": number, "default": 1}
    )
    session.commit()
    entity = what[kind]
    del entity["custom_attributes"]
    assert entity["custom_attributes"][key] == 1
    entity["custom_attributes"][key] = 2.5
    session.commit()
    del entity["custom_attributes"]
    assert entity["custom_attributes"][key] == 2.5
    found = session.query(f'{kind} where custom_attributes any (key is {key} and value is "2.5")').one()
    assert found is entity
    value = session.query(f"select value, entity_id from CustomAttributeValue where key is {key}").one()
    assert (value["value"], value["entity_id"]) == (2.5, entity["id"])
    session.delete(entity)
    session.commit()
    assert session.query(f"CustomAttributeValue where key is {key}").all() == []


def test_a_custom_attribute_of_a_version_is_told_with_its_own_key(
    session: Any, version: Any, hub: Hub
) -> None:
    key = name("key")
    text = session.query("CustomAttributeType where name is text").one()
    session.create("CustomAttributeConfiguration", {"key": key, "entity_type": "assetversion", "type": text})
    session.commit()
    heard = hub.subscribe("topic=ftrack.update")
    version["custom_attributes"][key] = "final"
    session.commit()
    hub.until(lambda: any(key in each["data"]["entities"][0]["keys"] for each in heard), "an update")
    (entry,) = heard[-1]["data"]["entities"]
    assert (entry["entityType"], entry["entityId"]) == ("assetversion", version["id"])
    assert entry["changes"] == {key: {"old": None, "new": "final"}}


def test_a_hierarchical_attribute_is_handed_down(server: Server, tmp_path: Path, version: Any) -> None:
    session = version.session
    shot = version["asset"]["parent"]
    key = name("fps")
    number = session.query("CustomAttributeType where name is number").one()
    data = {"key": key, "is_hierarchical": True, "type": number, "default": 24}
    session.create("CustomAttributeConfiguration", data)
    session.commit()
    task = shot["children"][0]

    def seen() -> list[Any]:
        with fresh(server, tmp_path) as other:
            about = [("Project", shot["project_id"]), ("Shot", shot["id"]), ("Task", task["id"])]
            about += [("Asset", version["asset_id"]), ("AssetVersion", version["id"])]
            return [other.get(kind, id_)["custom_attributes"][key] for kind, id_ in about]

    assert seen() == [24, 24, 24, 24, 24]
    with fresh(server, tmp_path) as other:
        other.get("Project", shot["project_id"])["custom_attributes"][key] = 25
        other.commit()
        assert seen() == [25, 25, 25, 25, 25]
        other.get("Shot", shot["id"])["custom_attributes"][key] = 48
        other.commit()
        assert seen() == [25, 48, 48, 48, 48]


def test_an_enumerator_may_have_several_values(session: Any, shot: Any) -> None:
    key = name("tools")
    kind = session.query("CustomAttributeType where name is enumerator").one()
    options = json.dumps([{"menu": "Nuke", "value": "nuke"}, {"menu": "Maya", "value": "maya"}])
    config = json.dumps({"multiSelect": True, "data": options})
    data = {"key": key, "entity_type": "show", "type": kind, "config": config}
    session.create("CustomAttributeConfiguration", data)
    session.commit()
    project = shot["project"]
    project["custom_attributes"][key] = ["nuke", "maya"]
    session.commit()
    del project["custom_attributes"]
    assert project["custom_attributes"][key] == ["nuke", "maya"]


def test_a_value_may_be_made_by_its_configuration(session: Any, user: Any) -> None:
    key = name("desk")
    text = session.query("CustomAttributeType where name is text").one()
    made = session.create("CustomAttributeConfiguration", {"key": key, "entity_type": "user", "type": text})
    session.commit()
    value = {"configuration_id": made["id"], "entity_id": user["id"], "value": "12"}
    session.call(
        [{"action": "create", "entity_type": "CustomAttributeValue", "entity_key": [], "entity_data": value}]
    )
    assert user["custom_attributes"][key] == "12"
    with pytest.raises(ServerError, match="User nobody, which is not there"):
        session.call(
            [
                {
                    "action": "create",
                    "entity_type": "CustomAttributeValue",
                    "entity_key": [],
                    "entity_data": {**value, "entity_id": "nobody"},
                }
            ]
        )
