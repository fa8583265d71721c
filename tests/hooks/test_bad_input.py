"""What is broken ends as a run with a reason, or as a fault with file and line; nothing else stops."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from callboard.config import load
from callboard.hooks.model import KEYS, Printer
from callboard.hooks.reading import read_hooks
from callboard.hooks.template import SPECIAL
from tests.hooks.conftest import At, Shop, hook_set, until

DOCS = Path(__file__).parents[2] / "docs" / "hooks.md"


def system(command: Any, **keys: Any) -> dict[str, Any]:
    return {"event": "a.b", "type": "system", "command": command, **keys}


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        (
            system("no-such-program {x}"),
            "there is no program 'no-such-program': give its full path, or install it",
        ),
        (system("/tmp"), "'/tmp' is a folder: name a program, or make it executable (chmod +x)"),
        (
            system("/etc/passwd"),
            "'/etc/passwd' is not executable: name a program, or make it executable (chmod +x)",
        ),
        (
            system("true", cwd="/no/such/folder"),
            "its cwd '/no/such/folder' is no folder: create it, or correct the hook",
        ),
        (system("sh -c 'kill -9 $$'"), "it was ended by signal 9"),
    ],
)
async def test_what_can_not_start_says_why_and_the_next_hook_runs(
    shop: Shop, hook: dict[str, Any], reason: str
) -> None:
    async with shop.running({**hook, "name": "bad"}, system("echo fine", name="good")) as room:
        await shop.publish("a.b", {"x": 1})
        runs = {run.hook: run for run in await shop.ended(room, 2)}
    assert (runs["bad"].state, runs["bad"].reason) == ("dead", reason)
    assert runs["good"].output == "fine\n"


async def test_where_no_process_can_be_watched_by_a_descriptor_a_thread_waits(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delattr("os.pidfd_open", raising=False)
    hooks = [system("sh -c 'echo x; exit 4'"), system("sleep 60", timeout="100ms", name="slow")]
    async with shop.running(*hooks) as room:
        await shop.publish("a.b")
        runs = await shop.ended(room, 2, "dead")
    assert "exit code 4" in {run.reason for run in runs}


async def test_a_gigabyte_of_output_is_kept_at_its_ends_only(shop: Shop) -> None:
    hook = system("sh -c 'echo begin; head -c 1000000000 /dev/zero; echo end'")
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert run.output.startswith("begin\n")
    assert run.output.endswith("end\n")
    assert len(run.output) < 20_000
    assert f"{1_000_000_010 - 16384} bytes left out" in run.output


async def test_a_child_that_stays_is_not_waited_for(shop: Shop) -> None:
    began = time.monotonic()
    async with shop.running(system("sh -c 'sleep 60 & echo $!'")) as room:
        await shop.publish("a.b")
        [run] = await shop.ended(room, 1)
    assert (run.state, run.exit) == ("done", 0)
    assert time.monotonic() - began < 50


async def test_a_command_that_does_not_read_a_large_event_still_ends(shop: Shop) -> None:
    async with shop.running(system(["true", "wc -c"])) as room:
        await shop.publish("a.b", {"text": "x" * 3_000_000})
        [run] = await shop.ended(room, 1)
    assert run.state == "done"
    assert int(run.output) > 3_000_000


async def test_a_value_too_long_for_an_argument_is_refused_and_stdin_has_it(shop: Shop) -> None:
    async with shop.running(system("echo {text}"), system("wc -c", name="stdin")) as room:
        await shop.publish("a.b", {"text": "x" * 200_000})
        runs = {run.kind + run.state: run for run in await shop.ended(room, 2)}
    assert "read it from standard input" in runs["systemrefused"].reason
    assert int(runs["systemdone"].output) > 200_000


async def test_an_unknown_placeholder_of_an_unknown_topic_refuses_that_run_only(shop: Shop) -> None:
    async with shop.running(system("echo {b}"), system("echo {a}", name="other")) as room:
        await shop.publish("a.b", {"a": 1})
        runs = await shop.ended(room, 2)
    assert sorted((run.state, run.reason) for run in runs) == [
        ("done", ""),
        ("refused", "The event a.b has nothing for {b}: it has a."),
    ]


@pytest.mark.parametrize(
    ("hook", "reason"),
    [
        ("PrintDone", "A hook is a map"),
        (None, "A hook is a map"),
        ({"event": "PrintDone", "command": "x"}, "type is missing: write system, gcode, webhook or publish"),
        ({"event": "PrintDone", "command": "x", "type": "sytem"}, "did you mean system?"),
        ({"command": "x", "type": "system"}, "event is missing"),
        ({"event": [], "command": "x", "type": "system"}, "event is empty"),
        ({"event": "a.b", "type": "system"}, "either command"),
        (system("x", argv=["y"]), "either command"),
        ({"event": "a.b", "typ": "system", "command": "x"}, "unknown key 'typ', did you mean 'type'?"),
        ({"evnt": "a.b", "type": "system", "command": "x"}, "unknown key 'evnt', did you mean 'event'?"),
        (system("a && b"), "needs a shell for &&:"),
        (system("a || b"), "needs a shell for ||:"),
        (system("x", comand="y"), "comand is no key of a system hook, did you mean command?"),
        (system("x", url="http://x"), "url is no key of a system hook"),
        (system("x", enabled="perhaps"), "enabled is 'perhaps': it takes true or false"),
        (system("x", timeout="soon"), "timeout is 'soon': it takes a duration"),
        (
            {"event": "e", "type": "webhook", "url": "http://a.b/", "headers": "Authorization: Bearer 1234"},
            "headers takes a map",
        ),
        (
            {"event": "e", "type": "webhook", "url": "http://a.b/", "secret": ["1234"]},
            "secret takes a text",
        ),
        (system("x", retries=-1), "retries is '-1': it takes a whole number from 0 to 100"),
        (system("x", when="data.x=="), "when: "),
        (system("x", on_late="maybe"), "skip or run"),
        (system("x", unless="PrintStarted"), "unless goes with delay"),
        (system("x", coalesce={"key": "a"}), "coalesce.window is missing"),
        (
            system("x", coalesce={"kye": "a", "window": 1}),
            "coalesce.kye is no key of coalesce, did you mean key?",
        ),
        (system({"a": 1}), "command is"),
        (system("echo {__progres}"), "There is no placeholder {__progres}, did you mean __progress?"),
        (
            system("echo {fiel}", event="PrintDone"),
            "There is no placeholder {fiel} in PrintDone, did you mean file?",
        ),
        (system("echo {data.fiel}", event="PrintDone"), "did you mean file?"),
        (system("echo {file", event="PrintDone"), "lone '{'"),
        (system("echo {x}", event="topic=="), "event: "),
        (system("echo {x}", event="a\"b'c.d"), "both kinds of quotes"),
        ({"event": "a.b", "type": "gcode", "command": "G28", "retries": 1}, "at most once"),
        ({"event": "a.b", "type": "gcode"}, "command is missing"),
        ({"event": "a.b", "type": "webhook"}, "url takes"),
        ({"event": "a.b", "type": "webhook", "url": "http://{host}/x"}, "url takes"),
        ({"event": "a.b", "type": "webhook", "url": "http://h{x}"}, "url takes"),
        ({"event": "a.b", "type": "webhook", "url": "file:///etc/passwd"}, "url takes"),
        ({"event": "a.b", "type": "webhook", "url": "http://h", "secret": "not base64!"}, "whsec_"),
        ({"event": "a.b", "type": "webhook", "url": "http://h", "headers": {"a b": "x"}}, "headers"),
        ({"event": "a.b", "type": "webhook", "url": "http://h", "headers": {"a": "x\ny"}}, "headers"),
        ({"event": "a.b", "type": "publish"}, "topic takes"),
        ({"event": "a.b", "type": "publish", "topic": "x.{y}"}, "topic takes"),
        ({"event": "a.b", "type": "publish", "topic": "x.y", "target": "id={id}"}, "put quotes around {id}"),
        ({"event": "a.b", "type": "publish", "topic": "x.y", "target": "=="}, "target: "),
    ],
)
def test_a_wrong_hook_is_a_fault_with_its_line_and_the_others_load(hook: Any, reason: str) -> None:
    read = hook_set(system("true"), hook, system("true", name="b"))
    assert [hook.line for hook in read.hooks] == [1, 3]
    [fault] = read.faults
    assert reason in str(fault)
    assert str(fault).startswith("callboard.yaml:2: ")


def test_a_fault_names_the_line_of_its_key() -> None:
    text = "events:\n  subscriptions:\n  - event: A\n    type: system\n    command: x\n    timeout: soon\n"
    read = read_hooks(load(text, "c.yaml").events.subscriptions, "c.yaml")
    assert str(read.faults[0]).startswith("c.yaml:6: timeout is 'soon'")


MANY = """\
events:
  subscriptions:
  - event: PrintDone
    type: system
    command:
    - echo {fiel} {tim}
    - "true"
    enabeld: no
    when: data.time>
    timeout: soon
    retries: -1
    coalesce: {key: file, widnow: 2s}
    shell: perhaps
    colour: red
  - evnt: PrintDone
    typ: sytem
    command: [a | b, "true", c > d]
    order_by: __progres
  - type: webhook
    url: ftp://x
    secret: no base64
    concurrency: 1000
  - event: a.b
    type: gcode
    command: ["{file}", "G28"]
    retries: 2
    delay: later
  - event: a.b
    type: system
    command: "true"
  - event: a.b
    type: system
    commnd: a | b
"""


def test_each_fault_of_each_hook_is_told_with_its_line() -> None:
    read = read_hooks(load(MANY, "c.yaml").events.subscriptions, "c.yaml")
    assert [hook.line for hook in read.hooks] == [28]
    told = [(fault.line, fault.reason) for fault in read.faults]
    expected = [
        (5, "There is no placeholder {fiel} in PrintDone, did you mean file?"),
        (5, "There is no placeholder {tim} in PrintDone, did you mean time?"),
        (8, "enabeld is no key of a system hook, did you mean enabled?"),
        (9, "when: "),
        (10, "timeout is 'soon'"),
        (11, "retries is '-1'"),
        (12, "coalesce.widnow is no key of coalesce, did you mean window?"),
        (13, "shell is 'perhaps'"),
        (14, "colour is no key of a system hook"),
        (15, "type is 'sytem'"),
        (15, "unknown key 'evnt', did you mean 'event'?"),
        (16, "unknown key 'typ', did you mean 'type'?"),
        (17, "command: 'a | b' needs a shell"),
        (17, "command: 'c > d' needs a shell"),
        (18, "There is no placeholder {__progres}, did you mean __progress?"),
        (19, "event is missing"),
        (20, "url takes"),
        (21, "secret takes"),
        (22, "concurrency is '1000'"),
        (25, "command: "),
        (26, "retries is not for gcode"),
        (27, "delay is 'later'"),
        (31, "command: 'a | b' needs a shell"),
        (33, "commnd is no key of a system hook, did you mean command?"),
    ]
    for (line, reason), (wanted, begins) in zip(told, expected, strict=False):
        assert line == wanted, (told, reason)
        assert reason.startswith(begins)
    assert len(told) == len(expected)


@pytest.mark.parametrize("word", ["yes", "on", "True", "no", "Off", True, False])
def test_the_booleans_of_old_stay_booleans(word: Any) -> None:
    [hook] = hook_set(system("true", enabled=word)).hooks
    assert hook.enabled is (word in {"yes", "on", "True", True})


TWO = (Printer("mk3", ("left", "big")), Printer("xl", ("right", "big")))


@pytest.mark.parametrize(
    ("keys", "printers", "expected"),
    [
        ({"event": "PrintDone"}, TWO, ""),
        ({"event": "Startup"}, TWO[:1], ""),
        ({"event": "Startup"}, TWO, "printer is missing"),
        ({"event": "ftrack.update"}, TWO, "printer is missing"),
        ({"event": "topic=octoprint.PrintDone and data.time>1"}, TWO, ""),
        ({"event": "data.time>1"}, TWO, "printer is missing"),
        ({"event": "source.printer=mk3*"}, TWO, ""),
        ({"event": "Startup", "printer": "mk3"}, TWO, "mk3"),
        ({"event": "Startup", "printer": "mk4"}, TWO, "There is no printer 'mk4', did you mean mk3?"),
        ({"event": "Startup", "printer": "tags=left"}, TWO, "mk3"),
        ({"event": "Startup", "printer": "tags=big"}, TWO, "means several printers: mk3, xl"),
        ({"event": "Startup", "printer": "tags=none"}, TWO, "means no printer"),
    ],
)
def test_a_gcode_hook_means_one_printer_or_is_refused(
    keys: dict[str, Any], printers: tuple[Printer, ...], expected: str
) -> None:
    read = read_hooks([At({"type": "gcode", "command": "G28", **keys})], "c.yaml", printers)
    if read.faults:
        assert expected
        assert expected in str(read.faults[0])
    else:
        assert read.hooks[0].action.printer == expected  # type: ignore[union-attr]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from([*KEYS, "x"]), inner, max_size=6)
    ),
    max_leaves=20,
)


@given(st.dictionaries(st.sampled_from([*KEYS, "x"]), VALUES))
def test_reading_any_map_gives_a_hook_or_its_faults(value: dict[str, Any]) -> None:
    read = hook_set(value)
    assert len(read.hooks) == (not read.faults)
    assert len({fault.reason for fault in read.faults}) == len(read.faults)


async def test_a_full_disk_for_a_while_loses_nothing(shop: Shop) -> None:
    def pages(most: int) -> Any:
        return asyncio.wrap_future(shop.store.run(lambda db: db.execute(f"PRAGMA max_page_count = {most}")))

    async with shop.running(system("true")) as room:
        await pages(1)
        with capture_logs() as logs:
            await asyncio.gather(*(shop.publish("a.b", {"text": "x" * 10_000}) for _ in range(20)))
            await until(lambda: any("can't be stored" in one["event"] for one in logs))
        assert await room.runs.latest() == []
        await pages(1_000_000)
        await shop.ended(room, 20, "done")


async def test_an_event_that_hangs_in_a_full_queue_does_not_hang_the_room(shop: Shop) -> None:
    async with shop.running(system("true", when="data.n<10")) as room:
        await asyncio.gather(*(shop.publish("a.b", {"n": n}) for n in range(5000)))
        assert len(await shop.ended(room, 10, "done")) == 10


def test_the_page_of_hooks_has_every_key_and_every_placeholder() -> None:
    text = DOCS.read_text()
    missing = [key for key in KEYS if f"`{key}`" not in text]
    missing += [name for name in SPECIAL if f"`{{{name}}}`" not in text]
    assert missing == []
