"""The configuration over HTTP: read, changed with its comments kept, refused when it is wrong."""

from __future__ import annotations

import json
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.printing import eventpage
from tests.serving import Server, eventually, serving

TEXT = """# the workshop's hub
log:
  keep: 30d   # as the lawyer said
events:
  subscriptions:
    - event: demo.hello   # greets
      type: system
      command: echo "hello {name}"
left: {alone: yes}
"""


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "callboard.yaml"
    path.write_text(TEXT)
    path.chmod(0o600)
    return path


@pytest.fixture
def server(tmp_path: Path, config: Path) -> Iterator[Server]:
    with serving(tmp_path / "data", "--config", str(config)) as server:
        yield server


def read(server: Server) -> dict[str, Any]:
    status, body = server.get("/v1/settings")
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def put(server: Server, body: Any, **headers: str) -> tuple[int, dict[str, Any]]:
    kind = {"Content-Type": "application/yaml" if isinstance(body, str) else "application/json"}
    sent = body.encode() if isinstance(body, str) else json.dumps(body).encode()
    status, answer = server.ask("PUT", "/v1/settings", sent, {**kind, **headers})
    return status, json.loads(answer)


def updates(server: Server) -> list[Any]:
    query = urllib.parse.urlencode({"expression": "topic=octoprint.SettingsUpdated"})
    return [entry["event"]["data"] for entry in json.loads(server.get(f"/v1/events?{query}")[1])["events"]]


def test_a_setting_is_changed_and_comments_stay(server: Server, config: Path) -> None:
    status, answer = put(server, {"log": {"keep": "90d"}})
    assert (status, answer["changed"], answer["restart"]) == (200, ["log.keep"], ["log.keep"])
    assert config.read_text() == TEXT.replace("30d", "90d")
    assert config.stat().st_mode & 0o777 == 0o600


def test_a_changed_hook_runs_at_once_and_the_old_file_is_kept(server: Server, config: Path) -> None:
    hook = {"event": "demo.bye", "type": "system", "command": "echo bye"}
    status, answer = put(server, {"events": {"subscriptions": [hook]}})
    assert (status, answer["changed"], answer["restart"]) == (200, ["events"], [])
    told = {"changed": ["events"], "restart": []}
    assert eventually(lambda: updates(server)) == [told]
    assert eventpage.rows("Settings") == {
        "SettingsUpdated": ("test_a_changed_hook_runs_at_once_and_the_old_file_is_kept", json.dumps(told))
    }, "docs/print-events.md shows what comes"
    server.post("/v1/events", {"topic": "demo.bye", "data": {}})
    runs = eventually(lambda: json.loads(server.get("/v1/hooks/runs?state=done")[1])["runs"])
    assert runs[0]["hook"].startswith("demo.bye")
    (kept,) = config.parent.glob("callboard.yaml.*.old")
    assert kept.read_text() == TEXT
    assert kept.stat().st_mode & 0o777 == 0o600


def test_null_takes_a_setting_out(server: Server, config: Path) -> None:
    assert put(server, {"log": {"keep": None}})[0] == 200
    assert "keep" not in config.read_text()


@pytest.mark.parametrize(
    "body",
    [
        {"log": {"kepe": "90d"}},
        {
            "events": {
                "subscriptions": [{"event": "PrintDone", "command": "echo {nothing}", "type": "system"}]
            }
        },
        {"hub": {"port": "eighty"}},
        {"logs": {"keep": "90d"}},
        "events: [",
        "- a list",
    ],
)
def test_what_is_wrong_changes_nothing(server: Server, config: Path, body: Any) -> None:
    status, answer = put(server, body)
    assert status == 400
    assert answer["detail"]
    assert config.read_text() == TEXT
    assert not list(config.parent.glob("*.old"))
    assert not updates(server)


def test_who_read_an_older_file_is_refused(server: Server, config: Path) -> None:
    version = read(server)["version"]
    assert put(server, {"log": {"keep": "60d"}}, **{"If-Match": f'"{version}"'})[0] == 200
    status, answer = put(server, {"log": {"keep": "10d"}}, **{"If-Match": f'"{version}"'})
    assert (status, answer["type"].rpartition("#")[2]) == (412, "changed")
    assert "60d" in config.read_text()
    assert read(server)["text"] == config.read_text()


def test_a_file_edited_by_hand_is_told_as_well(server: Server, config: Path) -> None:
    config.write_text(TEXT.replace("hello {name}", "good day {name}"))
    assert eventually(lambda: updates(server)) == [{"changed": ["events"], "restart": []}]


def test_what_waits_for_a_restart_is_told_when_it_is_in_use(server: Server, config: Path) -> None:
    assert put(server, {"log": {"keep": "90d"}})[1]["restart"] == ["log.keep"]
    status, answer = put(server, {"studio": {"discover": "9s"}})
    assert (status, answer["changed"], answer["restart"]) == (
        200,
        ["studio.discover"],
        ["log.keep", "studio.discover"],
    )
    assert put(server, {"studio": {"discover": None}})[1]["restart"] == ["log.keep"]
    put(server, {"events": {"enabled": False}})
    assert eventually(lambda: updates(server)) == [{"changed": ["events"], "restart": ["log.keep"]}]
    server.stop()
    config.write_text(config.read_text() + "timelapse: {mode: layer}\n")
    server.start()
    assert updates(server)[1:] == [{"changed": ["log.keep", "timelapse.mode"], "restart": []}]
    server.stop()
    server.start()
    assert len(updates(server)) == 2


def test_a_folder_that_can_not_be_written_is_said(server: Server, config: Path) -> None:
    config.unlink()
    config.parent.joinpath("callboard.yaml").mkdir()
    status, answer = put(server, TEXT.replace("30d", "31d"))
    assert status == 503
    assert "nothing was changed" in answer["detail"]


def test_a_key_without_the_right_to_hooks_reads_no_settings(server: Server) -> None:
    status, body = server.post("/v1/keys", {"user": "clerk", "rights": ["settings"]})
    assert status == 201, body
    headers = {"ftrack-user": "clerk", "ftrack-api-key": json.loads(body)["key"]}
    status, body = server.get("/v1/settings", **headers)
    assert status == 403
    assert b"hooks" in body


def test_without_a_file_the_way_out_is_named(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        status, body = server.get("/v1/settings")
    assert status == 404
    assert b"--config" in body
