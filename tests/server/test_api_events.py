"""Publishing, looking back and listening over HTTP."""

from __future__ import annotations

from tests.server.doors import Doors


async def test_a_published_event_is_in_the_history_with_position_time_and_publisher(doors: Doors) -> None:
    status, body = await doors.ask("POST", "/v1/events", json={"topic": "render.done", "data": {"n": 1}})
    assert status == 201
    status, page = await doors.ask("GET", "/v1/events?expression=topic=render.*")
    assert status == 200
    (entry,) = page["events"]
    assert [entry["position"]] == body["positions"] == [page["next"]]
    assert entry["publisher"] == "admin"
    assert entry["time"].endswith("Z")
    assert entry["event"]["data"] == {"n": 1}
    assert entry["event"]["source"]["user"] == {"username": "admin"}
