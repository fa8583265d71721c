"""Files that clients upload to `ftrack.server`: in by the official clients, out again, and gone in time."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import logging
import os
import resource
import secrets
import socket
import sys
import urllib.error
import urllib.request
import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from ftrack_api.exception import AccessorOperationFailedError, ComponentInLocationError, ServerError

from tests.clients.node import needs_node, node
from tests.clients.official import Hub
from tests.serving import PATIENCE, Server, eventually, serving

SERVER = "3a372bde-05bc-11e4-8908-20c9d081909b"
MOST = 1 << 20
PNG = b"\x89PNG\r\n\x1a\n" + secrets.token_bytes(50_000)


@pytest.fixture(scope="module")
def server(settings: Callable[[], str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("uploads")
    (folder / "c.yaml").write_text(f"{settings()}files:\n  max_upload: {MOST}\n")
    with serving(folder / "data", "--config", str(folder / "c.yaml")) as running:
        yield running


@pytest.fixture
def image(tmp_path: Path) -> str:
    (tmp_path / "look.png").write_bytes(PNG)
    return str(tmp_path / "look.png")


@pytest.fixture
def task(session: Any) -> Any:
    session.event_hub.connect()  # else what the client publishes of its locations waits for a hub
    project = session.create("Project", {"name": f"up_{uuid.uuid4().hex[:8]}"})
    made = session.create("Task", {"name": "look", "parent": project})
    session.commit()
    return made


@pytest.fixture
def version(session: Any, task: Any) -> Any:
    made = session.create("AssetVersion", {"asset": session.create("Asset", {"name": "a", "parent": task})})
    session.commit()
    return made


def shelf(server: Server) -> set[str]:
    """Return the names of all that is in the folder."""
    folder = server.data / "uploads"
    return {each.name for each in folder.iterdir()} if folder.is_dir() else set()


def location(session: Any) -> Any:
    return session.get("Location", SERVER)


def file_of(server: Server, component: Any) -> tuple[int, bytes]:
    return server.get(f"/v1/components/{component['id']}/file")


def granted(server: Server, data: bytes, component: str = "", **more: Any) -> str:
    """Return where the bytes of a new component may be put; `more` is sent with the operation."""
    wish = {"component_id": component or str(uuid.uuid4()), "file_name": "a.bin", "file_size": len(data)}
    status, answer = server.post("/api", [{"action": "get_upload_metadata", **wish, **more}])
    assert status == 200, answer
    (made,) = json.loads(answer)
    assert made["component_id"] == wish["component_id"]
    return str(made["url"])


def put(url: str, data: bytes, **headers: str) -> tuple[int, dict[str, str], Any]:
    """Put bytes as a client does, without any key; return status, headers, and what the JSON says."""
    request = urllib.request.Request(url, data, headers, method="PUT")
    try:
        with urllib.request.urlopen(request, timeout=PATIENCE) as response:
            return response.status, dict(response.headers), json.load(response)
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(error.headers), json.load(error)


def md5(data: bytes) -> str:
    return base64.b64encode(hashlib.md5(data, usedforsecurity=False).digest()).decode()


@contextlib.contextmanager
def quietly() -> Iterator[None]:
    """Keep what the client logs of an error to itself."""
    logging.disable()
    try:
        yield
    finally:
        logging.disable(logging.NOTSET)


@pytest.mark.parametrize("kind", ["task", "version"])
def test_a_thumbnail_is_made_and_shown(
    server: Server, kind: str, image: str, request: pytest.FixtureRequest
) -> None:
    entity = request.getfixturevalue(kind)
    made = entity.create_thumbnail(image)
    (found,) = entity.session.query(
        f"select thumbnail.name from {entity.entity_type} where id is {entity['id']}"
    )
    assert (found["thumbnail"]["id"], found["thumbnail"]["name"]) == (made["id"], "thumbnail")
    assert file_of(server, made) == (200, PNG)


def test_a_file_is_uploaded_as_a_component(server: Server, version: Any, image: str, hub: Hub) -> None:
    session = version.session
    heard = hub.subscribe(f"topic=ftrack.location.component-added and data.locationId={SERVER}")
    made = version.create_component(image, {"name": "main"}, location=location(session))
    assert file_of(server, made) == (200, PNG)
    hub.until(lambda: [each for each in heard if each["data"]["component_id"] == made["id"]], "the event")
    place = session.query(f"ComponentLocation where component_id is {made['id']} and location_id is {SERVER}")
    assert place.one()["resource_identifier"] == made["id"]


def test_a_component_needs_no_name_and_no_bytes(
    server: Server, session: Any, task: Any, tmp_path: Path
) -> None:
    (tmp_path / "empty.txt").write_bytes(b"")
    made = task.session.create_component(str(tmp_path / "empty.txt"), location=location(session))
    assert file_of(server, made) == (200, b"")
    session.populate(made, "name")
    assert made["name"] == "main"


def test_a_sequence_is_uploaded_file_by_file(
    server: Server, session: Any, version: Any, tmp_path: Path
) -> None:
    for number in range(3):
        (tmp_path / f"f.{number:04d}.exr").write_text(f"frame {number}")
    path = str(tmp_path / "f.%04d.exr [0-2]")
    made = version.create_component(path, {"name": "frames"}, location=location(session))
    found = [file_of(server, each) for each in sorted(made["members"], key=lambda each: str(each["name"]))]
    assert found == [(200, f"frame {number}".encode()) for number in range(3)]


def test_bytes_go_when_the_component_is_removed_or_deleted(
    server: Server, session: Any, version: Any, image: str
) -> None:
    removed, deleted, kept = (
        version.create_component(image, {"name": each}, location=location(session)) for each in "abc"
    )
    assert {each["id"] for each in (removed, deleted, kept)} <= shelf(server)
    location(session).remove_component(removed)
    assert file_of(server, removed)[0] == 404
    session.delete(deleted)
    assert deleted["id"] in shelf(server)  # not before it is committed
    session.commit()
    assert {each["id"] for each in (removed, deleted, kept)} & shelf(server) == {kept["id"]}
    session.delete(version["asset"]["parent"])
    session.commit()
    assert kept["id"] not in shelf(server)


def test_bytes_stay_when_a_commit_is_refused(server: Server, version: Any, image: str) -> None:
    made = version.create_component(image, {"name": "main"}, location=location(version.session))
    remove = {"action": "delete", "entity_type": "FileComponent", "entity_key": [made["id"]]}
    wrong = {"action": "delete", "entity_type": "FileComponent", "entity_key": ["nobody"]}
    assert server.post("/api", [remove, wrong])[0] == 404
    assert file_of(server, made) == (200, PNG)


def test_what_is_in_the_location_is_not_overwritten(server: Server, version: Any, image: str) -> None:
    session = version.session
    made = version.create_component(image, {"name": "main"}, location=location(session))
    with pytest.raises(ServerError, match="remove it from there first"), quietly():
        session.get_upload_metadata(made["id"], "look.png", 3)
    with pytest.raises(ComponentInLocationError), quietly():
        location(session).add_component(made, session.get("Location", "ce9b348f-8809-11e3-821c-20c9d081909b"))


def test_an_upload_that_comes_late_changes_nothing(server: Server, session: Any, task: Any) -> None:
    component = str(uuid.uuid4())
    assert put(granted(server, b"first", component), b"first")[0] == 200
    late = granted(server, b"other", component)
    session.create("FileComponent", {"id": component, "name": "main"})
    place = {"component_id": component, "location_id": SERVER, "resource_identifier": component}
    session.create("ComponentLocation", place)
    session.commit()
    status, _, said = put(late, b"other")
    assert (status, "already" in said["detail"]) == (409, True)
    assert file_of(server, {"id": component}) == (200, b"first")


def test_a_key_in_an_address_is_refused(server: Server, version: Any, image: str) -> None:
    session = version.session
    made = version.create_component(image, {"name": "main"}, location=location(session))
    opened = location(session).accessor.open(made["id"])
    with contextlib.closing(opened.wrapped_file), pytest.raises(AccessorOperationFailedError, match="403"):
        opened.read()
    for url in (location(session).get_url(made), location(session).get_thumbnail_url(made)):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url, timeout=PATIENCE)
        with refused.value as answer:
            assert "with the key in a header" in json.load(answer)["detail"]
    assert server.get(f"/component/remove?id={made['id']}")[0] == 200  # as the client asks, and does nothing
    assert file_of(server, made) == (200, PNG)


def test_the_file_comes_as_a_download_and_by_ranges(server: Server, version: Any, image: str) -> None:
    made = version.create_component(image, {"name": 'a"/<b>'}, location=location(version.session))
    address = f"{server.url}/v1/components/{made['id']}/file"
    wish = {"Authorization": f"Bearer {server.key}", "Range": "bytes=0-7"}
    with urllib.request.urlopen(urllib.request.Request(address, headers=wish), timeout=PATIENCE) as answer:
        assert (answer.status, answer.read()) == (206, PNG[:8])
        assert answer.headers["Content-Type"] == "application/octet-stream"
        assert answer.headers["Content-Disposition"].startswith('attachment; filename="a_/<b>.png"')
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
    assert server.get(f"/v1/components/{made['id']}/file", **{"ftrack-api-key": "wrong"})[0] == 401


@pytest.mark.parametrize("id_", ["nobody", "..", "%2e%2e%2f%2e%2e%2fadmin.key", "a" * 5000])
def test_what_was_not_uploaded_is_not_there(server: Server, id_: str) -> None:
    assert server.get(f"/v1/components/{id_}/file")[0] == 404


def test_a_resource_identifier_leads_to_no_other_file(server: Server, session: Any, task: Any) -> None:
    made = session.create("FileComponent", {"name": "main"})
    place = {"component": made, "location_id": SERVER, "resource_identifier": "../admin.key"}
    session.create("ComponentLocation", place)
    session.commit()
    assert file_of(server, made)[0] == 404


@pytest.mark.parametrize(
    ("sent", "checksum", "status", "said"),
    [
        (b"12345", md5(b"54321"), 400, "checksum"),
        (b"1234", None, 400, "announced"),
        (b"123456", None, 400, "announced"),
    ],
)
def test_other_bytes_than_announced_are_refused_and_the_right_ones_taken(
    server: Server, sent: bytes, checksum: str | None, status: int, said: str
) -> None:
    url = granted(server, b"54321" if checksum else b"12345", checksum=checksum)
    before = shelf(server)
    refused = put(url, sent)
    assert refused[0] == status
    assert said in refused[2]["detail"]
    assert shelf(server) == before
    assert put(url, b"54321" if checksum else b"12345")[0] == 200


def test_a_token_is_good_for_one_upload(server: Server) -> None:
    url = granted(server, b"once")
    assert put(url, b"once")[0] == 200
    assert put(url, b"once")[0] == 404
    assert put(f"{server.url}/v1/uploads/guessed", b"once")[0] == 404
    assert url.rpartition("/")[2] not in server.output
    assert server.key not in url


def test_a_revoked_key_uploads_no_more(server: Server) -> None:
    status, answer = server.post("/v1/keys", {"user": "jane", "rights": ["tracker"]})
    made = json.loads(answer)
    wish = [{"action": "get_upload_metadata", "component_id": str(uuid.uuid4()), "file_size": 1}]
    mine = {"ftrack-user": "jane", "ftrack-api-key": made["key"]}
    first, second = (json.loads(server.post("/api", wish, **mine)[1])[0]["url"] for _ in range(2))
    assert (status, first != second) == (201, True)
    assert server.ask("DELETE", f"/v1/keys/{made['id']}", None, {})[0] == 204
    refused, _, said = put(second, b"x")
    assert (refused, "revoked" in said["detail"]) == (404, True)


def test_the_newest_grant_for_a_component_counts(server: Server) -> None:
    component = str(uuid.uuid4())
    first, second = granted(server, b"a", component), granted(server, b"b", component)
    assert put(first, b"a")[0] == 404
    assert put(second, b"b")[0] == 200
    assert (server.data / "uploads" / component).read_bytes() == b"b"


def test_bytes_without_an_announced_length_are_counted(server: Server) -> None:
    url = urlsplit(granted(server, b"x" * 1000))
    for pieces, status in (([b"x" * 700] * 2, 400), ([b"x" * 900], 400), ([b"x" * 500] * 2, 200)):
        head = f"PUT {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        chunks = b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in pieces)
        with socket.create_connection((url.hostname or "", url.port or 0), PATIENCE) as line:
            line.sendall(head + chunks + b"0\r\n\r\n")
            assert line.recv(12) == b"HTTP/1.1 %d" % status


def test_an_upload_that_is_cut_off_leaves_nothing_and_may_be_sent_again(server: Server) -> None:
    data = secrets.token_bytes(300_000)
    address = granted(server, data)
    url, before = urlsplit(address), shelf(server)
    with socket.create_connection((url.hostname or "", url.port or 0), PATIENCE) as line:
        head = f"PUT {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Length: {len(data)}\r\n\r\n"
        line.sendall(head.encode() + data[:100_000])
        eventually(lambda: shelf(server) - before, "a file on its way in")
        assert put(address, data)[0] == 404  # it is taken as long as one comes
    eventually(lambda: shelf(server) == before, "nothing left")
    assert eventually(lambda: put(address, data)[0] == 200)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({"file_size": MOST + 1}, "max_upload"),
        ({"file_size": -1}, "file_size"),
        ({"file_size": True}, "file_size"),
        ({"file_size": "12"}, "file_size"),
        ({"file_size": 1.5}, "file_size"),
        ({"checksum": "x"}, "checksum"),
        ({"checksum": 3}, "checksum"),
        ({"component_id": None}, "component_id"),
        ({"component_id": "../x"}, "can't be uploaded"),
        ({"component_id": "x" * 65}, "can't be uploaded"),
    ],
)
def test_a_wrong_wish_is_refused_with_all_of_its_batch(
    server: Server, session: Any, wish: dict[str, Any], said: str
) -> None:
    name = f"p_{uuid.uuid4().hex}"
    create = {"action": "create", "entity_type": "Project", "entity_data": {"name": name}}
    asked = {"action": "get_upload_metadata", "component_id": "x", "file_size": 1, **wish}
    status, answer = server.post("/api", [create, asked])
    assert status == 400
    assert json.loads(answer)["exception"] == "ValidationError"
    assert said in json.loads(answer)["content"]
    assert session.query(f"Project where name is {name}").all() == []


def test_an_upload_leads_to_the_hub_as_the_client_called_it(server: Server) -> None:
    wish = [{"action": "get_upload_metadata", "component_id": str(uuid.uuid4()), "file_size": 1}]
    for host, wanted in (
        ("localhost:1234", "http://localhost:1234"),
        ("[::1]:8030", "http://[::1]:8030"),
        ("evil.example/x?", server.url),
        ("a@b", server.url),
    ):
        _, answer = server.post("/api", wish, Host=host)
        assert json.loads(answer)[0]["url"].startswith(f"{wanted}/v1/uploads/")


def test_an_upload_leads_to_where_the_configuration_says(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\nstudio:\n  server_url: https://hub.studio/callboard/\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        assert granted(server, b"x").startswith("https://hub.studio/callboard/v1/uploads/")


def test_an_upload_stays_encrypted_where_a_trusted_proxy_says_so(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\nhub:\n  trusted_proxies: [127.0.0.1]\n")
    wish = [{"action": "get_upload_metadata", "component_id": "x", "file_size": 1}]
    told = {"X-Forwarded-Proto": "https", "Host": "hub.studio"}
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        for more, scheme in ({"X-Forwarded-For": "10.0.0.9"}, "https"), ({}, "http"):
            _, answer = server.post("/api", wish, **told, **more)
            assert json.loads(answer)[0]["url"].startswith(f"{scheme}://hub.studio/v1/uploads/")


def test_a_page_of_another_origin_may_upload(server: Server) -> None:
    url = granted(server, b"from a page")
    asked = {"Origin": "https://pages.studio", "Access-Control-Request-Headers": "content-type"}
    request = urllib.request.Request(url, headers=asked, method="OPTIONS")
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:
        assert answer.status == 204
        assert "PUT" in answer.headers["Access-Control-Allow-Methods"]
        assert answer.headers["Access-Control-Allow-Headers"] == "content-type"
        assert answer.headers["Access-Control-Allow-Origin"] == asked["Origin"]
    for data, status in ((b"too short", 400), (b"from a page", 200)):
        found, headers, _ = put(url, data, Origin=asked["Origin"])
        assert found == status
        assert headers["access-control-allow-origin"] == asked["Origin"]


def test_many_upload_at_once(server: Server) -> None:
    files = [secrets.token_bytes(10_000 + number) for number in range(24)]
    with ThreadPoolExecutor(8) as pool:
        urls = list(pool.map(lambda data: granted(server, data, checksum=md5(data)), files))
        found = list(pool.map(put, urls, files))
    assert [status for status, _, _ in found] == [200] * len(files)
    stored = [(server.data / "uploads" / said["component"]).read_bytes() for _, _, said in found]
    assert stored == files


@pytest.mark.skipif(sys.platform != "linux", reason="needs Linux's prlimit")
def test_a_full_disk_is_told_and_leaves_nothing(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        data = secrets.token_bytes(6 << 20)
        url = granted(server, data)
        bound(server, 4 << 20)
        status, _, said = put(url, data)
        assert (status, said["title"]) == (507, "The disk is full")
        assert shelf(server) == set()
        bound(server, None)
        assert put(url, data)[0] == 200


def bound(server: Server, size: int | None) -> None:
    assert server.process is not None
    limit = resource.RLIM_INFINITY if size is None else size
    resource.prlimit(server.process.pid, resource.RLIMIT_FSIZE, (limit, resource.RLIM_INFINITY))


def test_what_nobody_needs_is_cleared_away_at_a_start(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        used, old, new = placed(server), str(uuid.uuid4()), str(uuid.uuid4())
        for each in (old, new):
            assert put(granted(server, b"x", each), b"x")[0] == 200
        for each in (used, old):
            os.utime(server.data / "uploads" / each, (0, 0))
        (server.data / "uploads" / ".callboard-0123456789abcdef.part").write_bytes(b"cut off")
        server.kill()
        server.start()
        eventually(lambda: shelf(server) == {used, new}, "what is needed")


def test_another_tracker_costs_nobody_their_files(tmp_path: Path) -> None:
    (tmp_path / "c.yaml").write_text("tracker:\n")
    with serving(tmp_path / "data", "--config", str(tmp_path / "c.yaml")) as server:
        used, left = placed(server), str(uuid.uuid4())
        os.utime(server.data / "uploads" / used, (0, 0))
        server.restart()
        eventually(lambda: not (server.data / "uploads" / used).stat().st_mode & 0o200, "it to be noted")
        assert put(granted(server, b"x", left), b"x")[0] == 200
        os.utime(server.data / "uploads" / left, (0, 0))
        server.stop()
        for each in server.data.glob("tracker.db*"):
            each.unlink()
        server.start()
        eventually(lambda: left not in shelf(server), "a sweep")
        assert shelf(server) == {used}


def placed(server: Server) -> str:
    """Return a new component in the location, with the byte x."""
    id_ = str(uuid.uuid4())
    assert put(granted(server, b"x", id_), b"x")[0] == 200
    create = {"action": "create", "entity_type": "FileComponent", "entity_data": {"id": id_}}
    data = {"component_id": id_, "location_id": SERVER, "resource_identifier": id_}
    place = {"action": "create", "entity_type": "ComponentLocation", "entity_data": data}
    assert server.post("/api", [create, place])[0] == 200
    return id_


def test_an_uploaded_model_is_fetched_to_the_printers(server: Server, version: Any, tmp_path: Path) -> None:
    (tmp_path / "hero.stl").write_text("solid hero\nendsolid hero\n")
    path = str(tmp_path / "hero.stl")
    made = version.create_component(path, {"name": "main"}, location=location(version.session))
    status, answer = server.post("/v1/versions/fetch", {"version": version["id"]})
    assert (status, json.loads(answer)["location"]) == (200, "ftrack.server")
    stored = f"/v1/files/local/{json.loads(answer)['path']}?download=true"
    assert server.get(stored) == (200, (tmp_path / "hero.stl").read_bytes())
    address = f"/v1/components/{made['id']}/path"
    assert server.get(f"{address}?timeout=1")[0] == 404  # no path for others: they fetch it


@needs_node
@pytest.mark.parametrize("chunk", [0, 1000])
def test_the_javascript_client_uploads_a_file(server: Server, chunk: int) -> None:
    with node("session.mjs") as session:
        session.do("open", url=server.url, user=server.user, key=server.key)
        session.said("opened")
        session.do("upload", name="look.png", size=10_000, chunk=chunk, data={})
        made = session.said("uploaded")
        assert (made["component"]["name"], made["component"]["file_type"]) == ("look", ".png")
        assert made["place"]["location_id"] == SERVER
        assert file_of(server, made["component"]) == (200, b"x" * 10_000)
        session.do("upload", name="large.png", size=MOST + 1, data={})
        assert "max_upload" in session.said("error")["message"]
        session.do("query", expression="select id from FileComponent where name is large")
        assert session.said("found")["data"] == []
