"""Why it did (not) run, what would run, and running it again."""

from __future__ import annotations

from typing import Any

import pytest

from callboard.event import Event, Stamp
from callboard.hooks.planning import diff, plan
from tests.hooks.conftest import Shop, hook_set


def printed(n: int, name: str = "PrintDone", printer: str = "mk3", time: float = 0.0, **data: Any) -> Event:
    entry = Stamp(f"log-{n}", time or 1000.0 + n, "mk3")
    return Event(
        f"octoprint.{name}", {"file": f"f{n}", **data}, {"printer": printer}, id=f"e{n}", entry=entry
    )


def system(**keys: Any) -> dict[str, Any]:
    return {"event": "PrintDone", "type": "system", "command": "echo {file}", **keys}


def planned(hook: dict[str, Any], *events: Event, now: float | None = None) -> list[tuple[str, str]]:
    return [(one.state, one.command or one.reason) for one in plan(hook_set(hook), events, now)]


def test_a_plan_is_the_very_command_and_runs_nothing() -> None:
    hook = system(command=["rm -- {file}", 'echo "a b" {time}'], when="data.time>1")
    assert planned(hook, printed(1, time=5), printed(2, "PrintFailed")) == [
        ("skipped", "when: data.time>1 (the event has no data.time)")
    ]
    event = printed(3)
    event.data.update(file="x; rm -rf /", time=2)
    assert planned(hook, event) == [("queued", "rm -- 'x; rm -rf /'\necho 'a b' 2")]


def test_a_plan_says_what_would_be_refused_late_coalesced_or_cancelled() -> None:
    assert planned(system(), printed(1, file="-rf"))[0][0] == "refused"
    gcode = {"event": "PrintDone", "type": "gcode", "command": "M117 {file}"}
    assert planned(gcode, printed(1), now=1002.0) == [("queued", "mk3: M117 f1")]
    assert planned(gcode, printed(1), now=9999.0)[0][0] == "skipped"
    coalesce = system(coalesce={"key": "source.printer", "window": 5})
    assert [state for state, _ in planned(coalesce, printed(1), printed(2, printer="b"), printed(3))] == [
        *("merged", "queued", "queued"),
    ]
    delay = system(delay=60, unless="PrintStarted")
    events = [printed(1), printed(2, printer="b"), printed(3, "PrintStarted")]
    assert [state for state, _ in planned(delay, *events)] == ["cancelled", "queued"]


def test_a_diff_says_what_another_configuration_would_have_done() -> None:
    old = hook_set(system(name="a"), system(name="b", command="echo b"), system(command="echo same"))
    new = hook_set(
        system(name="a", command="echo new {file}"),
        system(name="c", command="echo c"),
        system(command="echo same", timeout=9),
    )
    found = [(one.hook, one.before, one.after) for one in diff(old, new, [printed(1)])]
    assert found == [("a", "echo f1", "echo new f1"), ("b", "echo b", ""), ("c", "", "echo c")]


async def test_explain_names_the_clause_or_the_run(shop: Shop) -> None:
    hooks = [
        system(name="ran"),
        system(name="when", when="data.time>600 and source.printer=mk3*"),
        system(name="off", enabled=False),
        system(name="elsewhere", event="PrintFailed"),
        system(name="narrow", event="topic=octoprint.Print* and source.printer=xl"),
        system(name="broken", command="false"),
    ]
    async with shop.running(*hooks) as room:
        position = await shop.publish("octoprint.PrintDone", {"file": "x", "time": 700}, printer="mini")
        await shop.ended(room, 3)
        stamp = Stamp(position, 1.0, "admin")
        event = Event("octoprint.PrintDone", {"file": "x", "time": 700}, {"printer": "mini"}, entry=stamp)
        told = {name: await room.explain(position, name, event) for name in [hook["name"] for hook in hooks]}
        missing = await room.explain(position, "brokn", event)
        forgotten = await room.explain(position, "elsewhere", None)
    assert told["ran"].ran
    assert told["ran"].reason.startswith("it ran: done after ")
    assert told["ran"].runs[0].output == "x\n"
    assert told[
        "when"
    ].reason == "it is skipped: when: source.printer=\"mk3*\" (source.printer is 'mini')".replace(
        '"mk3*"', "mk3*"
    )
    assert told["off"].reason == "enabled: the hook is switched off"
    assert told["elsewhere"].reason == "event: it is for PrintFailed, this is PrintDone"
    assert told["narrow"].reason == "event: source.printer=xl (source.printer is 'mini')"
    assert "exit code 1" in told["broken"].reason
    assert missing.reason == "there is no hook 'brokn', did you mean broken?"
    assert "not on the log any more" in forgotten.reason


async def test_explain_says_when_a_hook_began_to_listen_too_late(shop: Shop) -> None:
    position = await shop.publish("octoprint.PrintDone", {"file": "x"}, printer="mk3")
    event = Event("octoprint.PrintDone", {"file": "x"}, entry=Stamp(position, 1.0, "admin"))
    async with shop.running(system(name="new")) as room:
        told = await room.explain(position, "new", event)
    assert "behind this event: replay it" in told.reason


async def test_a_replay_runs_past_events_again_and_leaves_live_runs_alone(shop: Shop) -> None:
    hooks = [
        system(name="again"),
        system(name="other"),
        system(name="wait", delay=3600, unless="PrintStarted"),
    ]
    async with shop.running(*hooks) as room:
        position = await shop.publish("octoprint.PrintDone", {"file": "x"}, printer="mk3")
        await shop.ended(room, 2, "done")
        event = Event(
            "octoprint.PrintDone", {"file": "x"}, {"printer": "mk3"}, entry=Stamp(position, 1.0, "admin")
        )
        started = Event(
            "octoprint.PrintStarted", {"file": "y"}, {"printer": "mk3"}, entry=Stamp("l-9", 2.0, "admin")
        )
        assert await room.replay([event], hook="again") == 1
        assert await room.replay([event, started], hook="again") == 1
        await room.replay([started])
        runs = await shop.ended(room, 3, "done", hook="again")
        assert (await room.runs.counts())["wait"] == {"queued": 1}
    assert {run.position for run in runs} == {position}
    assert len({run.origin for run in runs}) == 3


@pytest.mark.parametrize("value", ["-rf", "x"])
async def test_what_a_dry_run_says_is_what_a_replay_does(shop: Shop, value: str) -> None:
    hook = system(command="echo {file} done")
    async with shop.running(hook) as room:
        event = printed(1, file=value)
        [said] = plan(room.hook_set, [event], None)
        await room.replay([event])
        [run] = await shop.ended(room, 1)
    assert (run.command, run.state) == (said.command, {"queued": "done"}.get(said.state, said.state))
