"""The configuration's file under changes: none is lost, and what runs is told from what waits."""

from __future__ import annotations

import asyncio
import json
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callboard.config import Config, duration, load
from callboard.config.difference import Changes, digests
from callboard.config.editing import Outdated, edited
from callboard.errors import BadConfig
from callboard.hooks.model import HookSet
from callboard.lastrun import LastRun
from callboard.reloading import Reloading

TEXT = "# ours\nlog: {keep: 30d}\nevents: {subscriptions: []}\n"
HOOK = {"event": "a.b", "type": "system", "command": "true"}


class House:
    """A file, and who is told of it."""

    def __init__(self, folder: Path) -> None:
        self.file = folder / "callboard.yaml"
        self.file.write_text(TEXT)
        self.told: list[Changes] = []
        self.reloading = Reloading(load(TEXT, str(self.file)), self._take, self._tell)

    async def _take(self, _: HookSet) -> None:
        return

    def _tell(self, changes: Changes, _: Config) -> None:
        self.told.append(changes)

    async def put(self, changes: dict[str, Any], version: str | None = None) -> Changes:
        return (await self.reloading.replace(partial(edited, changes=changes), version)).changes


@pytest.fixture
def house(tmp_path: Path) -> House:
    return House(tmp_path)


async def test_changes_at_once_are_all_in_the_file(house: House) -> None:
    changes = [{"log": {"keep": "90d"}}, {"log": {"sync": "full"}}, {"studio": {"discover": "9s"}}]
    await asyncio.gather(*map(house.put, changes))
    config = load(house.file.read_text())
    assert (config.log.keep, config.log.sync) == (duration("90d"), "full")
    assert config.studio.discover == duration("9s")


async def test_a_change_by_hand_that_nobody_took_yet_stays(house: House) -> None:
    version = (await house.reloading.read())[1]
    house.file.write_text("# by hand\n" + TEXT.replace("30d", "60d"))
    with pytest.raises(Outdated):
        await house.put({"log": {"sync": "full"}}, version)
    text, version = await house.reloading.read()
    assert text.startswith("# by hand\n")
    changes = await house.put({"log": {"sync": "full"}}, version)
    assert set(changes.changed) == {"log.keep", "log.sync"}
    assert house.file.read_text() == text.replace("60d}", "60d, sync: full}")


async def test_only_what_is_in_use_is_told_as_updated(house: House) -> None:
    waiting = await house.put({"studio": {"discover": "9s"}})
    assert waiting == Changes(("studio.discover",), ("studio.discover",))
    assert not house.told
    both = await house.put({"log": {"keep": "1d"}, "events": {"subscriptions": [HOOK]}})
    assert both == Changes(("log.keep", "events"), ("log.keep", "studio.discover"))
    assert house.told == [Changes(("events",), ("log.keep", "studio.discover"))]
    back = await house.put({"log": {"keep": "30d"}})
    assert back == Changes(("log.keep",), ("studio.discover",))
    assert len(house.told) == 1


async def test_a_section_that_looks_like_one_of_ours_is_refused_and_others_are_named(house: House) -> None:
    with pytest.raises(BadConfig, match="did you mean 'log'"):
        await house.put({"logs": {"keep": "1d"}})
    assert house.file.read_text() == TEXT
    taken = await house.reloading.replace(partial(edited, changes={"nope": {"a": 1}}))
    assert (taken.changes.changed, taken.left_alone) == ((), ("nope",))


async def test_one_that_stands_there_already_is_no_reason_to_refuse(house: House) -> None:
    house.file.write_text(TEXT + "logs: 1\n")
    await house.reloading.reload()
    await house.put({"log": {"keep": "1d"}})
    assert "1d" in house.file.read_text()


async def test_only_the_hubs_own_old_files_go(house: House) -> None:
    theirs = [
        house.file.with_name(f"callboard.yaml.{name}.old") for name in ("before", "zz", "2024", "x.yaml")
    ]
    ours = [house.file.with_name(f"callboard.yaml.20240101T0000000000{at:02}Z.old") for at in range(25)]
    for path in (*theirs, *ours):
        path.write_text("kept")
    await house.put({"log": {"keep": "1d"}})
    assert all(path.exists() for path in theirs)
    kept = sorted(set(house.file.parent.glob("*.old")) - set(theirs))
    assert kept[:-1] == ours[6:]
    assert kept[-1].read_text() == TEXT


async def test_a_change_of_nothing_writes_nothing(house: House) -> None:
    await house.put({"log": {"keep": "30d"}})
    assert not list(house.file.parent.glob("*.old"))


async def test_ends_of_lines_stay_as_they_are(house: House) -> None:
    house.file.write_bytes(TEXT.replace("\n", "\r\n").encode())
    await house.put({"log": {"keep": "1d"}})
    assert house.file.read_bytes().decode() == TEXT.replace("\n", "\r\n").replace("30d", "1d")


def test_a_start_knows_what_it_is_the_first_to_use(tmp_path: Path) -> None:
    last = LastRun(tmp_path / "settings.json")
    assert last.differs(load(TEXT)) == ()
    text = TEXT.replace("30d", "60d")
    last.keep(load(text))
    assert last.differs(load("# moved\n\n" + text)) == ()
    assert last.differs(load("printers: [{name: a, port: virtual}]\n")) == ("log.keep", "printers.a")
    assert last.path.stat().st_mode & 0o777 == 0o600
    last.path.write_text("[")
    assert last.differs(load(TEXT)) == ()


def test_no_value_stands_in_what_is_remembered(tmp_path: Path) -> None:
    text = "events: {subscriptions: [{event: a.b, type: webhook, url: 'http://x/secret'}]}\n"
    LastRun(tmp_path / "settings.json").keep(load(text))
    found = json.loads((tmp_path / "settings.json").read_text())
    assert found == digests(load(text))
    assert "secret" not in str(found)
