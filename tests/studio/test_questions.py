"""Menus, new projects, paths and workstations: asked over HTTP, answered by official clients."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import ftrack_api
import pytest

from tests.clients.node import Node, needs_node
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, eventually, serving
from tests.studio.questioning import TASK, asked, events, posted, refused

ENUMERATORS, PROJECTS, CONNECT = "/v1/enumerators", "/v1/projects", "/v1/connect"
MENU = {
    "attributeName": "render_pool",
    "recordData": {"entity": TASK, "changes": {"bid": 3}},
    "query": "g",
    "sorters": [],
    "groupers": [],
    "filters": [{"property": "name"}],
}
WISH = {"action": "start", "plugin": "publish", "entity": TASK}


def entry(name: str, value: Any = None, **more: Any) -> dict[str, Any]:
    return {"name": name, "value": name if value is None else value, **more}


# Menus in forms


def test_a_menu_has_the_entries_of_its_listener(server: Server, hub: Hub) -> None:
    heard = hub.subscribe(
        "topic=ftrack.dynamic-enumerator and data.attributeName=render_pool",
        answer=[entry("GPU pool", "gpu"), entry("Group pool", {"id": 7}, icon="x")],
    )
    menu = posted(server, ENUMERATORS, MENU, hub)
    assert menu == {
        "items": [entry("GPU pool", "gpu"), entry("Group pool", {"id": 7}, icon="x")],
        "faults": [],
    }
    assert heard[0]["data"] == MENU


def test_what_is_left_out_is_empty(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.dynamic-enumerator", answer=[])
    asking = {"attributeName": "pool", "recordData": {"entity": TASK}}
    assert posted(server, ENUMERATORS, asking, hub) == {"items": [], "faults": []}
    empty: dict[str, Any] = {"query": "", "sorters": [], "groupers": [], "filters": []}
    assert heard[0]["data"] == {**asking, "recordData": {"entity": TASK, "changes": {}}, **empty}


def test_entries_of_several_listeners_are_joined_and_the_first_of_equal_values_stays(
    server: Server, hub: Hub, other: Hub
) -> None:
    hub.subscribe("topic=ftrack.dynamic-enumerator", answer=[entry("a"), entry("both, here", "both")])
    other.subscribe("topic=ftrack.dynamic-enumerator", answer=[entry("both, there", "both"), entry("b")])
    found = posted(server, ENUMERATORS, MENU, hub, other)["items"]
    assert sorted(each["value"] for each in found) == ["a", "b", "both"]
    (both,) = (each["name"] for each in found if each["value"] == "both")
    first = found[0]["name"]
    assert both == ("both, here" if first == "a" else "both, there")


@needs_node
def test_a_menu_is_filled_in_javascript(server: Server, js: Node) -> None:
    js.do(
        "subscribe",
        name="a",
        expression="topic=ftrack.dynamic-enumerator",
        reply=[entry("one", 1), entry("t", True)],
    )
    js.said("subscribed")
    eventually(
        lambda: posted(server, ENUMERATORS, MENU)["items"] == [entry("one", 1), entry("t", True)], "the menu"
    )


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"items": [entry("a")]}, "no list of entries"),
        ("gpu", "no list of entries"),
        ([entry("good"), "gpu"], "Entry 2 has no `name` and `value`"),
        ([entry("good"), {"name": "x"}], "Entry 2"),
        ([entry("good"), {"name": 7, "value": 7}], "Entry 2"),
    ],
)
def test_entries_that_make_no_sense_are_named(server: Server, hub: Hub, answer: Any, reason: str) -> None:
    hub.subscribe("topic=ftrack.dynamic-enumerator", answer=answer)
    menu = posted(server, ENUMERATORS, MENU, hub)
    assert reason in menu["faults"][0]["reason"]
    assert [each["name"] for each in menu["items"]] in ([], ["good"])


@pytest.mark.parametrize(
    "wrong",
    [
        {"attributeName": ""},
        {"recordData": {}},
        {"recordData": {"entity": {"entityType": "task"}}},
        {"query": 7},
        {"filters": {}},
        {"atributeName": "x"},
    ],
)
def test_a_question_for_a_menu_that_makes_no_sense_is_refused(server: Server, wrong: dict[str, Any]) -> None:
    assert refused(server, ENUMERATORS, {**MENU, **wrong})[0] == 400


# New projects


def project(server: Server, folder: Path, name: str) -> Any:
    session = ftrack_api.Session(server.url, server.key, server.user, schema_cache_path=str(folder))
    try:
        return session.query(
            f'select name, full_name, start_date, status from Project where name is "{name}"'
        ).first()
    finally:
        session.close()


def test_listeners_change_what_is_created(server: Server, hub: Hub, tmp_path: Path) -> None:
    heard = hub.subscribe(
        "topic=ftrack.validate",
        answer=lambda event: {"changes": {"name": event["data"]["name"].upper()}, "errors": {}},
    )
    given = {
        "name": "my project",
        "fullname": "My Project",
        "status": "active",
        "startdate": "2014-08-05T23:00:00.000Z",
    }
    made = posted(server, PROJECTS, given, hub)
    assert heard[0]["data"] == given
    assert heard[0]["source"]["user"]["username"] == "admin"
    assert made["changes"] == {"name": "MY PROJECT"}
    found = project(server, tmp_path, "MY PROJECT")
    assert found["id"] == made["project"]["id"]
    assert found["full_name"] == "My Project"
    assert found["start_date"].isoformat() == "2014-08-05T23:00:00+00:00"


def test_the_four_fields_of_the_seed_are_always_there(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.validate", answer={})
    posted(server, PROJECTS, {"name": "short", "color": "#ff0000"}, hub)
    assert heard[0]["data"].keys() == {"name", "fullname", "status", "startdate", "color"}
    assert (heard[0]["data"]["fullname"], heard[0]["data"]["status"]) == ("short", "active")


def test_errors_of_all_listeners_refuse_by_field_and_nothing_is_created(
    server: Server, hub: Hub, other: Hub, tmp_path: Path
) -> None:
    hub.subscribe("topic=ftrack.validate", answer={"errors": {"fullname": "Too short.", "name": "No."}})
    other.subscribe(
        "topic=ftrack.validate", answer={"errors": {"name": "Never."}, "changes": {"status": "hidden"}}
    )
    status, problem = refused(server, PROJECTS, {"name": "refused"}, hub, other)
    assert (status, problem["type"]) == (422, "/v1/docs#invalid")
    assert problem["errors"]["fullname"] == "Too short."
    assert sorted(problem["errors"]["name"].split()) == ["Never.", "No."]
    assert problem["changes"] == {"status": "hidden"}
    assert project(server, tmp_path, "refused") is None


@needs_node
def test_a_listener_in_javascript_refuses_too(server: Server, js: Node) -> None:
    said = {"errors": {"name": "Names begin with a letter."}}
    js.do("subscribe", name="a", expression="topic=ftrack.validate", reply=said)
    js.said("subscribed")
    numbers = iter(range(100))

    def is_refused() -> bool:
        return bool(
            asked(server, "POST", PROJECTS, {"name": f"1-{next(numbers)}"})[1].get("errors") == said["errors"]
        )

    eventually(is_refused, "a refusal")


def test_what_makes_no_sense_refuses_nobody_and_is_named(server: Server, hub: Hub, other: Hub) -> None:
    hub.subscribe("topic=ftrack.validate", answer=["no"])
    other.subscribe(
        "topic=ftrack.validate",
        answer={"errors": {"name": 7}, "changes": {"fulname": "x", "status": "hidden"}},
    )
    made = posted(server, PROJECTS, {"name": "despite"}, hub, other)
    reasons = sorted(fault["reason"] for fault in made["faults"])
    assert any("no verdict" in reason for reason in reasons)
    assert any("error of `name` is no text" in reason for reason in reasons)
    assert any("'fulname'" in reason and "'fullname'" in reason for reason in reasons)
    assert made["project"]["status"] == "hidden"


def test_a_change_that_the_tracker_does_not_take_is_told_by_field(
    server: Server, hub: Hub, tmp_path: Path
) -> None:
    hub.subscribe("topic=ftrack.validate", answer={"changes": {"startdate": "tomorrow"}})
    status, problem = refused(server, PROJECTS, {"name": "when"}, hub)
    assert status == 422
    assert "start_date" in problem["errors"]["startdate"]
    assert project(server, tmp_path, "when") is None


@pytest.mark.parametrize(
    ("given", "field"),
    [
        ({}, "name"),
        ({"name": "  "}, "name"),
        ({"name": 7}, "name"),
        ({"name": None}, "name"),
        ({"name": "x" * 300}, "name"),
        ({"name": "x", "startdate": "soon"}, "startdate"),
        ({"name": "x", "is_private": "yes"}, "is_private"),
        ({"name": "x", "ful_name": "x"}, "ful_name"),
        ({"name": "x", "id": "mine"}, "id"),
    ],
)
def test_fields_that_can_not_be_are_refused_before_anybody_is_asked(
    server: Server, given: dict[str, Any], field: str
) -> None:
    before = len(events(server, "topic=ftrack.validate"))
    status, problem = refused(server, PROJECTS, given)
    assert status == 422
    assert field in problem["errors"]
    assert len(events(server, "topic=ftrack.validate")) == before


def test_a_field_that_points_to_nothing_is_the_callers_to_mend(server: Server) -> None:
    status, problem = refused(server, PROJECTS, {"name": "astray", "taskschemeid": "nowhere"})
    assert status == 422
    assert "nowhere, which is not there" in problem["detail"]


def test_a_name_that_is_taken_is_a_conflict(server: Server) -> None:
    posted(server, PROJECTS, {"name": "taken"})
    status, problem = refused(server, PROJECTS, {"name": "taken"})
    assert (status, list(problem["errors"])) == (409, ["name"])


def test_a_project_is_created_by_who_asks(server: Server) -> None:
    made = posted(server, "/v1/keys", {"user": "jane", "rights": ["tracker"]})
    mine = {"ftrack-user": "jane", "ftrack-api-key": made["key"]}
    status, body = asked(server, "POST", PROJECTS, {"name": "by jane"}, **mine)
    assert status == 201, body

    def told() -> list[Any]:
        updates = [each["event"] for each in events(server, "topic=ftrack.update")]
        return [each for each in updates if body["project"]["id"] == each["data"]["entities"][0]["entityId"]]

    (update,) = eventually(told, "the update")
    assert update["source"]["user"]["username"] == "jane"
    asking = events(server, 'topic=ftrack.validate and data.name="by jane"')[0]["event"]
    assert update["source"]["trace"] == {"correlation": asking["id"], "cause": asking["id"], "hops": 1}


def test_a_key_without_the_right_creates_no_project(server: Server) -> None:
    made = posted(server, "/v1/keys", {"user": "guest"})
    mine = {"ftrack-user": "guest", "ftrack-api-key": made["key"]}
    assert asked(server, "POST", PROJECTS, {"name": "x"}, **mine)[0] == 403


def test_without_a_tracker_it_says_how_to_turn_it_on(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as bare, ftrack_py(bare) as hub:
        status, problem = refused(bare, PROJECTS, {"name": "x"})
        assert (status, problem["type"]) == (404, "/v1/docs#no-tracker")
        assert "`tracker:`" in problem["detail"]
        heard = hub.subscribe("topic=ftrack.action.discover", answer={})
        assert posted(bare, "/v1/actions/discover", {"selection": []}, hub) == {"items": [], "faults": []}
        assert heard[0]["source"]["user"] == {"id": "admin", "username": "admin"}


# Paths


def where(component: str, **parameters: Any) -> str:
    return f"/v1/components/{component}/path?{urlencode(parameters)}"


def test_the_first_path_is_the_answer(server: Server, hub: Hub, other: Hub) -> None:
    heard = hub.subscribe(
        "topic=ftrack.location.request-resolve and data.locationName=london",
        answer={"path": "/mnt/london/opera/comp v4.exr"},
    )
    other.subscribe("topic=ftrack.location.request-resolve")  # knows nothing, says nothing
    path = where("zb26970c", location="london", platform="linux", timeout=300)
    status, found = asked(server, "GET", path, None, (hub, other))
    assert (status, found["path"]) == (200, "/mnt/london/opera/comp v4.exr")
    assert found["publisher"] == "admin"
    assert heard[0]["data"] == {
        "locationName": "london",
        "componentId": "zb26970c",
        "platform": "Linux",
        "serverUrl": server.url,
    }


@needs_node
def test_a_path_may_come_from_javascript(server: Server, js: Node) -> None:
    js.do("subscribe", name="a", expression="topic=ftrack.location.request-resolve", reply={"path": "L:\\a"})
    js.said("subscribed")
    path = where("zb26970c", platform="Windows")
    eventually(lambda: asked(server, "GET", path)[1].get("path") == "L:\\a", "the path")
    assert (
        events(server, "topic=ftrack.location.request-resolve")[-1]["event"]["data"]["locationName"] is None
    )


@pytest.mark.parametrize(
    "answer", [{"path": ""}, {"path": 7}, "path", {"path": "a\nb"}, {"path": "x" * 5000}]
)
def test_a_path_that_can_not_be_used_is_named_and_the_next_one_wins(
    server: Server, hub: Hub, other: Hub, answer: Any
) -> None:
    hub.subscribe("topic=ftrack.location.request-resolve", answer=answer)
    status, problem = asked(server, "GET", where("abc", location="x"), None, (hub,))
    assert status == 404
    assert "`path`" in problem["faults"][0]["reason"]
    other.subscribe("topic=ftrack.location.request-resolve", answer={"path": "/good"})
    status, found = asked(server, "GET", where("abc", location="x"), None, (hub, other))
    assert (status, found["path"]) == (200, "/good")


def test_where_nobody_knows_it_is_said(server: Server) -> None:
    status, problem = asked(server, "GET", where("abc", location="paris", timeout=300))
    assert status == 404
    assert "Nobody who listens" in problem["detail"]
    assert "'paris'" in problem["detail"]


@pytest.mark.parametrize(
    "wrong",
    [
        {"platform": "amiga"},
        {"timeout": "soon"},
        {"timeout": 301},
        {"timeout": "nan"},
        {"location": "x" * 300},
    ],
)
def test_a_question_for_a_path_that_makes_no_sense_is_refused(server: Server, wrong: dict[str, Any]) -> None:
    assert asked(server, "GET", where("abc", **wrong))[0] == 400


# Workstations


def test_a_workstation_hears_what_its_user_wishes(server: Server, hub: Hub) -> None:
    heard = hub.subscribe('topic=ftrack.connect and source.user.username="admin"')
    done = posted(server, CONNECT, WISH, hub)
    hub.until(lambda: heard)
    assert heard[0]["data"] == WISH
    assert set(heard[0]["source"]["user"]) == {"id", "username"}
    assert done["asked"] == 1
    assert events(server, "topic=ftrack.connect")[-1]["position"] == done["position"]


@needs_node
def test_a_workstation_in_javascript_hears_it_too(server: Server, js: Node) -> None:
    js.do("subscribe", name="desk", expression="topic=ftrack.connect")
    js.said("subscribed")
    eventually(lambda: posted(server, CONNECT, WISH)["asked"], "a listener")
    assert js.said("heard", name="desk")["event"]["data"] == WISH


def test_another_users_workstation_needs_the_right_to_be_anybody(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.connect and source.user.username=walter")
    posted(server, CONNECT, {**WISH, "user": "walter"}, hub)
    hub.until(lambda: heard)
    assert heard[0]["source"]["user"]["username"] == "walter"
    assert events(server, "topic=ftrack.connect")[-1]["publisher"] == "admin"

    made = posted(server, "/v1/keys", {"user": "wanda", "rights": ["tracker", "printers"]})
    mine = {"ftrack-user": "wanda", "ftrack-api-key": made["key"]}
    status, problem = asked(server, "POST", CONNECT, {**WISH, "user": "walter"}, **mine)
    assert (status, problem["type"]) == (403, "/v1/docs#denied")
    assert "`keys`" in problem["detail"]
    for body in (WISH, {**WISH, "user": "wanda"}):
        assert asked(server, "POST", CONNECT, body, **mine)[0] == 200


def test_nobody_who_listens_is_said(server: Server) -> None:
    assert posted(server, CONNECT, WISH)["asked"] == 0


@pytest.mark.parametrize(
    "wrong", [{"action": ""}, {"plugin": 7}, {"entity": {}}, {"entity": "x"}, {"user": ""}, {"usr": "x"}]
)
def test_a_wish_that_makes_no_sense_is_refused(server: Server, wrong: dict[str, Any]) -> None:
    assert refused(server, CONNECT, {**WISH, **wrong})[0] == 400


def test_what_led_to_a_question_is_told(server: Server) -> None:
    trace = {"correlation": "approval", "cause": "e17", "hops": 2}
    headers = {"callboard-trace": json.dumps(trace)}
    status, done = asked(server, "POST", CONNECT, WISH, (), **headers)
    assert status == 200, done
    assert events(server, "topic=ftrack.connect")[-1]["event"]["source"]["trace"] == trace
    assert asked(server, "POST", CONNECT, WISH, (), **{"callboard-trace": "no trace"})[0] == 400
