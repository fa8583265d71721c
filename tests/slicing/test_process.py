"""Slicers as processes: what they get of ours."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path

import pytest

from callboard.slicing import memory
from callboard.slicing.process import Limits, run
from callboard.timelapse import ffmpeg


async def test_no_key_of_ours_reaches_a_program_that_reads_what_others_made(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CALLBOARD_API_KEY", "swordfish")
    monkeypatch.setenv("FTRACK_API_KEY", "swordfish")
    monkeypatch.setenv("JUST_A_NAME", "passed on")
    program = tmp_path / "show"
    program.write_text("#!/bin/sh\nexport -p | grep -e swordfish -e JUST_A_NAME\n")
    program.chmod(0o755)
    slicer = await run([str(program)], tmp_path, Limits(30))
    film = await ffmpeg.run([str(program)], 30)
    for lines in (slicer.lines, film.out):
        assert len(lines) == 1
        assert "passed on" in lines[0]


async def test_who_calls_off_twice_gets_the_terminal_back_all_the_same(tmp_path: Path) -> None:
    async def called_off_twice() -> None:
        began = asyncio.Event()

        def told(_: str) -> bool:
            began.set()
            return True

        running = asyncio.create_task(
            run(
                ["/bin/sh", "-c", "echo begun; exec sleep 60"],
                tmp_path,
                Limits(60),
                on_line=told,
            )
        )
        await began.wait()
        running.cancel()
        await asyncio.sleep(0)
        running.cancel()
        await asyncio.wait([running])

    await called_off_twice()
    before = _terminals()
    for _ in range(3):
        await called_off_twice()
    assert _terminals() == before


def _terminals() -> int:
    there = Path("/dev/fd").iterdir()
    return sum("ptmx" in str(each.readlink()) for each in there if each.is_symlink())


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux is told whom to end first")
async def test_a_machine_that_runs_out_of_memory_ends_slicers_first(tmp_path: Path) -> None:
    found = await run(["/bin/cat", "/proc/self/oom_score_adj"], tmp_path, Limits(30))
    assert found.lines == ("1000",)


def test_slicers_and_readers_leave_memory_to_the_rest_of_the_machine(tmp_path: Path) -> None:
    everything = memory.installed()
    assert memory.of_slicer(0) == max(everything * 3 // 4, memory.LEAST)
    assert memory.of_slicer(123) == memory.of_reader(123) == 123
    assert memory.of_reader(0) == min(memory.MOST_READING, max(everything // 2, memory.LEAST))
    (tmp_path / "memory.max").write_text("max\n")
    assert memory.installed(tmp_path / "memory.max") == memory.installed(tmp_path / "none")
    (tmp_path / "memory.max").write_text("1000\n")
    assert memory.installed(tmp_path / "memory.max") == 1000
