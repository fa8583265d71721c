"""The kinds beside system: gcode, webhook, publish."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiohttp import web

from callboard.event import Event
from callboard.hooks.asking import REQUEST
from callboard.hooks.clock import Clock
from callboard.hooks.lane import backoff
from callboard.hooks.room import Hooks
from callboard.hooks.run import Run
from callboard.hooks.webhook import message_of
from tests.hooks.conftest import Shop, hook_set, until


class Printer:
    """A stand-in for the print host: notes what it is asked, and answers."""

    def __init__(self, answer: Any) -> None:
        self.asked: list[Event] = []
        self._answer = answer

    async def __call__(self, event: Event) -> Any:
        self.asked.append(event)
        return await self._answer() if callable(self._answer) else self._answer


async def test_gcode_asks_the_events_printer_and_its_answer_is_the_outcome(shop: Shop) -> None:
    printer = Printer({"success": True, "message": "sent"})
    shop.bus.subscribe(f"topic={REQUEST}", printer)
    hook = {"event": "PrintDone", "type": "gcode", "command": ["M117 {file}", "G28"], "name": "park"}
    async with shop.running(hook) as room:
        await shop.publish("octoprint.PrintDone", {"file": "a;b\nM112.gcode"}, printer="mk3")
        [run] = await shop.ended(room, 1)
    [asked] = printer.asked
    assert asked.data["printer"] == "mk3"
    assert asked.data["commands"] == ["M117 a_b M112.gcode", "G28"]
    assert (run.state, run.command) == ("done", "mk3: M117 a_b M112.gcode | G28")
    assert asked.source["trace"]["hops"] == 1


async def test_gcode_that_a_printer_refuses_is_a_dead_letter_with_its_words(shop: Shop) -> None:
    shop.bus.subscribe(f"topic={REQUEST}", Printer({"success": False, "message": "mk3 is not connected"}))
    hook = {"event": "a.b", "type": "gcode", "command": "G28", "printer": "mk3"}
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert (run.state, run.reason, run.attempt) == ("dead", "mk3 is not connected", 1)


async def test_of_two_hosts_the_one_that_has_the_printer_counts(shop: Shop) -> None:
    refuses = Printer({"success": False, "message": "There is no printer 'mk3' here."})
    shop.bus.subscribe(f"topic={REQUEST}", refuses)

    async def later() -> dict[str, bool]:
        await until(lambda: bool(refuses.asked))
        return {"success": True}

    shop.bus.subscribe(f"topic={REQUEST}", Printer(later))
    async with shop.running({"event": "a.b", "type": "gcode", "command": "G28", "printer": "mk3"}) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert (run.state, len(refuses.asked)) == ("done", 1)


async def test_gcode_without_an_answer_is_unknown_and_never_sent_again(shop: Shop) -> None:
    enough = asyncio.Event()
    printer = Printer(enough.wait)
    shop.bus.subscribe(f"topic={REQUEST}", printer)
    failed: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=callboard.hook.failed", failed.put)
    hook = {"event": "a.b", "type": "gcode", "command": "G28", "printer": "mk3", "timeout": "50ms"}
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
        told = await asyncio.wait_for(failed.get(), 5)
    enough.set()
    assert run.state == told.data["state"] == "unknown"
    assert len(printer.asked) == 1


async def test_gcode_without_any_printer_says_so(shop: Shop) -> None:
    hooks = [
        {"event": "a.b", "type": "gcode", "command": "G28"},
        {"event": "a.c", "type": "gcode", "command": "G28"},
    ]
    async with shop.running(*hooks) as room:
        await shop.publish("a.b")
        await shop.publish("a.c", None, printer="mk3")
        runs = await shop.ended(room, 2)
    assert sorted((run.state, run.reason.split(":")[0]) for run in runs) == [
        ("dead", "no printer answered"),
        ("refused", "The event names no printer, and the hook neither"),
    ]


async def test_late_gcode_is_skipped_unless_told_otherwise(shop: Shop) -> None:
    printer = Printer({"success": True})
    shop.bus.subscribe(f"topic={REQUEST}", printer)
    hook = {"event": "a.b", "type": "gcode", "command": "M117 {n}", "printer": "mk3", "max_age": "20ms"}
    hooks = [{**hook, "name": "safe"}, {**hook, "name": "sure", "on_late": "run"}]
    async with shop.running(*hooks):
        pass
    await shop.publish("a.b", {"n": 1})
    async with shop.running(*hooks, clock=Clock(pace=100_000)) as room:
        runs = {run.hook: run for run in await shop.ended(room, 2)}
    assert runs["safe"].state == "skipped"
    assert runs["safe"].reason.startswith("late: ")
    assert runs["sure"].state == "done"


class Site:
    """A web server that notes what is posted."""

    def __init__(self) -> None:
        self.posted: list[tuple[dict[str, str], bytes, str]] = []
        self.answers: list[Any] = []
        self.url = ""

    async def handle(self, request: web.Request) -> web.StreamResponse:
        answer = self.answers.pop(0) if self.answers else web.Response(text="thanks")
        self.posted.append(
            (
                {key.lower(): value for key, value in request.headers.items()},
                await request.read(),
                request.raw_path,
            )
        )
        if answer == "silence":
            await asyncio.Event().wait()
        assert isinstance(answer, web.StreamResponse)
        return answer


@asynccontextmanager
async def serving(site: Site, port: int = 0) -> AsyncIterator[Site]:
    application = web.Application()
    application.router.add_post("/{tail:.*}", site.handle)
    runner = web.AppRunner(application, shutdown_timeout=0.1)
    await runner.setup()
    listener = web.TCPSite(runner, "127.0.0.1", port)
    await listener.start()
    site.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield site
    finally:
        await runner.cleanup()


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    async with serving(Site()) as site:
        yield site


async def test_a_webhook_posts_a_signed_cloud_event(shop: Shop, site: Site) -> None:
    key = b"0123456789abcdef01234567"
    secret = "whsec_" + base64.b64encode(key).decode()
    hook = {"event": "PrintDone", "type": "webhook", "url": f"{site.url}/in?job={{file}}", "secret": secret}
    async with shop.running(hook) as room:
        position = await shop.publish("octoprint.PrintDone", {"file": "a&b#c"}, printer="mk3")
        [run] = await shop.ended(room, 1)
    [(headers, body, path)] = site.posted
    assert (run.state, run.exit, run.output) == ("done", 200, "thanks")
    assert path == "/in?job=a%26b%23c"
    event = json.loads(body)
    assert {event[key] for key in ("type", "specversion", "subject", "position")} == {
        *("octoprint.PrintDone", "1.0", "mk3", position)
    }
    assert event["data"] == {"file": "a&b#c"}
    signed = f"{headers['webhook-id']}.{headers['webhook-timestamp']}.".encode() + body
    assert (
        headers["webhook-signature"]
        == "v1," + base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
    )
    assert headers["content-type"] == "application/cloudevents+json"


async def test_a_webhook_may_have_a_body_and_headers_of_its_own(shop: Shop, site: Site) -> None:
    hook = {
        "event": "PrintDone",
        "type": "webhook",
        "url": site.url,
        "headers": {"X-Title": "print"},
        "body": {"text": 'Done "{file}"', "seconds": "{time}", "raw": ["{{x}}", 1, None]},
    }
    async with shop.running(hook) as room:
        await shop.publish("octoprint.PrintDone", {"file": 'a"b', "time": 2.5}, printer="mk3")
        await shop.ended(room, 1)
    [(headers, body, _)] = site.posted
    assert json.loads(body) == {"text": 'Done "a"b"', "seconds": 2.5, "raw": ["{x}", 1, None]}
    assert headers["x-title"] == "print"


async def test_a_webhook_whose_host_comes_back_delivers_all_in_order_with_the_same_ids(shop: Shop) -> None:
    site = Site()
    async with serving(site):
        port = int(site.url.rpartition(":")[2])
    hook = {"event": "a.b", "type": "webhook", "url": site.url, "backoff": "20ms"}
    async with shop.running(hook) as room:
        for n in range(20):
            await shop.publish("a.b", {"n": n})
        await until(lambda: tried(room, 2))
        site.answers = [web.Response(status=503), web.Response(status=429, headers={"retry-after": "0"})]
        async with serving(site, port):
            runs = await shop.ended(room, 20, "done")
    assert [json.loads(body)["data"]["n"] for _, body, _ in site.posted] == [0, 0, *range(20)]
    assert len({headers["webhook-id"] for headers, _, _ in site.posted}) == 20
    assert runs[0].attempt > 2


async def tried(room: Hooks, often: int) -> bool:
    """Tell whether the first run was tried so often."""
    runs = await room.runs.latest(limit=1000)
    return bool(runs) and runs[-1].attempt >= often


def test_a_webhook_is_tried_for_more_than_an_hour_and_a_half() -> None:
    [hook] = hook_set({"event": "a.b", "type": "webhook", "url": "http://localhost/"}).hooks
    waits = [backoff(hook.policy, attempt) for attempt in range(1, hook.policy.retries + 1)]
    assert max(waits) == 600
    assert sum(waits) > 1.5 * 3600


@pytest.mark.slow
async def test_a_host_that_is_down_for_an_hour_gets_all_of_it_in_order_afterwards(shop: Shop) -> None:
    """The clock runs 1,200 times as fast; in the middle of the hour the hub is started anew."""
    site, clock = Site(), Clock(pace=1200)
    async with serving(site):
        port = int(site.url.rpartition(":")[2])
    hooks = [
        {"event": "a.b", "type": "webhook", "url": site.url, "name": "chat"},
        {"event": "a.b", "type": "webhook", "url": site.url, "name": "by key", "order_by": "key"},
    ]
    down = clock.now()
    for until_when in (down + 1800, down + 3700):
        async with shop.running(*hooks, clock=clock, grace=0) as room:
            for n in range(15):
                await shop.publish("a.b", {"n": n + 15 * (until_when > down + 1800), "key": n % 3})
            await until(lambda: clock.now() > until_when)  # noqa: B023
            states = {state for one in (await room.runs.counts()).values() for state in one}
            assert states <= {"queued", "running"}
    async with serving(site, port), shop.running(*hooks, clock=clock) as room:
        runs = await shop.ended(room, 60, "done")
    assert runs[0].attempt > 8
    posted = [json.loads(body)["data"] for _, body, _ in site.posted]
    by_hook: dict[str, list[dict[str, int]]] = {}
    for (headers, _, _), data in zip(site.posted, posted, strict=True):
        by_hook.setdefault(hooks_by_id(runs)[headers["webhook-id"]], []).append(data)
    assert [data["n"] for data in by_hook["chat"]] == list(range(30))
    for key in range(3):
        assert [data["n"] for data in by_hook["by key"] if data["key"] == key] == list(range(key, 30, 3))


def hooks_by_id(runs: list[Run]) -> dict[str, str]:
    """Return whose message each webhook-id is."""
    return {message_of(run): run.hook for run in runs}


async def test_a_webhook_that_is_gone_gets_nothing_more(shop: Shop, site: Site) -> None:
    site.answers = [web.Response(status=410)]
    hook = {"event": "a.b", "type": "webhook", "url": site.url}
    async with shop.running(hook) as room:
        for _ in range(3):
            await shop.publish("a.b")
        runs = await shop.ended(room, 3)
    assert [run.state for run in runs] == ["dead", "skipped", "skipped"]
    assert all("410" in run.reason for run in runs)
    assert len(site.posted) == 1


async def test_a_webhook_that_is_refused_or_never_answered_is_a_dead_letter(shop: Shop, site: Site) -> None:
    site.answers = [web.Response(status=400), "silence"]
    hook = {"event": "a.b", "type": "webhook", "url": site.url, "timeout": "200ms", "retries": 0}
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        await shop.publish("a.b")
        runs = await shop.ended(room, 2)
    assert [run.reason for run in runs] == ["the other side answered 400", "no answer within 0.2 s"]


async def test_publish_makes_a_new_event_with_its_cause(shop: Shop) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=studio.printed", heard.put)
    hook = {
        "event": "PrintDone",
        "type": "publish",
        "topic": "studio.printed",
        "data": {
            "what": "{file}",
            "text": "{file} took {time} s",
            "seconds": "{time}",
            "deep": [{"z": "{source.job.z}"}],
        },
    }
    async with shop.running(hook) as room:
        await shop.publish("octoprint.PrintDone", {"file": "a", "time": 600.5}, printer="mk3", job={"z": 0.3})
        await shop.ended(room, 1, "done")
        event = await asyncio.wait_for(heard.get(), 5)
    assert event.data == {"what": "a", "text": "a took 600.5 s", "seconds": 600.5, "deep": [{"z": 0.3}]}
    assert event.source["trace"]["hops"] == 1
    assert event.source["printer"] == "mk3"


async def test_a_value_can_not_add_a_clause_to_a_target(shop: Shop) -> None:
    heard: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=told", heard.put, subscriber={"who": "jane"})
    hook = {"event": "a.b", "type": "publish", "topic": "told", "target": 'who="{who}"'}
    async with shop.running(hook) as room:
        await shop.publish("a.b", {"who": '" or who="jane'})
        await shop.publish("a.b", {"who": "jane"})
        runs = await shop.ended(room, 2)
        event = await asyncio.wait_for(heard.get(), 5)
    assert [run.state for run in runs] == ["refused", "done"]
    assert event.target == 'who="jane"'


async def test_hooks_that_feed_each_other_stop_at_the_hop_limit(shop: Shop) -> None:
    hooks = [
        {"event": "ping.x", "type": "publish", "topic": "pong.x", "name": "ping", "max_hops": 5},
        {"event": "pong.x", "type": "publish", "topic": "ping.x", "name": "pong", "max_hops": 5},
    ]
    async with shop.running(*hooks) as room:
        await shop.publish("ping.x")
        [skipped] = await shop.ended(room, 1, "skipped")
        assert len(await room.runs.latest(states=("done",))) == 5
    assert skipped.reason.startswith("a loop: 5 causes led to this event")
