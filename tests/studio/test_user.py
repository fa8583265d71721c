"""Who am I, as actions see me."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import ftrack_api
import pytest

from callboard.hub.principal import Keys
from callboard.store import open_store
from tests.serving import Server, serving


def user(server: Server, name: str = "", key: str = "") -> dict[str, Any]:
    mine = {"ftrack-user": name, "ftrack-api-key": key} if name else {}
    status, body = server.get("/v1/user", **mine)
    assert status == 200, body
    found: dict[str, Any] = json.loads(body)
    return found


def test_the_id_is_that_of_the_trackers_user(server: Server, tmp_path: Path) -> None:
    session = ftrack_api.Session(server.url, server.key, server.user, schema_cache_path=str(tmp_path))
    found = session.query('User where username is "admin"').one()
    assert user(server) == {"id": found["id"], "username": "admin"}
    session.close()


@pytest.mark.parametrize("name", ['o"neil', "back\\slash\\", "'; drop", "jane doe"])
def test_any_username_is_found_in_the_tracker(server: Server, name: str) -> None:
    with open_store(server.data / "callboard.db") as store:
        key = Keys(store).create(name)
    first = user(server, name, key)
    assert first == user(server, name, key)
    assert first["username"] == name
    assert len(first["id"]) == 36


def test_without_a_tracker_the_id_is_the_username(tmp_path: Path) -> None:
    with serving(tmp_path / "data") as server:
        assert user(server) == {"id": "admin", "username": "admin"}
