"""Slicers as processes: what they get of ours."""

from __future__ import annotations

from pathlib import Path

import pytest

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
