"""No command, address or value of a hook gets into an event: any key may read those."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from structlog.testing import capture_logs

from callboard.event import Event
from callboard.hooks.checking import check
from callboard.hooks.fields import BadHook
from callboard.hooks.room import Hooks
from tests.hooks.conftest import Shop, hook_set

SECRET = "hunter2"
FAULTY: list[tuple[dict[str, Any] | str, str]] = [
    (
        {"type": "system", "command": f"mail -p {SECRET} > /tmp/x"},
        "command: needs a shell for a redirect (>)",
    ),
    ({"type": "system", "command": f"echo {SECRET} {{"}, "command: a lone brace"),
    ({"type": "system", "command": f"echo {{{SECRET}!r}}"}, "command: no placeholder"),
    ({"type": "system", "command": f"echo '{SECRET}"}, "command: a text that can't be used"),
    ({"type": "system", "command": f"sh -c 'echo {SECRET} {{file}}'"}, "command: a placeholder is in danger"),
    ({"type": "system", "command": "true", f"mail -p {SECRET}": 1}, "an unknown key"),
    ({"type": "system", "command": {SECRET: 1}}, "command: takes a text or a list of texts"),
    ({"type": "system", "command": "true", "when": f"{SECRET}="}, "when can't be used"),
    ({"type": "webhook", "url": f"ftp://{SECRET}"}, "url can't be used"),
    ({"type": "webhook", "url": f"https://x/{SECRET}", "secret": SECRET + "!"}, "secret can't be used"),
    ({"type": "gcode", "command": f"{{file}} {SECRET}"}, "command: a text that can't be used"),
    ({"command": SECRET}, "type is missing: write system, gcode, webhook or publish"),
    (f"mail -p {SECRET}", "this hook can't be used"),
]


def given(hook: dict[str, Any] | str) -> Any:
    return {"event": "PrintDone", **hook} if isinstance(hook, dict) else hook


@pytest.mark.parametrize(("hook", "kind"), FAULTY)
async def test_events_tell_of_a_faulty_hook_where_and_which_kind(
    shop: Shop, hook: dict[str, Any] | str, kind: str
) -> None:
    told: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=callboard.hooks.*", told.put)
    faulty = hook_set(given(hook))
    with capture_logs() as logs:
        async with Hooks(shop.bus, shop.store, faulty) as room:
            await room.caught_up()
            with pytest.raises(BadHook, match=SECRET if SECRET in str(faulty.faults[0]) else "line|:1: "):
                await room.reload(faulty)
            loaded, refused = [await asyncio.wait_for(told.get(), 5) for _ in range(2)]
    assert loaded.data["faults"] == refused.data["faults"] == [f"callboard.yaml:1: {kind}"]
    reasons = [one["reason"] for one in logs if one["event"] == "a hook was left out"]
    assert reasons == [faulty.faults[0].reason]


@pytest.mark.parametrize(
    "text", [f"hub: {{port: {SECRET}}}", f"log: {{keep: {SECRET}}}", f"a: [{SECRET}", "x"]
)
def test_faults_of_the_rest_of_a_file_are_told_without_what_it_says(text: str) -> None:
    faults = check(text, f"/etc/{SECRET}/config.yaml").hooks.faults
    assert faults
    for fault in faults:
        assert fault.told.startswith(f"config.yaml:{fault.line}: ")
        assert SECRET not in fault.told


@pytest.mark.parametrize(
    ("hook", "data", "reason"),
    [
        ({"type": "system", "command": f"/nowhere/{SECRET}"}, {}, "it failed; "),
        ({"type": "system", "command": f"cat /nowhere/{SECRET}"}, {}, "exit code 1"),
        ({"type": "system", "command": f"echo --pass={SECRET}{{x}}"}, {"x": "\0"}, "the event's values "),
        ({"type": "system", "command": "echo {x}"}, {"x": f"-{SECRET}"}, "the event's values "),
        ({"type": "webhook", "url": f"http://{SECRET}.invalid/", "retries": 0}, {}, "it failed; "),
    ],
)
async def test_a_failed_run_is_told_without_its_command(
    shop: Shop, hook: dict[str, Any], data: dict[str, Any], reason: str
) -> None:
    failed: asyncio.Queue[Event] = asyncio.Queue()
    shop.bus.subscribe("topic=callboard.hook.failed", failed.put)
    async with shop.running({"event": "a.b", "name": "leaky", **hook}):
        await shop.publish("a.b", data)
        told = await asyncio.wait_for(failed.get(), 20)
    assert told.data["reason"].startswith(reason)
    assert SECRET not in str(told.data)
