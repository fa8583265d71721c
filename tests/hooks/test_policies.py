"""How hooks run: retries, order, windows, delays, and what a hung one costs the others."""

from __future__ import annotations

import asyncio
import json
import re
import time
from typing import Any

import pytest

from callboard.event import Event
from callboard.hooks.clock import Clock
from callboard.hooks.fields import BadHook
from tests.hooks.conftest import Shop, hook_set, until


def system(**keys: Any) -> dict[str, Any]:
    return {"event": "a.b", "type": "system", "command": "true", **keys}


async def test_a_failing_run_is_tried_again_and_then_a_dead_letter_that_is_told(shop: Shop) -> None:
    failed: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=callboard.hook.failed", failed.put)
    hook = system(command="sh -c 'echo no; exit 3'", retries=2, backoff="5ms", name="flaky")
    async with shop.running(hook) as room:
        position = await shop.publish("a.b", None, printer="mk3")
        [run] = await shop.ended(room, 1)
        told = await asyncio.wait_for(failed.get(), 5)
    assert (run.state, run.attempt, run.exit, run.reason, run.output) == ("dead", 3, 3, "exit code 3", "no\n")
    expected = {"hook": "flaky", "event": "a.b", "position": position, "attempts": 3, "exit_code": 3}
    assert expected.items() <= told.data.items()
    assert told.source["printer"] == "mk3"
    assert told.source["trace"]["hops"] == 1


async def test_a_run_that_succeeds_at_the_second_try_is_done(shop: Shop) -> None:
    hook = system(command=f"sh -c 'mkdir {shop.folder}/once && exit 1; exit 0'", retries=3, backoff="5ms")
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert (run.state, run.attempt) == ("done", 2)


async def test_the_first_failing_command_of_a_list_ends_the_run(shop: Shop) -> None:
    async with shop.running(system(command=["echo one", "false", "echo three"])) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert (run.state, run.output, run.command) == ("dead", "one\n", "echo one\nfalse")


async def test_a_retry_holds_back_what_is_behind_it_with_the_same_key_only(shop: Shop) -> None:
    script = f'sh -c \'echo "$1 $2" >> {shop.folder}/out; [ "$1$2" != x1 ] || mkdir {shop.folder}/once\''
    script = script.replace("mkdir", "! mkdir") + " _ {key} {n}"
    hook = system(command=script, order_by="key", retries=1, backoff="100ms")
    async with shop.running(hook) as room:
        for key, n in (("x", 1), ("x", 2), ("y", 1), ("y", 2)):
            await shop.publish("a.b", {"key": key, "n": n})
        await shop.ended(room, 4, "done")
    lines = (shop.folder / "out").read_text().split("\n")[:-1]
    assert [line for line in lines if line[0] == "x"] == ["x 1", "x 1", "x 2"]
    assert [line for line in lines if line[0] == "y"] == ["y 1", "y 2"]
    assert lines.index("y 2") < lines.index("x 2")


async def test_one_hung_hook_does_not_hold_up_the_others(shop: Shop) -> None:
    hooks = [system(command="sleep 100", name="hung", timeout="60s"), system(command="true", name="quick")]
    async with shop.running(*hooks, grace=0) as room:
        for _ in range(50):
            await shop.publish("a.b")
        runs = await shop.ended(room, 50, hook="quick")
    assert {run.state for run in runs} == {"done"}


async def test_a_timeout_stops_the_whole_process_group(shop: Shop) -> None:
    hook = system(command=f"sh -c 'sleep 60 & echo $! > {shop.folder}/pid; wait'", timeout="300ms")
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert run.reason == "it ran longer than its timeout of 0.3 s and was stopped"
    pid = (shop.folder / "pid").read_text().strip()
    await until(lambda: not _alive(pid))


def _alive(pid: str) -> bool:
    from pathlib import Path

    try:
        return Path(f"/proc/{pid}/stat").read_text().split(") ")[1][0] != "Z"
    except OSError:
        return False


async def test_coalescing_makes_one_run_for_each_key(shop: Shop) -> None:
    hook = system(command="echo {n}", coalesce={"key": "entity", "window": "1.5s"})
    async with shop.running(hook) as room:
        await asyncio.gather(*(shop.publish("a.b", {"entity": n % 10, "n": n}) for n in range(1000)))
        runs = await shop.ended(room, 10, "done")
        merged = await room.runs.latest(states=("merged",), limit=2000)
    assert sorted(int(run.output) for run in runs) == list(range(990, 1000))
    assert sum(run.merged for run in runs) == len(merged) == 990


async def test_side_by_side_runs_are_as_many_as_concurrency_says(shop: Shop) -> None:
    into = shop.folder / "in"
    script = f"sh -c 'mkdir -p {into}/$1; ls {into} | wc -l; sleep 0.1; rmdir {into}/$1'"
    async with shop.running(system(command=script + " _ {n}", concurrency=3)) as room:
        for n in range(9):
            await shop.publish("a.b", {"n": n})
        runs = await shop.ended(room, 9, "done")
    assert 2 <= max(int(run.output) for run in runs) <= 3


async def test_a_delayed_run_waits_and_is_cancelled_by_what_unless_says(shop: Shop) -> None:
    hook = {
        "event": "PrintDone",
        "type": "system",
        "command": "echo off",
        "delay": "400ms",
        "unless": "PrintStarted",
    }
    async with shop.running(hook) as room:
        began = time.monotonic()
        await shop.publish("octoprint.PrintDone", {"file": "x"}, printer="a")
        await shop.publish("octoprint.PrintDone", {"file": "x"}, printer="b")
        await shop.publish("octoprint.PrintStarted", {"file": "y"}, printer="a")
        runs = await shop.ended(room, 2)
        assert time.monotonic() - began > 0.39
    assert [run.state for run in runs] == ["cancelled", "done"]
    assert runs[0].reason.startswith("unless: octoprint.PrintStarted came at ")


async def test_a_delay_outlives_a_restart_and_unless_reads_what_came_meanwhile(shop: Shop) -> None:
    hook = {
        "event": "PrintDone",
        "type": "system",
        "command": "echo off",
        "delay": "200ms",
        "unless": "PrintStarted",
    }
    async with shop.running(hook):
        await shop.publish("octoprint.PrintDone", {"file": "x"}, printer="a")
        await shop.publish("octoprint.PrintDone", {"file": "x"}, printer="b")
    await shop.publish("octoprint.PrintStarted", {"file": "y"}, printer="a")
    async with shop.running(hook, clock=Clock(pace=1000)) as room:  # it is due at once
        runs = await shop.ended(room, 2)
    assert [run.state for run in runs] == ["cancelled", "done"]


async def test_dead_letters_are_redriven_by_hand(shop: Shop) -> None:
    hook = system(command=f"cat {shop.folder}/there", name="reader")
    async with shop.running(hook) as room:
        for _ in range(3):
            await shop.publish("a.b")
        dead = await shop.ended(room, 3, "dead")
        (shop.folder / "there").write_text("now")
        assert await room.redrive([dead[0].id]) == 1
        await shop.ended(room, 1, "done")
        assert await room.redrive(hook="reader") == 2
        runs = await shop.ended(room, 3, "done")
    assert {run.output for run in runs} == {"now"}


async def test_reload_takes_a_right_file_and_leaves_a_wrong_one(shop: Shop) -> None:
    told: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=callboard.hooks.refused", told.put)
    first = system(command="echo one", name="first")
    fault = "callboard.yaml:2: comand is no key of a system hook, did you mean command?"
    async with shop.running(first) as room:
        with pytest.raises(BadHook, match=re.escape(fault)):
            await room.reload(hook_set(first, system(comand="x")))
        refused = await asyncio.wait_for(told.get(), 5)
        await shop.publish("a.b")
        await shop.ended(room, 1, "done")
        await room.reload(
            hook_set(system(command="echo two", name="first"), system(command="echo new", name="new"))
        )
        await shop.publish("a.b")
        runs = await shop.ended(room, 3, "done")
    assert refused.data["faults"] == ["callboard.yaml:2: an unknown key"]
    assert sorted(run.output for run in runs) == ["new\n", "one\n", "two\n"]


async def test_reload_under_load_loses_and_doubles_nothing(shop: Shop) -> None:
    hook = system(command="true", name="steady", concurrency=8)
    async with shop.running(hook) as room:
        for n in range(200):
            await shop.publish("a.b", {"n": n})
            if n % 50 == 25:
                await room.reload(hook_set(hook, system(event=f"x.y{n}", name=f"other{n}")))
        runs = await shop.ended(room, 200, hook="steady")
    assert {(run.state, run.attempt) for run in runs} == {("done", 1)}


async def test_a_removed_hooks_waiting_runs_are_skipped_with_the_reason(shop: Shop) -> None:
    hook = system(command="sleep 0.2", name="slow")
    async with shop.running(hook) as room:
        for _ in range(3):
            await shop.publish("a.b")

        async def three() -> bool:
            return len(await room.runs.latest("slow")) == 3

        await until(three)
        await room.reload(hook_set(system(name="other")))
        runs = await shop.ended(room, 3, hook="slow")
    assert sorted(run.state for run in runs) == ["done", "skipped", "skipped"]
    assert "no longer in the configuration" in runs[-1].reason


async def test_ten_thousand_skipped_runs_start_no_process_and_cost_little(shop: Shop) -> None:
    hook = system(command=f"touch {shop.folder}/started", when="data.n<0")
    async with shop.running(hook) as room:
        await asyncio.gather(*(shop.bus.publish(Event("a.b", {"n": n})) for n in range(10_000)))
        before = time.process_time()
        runs = await shop.ended(room, 10_000, "skipped")
        print("CPU seconds after publishing:", time.process_time() - before)
    assert not (shop.folder / "started").exists()
    assert len({run.position for run in runs}) == 10_000
    assert json.dumps(runs[3].reason) == '"when: data.n<0 (data.n is 3)"'


async def test_gcode_that_was_being_sent_when_the_server_stopped_is_told_and_not_sent_again(
    shop: Shop,
) -> None:
    asked: asyncio.Queue[Event] = asyncio.Queue()
    failed: asyncio.Queue[Event] = asyncio.Queue()
    enough = asyncio.Event()

    async def never(event: Event) -> None:
        asked.put_nowait(event)
        await enough.wait()

    shop.bus.subscribe("topic=callboard.printer.gcode", never)
    shop.bus.subscribe("topic=callboard.hook.failed", failed.put)
    hook = {"event": "a.b", "type": "gcode", "command": "G28", "printer": "mk3", "name": "park"}
    async with shop.running(hook, grace=0):
        await shop.publish("a.b")
        await asyncio.wait_for(asked.get(), 10)
    async with shop.running(hook) as room:
        told = await asyncio.wait_for(failed.get(), 10)
        [run] = await shop.ended(room, 1)
    enough.set()
    assert run.state == told.data["state"] == "unknown"
    assert "not sent again" in told.data["reason"]
    assert asked.empty()


async def test_a_command_gets_the_trace_for_what_it_publishes(shop: Shop) -> None:
    async with shop.running(system(command="printenv CALLBOARD_HOOK_TRACE")) as room:
        await shop.publish("a.b", None, trace={"correlation": "c", "cause": "x", "hops": 2})
        [run] = await shop.ended(room, 1)
    trace = json.loads(run.output)
    assert (trace["correlation"], trace["hops"]) == ("c", 3)


async def test_a_run_that_was_going_on_when_the_server_stopped_is_repeated_and_marked(shop: Shop) -> None:
    out = f"{shop.folder}/out"
    command = f"sh -c 'echo $CALLBOARD_HOOK_REPEAT >> {out}; [ $CALLBOARD_HOOK_REPEAT = 1 ] || sleep 60'"
    async with shop.running(system(command=command), grace=0):
        await shop.publish("a.b")
        await until((shop.folder / "out").exists)
    async with shop.running(system(command=command)) as room:
        [run] = await shop.ended(room, 1)
    assert (run.state, run.repeats) == ("done", 1)
    assert (shop.folder / "out").read_text() == "0\n1\n"


async def test_old_runs_are_forgotten_and_dead_letters_are_not(shop: Shop) -> None:
    async with shop.running(system(name="a"), system(name="b", command="false")) as room:
        await shop.publish("a.b")
        await shop.ended(room, 2)
        assert await room.runs.prune(keep=3600) == 0
        assert await room.runs.prune(keep=-1) == 1
        [left] = await room.runs.latest()
    assert left.hook == "b"
