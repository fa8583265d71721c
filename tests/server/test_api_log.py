"""The log over HTTP: how it is, and forgetting what is old."""

from __future__ import annotations

import pytest

from tests.server.doors import Doors


async def test_the_log_says_how_it_is(doors: Doors) -> None:
    positions = await doors.publish(*({"topic": "t", "data": number} for number in range(3)))
    status, info = await doors.ask("GET", "/v1/log")
    assert status == 200
    assert (info["first"], info["last"], info["events"]) == (positions[0], positions[-1], 3)
    assert info["since"] <= info["until"]
    assert info["nodes"] == 1
    assert info["cursors"] == {}


async def test_an_empty_log_says_how_it_is(doors: Doors) -> None:
    status, info = await doors.ask("GET", "/v1/log")
    assert (status, info["events"], info["since"]) == (200, 0, None)


async def test_events_before_a_position_are_forgotten(doors: Doors) -> None:
    positions = await doors.publish(*({"topic": "t", "data": number} for number in range(3)))
    assert await doors.ask("POST", "/v1/log/prune", json={"before": positions[2]}) == (200, {"pruned": 2})
    _, page = await doors.ask("GET", "/v1/events")
    assert [entry["event"]["data"] for entry in page["events"]] == [2]


async def test_events_before_a_time_are_forgotten(doors: Doors) -> None:
    await doors.publish({"topic": "t"}, {"topic": "t"})
    before = {"before": "2020-01-01"}
    assert await doors.ask("POST", "/v1/log/prune", json=before) == (200, {"pruned": 0})
    before = {"before": "2100-01-01"}
    assert await doors.ask("POST", "/v1/log/prune", json=before) == (200, {"pruned": 2})


@pytest.mark.parametrize("body", [{}, {"before": "x"}, {"before": 1}, {"before": "2020-01-01", "y": 1}])
async def test_what_is_no_position_is_refused(doors: Doors, body: object) -> None:
    assert (await doors.ask("POST", "/v1/log/prune", json=body))[0] == 400


async def test_a_plain_key_may_not(doors: Doors) -> None:
    plain = doors.headers("plain")
    assert (await doors.ask("GET", "/v1/log", plain))[0] == 403
    assert (await doors.ask("POST", "/v1/log/prune", plain, json={"before": "2100-01-01"}))[0] == 403
    assert (await doors.ask("DELETE", "/v1/log/cursors/admin/worker", plain))[0] == 403


async def test_a_durable_subscriber_is_forgotten(doors: Doors) -> None:
    doors.hub.log.move("admin/night shift", 1)
    doors.hub.log.move("admin/worker", 2)
    assert (await doors.ask("DELETE", "/v1/log/cursors/admin/night%20shift"))[0] == 204
    assert (await doors.ask("GET", "/v1/log"))[1]["cursors"].keys() == {"admin/worker"}
    status, problem = await doors.ask("DELETE", "/v1/log/cursors/admin/night%20shift")
    assert (status, problem["type"]) == (404, "/v1/docs#not-found")
