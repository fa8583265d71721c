"""The official JavaScript client's Session, unchanged, against a real tracker."""

from __future__ import annotations

import uuid

from tests.clients.node import needs_node, node
from tests.clients.official import Hub
from tests.serving import Server

pytestmark = needs_node


def test_a_session_creates_finds_changes_and_deletes(server: Server, hub: Hub) -> None:
    heard = hub.subscribe("topic=ftrack.update")
    with node("session.mjs") as session:
        session.do("open", url=server.url, user=server.user, key=server.key)
        assert session.said("opened") == {"is": "opened", "version": "25.6.0", "keys": ["id"]}
        session.do("create", type="Project", data={"name": f"js_{uuid.uuid4().hex[:8]}"})
        project = session.said("created")["data"]
        session.do("create", type="Task", data={"name": "print", "parent_id": project["id"]})
        task = session.said("created")["data"]
        session.do("update", type="Task", keys=[task["id"]], data={"description": "at once"})
        assert session.said("updated")["data"]["description"] == "at once"
        where = f'parent.name is "{project["name"]}"'
        session.do("query", expression=f"select name, parent.name, created_at from Task where {where}")
        (found,) = session.said("found")["data"]
        assert (found["name"], found["parent"]["name"]) == ("print", project["name"])
        assert found["created_at"].endswith("Z")  # a moment, as the client makes of it
        session.do("ensure", type="User", data={"username": "admin", "first_name": "Ada"}, by=["username"])
        assert session.said("ensured")["data"]["first_name"] == "Ada"
        session.do("remove", type="Project", keys=[project["id"]])
        assert session.said("removed")["data"] is True
    hub.until(
        lambda: [entry for event in heard for entry in event["data"]["entities"] if is_gone(entry, project)]
    )
    tokens = {event["data"]["clientToken"] for event in heard}
    assert len(tokens) == 1
    assert str(tokens.pop()).startswith("ftrack-javascript-api")


def test_a_session_finds_by_words_and_knows_which_statuses_there_are(server: Server) -> None:
    with node("session.mjs") as session:
        session.do("open", url=server.url, user=server.user, key=server.key)
        session.said("opened")
        session.do("create", type="Project", data={"name": f"js_{uuid.uuid4().hex[:8]}"})
        project = session.said("created")["data"]
        for name in ("The dragon's lair", "The dragon sleeps", "50%_done"):
            session.do("create", type="Shot", data={"name": name, "parent_id": project["id"]})
            session.said("created")
        for terms, wanted in (["DRAGON", "lair"], 1), (["dragon"], 2), (["50%_"], 1), ([], 3), (["%"], 1):
            wish = {"expression": "select name from Shot", "entityType": "Shot", "terms": terms}
            session.do("search", wish={**wish, "contextId": project["id"]})
            assert len(session.said("searched")["data"]) == wanted
        for kind in ("Task", "Shot", "AssetVersion"):
            session.do("statuses", schema=project["project_schema_id"], type=kind)
            assert "Ready to print" in [each["name"] for each in session.said("listed")["data"]]


def is_gone(entry: dict[str, str], project: dict[str, str]) -> bool:
    return (entry["entityId"], entry["action"]) == (project["id"], "remove")


def test_a_session_is_told_what_is_wrong_by_the_class_of_its_error(server: Server) -> None:
    with node("session.mjs") as session:
        session.do("open", url=server.url, user=server.user, key=server.key)
        session.said("opened")
        session.do("query", expression="select nam from Task")
        assert session.said("error") == {
            "is": "error",
            "of": "query",
            "name": "ServerValidationError",
            "message": "Task has no attribute 'nam': did you mean 'name'?",
        }
        session.do("open", url=server.url, user=server.user, key="wrong")
        assert session.said("error")["name"] == "ServerPermissionDeniedError"
