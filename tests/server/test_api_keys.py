"""Keys over HTTP, and what a plain key may not do."""

from __future__ import annotations

from typing import Any

import pytest

from tests.server.doors import Doors


async def test_a_key_is_made_used_and_revoked(doors: Doors) -> None:
    wanted = {"user": "wall", "publish": "topic=none", "receive": "topic=render.*", "rights": ["hooks"]}
    status, made = await doors.ask("POST", "/v1/keys", json=wanted)
    assert status == 201
    bearer = {"Authorization": f"Bearer {made['key']}"}
    assert (await doors.ask("GET", "/v1/events", bearer))[0] == 200
    assert (await doors.ask("POST", "/v1/events", bearer, json={"topic": "render.done"}))[0] == 403
    _, listed = await doors.ask("GET", "/v1/keys")
    (info,) = (key for key in listed["keys"] if key["id"] == made["id"])
    assert {**wanted, "id": made["id"]} == {name: info[name] for name in [*wanted, "id"]}
    assert made["key"] not in str(listed)
    assert (await doors.ask("DELETE", f"/v1/keys/{made['id']}"))[0] == 204
    assert (await doors.ask("GET", "/v1/events", bearer))[0] == 401
    assert (await doors.ask("DELETE", f"/v1/keys/{made['id']}"))[0] == 404


PLAIN_MAY_NOT: list[tuple[str, str, Any]] = [
    ("POST", "/v1/events", {"topic": "octoprint.PrintDone"}),
    ("POST", "/v1/events", {"topic": "callboard.printer.pause"}),
    ("POST", "/v1/events", {"topic": "ftrack.update"}),
    ("POST", "/v1/events", [{"topic": "mine"}, {"topic": "ftrack.update"}]),
    ("POST", "/v1/requests", {"event": {"topic": "callboard.printer.pause"}}),
    ("PUT", "/v1/state/printer.mk3", 1),
    ("GET", "/v1/keys", None),
    ("POST", "/v1/keys", {"user": "me", "rights": ["keys"]}),
    ("DELETE", "/v1/keys/1", None),
    ("GET", "/v1/log", None),
    ("POST", "/v1/log/prune", {"before": "2026-01-01"}),
]


@pytest.mark.parametrize(("method", "path", "body"), PLAIN_MAY_NOT)
async def test_a_plain_key_may_not(doors: Doors, method: str, path: str, body: Any) -> None:
    plain = doors.headers("plain")
    status, problem = await doors.ask(method, path, plain, json=body)
    assert (status, problem["type"]) == (403, "/v1/docs#denied")
    assert await doors.hub.log.last() == 0
    assert len(doors.keys.list()) == 2


ANYBODY: list[tuple[str, str]] = [
    ("GET", "/healthz"),
    ("GET", "/readyz"),
    ("GET", "/v1/docs"),
    ("GET", "/v1/openapi.json"),
]


@pytest.mark.parametrize(("method", "path"), ANYBODY)
async def test_anybody_may(doors: Doors, method: str, path: str) -> None:
    assert (await doors.ask(method, path, {}))[0] == 200


NOBODY: list[tuple[str, str]] = [
    ("POST", "/v1/events"),
    ("GET", "/v1/events"),
    ("GET", "/v1/events/stream"),
    ("POST", "/v1/requests"),
    ("GET", "/v1/state"),
    ("GET", "/v1/state/stream"),
    ("PUT", "/v1/state/x"),
    ("GET", "/v1/keys"),
    ("POST", "/v1/keys"),
    ("DELETE", "/v1/keys/1"),
    ("GET", "/v1/log"),
    ("POST", "/v1/log/prune"),
    ("DELETE", "/v1/log/cursors/x"),
    ("GET", "/v1/asyncapi.json"),
    ("GET", "/socket.io/1/"),
]
WRONG = [
    {},
    {"ftrack-user": "admin"},
    {"ftrack-user": "admin", "ftrack-api-key": "wrong"},
    {"ftrack-user": "nobody", "ftrack-api-key": "wrong"},
    {"Authorization": "Bearer wrong"},
    {"Authorization": "Basic YWRtaW46d3Jvbmc="},
    {"Authorization": "Bearer"},
    {"ftrack-user": "a" * 5000, "ftrack-api-key": "b" * 5000},
]


@pytest.mark.parametrize(("method", "path"), NOBODY)
async def test_without_the_right_key_nothing_is_open(doors: Doors, method: str, path: str) -> None:
    for headers in WRONG:
        async with doors.http.request(method, doors.url + path, headers=headers) as response:
            assert response.status == 401, headers
            assert response.headers["WWW-Authenticate"].startswith("Bearer")
            problem = await response.json(content_type=None)
            assert problem["type"] == "/v1/docs#unauthenticated"
            assert "Authorization: Bearer KEY" in problem["detail"]


@pytest.mark.parametrize("path", ["/v1/events", "/v1/keys", "/v1/events/stream"])
async def test_a_key_in_the_query_opens_nothing(doors: Doors, path: str) -> None:
    query = {"api_user": "admin", "api_key": doors.admin["ftrack-api-key"]}
    async with doors.http.get(doors.url + path, params=query) as response:
        assert response.status == 401


async def test_every_operation_is_in_one_of_these_tables(doors: Doors) -> None:
    _, document = await doors.ask("GET", "/v1/openapi.json")
    described = {
        (method.upper(), path.replace("{key}", "x").replace("{id}", "1").replace("{name}", "x"))
        for path, methods in document["paths"].items()
        for method in methods
    }
    elsewhere = {("GET", "/metrics"), ("OPTIONS", "/socket.io/1/"), ("GET", "/socket.io/")}
    assert described == {*ANYBODY, *NOBODY, *elsewhere}
