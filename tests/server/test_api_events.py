"""Publishing and looking back over HTTP."""

from __future__ import annotations

import asyncio
import base64
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from callboard.event import Event
from callboard.hub.hub import Hub
from callboard.logs.memory import MemoryLog
from tests.server.doors import Doors, open_doors

CLOUD = {"specversion": "1.0", "id": "c1", "source": "/render/farm 1", "type": "render.done"}


async def topics(doors: Doors, query: str = "") -> list[str]:
    status, page = await doors.ask("GET", f"/v1/events?{query}")
    assert status == 200, page
    return [entry["event"]["topic"] for entry in page["events"]]


async def test_a_published_event_is_in_the_history_with_position_time_and_publisher(doors: Doors) -> None:
    status, body = await doors.ask("POST", "/v1/events", json={"topic": "render.done", "data": {"n": 1}})
    assert status == 201
    status, page = await doors.ask("GET", "/v1/events?expression=topic=render.*")
    assert status == 200
    (entry,) = page["events"]
    assert [entry["position"]] == body["positions"] == [page["next"]]
    assert entry["publisher"] == "admin"
    stored = datetime.fromisoformat(entry["time"])
    assert abs(stored - datetime.now(UTC)) < timedelta(minutes=5)
    assert entry["event"]["data"] == {"n": 1}
    assert entry["event"]["sent"] is None


async def test_source_gets_what_handlers_read_unguarded_and_keeps_what_it_says(doors: Doors) -> None:
    await doors.publish(
        {"topic": "a"},
        {"topic": "b", "source": {"user": {"username": "artist"}, "host": "ws1"}},
        {"topic": "c", "source": {"id": "mine", "user": None}},
    )
    _, page = await doors.ask("GET", "/v1/events")
    first, second, third = (entry["event"]["source"] for entry in page["events"])
    assert first["user"] == {"username": "admin"}
    assert len(first["id"]) == 32
    assert (second["user"], second["host"]) == ({"username": "artist"}, "ws1")
    assert third == {"id": "mine", "user": None}


async def test_an_array_is_stored_in_its_order_without_a_hole(doors: Doors) -> None:
    positions = await doors.publish(*({"topic": f"t{n}"} for n in range(50)))
    numbers = [doors.hub.log.number(position) for position in positions]
    assert numbers == list(range(numbers[0], numbers[0] + 50))
    assert await topics(doors) == [f"t{n}" for n in range(50)]


async def test_an_empty_array_is_nothing_to_store(doors: Doors) -> None:
    assert await doors.ask("POST", "/v1/events", json=[]) == (201, {"positions": []})


@pytest.mark.parametrize(
    ("bad", "kind"),
    [
        ({"data": 1}, "bad-event"),
        (7, "bad-event"),
        ({"topic": "x", "target": "id="}, "bad-expression"),
        ({"topic": "ftrack.meta.subscribe"}, "bad-event"),
    ],
)
async def test_one_bad_event_refuses_all_and_its_index_is_named(doors: Doors, bad: object, kind: str) -> None:
    events = [{"topic": "good"}, {"topic": "good"}, bad, {"topic": "good"}]
    status, problem = await doors.ask("POST", "/v1/events", json=events)
    assert status == 400
    assert problem["type"] == f"/v1/docs#{kind}"
    assert problem["index"] == 2
    assert await topics(doors) == []


async def test_what_a_key_may_not_publish_refuses_all(doors: Doors) -> None:
    plain = doors.headers("plain")
    events = [{"topic": "mine"}, {"topic": "octoprint.PrintDone"}]
    status, problem = await doors.ask("POST", "/v1/events", plain, json=events)
    assert (status, problem["index"]) == (403, 1)
    assert await topics(doors) == []


async def test_an_event_over_the_limit_is_refused_with_the_limit_named(tmp_path: Path) -> None:
    async with open_doors(tmp_path, MemoryLog(max_event=1000)) as doors:
        status, problem = await doors.ask("POST", "/v1/events", json={"topic": "a", "data": "x" * 1200})
        assert status == 413
        assert "1000" in problem["detail"]
        assert problem["type"].endswith("#too-big")


async def test_a_body_over_the_limit_is_refused_before_it_is_read(tmp_path: Path) -> None:
    async def endless() -> object:
        for _ in range(10_000):
            yield b"x" * 1000

    async with open_doors(tmp_path, MemoryLog(max_event=1000)) as doors:
        announced = await doors.ask("POST", "/v1/events", data=b"x" * 3000)
        chunked = await doors.ask("POST", "/v1/events", data=endless())
    assert announced[0] == chunked[0] == 413


async def test_too_many_events_at_once_are_refused(doors: Doors) -> None:
    body = b"[" + b",".join([b'{"topic":""}'] * 10_001) + b"]"
    status, problem = await doors.ask("POST", "/v1/events", data=body)
    assert status == 413
    assert "10000" in problem["detail"]


# CloudEvents


@pytest.mark.parametrize("form", ["one", "many", "binary"])
async def test_cloudevents_are_taken_in_all_three_forms(doors: Doors, form: str) -> None:
    data = {"shot": "sh010"}
    if form == "binary":
        sent = {f"ce-{name}": value.replace(" ", "%20") for name, value in CLOUD.items()}
        headers, body = {**sent, "Content-Type": "application/json"}, json.dumps(data)
    else:
        event = {**CLOUD, "data": data}
        suffix = "-batch" if form == "many" else ""
        headers = {"Content-Type": f"application/cloudevents{suffix}+json; charset=utf-8"}
        body = json.dumps([event] if form == "many" else event)
    status, answer = await doors.ask("POST", "/v1/events", {**doors.admin, **headers}, data=body)
    assert status == 201, answer
    _, page = await doors.ask("GET", "/v1/events")
    event = page["events"][0]["event"]
    assert (event["topic"], event["id"], event["data"]) == ("render.done", "c1", data)
    assert event["source"]["id"] == "/render/farm 1"


async def test_history_comes_as_cloudevents_with_the_way_on_in_a_link(doors: Doors) -> None:
    await doors.publish(*({"topic": "a.b", "data": {"n": n}} for n in range(3)))
    headers = {**doors.admin, "Accept": "application/cloudevents-batch+json"}
    url = f"{doors.url}/v1/events?limit=2&expression=topic=a.*"
    async with doors.http.get(url, headers=headers) as response:
        events = json.loads(await response.text())
        way_on = str(response.links["next"]["url"])
    assert [event["data"]["n"] for event in events] == [0, 1]
    assert events[0]["type"] == "a.b"
    async with doors.http.get(way_on, headers=headers) as response:
        assert [event["data"]["n"] for event in json.loads(await response.text())] == [2]


async def test_cloudevents_can_be_taken_over_by_another_hub(doors: Doors, tmp_path: Path) -> None:
    picture = base64.b64encode(b"\x89PNG").decode()
    sent = {**CLOUD, "data_base64": picture, "subject": "sh010", "datacontenttype": "image/png"}
    kind = {"Content-Type": "application/cloudevents+json"}
    await doors.ask("POST", "/v1/events", {**doors.admin, **kind}, json=sent)
    many = {"Accept": "application/cloudevents-batch+json"}
    _, batch = await doors.ask("GET", "/v1/events", {**doors.admin, **many})
    (tmp_path / "other").mkdir()
    async with open_doors(tmp_path / "other") as other:
        kind = {"Content-Type": "application/cloudevents-batch+json"}
        status, _ = await other.ask("POST", "/v1/events", {**other.admin, **kind}, json=batch)
        assert status == 201
        _, page = await other.ask("GET", "/v1/events")
    event = page["events"][0]["event"]
    assert event["data"] == {"base64": picture}
    assert event["source"]["cloudevent"]["subject"] == "sh010"


# Looking back


async def test_history_is_read_page_by_page_until_next_stays_the_same(doors: Doors) -> None:
    await doors.publish(*({"topic": "even" if n % 2 == 0 else "odd", "data": n} for n in range(25)))
    seen, after = [], ""
    while True:
        query = f"expression=topic=even&limit=4&after={after}"
        _, page = await doors.ask("GET", f"/v1/events?{query}")
        seen += [entry["event"]["data"] for entry in page["events"]]
        if page["next"] == after:
            break
        after = page["next"]
    assert seen == list(range(0, 25, 2))


async def test_history_begins_behind_a_time(doors: Doors) -> None:
    await doors.publish({"topic": "old"})
    await asyncio.sleep(0.01)
    between = datetime.now(UTC).isoformat()
    await asyncio.sleep(0.01)
    await doors.publish({"topic": "new"})
    assert await topics(doors, f"after={between}") == ["new"]


@pytest.mark.parametrize("limit", ["1000", "100000", "99999999999999999999999999"])
async def test_more_than_a_thousand_are_never_given_at_once(doors: Doors, limit: str) -> None:
    await doors.publish(*({"topic": "t"} for _ in range(1010)))
    assert len(await topics(doors, f"limit={limit}")) == 1000
    assert len(await topics(doors)) == 100


async def test_history_says_honestly_what_is_gone(doors: Doors) -> None:
    positions = await doors.publish(*({"topic": f"t{n}"} for n in range(6)))
    await doors.hub.log.prune(doors.hub.log.number(positions[4]))
    _, page = await doors.ask("GET", f"/v1/events?after={positions[0]}")
    assert [entry["event"]["topic"] for entry in page["events"]] == ["t4", "t5"]
    assert page["gap"] == {"after": positions[0], "before": positions[4], "missed": 3}
    _, page = await doors.ask("GET", "/v1/events")
    assert "gap" not in page


async def test_a_position_of_another_log_is_a_gap_and_then_all_of_this_one(doors: Doors) -> None:
    positions = await doors.publish({"topic": "t0"}, {"topic": "t1"})
    _, page = await doors.ask("GET", "/v1/events?after=deadbeef-7")
    assert [entry["position"] for entry in page["events"]] == positions
    assert page["gap"] == {"after": "deadbeef-7", "before": positions[0], "missed": None}


async def test_a_key_sees_in_the_history_only_what_it_may_receive(doors: Doors) -> None:
    await doors.publish({"topic": "public.a"}, {"topic": "secret.b"}, {"topic": "public.c"})
    limited = doors.headers("limited", receive="topic=public.*")
    _, page = await doors.ask("GET", "/v1/events?expression=topic=secret.* or topic=public.c", limited)
    assert [entry["event"]["topic"] for entry in page["events"]] == ["public.c"]


async def test_a_log_that_fails_is_told_and_nothing_is_acknowledged(doors: Doors) -> None:
    await doors.hub.log.close()
    status, problem = await doors.ask("POST", "/v1/events", json={"topic": "late"})
    assert status == 503
    assert problem["type"].endswith("#storage-failed")


async def test_the_hub_is_not_held_by_a_large_history(tmp_path: Path) -> None:
    """While 100,000 entries are looked at, others get their turn."""
    log = MemoryLog()
    async with open_doors(tmp_path, log) as doors:
        await fill(doors.hub, 20_000)
        looking = asyncio.create_task(doors.ask("GET", "/v1/events?expression=data.n=-1"))
        turns = 0
        while not looking.done():
            await asyncio.sleep(0)
            turns += 1
        status, page = await looking
    assert (status, page["events"]) == (200, [])
    assert turns > 20


async def fill(hub: Hub, count: int) -> None:
    from callboard.event import Draft, seal

    drafts = [Draft("tester", seal(Event("t", {"n": n}))) for n in range(count)]
    for start in range(0, count, 1000):
        await hub.log.append(drafts[start : start + 1000])
