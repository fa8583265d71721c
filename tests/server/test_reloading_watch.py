"""The watch on the configuration's file: when it can't be had, somebody is told."""

from __future__ import annotations

from pathlib import Path

from structlog.testing import capture_logs

from callboard.config import Config, load
from callboard.config.difference import Changes
from callboard.hooks.model import HookSet
from callboard.reloading import Reloading


async def _take(_: HookSet) -> None:
    return


def _tell(_: Changes, __: Config) -> None:
    return


async def test_a_folder_that_can_not_be_watched_is_told_with_the_way_out(tmp_path: Path) -> None:
    file = tmp_path / "etc" / "callboard.yaml"
    file.parent.mkdir()
    file.write_text("hub: {port: 0}\n")
    reloading = Reloading(load(file.read_text(), str(file)), _take, _tell)
    file.unlink()
    file.parent.rmdir()
    with capture_logs() as logs:
        await reloading.watch()
    (told,) = logs
    assert told["log_level"] == "warning"
    assert "send SIGHUP" in told["event"]
