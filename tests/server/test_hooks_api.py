"""Hooks over HTTP: what there is, what ran and why, and running it again."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from callboard.hooks.checking import check
from callboard.hooks.model import HookSet
from callboard.hooks.room import Hooks
from callboard.server.hooks import HookHouse, hook_operations
from callboard.server.openapi import document
from callboard.store import open_store
from tests.server.doors import Doors, open_doors
from tests.server.test_api_documents import ROUNDS, ask

DOCS = Path(__file__).parents[2] / "docs"
CONFIG = """events:
  subscriptions:
    - event: shop.open
      name: greet
      type: system
      command: echo "hello {name}"
      when: data.loud=true
    - event: shop.open
      name: fail
      type: system
      command: "false"
    - event: topic=shop.*
      name: shut
      type: system
      command: echo never
      enabled: no
"""


class Shop:
    """Doors with a hooks room behind them, and the text that `reload` reads."""

    def __init__(self, doors: Doors, room: Hooks) -> None:
        self.doors, self.room = doors, room

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        return await self.doors.ask(method, f"/v1/hooks{path}", **more)

    async def ended(self, *states: str, count: int = 1) -> list[dict[str, Any]]:
        """Wait until so many runs are in these states, and return them as the API gives them."""
        async with asyncio.timeout(20):
            while True:
                _, found = await self.ask("GET", "/runs", params={"state": ",".join(states)})
                if len(found["runs"]) >= count:
                    return list(found["runs"])
                await asyncio.sleep(0.01)


class Files:
    """A configuration's file, as far as reloading is concerned."""

    def __init__(self) -> None:
        self.text = CONFIG
        self.room: Hooks | None = None

    async def reload(self) -> HookSet:
        assert self.room is not None
        found = check(self.text).loaded
        await self.room.reload(found)
        return found


@pytest.fixture
def files() -> Files:
    return Files()


@asynccontextmanager
async def opened(folder: Path, files: Files) -> AsyncIterator[Shop]:
    house = HookHouse(room=lambda: files.room, reload=files.reload, file="callboard.yaml")
    async with open_doors(folder, operations=hook_operations(house)) as doors:
        with open_store(folder / "hooks.db") as store:
            async with Hooks(doors.bus, store, check(files.text).loaded) as room:
                files.room = room
                await room.caught_up()
                yield Shop(doors, room)
        await doors.bus.close()


@pytest.fixture
async def shop(tmp_path: Path, files: Files) -> AsyncIterator[Shop]:
    async with opened(tmp_path, files) as shop:
        yield shop


LOUD = {"topic": "shop.open", "data": {"name": "ann", "loud": True}}
QUIET = {"topic": "shop.open", "data": {"name": "bob", "loud": False}}


async def test_the_list_has_every_hook_and_how_often_it_ran(shop: Shop) -> None:
    await shop.doors.publish(LOUD)
    await shop.ended("done", "dead", count=2)
    status, found = await shop.ask("GET", "")
    assert status == 200
    assert found["file"] == "callboard.yaml"
    by_name = {hook["name"]: hook for hook in found["hooks"]}
    assert by_name["greet"]["counts"] == {"done": 1}
    assert by_name["fail"]["counts"] == {"dead": 1}
    assert by_name["shut"]["enabled"] is False
    assert by_name["shut"]["events"] == ["topic=shop.*"]
    assert by_name["greet"]["since"]


async def test_runs_tell_what_ran_and_why_not(shop: Shop) -> None:
    await shop.doors.publish(LOUD, QUIET)
    (done,) = await shop.ended("done")
    assert (done["command"], done["output"], done["exit"]) == ("echo 'hello ann'", "hello ann\n", 0)
    (skipped,) = await shop.ended("skipped")
    assert skipped["reason"].startswith("when: ")
    _, found = await shop.ask("GET", "/runs", params={"hook": "greet"})
    assert [run["hook"] for run in found["runs"]] == ["greet", "greet"]


async def test_runs_come_in_pages(shop: Shop) -> None:
    await shop.doors.publish(*[LOUD] * 3)
    await shop.ended("done", count=3)
    _, first = await shop.ask("GET", "/runs", params={"hook": "greet", "limit": 2})
    _, rest = await shop.ask("GET", "/runs", params={"hook": "greet", "limit": 2, "before": first["next"]})
    assert [len(first["runs"]), len(rest["runs"]), rest["next"]] == [2, 1, None]
    numbers = [run["id"] for page in (first, rest) for run in page["runs"]]
    assert numbers == sorted(numbers, reverse=True)


async def test_explain_names_the_clause_that_failed_or_the_run(shop: Shop) -> None:
    loud, quiet = await shop.doors.publish(LOUD, QUIET)
    await shop.ended("done")
    await shop.ended("skipped")
    _, ran = await shop.ask("GET", "/explain", params={"position": loud, "hook": "greet"})
    assert (ran["ran"], ran["runs"][0]["output"]) == (True, "hello ann\n")
    _, not_ran = await shop.ask("GET", "/explain", params={"position": quiet, "hook": "greet"})
    assert not_ran["ran"] is False
    assert "loud" in not_ran["reason"]
    _, off = await shop.ask("GET", "/explain", params={"position": loud, "hook": "shut"})
    assert "enabled" in off["reason"]


async def test_explain_says_apart_that_hook_or_event_is_not_there(shop: Shop) -> None:
    (loud,) = await shop.doors.publish(LOUD)
    await shop.ended("done")
    status, nobody = await shop.ask("GET", "/explain", params={"position": loud, "hook": "gret"})
    assert (status, "did you mean greet" in nobody["detail"]) == (404, True)
    log, _, _ = loud.rpartition("-")
    status, ahead = await shop.ask("GET", "/explain", params={"position": f"{log}-999", "hook": "greet"})
    assert (status, f"{log}-999 is ahead of the log" in ahead["detail"]) == (404, True)
    status, gone = await shop.ask("GET", "/explain", params={"position": f"{log}-0", "hook": "greet"})
    assert (status, "not on the log any more" in gone["detail"]) == (404, True)


async def test_a_hooks_name_may_be_cut_where_no_other_begins_like_it(shop: Shop) -> None:
    (loud,) = await shop.doors.publish(LOUD)
    await shop.ended("done")
    await shop.room.reload(check(CONFIG.replace("name: shut", "name: grow")).loaded)
    _, ran = await shop.ask("GET", "/explain", params={"position": loud, "hook": "gree"})
    assert (ran["hook"], ran["ran"]) == ("greet", True)
    _, runs = await shop.ask("GET", "/runs", params={"hook": "gree", "state": "done"})
    assert len(runs["runs"]) == 1
    asked = {"since": "2020-01-01", "hook": "gree", "dry_run": True}
    _, planned = await shop.ask("POST", "/replay", json=asked)
    assert {one["hook"] for one in planned["planned"]} == {"greet"}
    status, problem = await shop.ask("GET", "/explain", params={"position": loud, "hook": "gr"})
    assert (status, "'greet', 'grow'" in problem["detail"]) == (400, True)


async def test_a_dry_run_has_the_very_commands_and_runs_nothing(shop: Shop) -> None:
    await shop.doors.publish(LOUD, QUIET)
    await shop.ended("done")
    asked = {"since": "2020-01-01", "hook": "greet", "dry_run": True}
    status, found = await shop.ask("POST", "/replay", json=asked)
    assert status == 200
    assert [(one["state"], one["command"]) for one in found["planned"]] == [
        ("queued", "echo 'hello ann'"),
        ("skipped", ""),
    ]
    assert (found["queued"], found["next"]) == (1, None)
    _, runs = await shop.ask("GET", "/runs", params={"hook": "greet", "state": "done"})
    assert len(runs["runs"]) == 1


async def test_a_replay_runs_again_and_says_that_it_was_one(shop: Shop) -> None:
    await shop.doors.publish(LOUD)
    await shop.ended("done")
    _, found = await shop.ask("POST", "/replay", json={"since": "2020-01-01", "hook": "greet"})
    assert (found["queued"], found["planned"]) == (1, [])
    again = await shop.ended("done", count=2)
    assert again[0]["origin"].startswith("replay ")


async def test_a_long_replay_comes_in_pages_and_ends_where_the_log_ended(shop: Shop) -> None:
    await shop.doors.publish(*[LOUD] * 600)
    asked: dict[str, Any] = {"since": "2020-01-01", "hook": "greet", "dry_run": True}
    _, first = await shop.ask("POST", "/replay", json=asked)
    await shop.doors.publish(LOUD)
    asked |= {"since": first["next"], "until": first["until"]}
    _, rest = await shop.ask("POST", "/replay", json=asked)
    assert (first["queued"], rest["queued"], rest["next"]) == (500, 100, None)


async def test_a_page_of_long_commands_is_shorter(shop: Shop) -> None:
    event = {"topic": "shop.open", "data": {"name": "n" * 120_000, "loud": True}}
    for _ in range(40):
        await shop.doors.publish(*[event] * 8)
    asked: dict[str, Any] = {"since": "2020-01-01", "hook": "greet", "dry_run": True}
    pages = []
    while asked:
        _, page = await shop.ask("POST", "/replay", json=asked)
        pages.append(page["queued"])
        asked = {**asked, "since": page["next"], "until": page["until"]} if page["next"] else {}
    assert sum(pages) == 320
    assert len(pages) > 1


async def test_dead_letters_are_redriven_by_number_by_hook_or_all(shop: Shop) -> None:
    await shop.doors.publish(LOUD, LOUD)
    dead = await shop.ended("dead", count=2)
    assert (await shop.ask("POST", "/redrive", json={"runs": [dead[0]["id"]]}))[1] == {"queued": 1}
    await shop.ended("dead", count=2)
    assert (await shop.ask("POST", "/redrive", json={"hook": "greet"}))[1] == {"queued": 0}
    assert (await shop.ask("POST", "/redrive", json={}))[1] == {"queued": 2}


async def test_dead_letters_of_a_hook_that_is_gone_stay_dead_letters(shop: Shop, files: Files) -> None:
    await shop.doors.publish(LOUD)
    (dead,) = await shop.ended("dead")
    files.text = CONFIG.replace("name: fail", "name: other")
    await shop.ask("POST", "/reload")
    assert (await shop.ask("POST", "/redrive", json={"runs": [dead["id"]]}))[1] == {"queued": 0}
    assert (await shop.ask("POST", "/redrive", json={}))[1] == {"queued": 0}
    files.text = CONFIG
    await shop.ask("POST", "/reload")
    assert (await shop.ask("POST", "/redrive", json={}))[1] == {"queued": 1}


async def test_reload_takes_other_hooks_and_a_faulty_file_changes_nothing(shop: Shop, files: Files) -> None:
    files.text = CONFIG.replace("hello {name}", "hi {name}")
    status, found = await shop.ask("POST", "/reload")
    assert (status, len(found["hooks"])) == (200, 3)
    files.text = CONFIG.replace("type: system", "type: sistem", 1)
    status, problem = await shop.ask("POST", "/reload")
    assert (status, problem["type"]) == (400, "/v1/docs#bad-config")
    assert "callboard.yaml:5" in problem["detail"]
    await shop.doors.publish(LOUD)
    (done,) = await shop.ended("done")
    assert done["output"] == "hi ann\n"
    _, page = await shop.doors.ask(
        "GET", "/v1/events", params={"expression": "topic=callboard.hooks.refused"}
    )
    assert "callboard.yaml:5" in page["events"][0]["event"]["data"]["faults"][0]


async def test_a_configuration_is_checked_without_being_loaded(shop: Shop) -> None:
    status, found = await shop.ask("POST", "/check", data=CONFIG.replace("{name}", "{__nam}"))
    assert (status, found["ok"], len(found["hooks"])) == (200, False, 2)
    assert found["faults"][0]["line"] in (3, 6)
    _, found = await shop.ask("POST", "/check", data=CONFIG)
    assert found["ok"] is True
    _, found = await shop.ask("POST", "/check", data="events: [")
    assert (found["ok"], found["faults"][0]["line"]) == (False, 1)
    _, found = await shop.ask("POST", "/check", data=b"\xff\xfe\x00events")
    assert found["ok"] is False
    assert len((await shop.ask("GET", ""))[1]["hooks"]) == 3


async def test_what_a_key_may_not_receive_it_can_neither_replay_nor_have_explained(shop: Shop) -> None:
    (loud,) = await shop.doors.publish(LOUD)
    await shop.ended("done")
    narrow = shop.doors.headers("narrow", receive="topic=other.*", rights=["hooks"])
    asked = {"since": "2020-01-01", "dry_run": True}
    _, found = await shop.ask("POST", "/replay", headers=narrow, json=asked)
    assert found["planned"] == []
    where = {"position": loud, "hook": "shut"}
    status, found = await shop.ask("GET", "/explain", headers=narrow, params=where)
    assert status == 404
    assert "ann" not in str(found)


@pytest.mark.parametrize(
    ("method", "path", "more", "status"),
    [
        ("GET", "/runs", {"params": {"state": "deed"}}, 400),
        ("GET", "/runs", {"params": {"limit": "0"}}, 400),
        ("GET", "/runs", {"params": {"before": "x"}}, 400),
        ("GET", "/explain", {"params": {"position": "x", "hook": "greet"}}, 400),
        ("GET", "/explain", {}, 400),
        ("POST", "/replay", {"json": {"since": "yesterday"}}, 400),
        ("POST", "/replay", {"json": {}}, 400),
        ("POST", "/replay", {"json": {"since": "2020-01-01", "until": "x"}}, 400),
        ("POST", "/replay", {"json": {"since": "2020-01-01", "hook": "gret"}}, 404),
        ("POST", "/replay", {"json": {"since": "2020-01-01", "nonsense": 1}}, 400),
        ("POST", "/redrive", {"json": {"hook": "gret"}}, 404),
        ("POST", "/redrive", {"json": {"runs": ["x"]}}, 400),
        ("POST", "/redrive", {"data": b"{"}, 400),
        ("DELETE", "", {}, 405),
    ],
)
async def test_bad_input_gets_a_problem_document(
    shop: Shop, method: str, path: str, more: dict[str, Any], status: int
) -> None:
    found, problem = await shop.ask(method, path, **more)
    assert (found, problem["status"]) == (status, status)
    assert problem["detail"]


async def test_everything_needs_the_right_hooks(shop: Shop) -> None:
    plain = shop.doors.headers("plain", rights=["keys", "settings", "printers"])
    for one in hook_operations(HookHouse(room=lambda: None)):
        status, _ = await shop.doors.ask(one.method, one.path, plain)
        assert status == 403, one.path
        assert (await shop.doors.ask(one.method, one.path, {}))[0] == 401


async def test_a_node_that_does_not_run_the_hooks_says_so(tmp_path: Path) -> None:
    house = HookHouse(room=lambda: None)
    async with open_doors(tmp_path, operations=hook_operations(house)) as doors:
        status, problem = await doors.ask("GET", "/v1/hooks")
    assert (status, problem["type"]) == (503, "/v1/docs#not-ready")


async def test_without_a_file_there_is_nothing_to_reload(tmp_path: Path, files: Files) -> None:
    house = HookHouse(room=lambda: files.room)
    async with opened(tmp_path, files), open_doors(tmp_path, operations=hook_operations(house)) as doors:
        assert (await doors.ask("POST", "/v1/hooks/reload"))[0] == 409


def test_every_operation_is_described_and_stands_in_the_docs() -> None:
    operations = hook_operations(HookHouse(room=lambda: None))
    described = document(operations)
    ids = [one["operationId"] for each in described["paths"].values() for one in each.values()]
    assert len(set(ids)) == len(operations)
    assert msgspec.json.encode(described)
    text = (DOCS / "hooks.md").read_text()
    for one in operations:
        assert f"`{one.method} {one.path}`" in text, one.path


@pytest.mark.slow
async def test_what_the_openapi_document_promises_of_hooks_holds(tmp_path: Path, files: Files) -> None:
    async with opened(tmp_path, files) as shop:
        await shop.doors.publish(LOUD, QUIET)
        await shop.ended("done")
        await asyncio.to_thread(explore, shop.doors)


def explore(doors: Doors) -> None:
    schema = schemathesis.openapi.from_url(f"{doors.url}/v1/openapi.json").include(path_regex="^/v1/hooks")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        may_be_wrong = list(operation.iter_parameters()) or operation.body
        for mode in GenerationMode if may_be_wrong else [GenerationMode.POSITIVE]:
            ROUNDS(given(case=operation.as_strategy(mode))(ask))(doors)
