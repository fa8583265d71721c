"""Questions over HTTP while the official clients that answer them are served in the test's own thread."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

from tests.clients.official import Hub
from tests.serving import Server

TASK = {"entityId": "eb16970c-5fc6-11e2-bb9a-f23c91df25eb", "entityType": "task"}


def asked(
    server: Server, method: str, path: str, body: Any = None, hubs: tuple[Hub, ...] = (), **headers: str
) -> tuple[int, Any]:
    """Return status and body of a request; meanwhile `hubs` handle what they hear."""
    got: list[tuple[int, bytes]] = []
    text = None if body is None else json.dumps(body).encode()
    asking = threading.Thread(target=lambda: got.append(server.ask(method, path, text, dict(headers))))
    asking.start()
    while asking.is_alive():
        for hub in hubs:
            hub.handle()
        asking.join(0.002)
    status, answer = got[0]
    return status, json.loads(answer)


def posted(server: Server, path: str, body: Any, *hubs: Hub) -> Any:
    """Return what was answered with a good status."""
    status, answer = asked(server, "POST", path, body, hubs)
    assert status in (200, 201), answer
    return answer


def refused(server: Server, path: str, body: Any, *hubs: Hub) -> tuple[int, Any]:
    """Return status and problem of what was refused."""
    status, problem = asked(server, "POST", path, body, hubs)
    assert status >= 400, problem
    assert problem["type"].startswith("/v1/docs#")
    return status, problem


def events(server: Server, expression: str) -> list[dict[str, Any]]:
    """Return the entries of the log that match."""
    status, body = server.get(f"/v1/events?limit=1000&expression={quote(expression)}")
    assert status == 200, body
    found: list[dict[str, Any]] = json.loads(body)["events"]
    return found


def dropped(server: Server) -> float:
    """Return how many replies came late, twice or unasked."""
    lines = server.get("/metrics")[1].decode().splitlines()
    return float(
        next(line.split()[1] for line in lines if line.startswith("callboard_replies_dropped_total"))
    )


def item(name: str, **more: Any) -> Mapping[str, Any]:
    """Return an item of a menu."""
    return {"label": name, "actionIdentifier": f"test.{name}", **more}
