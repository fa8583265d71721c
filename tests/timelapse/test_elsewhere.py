"""The machine of a worker elsewhere: its folders, its disk, and a hub that has no ffmpeg of its own."""

from __future__ import annotations

import asyncio
import io
import os
import subprocess
import sys
import tarfile
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callboard.cli.elsewhere import unpack
from callboard.cli.scratch import scratch, sweep
from callboard.jobs.job import Unfit
from callboard.timelapse.movie import Movie
from tests.timelapse.filming import PATIENCE, filmhouse, picture

HOLDS = """
from callboard.cli.scratch import scratch
with scratch() as folder:
    (folder / "arm-0.jpg").write_bytes(b"picture")
    print(folder, flush=True)
    input()
"""


@pytest.fixture
def temp(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return tmp_path


def test_what_a_killed_worker_left_goes_and_what_is_in_use_stays(temp: Path) -> None:
    dead = subprocess.Popen(
        [sys.executable, "-c", HOLDS],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env={**os.environ, "TMPDIR": str(temp)},
    )
    with dead, scratch() as ours:
        assert dead.stdout is not None
        left = Path(dead.stdout.readline().strip())
        (temp / "callboard-film-list.txt").touch()
        (temp / "callboard-film-link").symlink_to(ours)
        sweep()
        assert (left / "arm-0.jpg").exists()
        dead.kill()
        dead.wait()
        sweep()
        assert not left.exists()
        assert ours.is_dir()
        assert (temp / "callboard-film-link").is_symlink()
    assert [path.name for path in temp.iterdir() if path.is_dir()] == []


def movie(count: int) -> Movie:
    return Movie(name="arm", film="arm.mp4", gcode="arm.gcode", movie="/x/arm.mp4", count=count)


async def tar(count: int) -> AsyncIterator[bytes]:
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as opened:
        for number in range(count):
            head = tarfile.TarInfo(f"{number}.jpg")
            head.size = len(picture(number))
            opened.addfile(head, io.BytesIO(picture(number)))
    yield packed.getvalue()


async def test_a_disk_that_takes_no_pictures_is_the_workers_own(temp: Path) -> None:
    assert await unpack(tar(2), temp, movie(2)) == 2
    (temp / "full").touch()
    with pytest.raises(Unfit, match=f"can't be kept in {temp}"):
        await unpack(tar(1), temp / "full", movie(1))


async def test_without_ffmpeg_a_film_is_left_to_a_worker_elsewhere(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, ffmpeg: /nowhere/ffmpeg}") as house:
        assert await house.jobs.take("far", ("film",)) is None
        await house.film(1)
        await house.until("MovieRendering")
        async with asyncio.timeout(PATIENCE):
            while (job := await house.jobs.take("far", ("film",))) is None:
                await asyncio.sleep(0.01)
        assert job.attempts == 1
        assert "MovieFailed" not in house.names()
