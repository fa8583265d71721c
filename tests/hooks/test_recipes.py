"""The recipes of docs/hooks.md, and the seed's own example, run as they are written."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from callboard.config import load
from callboard.event import Event
from callboard.hooks.asking import REQUEST
from callboard.hooks.model import HookSet
from callboard.hooks.reading import read_hooks
from callboard.hooks.room import Hooks
from tests.hooks.conftest import Shop
from tests.hooks.test_kinds import Site, serving
from tests.octoprint import SEED

ROOT = Path(__file__).parents[2]
TEXT = (ROOT / "docs" / "hooks.md").read_text()
RECIPES = dict(re.findall(r"(?m)^### ([^\n]+)\n\n```yaml\n((?s:.*?))```", TEXT.partition("## Recipes")[2]))
PROGRAMS = ("notify-send", "mosquitto_pub", "publish-change", "rclone", "snapshot", "ledger")

Case = tuple[list[Event], list[Any]]
PRINTED = {"printer": "mk3", "tags": ["prop-shop"], "job": {"file": "arm.gcode", "progress": 40.2}}


def printed(name: str, data: dict[str, Any] | None = None, **source: Any) -> Event:
    return Event(f"octoprint.{name}", data or {}, {**PRINTED, **source})


def updated(n: int, status: str = "approved") -> Event:
    entity = {"entityId": f"e{n}", "changes": {"statusid": {"new": status}}}
    return Event("ftrack.update", {"entities": [entity]}, {"user": {"username": "jane"}})


CASES: dict[str, Case] = {
    "Tell me when a long print is done": (
        [
            printed("PrintDone", {"file": "a", "time": 5.0}),
            printed("PrintDone", {"file": "b c", "time": 601.0}),
        ],
        [["notify-send", "Printed on mk3", "b c took 601.0 s"]],
    ),
    "Post failures to a chat": (
        [printed("PrintFailed", {"file": "x"}), printed("Error", {"error": "hot"})],
        [{"text": "mk3: PrintFailed arm.gcode"}, {"text": "mk3: Error arm.gcode"}],
    ),
    "Keep a ledger": ([printed("PrintDone", {"file": "a;$(id)`id`", "time": 5.0})], ["a;$(id)`id`;5.0"]),
    "Switch the power off ten minutes after the last print": (
        [printed("PrintDone"), printed("PrintDone", printer="xl"), printed("PrintStarted", printer="xl")],
        [["mosquitto_pub", "-t", "plug/mk3", "-m", "off"]],
    ),
    "Park the head and say why": ([printed("PrintFailed")], [["G91", "G1 Z10", "M117 failed at 40%"]]),
    "One message for a burst of changes": (
        [updated(n % 3) for n in range(30)],
        [["publish-change", "e0"], ["publish-change", "e1"], ["publish-change", "e2"]],
    ),
    "Bring films to the archive, whatever the network does": (
        [printed("MovieDone", {"movie": "-x.mp4", "movie_basename": "x y.mp4"})],
        [["rclone", "copyto", "--", "-x.mp4", "films:mk3/x y.mp4"]],
    ),
    "Turn an approval into a wish to print": (
        [updated(1, "wip"), updated(2)],
        [{"entity": "e2", "by": "jane"}],
    ),
    "Side by side for each printer, in order on each": (
        [printed("ZChange", {"new": 0.2, "old": None}), printed("ZChange", {"new": 0.4, "old": 0.2})],
        [["snapshot", "mk3", "0.2"], ["snapshot", "mk3", "0.4"]],
    ),
    "Hand the whole event to a script": (
        [printed("Home"), printed("Home", tags=["other"])],
        [["ledger", "--from-stdin"]],
    ),
    "Be told when a hook gives up": (
        [Event("callboard.hook.failed", {"hook": "x", "reason": "-no"})],
        [["notify-send", "Hook x gave up", "--", "-no"]],
    ),
}


def printer(said: list[Any]) -> Callable[[Event], Any]:
    """A stand-in for the print host."""

    def answer(event: Event) -> dict[str, bool]:
        said.append(event.data["commands"])
        return {"success": True}

    return answer


def loaded(subscriptions: str) -> HookSet:
    text = "events:\n  subscriptions:\n" + "".join(f"    {line}\n" for line in subscriptions.splitlines())
    read = read_hooks(load(text, "recipe.yaml").events.subscriptions, "recipe.yaml")
    assert not read.faults, read.faults
    return read


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home folder, and programs that note what they are called with."""
    (tmp_path / "bin").mkdir()
    for name in PROGRAMS:
        program = tmp_path / "bin" / name
        program.write_text(
            "#!/usr/bin/env python3\nimport json, os, sys\n"
            "line = json.dumps([os.path.basename(sys.argv[0]), *sys.argv[1:]]) + '\\n'\n"
            f"os.write(os.open({str(tmp_path / 'called')!r}, 0o2001 | os.O_CREAT, 0o600), line.encode())\n"
        )
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:{os.environ['PATH']}")
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_every_recipe_is_tried() -> None:
    assert len(RECIPES) >= 10
    assert RECIPES.keys() == CASES.keys()


@pytest.mark.parametrize("title", CASES)
async def test_a_recipe_does_what_it_says(shop: Shop, home: Path, title: str) -> None:
    events, expected = CASES[title]
    said: list[Any] = []
    shop.bus.subscribe(f"topic={REQUEST}", printer(said))
    shop.bus.subscribe("topic=workshop.print.wanted", lambda event: said.append(event.data))
    site = Site()
    async with serving(site):
        text = RECIPES[title].replace("http://chat.example", site.url).replace("delay: 10m", "delay: 100ms")
        async with Hooks(shop.bus, shop.store, loaded(text)) as room:
            await room.caught_up()
            for event in events:
                await shop.bus.publish(event)
            runs = await shop.ended(room, len(expected), "done")
    assert {run.state for run in runs} == {"done"}
    said += [json.loads(body) for _, body, _ in site.posted]
    if (home / "called").exists():
        said += map(json.loads, (home / "called").read_text().splitlines())
    if (home / "prints.csv").exists():
        said += [line.split(";", 1)[1] for line in (home / "prints.csv").read_text().splitlines()]
    assert sorted(said, key=str) == sorted(expected, key=str)


async def test_the_seeds_own_example_does_what_the_seed_says(shop: Shop, home: Path) -> None:
    (home / "growl.py").write_text("import json, sys\nprint(json.dumps(sys.argv[1:]))\n")
    asked: list[Any] = []
    shop.bus.subscribe(f"topic={REQUEST}", printer(asked))
    read = read_hooks(load(SEED, "config.yaml").events.subscriptions, "config.yaml")
    assert not read.faults
    async with Hooks(shop.bus, shop.store, read) as room:
        await room.caught_up()
        await shop.bus.publish(printed("Connected", {"port": "/dev/ttyUSB0", "baudrate": 115200}))
        await shop.bus.publish(printed("PrintStarted", {"file": "a`touch x`b.gcode", "origin": "local"}))
        await shop.bus.publish(
            printed("PrintDone", {"file": "my cube.gcode", "origin": "local", "time": 9.5})
        )
        await shop.bus.publish(printed("Disconnected"))
        runs = await shop.ended(room, 3, "done")
    always = ["-a", "OctoPrint", "-i", "http://raspi/Octoprint_logo.png"]
    said = [
        json.loads(run.output) for run in sorted(runs, key=lambda run: run.position) if run.kind == "system"
    ]
    assert said == [
        ["-t", "mygrowlserver", "-d", "Starting a`touch x`b.gcode", *always],
        ["-t", "mygrowlserver", "-d", "Completed my cube.gcode", *always],
    ]
    assert asked == [["M115", "M117 printer connected!", "G28"]]


async def test_the_example_file_does_what_it_says(shop: Shop) -> None:
    text = (ROOT / "examples" / "hooks.yaml").read_text()
    read = read_hooks(load(text, "hooks.yaml").events.subscriptions, "hooks.yaml")
    assert not read.faults
    assert not read.hints
    async with Hooks(shop.bus, shop.store, read) as room:
        await room.caught_up()
        await shop.publish("try.hello", {"name": "$(you)", "loud": True})
        await shop.publish("octoprint.ClientOpened", {"remoteAddress": "10.0.0.1"})
        runs = {run.hook: run for run in await shop.ended(room, 4, "done")}
    assert runs["greet"].output.startswith("Hello, $(you)! It is 2")
    assert runs["who came"].output == "ClientOpened 10.0.0.1\n"
    assert runs["shout"].output == "HELLO, $(YOU)\n"
    assert runs["count"].command == 'publish try.greeted --data {"last":"$(you)"}'
