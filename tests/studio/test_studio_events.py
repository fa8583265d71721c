"""Every event of the studio seed, asked for in earnest and answered by the official clients.

`docs/studio-events.md` has a row for each. To write its table anew from what comes now:
`CALLBOARD_RECORD=1 ./dev test tests/studio/test_studio_events.py`.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar
from urllib.parse import urlencode

import ftrack_api.accessor.disk
import ftrack_api.structure.standard
import pytest

from callboard import catalog
from tests.catalog.seeds import SEEDS, paths, studio_seed
from tests.clients.node import Node, ftrack_js, needs_node
from tests.clients.official import Hub, ftrack_py
from tests.serving import Server, eventually, serving
from tests.studio import eventpage
from tests.studio.questioning import asked, events, posted
from tests.tracker.conftest import open_session

F = TypeVar("F", bound=Callable[..., Any])

TOPICS = sorted(name for name, each in catalog.CATALOG.items() if each.source == "studio-events: Events list")
SHOWN_BY: dict[str, str] = {}
RECORDED: dict[str, tuple[Any, Any]] = {}

TASK = {"entityId": "eb16970c-5fc6-11e2-bb9a-f23c91df25eb", "entityType": "task"}
ADDED, REMOVED = "ftrack.location.component-added", "ftrack.location.component-removed"
TRIGGER = "ftrack.action.trigger-user-interface"


def shows(*topics: str) -> Callable[[F], F]:
    """Note which topics a test has asked and answered."""

    def note(test: F) -> F:
        SHOWN_BY.update(dict.fromkeys(topics, test.__name__))
        return test

    return note


class Listener:
    """An official client that listens: in Python, where its handlers run while we ask, or in JavaScript."""

    def __init__(self, server: Server, client: Hub | Node) -> None:
        self._server, self._client = server, client
        self._heard: dict[str, list[Any]] = {}
        self._numbers = itertools.count()

    @property
    def hubs(self) -> tuple[Hub, ...]:
        """What has to be served while we ask."""
        return (self._client,) if isinstance(self._client, Hub) else ()

    def listen(self, topic: str, answer: Any = None, metadata: dict[str, Any] | None = None) -> None:
        """Subscribe, and return once the server knows it."""
        if isinstance(self._client, Hub):
            self._heard[topic] = self._client.subscribe(f"topic={topic}", answer, metadata)
            return
        wish = {"name": topic, "expression": f"topic={topic}", "reply": answer, "metadata": metadata or {}}
        self._client.do("subscribe", **wish)
        self._client.said("subscribed", name=topic)
        self.publish(f"settled.{uuid.uuid4().hex}", {})

    def heard(self, topic: str) -> Any:
        """Return the next event of a topic that it was told."""
        if isinstance(self._client, Hub):
            return self._client.until(lambda: self._heard[topic] and self._heard[topic].pop(0), topic)
        return self._client.said("heard", name=topic)["event"]

    def publish(self, topic: str, data: Any, target: str = "") -> Any:
        """Publish, and return the entry of the log."""
        if isinstance(self._client, Hub):
            sent = self._client.publish(topic, data, target=target)["id"]
        else:
            self._client.do("publish", topic=topic, data=data, target=target)
            sent = self._client.said("published")["id"]
        (entry,) = eventually(lambda: events(self._server, f'topic="{topic}" and id="{sent}"'), topic)
        return entry


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("disks") / "london"
    folder.mkdir()
    return folder


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, disk: Path) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("studio")
    config = folder / "callboard.yaml"
    config.write_text(f"tracker:\nstudio: {{locations: [{{name: london, folder: {disk}}}]}}\n")
    with serving(folder / "data", "--config", str(config)) as running:
        yield running


@pytest.fixture(params=["python", pytest.param("javascript", marks=needs_node)])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def listener(server: Server, language: str) -> Iterator[Listener]:
    client = ftrack_py(server) if language == "python" else ftrack_js(server)
    with client as connected:
        yield Listener(server, connected)


@pytest.fixture
def session(server: Server, tmp_path: Path) -> Iterator[Any]:
    with contextlib.closing(open_session(server, tmp_path)) as opened:
        opened.event_hub.connect()
        yield opened


def version_in(session: Any, project: str) -> Any:
    """Return a new version of an asset in a new project."""
    shot = session.create("Shot", {"name": "sh010", "parent": session.create("Project", {"name": project})})
    version = session.create(
        "AssetVersion", {"asset": session.create("Asset", {"name": "comp", "parent": shot})}
    )
    session.commit()
    return version


def record(language: str, event: Any, reply: Any = None) -> None:
    """Check that an event has the seed's keys, and those that the catalog knows; keep it for the page."""
    topic = event["topic"]
    known = catalog.CATALOG[topic]
    if SEEDS.is_dir():
        data, answer = studio_seed()[topic]
        assert set(paths(data)) <= set(paths(event["data"])), event["data"]
        assert answer is None or set(paths(answer)) <= set(paths(reply)), reply
    assert known.free or event["data"].keys() <= catalog.keys(topic), event["data"]
    if language == "python":
        RECORDED[topic] = (event, reply)


def published(server: Server, topic: str) -> Any:
    """Return the newest event of a topic as the log has it."""
    return events(server, f"topic={topic}")[-1]["event"]


# Each of them


@shows("ftrack.connect")
def test_a_users_workstation_is_told_what_to_do(server: Server, listener: Listener, language: str) -> None:
    wish = {"action": "start", "plugin": "publish", "entity": TASK}
    listener.listen("ftrack.connect")
    assert posted(server, "/v1/connect", wish, *listener.hubs)["asked"] == 1
    event = listener.heard("ftrack.connect")
    assert event["data"] == wish
    assert event["source"]["user"]["username"] == "admin"
    record(language, published(server, "ftrack.connect"))


@shows("ftrack.dynamic-enumerator")
def test_a_menu_gets_its_entries(server: Server, listener: Listener, language: str) -> None:
    answer = [{"name": "Menu item name", "value": "menu_item_value"}]
    asking = {
        "attributeName": "my_dynamic_enumerator",
        "recordData": {"entity": TASK, "changes": {}},
        "query": "",
        "sorters": [],
        "groupers": [],
        "filters": [],
    }
    listener.listen("ftrack.dynamic-enumerator", answer)
    assert posted(server, "/v1/enumerators", asking, *listener.hubs) == {"items": answer, "faults": []}
    assert listener.heard("ftrack.dynamic-enumerator")["data"] == asking
    record(language, published(server, "ftrack.dynamic-enumerator"), answer)


@shows("ftrack.action.discover")
def test_actions_are_offered(server: Server, listener: Listener, language: str) -> None:
    answer = {
        "items": [
            {
                "label": "Mega Modeling",
                "icon": "http://mega-modeling.example.com/logo.png",
                "variant": "2014",
                "description": "Launch Mega Modeling 2014",
                "actionIdentifier": "my-action-callback-identifier",
                "actionData": {"applicationIdentifier": "mega_modeling_2014"},
            },
            {
                "label": "Cool Compositor v2",
                "actionIdentifier": "my-action-callback-identifier",
                "actionData": {"cc_plugins": ["foo", "bar"], "applicationIdentifier": "cc_v2"},
            },
        ]
    }
    listener.listen("ftrack.action.discover", answer)
    menu = posted(server, "/v1/actions/discover", {"selection": [TASK]}, *listener.hubs)
    assert menu == {**answer, "faults": []}
    assert listener.heard("ftrack.action.discover")["data"]["context"]["selection"] == [TASK]
    record(language, published(server, "ftrack.action.discover"), answer)


@shows("ftrack.action.launch")
def test_an_action_is_launched(server: Server, listener: Listener, language: str) -> None:
    answer = {"success": True, "message": "maya-2014 launched successfully."}
    item = {
        "label": "Maya",
        "variant": "2014",
        "actionIdentifier": "my-action-callback-identifier",
        "actionData": {"applicationIdentifier": "maya-2014"},
    }
    listener.listen("ftrack.action.launch", answer)
    body = {"item": item, "selection": [TASK]}
    (reply,) = posted(server, "/v1/actions/launch", body, *listener.hubs)["replies"]
    assert reply["data"] == answer
    assert listener.heard("ftrack.action.launch")["data"] == {
        **item,
        "applicationIdentifier": "maya-2014",
        "selection": [TASK],
        "context": {"selection": [TASK]},
    }
    record(language, published(server, "ftrack.action.launch"), answer)


@shows(TRIGGER)
def test_a_message_reaches_the_client_of_one_user(server: Server, listener: Listener, language: str) -> None:
    _, me = asked(server, "GET", "/v1/user")
    listener.listen(TRIGGER, None, {"applicationId": "ftrack.client.web", "user": me})
    data = {"type": "message", "success": True, "message": "A message to the user."}
    elsewhere = 'applicationId=ftrack.client.web and user.id="somebody-else"'
    listener.publish(TRIGGER, {**data, "message": "Not for you."}, elsewhere)
    entry = listener.publish(TRIGGER, data, f'applicationId=ftrack.client.web and user.id="{me["id"]}"')
    assert listener.heard(TRIGGER)["data"] == data
    record(language, entry["event"])


@shows(ADDED, REMOVED)
def test_a_component_is_added_to_a_location_and_removed(
    server: Server, listener: Listener, language: str, session: Any, disk: Path, tmp_path: Path
) -> None:
    london = session.query('Location where name is "london"').one()
    london.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(disk))
    london.structure = ftrack_api.structure.standard.StandardStructure()
    (tmp_path / "comp.exr").write_bytes(b"picture")
    listener.listen(ADDED)
    listener.listen(REMOVED)
    version = version_in(session, f"london_{language}")
    component = version.create_component(str(tmp_path / "comp.exr"), {"name": "main"}, location=london)
    london.remove_component(component)
    for topic in (ADDED, REMOVED):
        while (data := listener.heard(topic)["data"])["locationId"] != london["id"]:
            pass  # the client puts it into its own location of origin first, and says so
        assert data["componentId"] == data["component_id"] == component["id"]
        assert data["location_id"] == london["id"]
        here = f'data.componentId="{component["id"]}" and data.locationId="{london["id"]}"'
        (entry,) = events(server, f"topic={topic} and {here}")
        record(language, entry["event"])


@shows("ftrack.location.request-resolve")
def test_the_path_of_a_component_is_found(server: Server, listener: Listener, language: str) -> None:
    answer = {"path": "/fully/resolved/path"}
    listener.listen("ftrack.location.request-resolve", answer)
    where = urlencode({"location": "tokyo", "platform": "Linux"})
    path = f"/v1/components/zb26970c-5dc6-1132-119a-f23c9fs325eq/path?{where}"
    status, found = asked(server, "GET", path, None, listener.hubs)
    assert (status, found["path"]) == (200, answer["path"])
    assert listener.heard("ftrack.location.request-resolve")["data"] == {
        "locationName": "tokyo",
        "componentId": "zb26970c-5dc6-1132-119a-f23c9fs325eq",
        "platform": "Linux",
        "serverUrl": server.url,
    }
    record(language, published(server, "ftrack.location.request-resolve"), answer)


@shows("ftrack.update")
def test_a_change_of_status_is_told(server: Server, listener: Listener, language: str, session: Any) -> None:
    project = session.create("Project", {"name": f"opera_{language}"})
    task = session.create("Task", {"name": "print the hero", "parent": project})
    session.commit()
    eventually(lambda: events(server, f'topic=ftrack.update and data.entities.entityId="{task["id"]}"'))
    listener.listen("ftrack.update")
    task["status"] = session.query('Status where name is "Ready to print"').one()
    session.commit()
    event = listener.heard("ftrack.update")
    (entity,) = event["data"]["entities"]
    assert (entity["action"], entity["entityId"], entity["entityType"]) == ("update", task["id"], "task")
    assert entity["changes"]["statusid"]["new"] == task["status"]["id"]
    assert entity["parents"][-1]["entityId"] == project["id"]
    record(language, published(server, "ftrack.update"))


@shows("ftrack.validate")
def test_a_new_project_is_checked(server: Server, listener: Listener, language: str) -> None:
    answer = {"changes": {"name": "MY PROJECT"}, "errors": {"fullname": "Must be more than 3 characters."}}
    given = {
        "name": "my project",
        "fullname": "m",
        "status": "active",
        "startdate": "2014-08-05T23:00:00.000Z",
    }
    listener.listen("ftrack.validate", answer)
    status, problem = asked(server, "POST", "/v1/projects", given, listener.hubs)
    assert (status, problem["errors"], problem["changes"]) == (422, answer["errors"], answer["changes"])
    assert listener.heard("ftrack.validate")["data"] == given
    record(language, published(server, "ftrack.validate"), answer)


# The page


def test_the_page_has_a_row_for_each_topic_of_the_seed() -> None:
    assert set(TOPICS) == set(SHOWN_BY)
    if os.environ.get("CALLBOARD_RECORD") and set(TOPICS) <= set(RECORDED):
        eventpage.write(TOPICS, SHOWN_BY, RECORDED)
    found = eventpage.rows()
    assert list(found) == TOPICS
    assert {topic: test for topic, (test, _, _) in found.items()} == SHOWN_BY


@pytest.mark.parametrize("topic", TOPICS)
def test_the_page_shows_the_keys_that_came(topic: str) -> None:
    if topic not in RECORDED:
        pytest.skip("its test did not run now")
    _, event, reply = eventpage.rows()[topic]
    came, said = RECORDED[topic]
    assert (event["topic"], event["target"] == "") == (topic, came["target"] == "")
    assert set(paths(event)) == set(paths(came))
    assert reply == said
