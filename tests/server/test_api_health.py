"""Health, readiness and metrics."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path

from prometheus_client.parser import text_string_to_metric_families

from callboard.errors import StorageFailed
from callboard.event import Draft, Entry
from callboard.logs.memory import MemoryLog
from tests.server.doors import Doors, open_doors


class FullDisk(MemoryLog):
    """A log that can be made to store nothing, as a full disk does."""

    full = False

    def append(self, drafts: Sequence[Draft]) -> asyncio.Future[Sequence[Entry]]:
        if not self.full:
            return super().append(drafts)
        failed: asyncio.Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
        failed.set_exception(StorageFailed("The disk is full: nothing was stored."))
        return failed


async def figures(doors: Doors) -> dict[tuple[str, ...], float]:
    async with doors.http.get(f"{doors.url}/metrics") as response:
        assert response.status == 200
        text = await response.text()
    return {
        (sample.name, *sorted(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


async def test_a_node_is_ready_until_its_log_takes_nothing_and_again_when_it_does(tmp_path: Path) -> None:
    log = FullDisk()
    async with open_doors(tmp_path, log) as doors:
        assert (await doors.ask("GET", "/readyz", {}))[0] == 200
        log.full = True
        assert (await doors.ask("POST", "/v1/events", json={"topic": "a"}))[0] == 503
        status, problem = await doors.ask("GET", "/readyz", {})
        assert (status, problem["type"]) == (503, "/v1/docs#not-ready")
        assert "disk is full" in problem["detail"]
        assert (await doors.ask("GET", "/healthz", {}))[0] == 200
        log.full = False
        assert (await doors.ask("GET", "/readyz", {}))[0] == 200


async def test_a_node_whose_router_is_far_behind_is_not_ready(doors: Doors) -> None:
    doors.hub.router.position = -100_000
    status, problem = await doors.ask("GET", "/readyz", {})
    assert (status, problem["behind"]) == (503, 100_000)


async def test_metrics_count_what_happens(doors: Doors) -> None:
    before = await figures(doors)
    async with doors.stream("/v1/events/stream"):
        await doors.publish({"topic": "a"}, {"topic": "b"})
        await doors.ask("POST", "/v1/events", json={"topic": 1})
        await doors.hub.router.reached(2)
        after = await figures(doors)
    assert after[("callboard_events_accepted_total",)] == before[("callboard_events_accepted_total",)] + 2
    assert after[("callboard_events_refused_total",)] == 1
    assert after[("callboard_events_delivered_total",)] == 2
    assert after[("callboard_subscriptions",)] == after[("callboard_streams",)] == 1
    assert after[("callboard_log_head",)] == after[("callboard_log_entries",)] == 2
    assert after[("callboard_http_requests_total", *sorted(["/v1/events", "POST", "201"]))] == 1
    assert after[("callboard_http_requests_total", *sorted(["/v1/events", "POST", "400"]))] == 1


async def test_each_durable_subscriber_has_its_lag(doors: Doors) -> None:
    await doors.publish(*({"topic": "a"} for _ in range(10)))
    doors.hub.log.move("ann/dailies", 3)
    seen = await figures(doors)
    assert seen[("callboard_cursor_lag", "ann/dailies")] == 7
    assert seen[("callboard_cursors",)] == 1


async def test_labels_are_bounded_whatever_is_asked_for(doors: Doors) -> None:
    for n in range(20):
        await doors.ask("GET", f"/v1/nothing/{n}")
        await doors.ask("GET", f"/v1/state/{n}")
    for n in range(1100):
        doors.hub.log.move(f"u/{n}", 0)
    seen = await figures(doors)
    counted = [name for name in seen if name[0] == "callboard_http_requests_total"]
    routes = {label for name in counted for label in name if "/" in label or label == "other"}
    assert routes == {"other", "/v1/state/{key:path}"}
    assert sum(name[0] == "callboard_cursor_lag" for name in seen) == 1000


async def test_metrics_need_a_key_unless_this_machine_asks(doors: Doors) -> None:
    assert (await doors.ask("GET", "/metrics", {}))[0] == 200
    assert (await doors.ask("GET", "/metrics", {"X-Forwarded-For": "198.51.100.7"}))[0] == 401
    assert (await doors.ask("GET", "/metrics", {"X-Forwarded-For": "127.0.0.1"}))[0] == 401
    forwarded = {**doors.headers("prometheus"), "X-Forwarded-For": "198.51.100.7"}
    assert (await doors.ask("GET", "/metrics", forwarded))[0] == 200
