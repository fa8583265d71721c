"""What is logged of a request, and what never is."""

from __future__ import annotations

from typing import Any

import structlog

from tests.server.doors import Doors


async def logged(doors: Doors, path: str, headers: dict[str, str] | None = None) -> list[Any]:
    with structlog.testing.capture_logs() as lines:
        await doors.ask("GET", path, headers)
    return lines


async def test_a_request_is_logged_with_user_status_and_path(doors: Doors) -> None:
    (line,) = await logged(doors, "/v1/events?expression=topic=a")
    assert (line["method"], line["path"], line["status"], line["user"]) == ("GET", "/v1/events", 200, "admin")


async def test_a_handshake_is_logged_with_the_user_of_its_key(doors: Doors) -> None:
    key = doors.admin["ftrack-api-key"]
    (line,) = await logged(doors, f"/socket.io/1/?api_user=admin&api_key={key}", {})
    assert (line["status"], line["user"]) == (200, "admin")


async def test_keys_are_never_logged_wherever_they_stood(doors: Doors) -> None:
    key = doors.admin["ftrack-api-key"]
    for path, headers in [
        (f"/socket.io/1/?api_user=admin&api_key={key}", {}),
        (f"/v1/events?api_key={key}", {}),
        ("/v1/events", {"Authorization": f"Bearer {key}"}),
        ("/v1/events", {"ftrack-user": "nobody", "ftrack-api-key": key}),
    ]:
        lines = await logged(doors, path, headers)
        assert lines
        assert key not in str(lines)


async def test_a_path_cannot_forge_a_line_of_the_log(doors: Doors) -> None:
    (line,) = await logged(doors, "/v1/nothing%0Astatus=200")
    assert "\n" not in line["path"]
    assert line["path"] == "/v1/nothing%0Astatus=200"
