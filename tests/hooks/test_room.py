"""The room: events become runs, each once, in order where they must be."""

from __future__ import annotations

import json
from pathlib import Path

from callboard.event import Event
from tests.hooks.conftest import Shop


async def test_a_system_hook_runs_its_command_without_a_shell(shop: Shop) -> None:
    hook = {"event": "show.done", "type": "system", "command": "printf '%s|' \"Done: {file}\" {file}"}
    async with shop.running(hook) as room:
        await shop.publish("show.done", {"file": "a b$(id).gcode"})
        [run] = await shop.ended(room, 1)
    assert (run.state, run.exit, run.output) == ("done", 0, "Done: a b$(id).gcode|a b$(id).gcode|")


async def test_a_print_event_is_named_without_a_dot(shop: Shop) -> None:
    async with shop.running(
        {"event": "PrintDone", "type": "system", "command": "echo {__eventname} {file}"}
    ) as room:
        await shop.publish("octoprint.PrintDone", {"file": "cube.gcode"}, printer="mk3")
        [run] = await shop.ended(room, 1)
    assert run.output == "PrintDone cube.gcode\n"


async def test_the_event_is_on_standard_input(shop: Shop) -> None:
    async with shop.running({"event": "a.b", "type": "system", "command": "cat"}) as room:
        await shop.publish("a.b", {"text": "x" * 100_000}, printer="mk3")
        [run] = await shop.ended(room, 1)
    assert run.output.startswith('{"topic":"a.b","data":{"text":"xxx')
    assert '"source":{' in run.output
    assert "bytes left out" in run.output


async def test_events_in_a_row_run_one_after_the_other_and_none_is_lost(shop: Shop) -> None:
    out = shop.folder / "out"
    hook = {"event": "a.b", "type": "system", "command": f"sh -c 'echo \"$1\" >> {out}' _ {{n}}"}
    async with shop.running(hook) as room:
        for n in range(40):
            await shop.publish("a.b", {"n": n})
        await shop.ended(room, 40, "done")
    assert Path(out).read_text().split() == [str(n) for n in range(40)]


async def test_when_keeps_a_hook_from_running_and_says_which_clause(shop: Shop) -> None:
    hook = {
        "event": "PrintDone",
        "type": "system",
        "command": "true",
        "when": "data.time>600 and source.printer=mk3*",
    }
    async with shop.running(hook) as room:
        await shop.publish("octoprint.PrintDone", {"time": 12}, printer="mk3s")
        [run] = await shop.ended(room, 1)
    assert (run.state, run.reason) == ("skipped", "when: data.time>600 (data.time is 12)")


async def test_a_new_hook_starts_at_the_head_and_a_known_one_where_it_was(shop: Shop) -> None:
    first = {"event": "a.b", "type": "system", "command": "echo {n}", "name": "first"}
    await shop.publish("a.b", {"n": 0})
    async with shop.running(first) as room:
        await shop.publish("a.b", {"n": 1})
        await shop.ended(room, 1)
    await shop.publish("a.b", {"n": 2})
    async with shop.running(first, {**first, "name": "second"}) as room:
        await shop.publish("a.b", {"n": 3})
        runs = await shop.ended(room, 4)
    assert sorted((run.hook, run.output.strip()) for run in runs) == [
        ("first", "1"),
        ("first", "2"),
        ("first", "3"),
        ("second", "3"),
    ]


async def test_variables_carry_the_event_and_no_key_of_the_server(shop: Shop, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("CALLBOARD_API_KEY", "secret")
    monkeypatch.setenv("CALLBOARD_URL", "http://127.0.0.1:1")
    plain = {"event": "a.b", "type": "system", "command": "env", "name": "plain"}
    async with shop.running(plain, {**plain, "inherit": ["CALLBOARD_URL"], "name": "told"}) as room:
        await shop.publish("a.b", {"file": "x y", "url": "evil"})
        runs = {run.hook: run.output for run in await shop.ended(room, 2)}
    assert "CALLBOARD_EVENT_FILE=x y\n" in runs["plain"]
    assert "CALLBOARD_API_KEY" not in runs["plain"] + runs["told"]
    assert "CALLBOARD_URL=" not in runs["plain"]
    assert "CALLBOARD_URL=http://127.0.0.1:1\n" in runs["told"]


async def test_both_spellings_of_one_analysis_run_a_hook_once(shop: Shop) -> None:
    hooks = [
        {"event": name, "type": "system", "command": "echo {file}"}
        for name in ("MetadataAnalysisFinished", "MetadataAnalaysisFinished")
    ]
    async with shop.running(*hooks) as room:
        for name in ("MetadataAnalysisFinished", "MetadataAnalaysisFinished"):
            await shop.publish(f"octoprint.{name}", {"file": "a.gcode", "result": {}})
        await shop.publish("octoprint.MetadataAnalaysisFinished", {"file": "b.gcode", "result": {}})
        runs = await shop.ended(room, 4, "done")
    assert sorted(json.dumps(run.output) for run in runs) == ['"a.gcode\\n"'] * 2 + ['"b.gcode\\n"'] * 2


async def test_what_is_published_before_the_end_still_runs(shop: Shop) -> None:
    hook = {"event": "Shutdown", "type": "system", "command": f"touch {shop.folder}/off"}
    async with shop.running(hook):
        await shop.publish("octoprint.Shutdown")
    assert (shop.folder / "off").exists()


async def test_nobody_waits_for_the_reply_of_a_hook(shop: Shop) -> None:
    async with shop.running({"event": "a.question", "type": "system", "command": "true"}) as room:
        asked = shop.bus.request(Event("a.question"), deadline=3600)
        assert [reply async for reply in asked] == []
        await shop.ended(room, 1)
