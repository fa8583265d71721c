"""A hub that is killed in the middle of a print, or stopped: each PrintStarted has its end all the same."""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path

import pytest

from callboard.event import Event
from callboard.printing.unfinished import FAULT, JOBS, Unfinished
from tests.printing.house import NAME, name, print_house
from tests.serving import eventually

LONG = "G28\n" + "G1 X1 F60\nG1 X100 F60\n" * 200
STARTED = Event(
    "octoprint.PrintStarted", {"file": "a.gcode"}, {"printer": "mk3", "trace": {"correlation": "x"}}
)


@pytest.mark.slow
def test_a_print_that_a_kill_cut_off_has_failed_once_the_hub_is_back(tmp_path: Path) -> None:
    with print_house(tmp_path) as house:
        house.until("Connected", "")
        house.upload("long.gcode", LONG)
        house.ask("print", file="long.gcode")
        (started,) = [each for each in house.until("PrintStarted", "") if name(each) == "PrintStarted"]
        mark = house.server.data / "files" / JOBS
        eventually(mark.exists, "the note of a print that runs")
        house.server.kill()
        since = started["position"]
        house.server.start()
        entries = house.until("Connected", since)
        (failed,) = [each["event"] for each in entries if name(each) == "PrintFailed"]
        assert failed["data"]["file"] == "long.gcode"
        assert (failed["data"]["reason"], failed["data"]["error"]) == ("error", FAULT)
        assert failed["source"]["printer"] == NAME
        assert failed["source"]["tags"] == ["left-wall"]
        trace = started["event"]["source"]["trace"]
        assert failed["source"]["trace"]["correlation"] == trace["correlation"]
        names = [name(entry) for entry in entries]
        assert names.index("PrintFailed") < names.index("Connected")
        eventually(lambda: not mark.exists(), "the note to be gone")
        house.server.restart()
        assert house.names(since).count("PrintFailed") == 1


@pytest.mark.slow
def test_a_print_that_a_stop_cut_off_has_failed_before_the_hub_is_gone(tmp_path: Path) -> None:
    with print_house(tmp_path) as house:
        house.until("Connected", "")
        house.upload("long.gcode", LONG)
        house.ask("print", file="long.gcode")
        house.until("Home", "")
        assert house.server.stop() == 0
        assert not (house.server.data / "files" / JOBS).exists()
        house.server.start()
        names = house.names("")
        first = [
            each for each in names[: names.index("Shutdown")] if each in {"PrintCancelled", "PrintFailed"}
        ]
        assert first == ["PrintCancelled", "PrintFailed"]
        assert names.count("PrintFailed") == 1


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b'{"mk3": 3}', b"\xff" * 100, b'{"mk3": {"id": "x"}}'])
def test_a_note_that_can_not_be_read_costs_no_start(tmp_path: Path, content: bytes) -> None:
    (tmp_path / JOBS).write_bytes(content)
    assert Unfinished(tmp_path).left() == []


async def test_a_note_that_is_being_written_at_the_end_does_not_outlive_its_job(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writing, go_on, fsync = threading.Event(), threading.Event(), os.fsync

    def slow(descriptor: int) -> None:
        writing.set()
        go_on.wait(20)
        fsync(descriptor)

    monkeypatch.setattr("callboard.printing.mark.os.fsync", slow)
    unfinished = Unfinished(tmp_path)
    running = asyncio.create_task(unfinished.mark.run())
    unfinished.hear(STARTED)
    await asyncio.to_thread(writing.wait, 20)
    unfinished.hear(Event("octoprint.PrintFailed", {}, STARTED.source))
    running.cancel()
    threading.Timer(0.2, go_on.set).start()
    await asyncio.gather(running, return_exceptions=True)
    assert list(tmp_path.iterdir()) == []


async def test_what_was_running_is_noted_and_forgotten_with_its_end(tmp_path: Path) -> None:
    unfinished = Unfinished(tmp_path)
    running = asyncio.create_task(unfinished.mark.run())
    unfinished.hear(STARTED)
    async with asyncio.timeout(20):
        while not (left := await asyncio.to_thread(Unfinished(tmp_path).left)):
            await asyncio.sleep(0.01)
    assert left[0].data == {"file": "a.gcode", "reason": "error", "error": FAULT}
    assert left[0].source["trace"] == {"correlation": "x", "cause": STARTED.id}
    unfinished.hear(Event("octoprint.PrintDone", {}, {"printer": "another"}))
    unfinished.hear(left[0])
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    assert list(tmp_path.iterdir()) == []
