"""The handshake of the official clients: facts 1.1 and 1.2, row by row."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import quote

import pytest

from tests.server.doors import Doors, open_doors

USER = "jürgen müller"


@pytest.mark.parametrize(
    ("headers", "query"),
    [
        (("ftrack-user", "ftrack-api-key"), ()),
        (("ftrack-api-user", "ftrack-api-key"), ()),
        ((), ("api_user", "api_key")),
        (("ftrack-user",), ("api_key",)),
        (("ftrack-api-key",), ("api_user",)),
        (("authorization",), ()),
    ],
    ids=str,
)
async def test_credentials_are_taken_wherever_clients_put_them(
    doors: Doors, headers: tuple[str, ...], query: tuple[str, ...]
) -> None:
    key = doors.keys.create(USER)
    values = {"authorization": f"Bearer {key}"}
    sent = {name: values.get(name, key if "key" in name else USER) for name in headers}
    asked = {name: key if "key" in name else USER for name in query}
    url = f"{doors.url}/socket.io/1/"
    async with doors.http.get(url, headers=sent, params={**asked, "t": "1"}) as response:
        assert response.status == 200
        assert response.content_type == "text/plain"
        session, heartbeat, close, transports = (await response.text()).split(":")
    assert (heartbeat, close, transports) == ("15", "25", "websocket")
    assert quote(session, safe="") == session
    principal = doors.sessions.take(session)
    assert principal is not None
    assert principal.name == USER
    assert doors.sessions.take(session) is None


async def test_a_user_in_latin_1_is_understood_too(doors: Doors) -> None:
    """What the official Python client makes of a name like this."""
    key = doors.keys.create("jürgen")
    async with doors.http.get(f"{doors.url}/socket.io/1/?api_user=j%C3%BCrgen&api_key={key}") as response:
        assert response.status == 200


async def test_wrong_credentials_get_401_and_no_session(doors: Doors) -> None:
    status, problem = await doors.ask("GET", "/socket.io/1/?api_user=admin&api_key=wrong", {})
    assert (status, problem["type"]) == (401, "/v1/docs#unauthenticated")
    assert len(doors.sessions) == 0


async def test_a_page_of_another_origin_may_read_the_answer(doors: Doors) -> None:
    headers = {**doors.admin, "Origin": "https://studio.example"}
    for credentials in (doors.admin, {}):
        async with doors.http.get(
            f"{doors.url}/socket.io/1/", headers={**credentials, "Origin": headers["Origin"]}
        ) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://studio.example"
            assert response.headers["Access-Control-Allow-Credentials"] == "true"
            assert response.headers["Vary"] == "Origin"


async def test_without_an_origin_nothing_is_said_of_origins(doors: Doors) -> None:
    async with doors.http.get(f"{doors.url}/socket.io/1/", headers=doors.admin) as response:
        assert not [name for name in response.headers if name.startswith("Access-Control")]


async def test_a_preflight_is_answered_without_a_key(doors: Doors) -> None:
    asked = {
        "Origin": "https://studio.example",
        "Access-Control-Request-Method": "GET",
        "Access-Control-Request-Headers": "ftrack-user,ftrack-api-key",
    }
    async with doors.http.options(f"{doors.url}/socket.io/1/", headers=asked) as response:
        assert response.status == 204
        assert response.headers["Access-Control-Allow-Origin"] == "https://studio.example"
        assert response.headers["Access-Control-Allow-Headers"] == "ftrack-user,ftrack-api-key"


async def test_where_origins_are_named_others_are_refused(tmp_path: Path) -> None:
    async with open_doors(tmp_path, origins=["https://studio.example"]) as doors:
        for origin, status in (
            ("https://studio.example", 200),
            ("https://evil.example", 403),
            (doors.url, 200),  # what the official Python client says
        ):
            headers = {**doors.admin, "Origin": origin}
            assert (await doors.ask("GET", "/socket.io/1/", headers))[0] == status


async def test_a_star_names_every_origin(tmp_path: Path) -> None:
    async with open_doors(tmp_path, origins=["*"]) as doors:
        headers = {**doors.admin, "Origin": "https://studio.example"}
        async with doors.http.get(f"{doors.url}/socket.io/1/", headers=headers) as response:
            assert response.headers["Access-Control-Allow-Origin"] == "https://studio.example"
