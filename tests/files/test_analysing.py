"""The queue of analyses: real processes, a real hub, files in a real store."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from pathlib import Path
from typing import Any, NamedTuple

import psutil  # type: ignore[import-untyped]
import pytest

from callboard.event import Event
from callboard.files.analysing import FINISHED, STARTED, Analysing, Priority
from callboard.files.analysisprocess import Child
from callboard.files.store import FileStore
from callboard.hooks.model import HookSet
from callboard.hooks.reading import read_hooks
from callboard.hooks.room import Hooks
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.store import open_store

GCODE = "G28\nG1 X10 Y10 F600\nG1 X20 E1\nG1 X20 Y20 E2\n"
SLOW = """
import sys, time, pathlib
marks = pathlib.Path(sys.argv[1])
(marks / "pid").write_text(str(__import__("os").getpid()))
print('{"progress": 0.25}', flush=True)
while not (marks / "go").exists():
    time.sleep(0.005)
print('{"progress": 0.5}', flush=True)
print('{"result": {"layers": 7}}', flush=True)
"""


class At(NamedTuple):
    """A configuration's part and its line."""

    value: Any
    line: int = 1


class House:
    """A hub, a store with files, and all events of files and prints in order."""

    def __init__(self, bus: HubBus, folder: Path) -> None:
        self.bus, self.folder = bus, folder
        self.store = FileStore(folder / "files")
        self.events: list[Event] = []
        self._heard = asyncio.Event()
        bus.subscribe("topic=octoprint.*", self._hear)

    def _hear(self, event: Event) -> None:
        self.events.append(event)
        self._heard.set()

    def put(self, path: str, text: str = GCODE) -> str:
        place = self.store.base / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
        return path

    def topics(self) -> list[str]:
        return [event.topic.rpartition(".")[2] for event in self.events]

    async def until(self, condition: Callable[[], bool]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    async def heard(self, topic: str, count: int = 1) -> list[Event]:
        """Wait for so many events of a topic and return them."""

        def found() -> list[Event]:
            return [event for event in self.events if event.topic == topic]

        await self.until(lambda: len(found()) >= count)
        return found()

    async def say(self, name: str, printer: str = "mk3") -> None:
        await self.bus.publish(Event(f"octoprint.{name}", {}, {"printer": printer}))

    def slow(self) -> list[str]:
        """Return a command that waits for `go` in this folder."""
        script = self.folder / "slow.py"
        script.write_text(SLOW)
        return [sys.executable, str(script), str(self.folder)]

    def go(self) -> None:
        (self.folder / "go").touch()

    async def child(self) -> psutil.Process:
        pid = self.folder / "pid"
        await self.until(lambda: pid.exists() and pid.read_text() != "")
        return psutil.Process(int(pid.read_text()))


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with Hub(MemoryLog()) as hub:
        bus = HubBus(hub, Principal("admin"))
        yield House(bus, tmp_path)
        await bus.close()


async def stands(process: psutil.Process, still: bool) -> None:
    async with asyncio.timeout(20):
        while (process.status() == psutil.STATUS_STOPPED) is not still:
            await asyncio.sleep(0.005)


async def test_an_analysis_is_told_under_both_names_and_noted(house: House) -> None:
    path = house.put("parts/arm.gcode")
    async with Analysing(house.bus, house.store) as queue:
        queue.add(path)
        await house.heard(FINISHED[1])
    assert house.topics() == ["MetadataAnalysisStarted", *(topic.rpartition(".")[2] for topic in FINISHED)]
    about = {"file": path, "name": "arm.gcode", "path": path, "origin": "local", "type": "gcode"}
    started, right, wrong = house.events
    assert started.data == about
    assert right.data == wrong.data == {**about, "result": house.store.file(path).analysis}
    assert right.data["result"]["filament"]["tool0"]["length"] == 2.0
    assert right.source["trace"] == wrong.source["trace"]
    assert right.source["trace"]["correlation"] == started.id


async def test_a_hook_on_both_names_runs_once(house: House, tmp_path: Path) -> None:
    names = ["MetadataAnalysisFinished", "MetadataAnalaysisFinished"]
    hook = At({"event": names, "type": "publish", "topic": "heard"})
    found: HookSet = read_hooks([hook], "callboard.yaml")
    assert not found.faults
    with open_store(tmp_path / "callboard.db") as store:
        async with Hooks(house.bus, store, found) as room, Analysing(house.bus, house.store) as queue:
            queue.add(house.put("a.gcode"))
            queue.add(house.put("b.gcode", GCODE + "G1 X30 E4\n"))
            await house.heard(FINISHED[1], 2)
            await room.caught_up()
            async with asyncio.timeout(20):
                while sum(each.get("done", 0) for each in (await room.runs.counts()).values()) < 2:
                    await asyncio.sleep(0.01)
            await room.caught_up()
            states = [run.state for run in await room.runs.latest("", ("done",), limit=10)]
    assert len(states) == 2


async def test_who_is_wanted_first_comes_first(house: House) -> None:
    await house.say("PrintStarted")
    paths = [house.put(f"{name}.gcode") for name in ("old", "older", "new", "again")]
    async with Analysing(house.bus, house.store) as queue:
        await house.say("PrintStarted")
        await house.heard("octoprint.PrintStarted", 2)
        queue.ask(paths[0], False)
        queue.add(paths[1], Priority.ABORTED_LOW)
        queue.ask(paths[2], True)
        queue.ask(paths[0], True)
        queue.ask(paths[0], True)
        queue.add(paths[3], Priority.ABORTED_HIGH)
        await house.say("PrintDone")
        await queue.caught_up()
        started = [event.data["path"] for event in await house.heard(STARTED, 4)]
    assert started == [paths[3], paths[2], paths[0], paths[1]]


@pytest.mark.parametrize(
    "end", ["PrintDone", "PrintFailed", "TransferDone", "TransferFailed", "Disconnected"]
)
async def test_an_analysis_stands_still_while_any_printer_is_busy(house: House, end: str) -> None:
    begin = "TransferStarted" if end.startswith("Transfer") else "PrintStarted"
    async with Analysing(house.bus, house.store, command=house.slow()) as queue:
        queue.add(house.put("part.gcode"))
        child = await house.child()
        await house.say(begin, "left")
        await house.say(begin, "right")
        await stands(child, still=True)
        await house.say(end, "left")
        await house.heard(f"octoprint.{end}")
        house.go()
        assert child.status() == psutil.STATUS_STOPPED
        await house.say(end, "right")
        found = await house.heard(FINISHED[0])
        assert found[0].data["result"] == {"layers": 7}
        assert house.topics().count("MetadataAnalysisStarted") == 1


async def test_nothing_is_begun_while_a_printer_prints(house: House) -> None:
    async with Analysing(house.bus, house.store) as queue:
        await house.say("PrintStarted")
        await house.heard("octoprint.PrintStarted")
        queue.add(house.put("part.gcode"))
        await house.say("PrintDone")
        await house.heard(FINISHED[1])
    assert house.topics()[:3] == ["PrintStarted", "PrintDone", "MetadataAnalysisStarted"]


async def test_run_at_always_goes_on_while_a_printer_prints(house: House) -> None:
    async with Analysing(house.bus, house.store, "always") as queue:
        await house.say("PrintStarted")
        queue.add(house.put("part.gcode"))
        await house.heard(FINISHED[1])


async def test_run_at_never_analyses_nothing(house: House) -> None:
    async with Analysing(house.bus, house.store, "never") as queue:
        queue.add(house.put("part.gcode"))
        await queue.caught_up()
    assert house.events == []


async def test_progress_is_state_until_the_end(house: House) -> None:
    key = "files/analysis/sub/part.gcode"
    async with Analysing(house.bus, house.store, command=house.slow()) as queue:
        queue.add(house.put("sub/part.gcode"))
        async with asyncio.timeout(20), aclosing(house.bus.watch("files/analysis/")) as changes:  # type: ignore[type-var]
            async for change in changes:
                if change.get(key) == {"progress": 0.25, "paused": False}:
                    await house.say("PrintStarted")
                elif change.get(key) == {"progress": 0.25, "paused": True}:
                    await house.say("PrintDone")
                    house.go()
                elif key in change and change[key] is None:
                    break


@pytest.mark.parametrize(
    "program",
    [
        "import os; os.kill(os.getpid(), 11)",
        "raise SystemExit(3)",
        "print('{\"result\": {}}'); raise SystemExit(3)",
        "print('no JSON')",
        "print('[' * 3_000_000)",
        'print(\'{"error": "no"}\'); raise SystemExit(1)',
        "while True: pass",
    ],
)
async def test_an_analysis_that_fails_has_no_end_and_the_queue_goes_on(house: House, program: str) -> None:
    first, second = house.put("first.gcode"), house.put("second.gcode")
    script = house.folder / "program.py"
    script.write_text(
        f"import sys\nif 'first' in sys.argv[1]:\n    {program}\nelse:\n    print('{{\"result\": {{}}}}')\n"
    )
    command = [sys.executable, str(script)]
    async with Analysing(
        house.bus, house.store, command=command, limit=2.0 if "while" in program else 60.0
    ) as queue:
        queue.add(first)
        queue.add(second)
        await queue.caught_up()
        found = await house.heard(FINISHED[1])
    assert [event.data["path"] for event in found] == [second]
    assert house.store.file(first).analysis is None


@pytest.mark.slow
async def test_time_does_not_run_while_it_stands_still(house: House) -> None:
    async with Analysing(house.bus, house.store, command=house.slow(), limit=2.0) as queue:
        queue.add(house.put("part.gcode"))
        child = await house.child()
        await house.say("PrintStarted")
        await stands(child, still=True)
        await asyncio.sleep(2.2)
        house.go()
        await house.say("PrintDone")
        await house.heard(FINISHED[1])


async def test_a_command_that_is_not_there_stops_nothing(house: House) -> None:
    async with Analysing(house.bus, house.store, command=["/nonexistent/program"]) as queue:
        queue.add(house.put("part.gcode"))
        await queue.caught_up()
    assert house.topics() in (["MetadataAnalysisStarted"], [])


async def test_a_file_that_changes_meanwhile_is_analysed_again(house: House) -> None:
    path = house.put("part.gcode")
    async with Analysing(house.bus, house.store, command=house.slow()) as queue:
        queue.add(path)
        await house.child()
        house.put("part.gcode", GCODE + "G1 X30 E3\n")
        house.go()
        await house.heard(FINISHED[1])
    assert house.topics().count("MetadataAnalysisStarted") == 2
    assert house.topics().count("MetadataAnalysisFinished") == 1


async def test_a_file_that_vanishes_has_no_end(house: House) -> None:
    path = house.put("part.gcode")
    async with Analysing(house.bus, house.store, command=house.slow()) as queue:
        queue.add(path)
        queue.add("never/was.gcode", Priority.BACKLOG)
        await house.child()
        house.store.remove(path)
        house.go()
        await queue.caught_up()
    assert house.topics() == ["MetadataAnalysisStarted"]


@pytest.mark.parametrize("printing", [False, True])
async def test_nothing_is_left_behind_at_the_end(house: House, printing: bool) -> None:
    async with Analysing(house.bus, house.store, command=house.slow()) as queue:
        queue.add(house.put("part.gcode"))
        child = await house.child()
        if printing:
            await house.say("PrintStarted")
            await stands(child, still=True)
    assert not child.is_running()
    assert house.topics().count("MetadataAnalysisFinished") == 0


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children with their parent")
def test_an_analysis_ends_with_its_parent_even_while_it_stands_still(tmp_path: Path) -> None:
    big = tmp_path / "big.gcode"
    os.mkfifo(big)
    parent = psutil.Popen(
        [
            *(sys.executable, "-c"),
            "import subprocess, sys\n"
            "child = subprocess.Popen([sys.executable, '-m', 'callboard.files.analysis', '--with-parent',"
            " sys.argv[1]], start_new_session=True)\nprint(child.pid, flush=True)\nchild.wait()",
            str(big),
        ],
        stdout=-1,
    )
    child = psutil.Process(int(parent.stdout.readline()))
    with big.open("wb", buffering=0) as file:  # opened: it has begun to read
        file.write(b"G1 X10 E1\n")
        child.suspend()
        parent.kill()
        parent.wait()
        parent.stdout.close()
        psutil.wait_procs([child], timeout=20)
        assert not child.is_running() or child.status() == psutil.STATUS_ZOMBIE


async def test_the_process_gives_way_to_all_others(house: House) -> None:
    async with Analysing(house.bus, house.store, "idle") as queue:
        fifo = house.store.base / "part.gcode"
        house.put("part.gcode", GCODE * 400_000)
        queue.add("part.gcode")
        await house.heard(STARTED)
        me = psutil.Process()

        def found() -> list[Any]:
            return [child for child in me.children() if str(fifo) in child.cmdline()]

        await house.until(lambda: bool(found()))
        child = found()[0]
        await house.until(lambda: child.nice() == 19)
        await house.heard(FINISHED[1])


async def test_a_process_is_stopped_only_once_it_would_end_with_the_hub(house: House) -> None:
    child = await Child.start(house.slow(), 60.0)
    child.pause()  # at once: the interpreter has not even begun
    following = asyncio.create_task(child.outcome(lambda _: None))
    process = await house.child()
    await house.until(lambda: process.status() == psutil.STATUS_STOPPED)
    house.go()
    child.resume()
    assert (await following).result == {"layers": 7}
    await child.kill()
