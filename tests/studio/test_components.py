"""Components and where they lie: put there by the official clients and by us, told once, found by all."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import subprocess
import sys
import threading
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import quote

import ftrack_api.accessor.disk
import ftrack_api.exception
import ftrack_api.structure.standard
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from callboard import connect
from callboard.studio.spelling import LONGEST, both
from tests.clients.node import ftrack_js, needs_node, node
from tests.clients.official import Hub
from tests.postgresql import postgresql
from tests.serving import Server, eventually, serving
from tests.slicing.models import box, text
from tests.tracker.conftest import open_session

ADDED, REMOVED = "ftrack.location.component-added", "ftrack.location.component-removed"


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.slow)])
def tracker(request: pytest.FixtureRequest) -> Iterator[str]:
    """Give the settings of a tracker, in either database."""
    if request.param == "sqlite":
        yield ""
        return
    with postgresql() as running:
        yield f" {{database: '{running.database()}'}}"


@pytest.fixture(scope="module")
def disk(tmp_path_factory: pytest.TempPathFactory, tracker: str) -> Path:
    return tmp_path_factory.mktemp("london")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, disk: Path, tracker: str) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("components")
    config = folder / "callboard.yaml"
    places = f"[{{name: london, folder: {disk}, paths: {{Windows: 'L:\\'}}}}, {{name: vault, folder: vault}}]"
    config.write_text(f"tracker:{tracker}\nstudio: {{resolve: 1s, locations: {places}}}\n")
    with serving(folder / "data", "--config", str(config)) as running:
        yield running


@pytest.fixture(scope="module")
def session(server: Server, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    opened = open_session(server, tmp_path_factory.mktemp("schemas"))
    with contextlib.closing(opened):
        opened.event_hub.connect()
        yield opened


@pytest.fixture(scope="module")
def london(session: Any, disk: Path) -> Any:
    location = session.query('Location where name is "london"').one()
    location.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(disk))
    location.structure = ftrack_api.structure.standard.StandardStructure()
    return location


@pytest.fixture
def task(session: Any) -> Any:
    project = session.create("Project", {"name": f"Opera {uuid.uuid4().hex[:8]}", "full_name": "The Opera"})
    shot = session.create("Shot", {"name": "sh010", "parent": project})
    made = session.create("Task", {"name": "Print the hero", "parent": shot})
    session.commit()
    return made


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "Hero.stl"
    path.write_bytes(text(box()))
    return path


def version_of(session: Any, task: Any) -> Any:
    asset = session.create("Asset", {"name": "Hero", "parent": task["parent"]})
    version = session.create("AssetVersion", {"asset": asset, "task": task})
    session.commit()
    return version


def path_of(server: Server, component: str, **query: str) -> tuple[int, Any]:
    asked = "&".join(f"{key}={quote(value)}" for key, value in query.items())
    status, body = server.get(f"/v1/components/{component}/path?{asked}")
    return status, json.loads(body)


def ask(server: Server, verb: str, **data: Any) -> dict[str, Any]:
    event = {"topic": f"callboard.studio.{verb}", "data": data}
    status, body = server.post("/v1/requests", {"event": event, "timeout": 20, "limit": 1})
    assert status == 200, body
    (reply,) = json.loads(body)["replies"]
    answer: dict[str, Any] = reply["event"]["data"]
    return answer


def stored(server: Server, expression: str) -> list[dict[str, Any]]:
    status, body = server.get(f"/v1/events?limit=1000&expression={quote(expression)}")
    assert status == 200, body
    return [each["event"] for each in json.loads(body)["events"]]


# Spellings


@pytest.mark.parametrize(
    ("sent", "kept"),
    [
        ('{"component_id":"c","location_id":"l"}', {"componentId": "c", "locationId": "l"}),
        ('{"componentId":"c","locationId":"l"}', {"component_id": "c", "location_id": "l"}),
        ('{"componentId":"c","location_id":"l","x":1e999}', {"component_id": "c", "locationId": "l"}),
    ],
)
def test_the_missing_spelling_is_added(sent: str, kept: dict[str, str]) -> None:
    made = json.loads(bytes(both(Raw(sent.encode()))))
    assert made == {**json.loads(sent), **kept}


@pytest.mark.parametrize(
    "sent",
    [
        '{"componentId":"c","component_id":"c","locationId":"l","location_id":"l"}',
        '{"componentId":"c","component_id":"other"}',
        '{"componentId":1,"locationId":null,"component_idx":"c"}',
        '{"componentId":{"a":1},"locationId":["l"]}',
        f'{{"componentId":"{"x" * LONGEST}"}}',
        *("[]", '"text"', "null", "3", "{}"),
    ],
)
def test_what_is_odd_or_complete_stays_as_it_is(sent: str) -> None:
    data = Raw(sent.encode())
    assert both(data) is data


@given(
    st.recursive(
        st.none() | st.text() | st.floats(allow_nan=False),
        lambda inner: (
            st.dictionaries(
                st.sampled_from(["componentId", "component_id", "locationId", "location_id", "x"]), inner
            )
            | st.lists(inner)
        ),
    )
)
def test_nothing_that_was_sent_is_lost(value: Any) -> None:
    made = json.loads(bytes(both(Raw(json.dumps(value).encode()))))
    if isinstance(value, dict):
        assert {key: made[key] for key in value} == value
    else:
        assert made == value


def test_who_listens_for_the_seeds_keys_hears_every_way_in(server: Server, hub: Hub) -> None:
    place = f"london-{uuid.uuid4().hex[:8]}"
    heard = hub.subscribe(f"topic={ADDED} and data.locationId={place}")
    today = {"component_id": "c1", "location_id": place}
    sent = hub.publish(ADDED, today)
    status, body = server.post("/v1/events", {"topic": ADDED, "data": today, "id": "by-http"})
    assert status == 201, body

    with connect(server.url, user=server.user, key=server.key) as board:
        board.publish(ADDED, today)
    hub.until(lambda: len(heard) == 3, "the event by three ways")
    assert all(each["data"] == {**today, "componentId": "c1", "locationId": place} for each in heard)
    assert [each["id"] for each in heard[:2]] == [sent["id"], "by-http"]


def test_who_listens_for_todays_keys_hears_the_seeds(server: Server, hub: Hub) -> None:
    place = f"paris-{uuid.uuid4().hex[:8]}"
    heard = hub.subscribe(f"topic={REMOVED} and data.location_id={place}")
    status, _ = server.post(
        "/v1/events", {"topic": REMOVED, "data": {"componentId": "c", "locationId": place}}
    )
    assert status == 201
    hub.until(lambda: heard)
    (kept,) = stored(server, f"topic={REMOVED} and data.locationId={place}")
    assert kept["data"]["component_id"] == "c"


# The official Python client


def test_a_component_is_put_into_our_location_by_the_official_client_and_its_path_is_found(
    session: Any, london: Any, task: Any, model: Path, server: Server, hub: Hub, disk: Path
) -> None:
    added = hub.subscribe(f"topic={ADDED} and data.locationId={london['id']}")
    removed = hub.subscribe(f"topic={REMOVED} and data.locationId={london['id']}")
    version = version_of(session, task)
    component = version.create_component(str(model), {"name": "main"}, location=london)
    place = Path(london.get_filesystem_path(component))
    assert place.read_bytes() == model.read_bytes()
    inside = f"{task['project']['name'].replace(' ', '_').lower()}/sh010/hero/v001/main.stl"
    assert place == disk / inside
    hub.until(lambda: added, "component-added")
    assert added[0]["data"]["componentId"] == added[0]["data"]["component_id"] == component["id"]
    assert path_of(server, component["id"], location="london", platform="Linux")[1]["path"] == str(place)
    windows = path_of(server, component["id"], location="london", platform="Windows")[1]["path"]
    assert windows == "L:\\" + inside.replace("/", "\\")
    assert path_of(server, component["id"])[1]["path"] == str(place)
    london.remove_component(component)
    hub.until(lambda: removed, "component-removed")
    assert not place.exists()
    status, problem = path_of(server, component["id"], location="london")
    assert status == 404
    assert "is not in the location 'london'" in json.dumps(problem)


def test_a_sequence_and_its_frames_are_put_into_our_location(
    session: Any, london: Any, task: Any, tmp_path: Path, server: Server
) -> None:
    for number in range(1, 4):
        (tmp_path / f"shot.{number:04d}.exr").write_bytes(b"frame")
    version = version_of(session, task)
    made = version.create_component(str(tmp_path / "shot.%04d.exr [1-3]"), {"name": "plate"}, location=london)
    assert path_of(server, made["id"])[1]["path"].endswith("/hero/v001/plate.%04d.exr")
    frames = [path_of(server, each["id"])[1]["path"] for each in made["members"]]
    assert sorted(Path(each).name for each in frames) == [f"plate.{n:04d}.exr" for n in (1, 2, 3)]
    assert all(Path(each).is_file() for each in frames)


def test_the_five_locations_that_clients_build_in_are_there(session: Any) -> None:
    found = {each["name"] for each in session.query("select name from Location").all()}
    built_in = {f"ftrack.{each}" for each in ("origin", "unmanaged", "review", "connect", "server")}
    assert built_in | {"london", "vault"} == found


def test_the_location_of_connect_takes_components_once_it_has_a_disk(
    session: Any, task: Any, model: Path, tmp_path: Path, hub: Hub
) -> None:
    heard = hub.subscribe(f"topic={ADDED} and data.locationId=07b82a97-8cf9-11e3-9383-20c9d081909b")
    place = session.query('Location where name is "ftrack.connect"').one()
    place.accessor = ftrack_api.accessor.disk.DiskAccessor(prefix=str(tmp_path / "connect"))
    place.structure = ftrack_api.structure.standard.StandardStructure()
    made = version_of(session, task).create_component(str(model), {"name": "main"}, location=place)
    assert Path(place.get_filesystem_path(made)).is_file()
    hub.until(lambda: heard, "component-added")
    assert [each["data"]["componentId"] for each in heard] == [made["id"]]
    assert session.get_component_availability(made)[place["id"]] == 100.0


def test_the_tracker_itself_never_says_that_a_component_was_added(
    session: Any, server: Server, london: Any
) -> None:
    made = session.create("FileComponent", {"name": "main", "file_type": ".txt"})
    session.create(
        "ComponentLocation", {"component": made, "location": london, "resource_identifier": "a.txt"}
    )
    session.commit()
    eventually(lambda: stored(server, f'topic=ftrack.update and data.entities.entityId="{made["id"]}"'))
    assert stored(server, f'topic={ADDED} and data.componentId="{made["id"]}"') == []


@needs_node
def test_the_javascript_clients_components_are_found_and_told_in_both_spellings(
    server: Server, london: Any, hub: Hub, disk: Path
) -> None:
    heard = hub.subscribe(f"topic={ADDED} and data.locationId={london['id']} and data.componentId=js*")
    component = f"js-{uuid.uuid4()}"
    place = {"component_id": component, "location_id": london["id"]}
    with node("session.mjs") as session, ftrack_js(server) as told:
        session.do("open", url=server.url, user=server.user, key=server.key)
        session.said("opened")
        made = {"id": component, "name": "main", "file_type": ".mov", "size": 4}
        session.do("create", type="FileComponent", data=made)
        session.said("created")
        session.do("create", type="ComponentLocation", data={**place, "resource_identifier": "js/main.mov"})
        session.said("created")
        told.do("subscribe", expression=f"topic={ADDED}")
        told.said("subscribed")
        told.do("publish", topic=ADDED, data=place)
        event = told.said("heard")["event"]
    hub.until(lambda: heard)
    assert (
        heard[0]["data"] == event["data"] == {**place, "componentId": component, "locationId": london["id"]}
    )
    assert path_of(server, component, location="london")[1]["path"] == str(disk / "js" / "main.mov")


# Paths


@pytest.mark.parametrize("resource", ["../../etc/passwd", "/etc/passwd", "C:\\x", "a\\..\\..\\x"])
def test_a_component_that_says_it_lies_outside_has_no_path(
    session: Any, server: Server, london: Any, resource: str
) -> None:
    made = session.create("FileComponent", {"name": "main", "file_type": ".txt"})
    session.create(
        "ComponentLocation", {"component": made, "location": london, "resource_identifier": resource}
    )
    session.commit()
    for query in ({"location": "london", "platform": "Windows"}, {"platform": "Linux"}):
        status, problem = path_of(server, made["id"], **query)
        assert (status, "path" in problem) == (404, False), problem
    answer = ask(server, "fetch", component=made["id"], file_type="txt")
    assert answer["success"] is False


def test_a_link_that_leads_out_of_a_location_has_no_path(
    session: Any, server: Server, london: Any, disk: Path, tmp_path: Path
) -> None:
    (tmp_path / "secret.txt").write_text("secret")
    with contextlib.suppress(FileExistsError):
        (disk / "out").symlink_to(tmp_path)
    made = session.create("FileComponent", {"name": "main", "file_type": ".txt"})
    session.create(
        "ComponentLocation", {"component": made, "location": london, "resource_identifier": "out/secret.txt"}
    )
    session.commit()
    status, problem = path_of(server, made["id"], location="london")
    assert status == 404
    assert "lies behind a link that leads out of 'london'" in json.dumps(problem)


def test_a_location_of_others_is_left_to_them(server: Server, hub: Hub) -> None:
    hub.subscribe(
        "topic=ftrack.location.request-resolve and data.locationName=berlin", {"path": "/berlin/a.exr"}
    )
    event = {
        "topic": "ftrack.location.request-resolve",
        "data": {"componentId": "c", "locationName": "berlin"},
    }

    def replies() -> Any:
        _, body = server.post("/v1/requests", {"event": event, "timeout": 5})
        return json.loads(body)["replies"]

    found: list[Any] = []
    asking = threading.Thread(target=lambda: found.extend(replies()))
    asking.start()
    hub.until(lambda: found, "a reply")
    asking.join()
    assert [each["event"]["data"] for each in found] == [{"path": "/berlin/a.exr"}]


# The studio room


def updates(server: Server, entity: str) -> list[dict[str, Any]]:
    return stored(server, f'topic=ftrack.update and data.entities.entityId="{entity}"')


def test_the_newest_versions_model_is_fetched_to_be_sliced(
    session: Any, london: Any, task: Any, model: Path, server: Server
) -> None:
    version_of(session, task).create_component(str(model), {"name": "old"}, location=london)
    asset = session.query(f'Asset where context_id is "{task["parent"]["id"]}"').one()
    newest = session.create("AssetVersion", {"asset": asset, "task": task})
    session.commit()
    component = newest.create_component(str(model), {"name": "main"}, location=london)
    answer = ask(server, "fetch", task=task["id"])
    path = f"studio/{task['id']}/Hero_v002_main.stl"
    assert answer == {
        "success": True,
        "message": f"Hero v002 is {path} now.",
        "path": path,
        "component": component["id"],
        "version": newest["id"],
        "number": 2,
        "asset": "Hero",
        "task": task["id"],
        "location": "london",
        "sha256": hashlib.sha256(model.read_bytes()).hexdigest(),
    }
    assert server.get(f"/v1/files/local/{quote(path)}?download=true")[1] == model.read_bytes()
    (added,) = stored(server, f'topic=octoprint.FileAdded and data.path="{path}"')
    assert ask(server, "fetch", version=newest["id"], file_type="stl")["path"] == path
    assert stored(server, f'topic=octoprint.FileAdded and data.path="{path}"') == [added]
    other = ask(server, "fetch", component=component["id"], to="mine/hero.stl")
    assert (other["success"], other["path"]) == (True, "mine/hero.stl")


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({}, "Say one of task, version and component, and only one."),
        ({"task": "a", "version": "b"}, "Say one of task, version and component, and only one."),
        (
            {"task": "none"},
            "There is no version of task none with a file that can be printed: publish one first.",
        ),
        (
            {"version": "' or 1=1 --\"", "file_type": ".stl"},
            "There is no version of version ' or 1=1 --\" with a .stl file: publish one first.",
        ),
        ({"task": 3}, "This request can't be understood: Expected `str`, got `int` - at `$.task`."),
    ],
)
def test_what_cannot_be_fetched_is_told(server: Server, wish: dict[str, Any], said: str) -> None:
    assert ask(server, "fetch", **wish) == {"success": False, "message": said}


def test_a_file_that_is_in_no_location_of_ours_is_not_fetched(
    session: Any, task: Any, model: Path, london: Any, server: Server
) -> None:
    made = version_of(session, task).create_component(str(model), {"name": "main"}, location=None)
    session.commit()
    said = ask(server, "fetch", task=task["id"])["message"]
    assert said == "Hero v001 is in no location that this hub can read: add it to london."
    session.create(
        "ComponentLocation", {"component": made, "location": london, "resource_identifier": "gone.stl"}
    )
    session.commit()
    said = ask(server, "fetch", task=task["id"])["message"]
    assert said == "Hero v001 should be in london, and is not: see whether its disk is mounted."


def test_a_file_that_a_client_left_where_it_was_is_found_if_that_is_in_a_location(
    session: Any, task: Any, model: Path, server: Server, disk: Path
) -> None:
    (disk / "loose").mkdir()
    loose = disk / "loose" / "Hero.stl"
    shutil.copyfile(model, loose)
    unmanaged = session.query('Location where name is "ftrack.unmanaged"').one()
    made = version_of(session, task).create_component(str(loose), {"name": "main"}, location=unmanaged)
    assert path_of(server, made["id"], platform="Windows")[1]["path"] == "L:\\loose\\Hero.stl"
    answer = ask(server, "fetch", task=task["id"])
    assert (answer["success"], answer["location"]) == (True, "london")


def test_a_file_becomes_a_version_with_its_note_in_one_commit_and_is_told_once(
    session: Any, task: Any, server: Server, disk: Path
) -> None:
    bytes_ = b"G28\nG1 X10 E1 F600\n"
    status, body = server.ask("PUT", "/v1/files/local/parts/hero.gcode", bytes_, {})
    assert status == 201, body
    answer = ask(
        server, "publish", task=task["id"], file="parts/hero.gcode", asset="Print", note="Ready.", comment="c"
    )
    assert answer["success"] is True, answer
    place = f"{task['project']['name'].replace(' ', '_').lower()}/sh010/print/v001/main.gcode"
    sha256 = hashlib.sha256(bytes_).hexdigest()
    assert (answer["number"], answer["location"], answer["path"]) == (1, "london", place)
    assert (answer["size"], answer["sha256"]) == (len(bytes_), sha256)
    assert (disk / place).read_bytes() == bytes_
    version = session.get("AssetVersion", answer["version"])
    assert (version["asset"]["name"], version["asset"]["type"]["name"]) == ("Print", "Print")
    assert (version["task"]["id"], version["comment"], version["user"]["username"]) == (
        task["id"],
        "c",
        "admin",
    )
    (component,) = version["components"]
    assert (component["size"], component["file_type"], component["metadata"]["sha256"]) == (
        len(bytes_),
        ".gcode",
        sha256,
    )
    assert [each["content"] for each in session.query(f'Note where parent_id is "{task["id"]}"')] == [
        "Ready."
    ]
    eventually(lambda: updates(server, answer["version"]), "the ftrack.update")
    (update,) = updates(server, answer["version"])
    kinds = [each["entity_type"] for each in update["data"]["entities"]]
    assert {"Asset", "AssetVersion", "FileComponent", "ComponentLocation", "Note"} <= set(kinds)
    about = f'topic={ADDED} and data.componentId="{component["id"]}"'
    eventually(lambda: stored(server, about), "component-added")
    (added,) = stored(server, about)
    assert added["source"] == update["source"]
    assert added["source"]["user"]["username"] == "admin"
    assert path_of(server, component["id"], location="london")[1]["path"] == str(disk / place)


def test_each_version_gets_the_next_number_whoever_makes_it(session: Any, task: Any, server: Server) -> None:
    server.ask("PUT", "/v1/files/local/parts/next.gcode", b"G28\n", {})
    wish = {"task": task["id"], "file": "parts/next.gcode", "asset": "Print"}
    first = ask(server, "publish", **wish)
    session.create("AssetVersion", {"asset_id": first["asset"]})
    session.commit()
    third = ask(server, "publish", **wish, location="vault", name="Der Körper/1")
    assert (third["number"], third["asset"], third["location"]) == (3, first["asset"], "vault")
    assert third["path"].endswith("/print/v003/der_korper_1.gcode")
    assert (server.data / "vault" / third["path"]).is_file()


def test_a_wish_under_the_same_name_is_done_once(session: Any, task: Any, server: Server) -> None:
    server.ask("PUT", "/v1/files/local/parts/once.gcode", b"G28\n", {})
    once = uuid.uuid4().hex
    wish = {"task": task["id"], "file": "parts/once.gcode", "note": "Printed.", "once": once}
    first, again = ask(server, "publish", **wish), ask(server, "publish", **wish)
    assert again["message"] == "Print the hero v001 was made of this before; nothing was done."
    assert {key: again[key] for key in again if key != "message"} == {
        key: first[key] for key in again if key != "message"
    }
    ask(server, "note", task=task["id"], note="Twice?", once="a" + once)
    ask(server, "note", task=task["id"], note="Twice?", once="a" + once)
    notes = session.query(f'Note where parent_id is "{task["id"]}"').all()
    assert sorted(each["content"] for each in notes) == ["Printed.", "Twice?"]
    eventually(lambda: updates(server, notes[-1]["id"]), "what came last")
    assert len(stored(server, f'topic={ADDED} and data.componentId="{first["component"]}"')) == 1


def test_a_request_that_two_nodes_hear_is_done_once(session: Any, task: Any, server: Server) -> None:
    event = {
        "topic": "callboard.studio.note",
        "data": {"task": task["id"], "note": "Once."},
        "id": uuid.uuid4().hex,
    }
    said = []
    for _ in range(2):
        status, body = server.post("/v1/requests", {"event": event, "timeout": 20, "limit": 1})
        assert status == 200, body
        said.append(json.loads(body)["replies"][0]["event"]["data"]["message"])
    assert said == [
        "Print the hero has a note.",
        "Print the hero has this note already; nothing was done.",
    ]
    assert len(session.query(f'Note where parent_id is "{task["id"]}"').all()) == 1


def test_many_at_once_each_make_a_version(
    session: Any, task: Any, server: Server, disk: Path, tmp_path: Path
) -> None:
    server.ask("PUT", "/v1/files/local/parts/many.gcode", b"G28\n", {})
    wish = {"task": task["id"], "file": "parts/many.gcode", "asset": "Many"}
    first = ask(server, "publish", **wish)

    def others(number: int) -> None:
        """Make versions as an artist's tool does, at the same time."""
        schemas = tmp_path / str(number)
        schemas.mkdir()
        with contextlib.closing(open_session(server, schemas)) as other:
            for _ in range(5):
                with contextlib.suppress(ftrack_api.exception.ServerError):
                    other.create("AssetVersion", {"asset_id": first["asset"]})
                    other.commit()

    with ThreadPoolExecutor(8) as pool:
        making = [pool.submit(others, number) for number in range(2)]
        made = list(pool.map(lambda _: ask(server, "publish", **wish), range(6)))
        for each in making:
            each.result()
    assert [each["success"] for each in made] == [True] * 6, made
    rows = session.query(f'select version from AssetVersion where asset_id is "{first["asset"]}"').all()
    assert len({row["version"] for row in rows}) == len(rows)
    assert len({each["path"] for each in made}) == 6
    assert not list(disk.glob(".callboard-*"))


def test_what_cannot_be_committed_leaves_no_bytes_and_no_version(
    session: Any, task: Any, server: Server, disk: Path
) -> None:
    server.ask("PUT", "/v1/files/local/parts/half.gcode", b"G28\n", {})
    before = sorted(disk.rglob("*.gcode"))
    answer = ask(
        server, "publish", task=task["id"], file="parts/half.gcode", asset="Half", status="Nonsense", note="n"
    )
    assert answer["success"] is False
    assert answer["message"].startswith("There is no status 'Nonsense': there are Not started,")
    assert sorted(disk.rglob("*.gcode")) == before
    assert not list(disk.glob(".callboard-*"))
    assert session.query('Asset where name is "Half"').all() == []
    assert session.query(f'Note where parent_id is "{task["id"]}"').all() == []


def test_bytes_that_a_crash_left_are_not_overwritten_and_not_in_the_way(
    task: Any, server: Server, disk: Path
) -> None:
    server.ask("PUT", "/v1/files/local/parts/left.gcode", b"G28\n", {})
    left = disk / task["project"]["name"].replace(" ", "_").lower() / "sh010/left/v001/main.gcode"
    left.parent.mkdir(parents=True)
    left.write_text("left")
    answer = ask(server, "publish", task=task["id"], file="parts/left.gcode", asset="Left")
    assert answer["path"].endswith(f"/left/v001/main_{answer['component'][:8]}.gcode")
    assert left.read_text() == "left"


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        (
            {"file": "parts/a.gcode"},
            "Say what the version is for: a `task`, or the `parent` that has the asset.",
        ),
        ({"task": "T"}, "Say what is published: a `file` among the files, or a `film`, and only one."),
        ({"task": "T", "file": "a.gcode", "film": "b.mp4"}, "Say what is published: a `file` among"),
        ({"task": "none", "file": "parts/a.gcode"}, "There is no task none."),
        ({"task": "T", "file": "../../etc/passwd"}, "can't be the path of a file here"),
        ({"task": "T", "film": "../../etc/passwd"}, "There is no film 'passwd'"),
        (
            {"task": "T", "film": "none.mp4"},
            "There is no film 'none.mp4': `callboard timelapse list` shows all.",
        ),
        (
            {"task": "T", "file": "parts/a.gcode", "location": "paris"},
            "There is no file location 'paris' here: there are london, vault.",
        ),
        (
            {"task": "T", "file": "parts/a.gcode", "type": "Opera"},
            "There is no asset type 'Opera': there are Film, Image",
        ),
        ({"parent": "T", "file": "parts/a.gcode"}, "Say what the `asset` is called"),
    ],
)
def test_what_cannot_be_published_is_told(task: Any, server: Server, wish: dict[str, Any], said: str) -> None:
    server.ask("PUT", "/v1/files/local/parts/a.gcode", b"G28\n", {})
    meant = {key: task["id"] if value == "T" else value for key, value in wish.items()}
    answer = ask(server, "publish", **meant)
    assert answer["success"] is False
    assert said in answer["message"]


def test_a_task_gets_a_note_and_a_status(session: Any, task: Any, server: Server) -> None:
    answer = ask(server, "note", task=task["id"], note="No printer is free.", status="On hold")
    assert answer == {"success": True, "message": "Print the hero is On hold now, with a note."}
    session.populate(task, "status.name, notes.content, notes.author.username")
    del task["status"], task["notes"]
    assert task["status"]["name"] == "On hold"
    assert [each["content"] for each in task["notes"]] == ["No printer is free."]
    assert (
        ask(server, "note", task=task["id"])["message"]
        == "There is nothing to tell: say a note, a status, or both."
    )
    assert ask(server, "note", task="none", note="x")["message"] == "There is no task none."


def test_versions_are_made_over_http_too_by_who_may_use_the_tracker(
    session: Any, task: Any, server: Server, disk: Path
) -> None:
    server.ask("PUT", "/v1/files/local/parts/http.gcode", b"G28\n", {})
    trace = json.dumps({"correlation": "act-1", "cause": "cause-1", "hops": 2})
    wish = {
        "parent": task["parent"]["id"],
        "file": "parts/http.gcode",
        "asset": "Printed",
        "note": "On the version",
    }
    status, body = server.post("/v1/versions", wish, **{"callboard-trace": trace})
    made = json.loads(body)
    assert status == 201, made
    eventually(lambda: updates(server, made["version"]), "the ftrack.update")
    (update,) = updates(server, made["version"])
    assert update["source"]["trace"] == json.loads(trace)
    note = session.query(f'Note where parent_id is "{made["version"]}"').one()
    assert note["content"] == "On the version"
    status, body = server.post("/v1/versions/fetch", {"version": made["version"]})
    assert (status, json.loads(body)["path"]) == (200, f"studio/{made['version']}/Printed_v001_main.gcode")
    for wrong, expected in (({"parent": "x", "file": "parts/http.gcode"}, 404), ({"fle": 1}, 400), ({}, 400)):
        status, body = server.post("/v1/versions", wrong)
        assert (status, b"problem" in body or b"detail" in body) == (expected, True), body


@pytest.mark.parametrize(
    ("rights", "lacks"), [([], "tracker"), (["tracker"], "printers"), (["printers"], "tracker")]
)
def test_who_may_not_use_the_files_has_no_way_around_through_the_tracker(
    task: Any, server: Server, rights: list[str], lacks: str
) -> None:
    server.ask("PUT", "/v1/files/local/secret.gcode", b"G28\n", {})
    key = json.loads(server.post("/v1/keys", {"user": "guest", "rights": rights})[1])["key"]
    guest = {"ftrack-user": "guest", "ftrack-api-key": key}
    wish = {"task": task["id"], "file": "secret.gcode"}
    for path, wanted in (("", wish), ("/fetch", {"task": task["id"], "to": "secret.gcode"})):
        status, body = server.post(f"/v1/versions{path}", wanted, **guest)
        assert (status, lacks in json.loads(body)["detail"]) == (403, True), body


def test_versions_are_published_and_fetched_from_the_command_line(
    session: Any, task: Any, server: Server, disk: Path, model: Path
) -> None:
    def callboard(*words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "callboard", *words],
            capture_output=True,
            text=True,
            env={**os.environ, "CALLBOARD_DATA": str(server.data)},
            timeout=60,
            check=False,
        )

    wish = ("--task", task["id"], "--asset", "Shown", "--note", "By hand.")
    done = callboard("tracker", "publish", str(model), *wish)
    assert done.returncode == 0, done.stderr
    assert (disk / done.stdout.strip()).read_bytes() == model.read_bytes()
    assert "Shown v001 is " in done.stderr
    assert [each["content"] for each in session.query(f'Note where parent_id is "{task["id"]}"')] == [
        "By hand."
    ]
    done = callboard("tracker", "fetch", "--task", task["id"], "--json")
    assert json.loads(done.stdout)["path"] == f"studio/{task['id']}/Shown_v001_main.stl"
    path = "/".join(each["name"] for each in task["link"])
    done = callboard("tracker", "fetch", "--task", path)
    assert done.stdout == f"studio/{task['id']}/Shown_v001_main.stl\n"
    done = callboard("tracker", "publish", str(model), "--task", f"{path}/none")
    assert (done.returncode, "has nothing at" in done.stderr) == (1, True)
    done = callboard("tracker", "publish", "none.stl", "--task", task["id"])
    assert (done.returncode, done.stdout) == (1, "")
    assert "none.stl" in done.stderr
    assert callboard("tracker", "publish").returncode == 2


@pytest.mark.slow
def test_after_kill_nine_each_wish_is_one_version_with_its_file(tmp_path: Path) -> None:
    config = tmp_path / "callboard.yaml"
    config.write_text("tracker:\nstudio: {locations: [{name: london, folder: london}]}\n")
    with serving(tmp_path / "data", "--config", str(config)) as own:
        with contextlib.closing(open_session(own, tmp_path)) as session:
            project = session.create("Project", {"name": "opera"})
            task = session.create("Task", {"name": "print", "parent": project})
            session.commit()
        own.ask("PUT", "/v1/files/local/a.gcode", b"G28\n" * 1000, {})
        begun = threading.Semaphore(0)

        def wish(number: int) -> dict[str, Any] | None:
            begun.release()
            data = {"task": task["id"], "file": "a.gcode", "once": f"wish {number}", "note": str(number)}
            with contextlib.suppress(OSError, ValueError):  # the hub is gone
                return ask(own, "publish", **data)
            return None

        with ThreadPoolExecutor(4) as pool:
            wishes = [pool.submit(wish, number) for number in range(40)]
            for _ in range(15):
                begun.acquire()
            own.kill()
            first = {number: each.result() for number, each in enumerate(wishes)}
        own.start()
        second = {number: wish(number) for number in range(40)}
        assert all(each is not None and each["success"] for each in second.values()), second
        made = {number: each for number, each in first.items() if each is not None}
        assert len(made) < 40, "the hub was killed in the middle"
        assert all(each["version"] == second[number]["version"] for number, each in made.items())  # type: ignore[index]
        for each in second.values():
            assert each is not None
            assert (own.data / "london" / each["path"]).read_bytes() == b"G28\n" * 1000
            assert stored(own, f'topic={ADDED} and data.componentId="{each["component"]}"')
        with contextlib.closing(open_session(own, tmp_path)) as session:
            assert len(session.query("AssetVersion").all()) == 40
            assert len(session.query("Note").all()) == 40
            assert len(session.query("ComponentLocation").all()) == 40


def test_without_a_tracker_the_studio_says_that_it_needs_one(tmp_path: Path) -> None:
    config = tmp_path / "callboard.yaml"
    config.write_text("studio: {locations: [{name: london, folder: london}]}\n")
    with serving(tmp_path / "data", "--config", str(config)) as bare:
        answer = ask(bare, "note", task="t", note="x")
        assert answer["message"].startswith("This needs the tracker: add `tracker:` to the configuration")
        assert bare.post("/v1/versions", {"task": "t", "film": "x.mp4"})[0] == 404
        assert "file locations need the tracker" in bare.output
