"""What docs/actions.md tells people to write works as written."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from callboard.bus import Handler
from callboard.event import Event
from tests.cli.conftest import Shell
from tests.clients.official import ftrack_py
from tests.serving import PATIENCE, Server, eventually

PAGE = (Path(__file__).parents[2] / "docs" / "actions.md").read_text()


def block(having: str) -> str:
    """Return the first Python block of the page that has this text."""
    found: list[str] = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    return next(one for one in found if having in one)


@contextmanager
def running(shell: Shell, code: str, label: str) -> Iterator[None]:
    """Run a program of the page until its action is in the menu, and while the test needs it."""
    process = subprocess.Popen([sys.executable, "-c", code], env=shell.environment())
    try:
        eventually(lambda: label in shell.run("actions", "list", "-e", "task:t1").out, label)
        yield
    finally:
        process.kill()
        process.wait(PATIENCE)


def test_the_first_action_is_launched_by_its_command(shell: Shell) -> None:
    with running(shell, block("Publish turntable"), "Publish turntable"):
        words = re.findall(r"callboard (actions launch \"Publish turntable\") --entity (\S+)", PAGE)
        assert words == [('actions launch "Publish turntable"', "task:eb16970c")]
        ran = shell.run("actions", "launch", "Publish turntable", "--entity", "task:eb16970c")
    assert ran.out == "admin: the turntable of eb16970c is on its way.\n"


def test_the_form_is_filled_in_and_checked(shell: Shell) -> None:
    with running(shell, block("Frame range"), "Render"):
        launch = ("actions", "launch", "Render", "-e", "task:t1", "--set", "frames=1-10")
        assert shell.run(*launch, "--set", "pool=cpu").out == "1-10 on cpu, priority 50.\n"
        ran = shell.run(*launch, "--set", "priority=101")
    assert (ran.code, ran.err) == (
        1,
        "callboard: The action asks the same again: A priority is between 0 and 100.\n",
    )


def test_the_steps_follow_each_other(monkeypatch: pytest.MonkeyPatch) -> None:
    module = ModuleType("steps")
    monkeypatch.setitem(sys.modules, "steps", module)
    prelude = "from typing import Literal\nfrom callboard.studio import Form, Hidden, Launch, action\n"
    exec(prelude + block("class Where(Form)"), module.__dict__)
    first = module.render.launch(Event("ftrack.action.launch", {}))
    values = {one["name"]: one["value"] for one in first["items"]}
    second = module.render.launch(Event("ftrack.action.launch", {"values": values}))
    values = {one["name"]: one["value"] for one in second["items"]}
    done = module.render.launch(Event("ftrack.action.launch", {"values": values}))
    assert done == {"success": True, "message": "[1001, 1096] on gpu"}


def test_an_action_of_the_official_client_is_launched(shell: Shell, server: Server) -> None:
    names: dict[str, Any] = {}
    exec(block("class Rename:"), names)
    with ftrack_py(server) as hub, ThreadPoolExecutor(1) as pool:
        names["Rename"]().register(SimpleNamespace(event_hub=hub.hub))
        hub.settle()
        words = ("actions", "launch", "Rename", "-e", "task:t1", "--set", "name=sh020")
        launched = pool.submit(shell.run, *words)
        hub.until(launched.done, "the outcome")
        assert launched.result().out == "It is sh020 now.\n"


def test_the_subscriptions_on_the_page_are_those_that_are_made() -> None:
    from callboard.studio import Launch, action, listen

    expressions: list[str] = []

    class Board:
        def subscribe(self, expression: str, handler: Handler, *, subscriber: Any = None) -> None:
            expressions.append(expression)

    @action(label="Maya", identifier="...")
    def start_maya(launch: Launch[Any]) -> None: ...

    listen(Board(), start_maya, user="jane", host="ws12")
    shown = [line.strip() for line in PAGE.splitlines() if line.startswith("    topic=ftrack.action.")]
    assert sorted(shown) == sorted(expressions)
