"""Films: the real ffmpeg, and ones that are missing, fail, hang or are killed."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from structlog.testing import capture_logs

from callboard.config import load
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.jobs.job import Job, WorkFailed
from callboard.jobs.room import Jobs
from callboard.logs.memory import MemoryLog
from callboard.programs import NICE
from callboard.store import open_store
from callboard.timelapse import ffmpeg
from callboard.timelapse.filming import Filming, Workshop
from callboard.timelapse.movie import Movie, Progress, command, make
from callboard.timelapse.opening import open_timelapses
from callboard.timelapse.refusals import NoFfmpeg
from tests.serving import eventually
from tests.timelapse.filming import FFMPEG, PATIENCE, film, filmhouse, picture


def frames(folder: Path, name: str, count: int, size: tuple[int, int] = (64, 48)) -> Movie:
    for number in range(count):
        (folder / f"{name}-{number}.jpg").write_bytes(picture(number, size))
    even = size[0] % 2 == 0 and size[1] % 2 == 0
    return Movie(
        name=name, film=f"{name}.mp4", gcode="arm.gcode", movie=f"/x/{name}.mp4", count=count, even=even
    )


def changed(movie: Movie, **more: object) -> Movie:
    import msgspec

    return msgspec.structs.replace(movie, **more)


def facts(film: Path) -> tuple[int, str]:
    """How many frames a film has, and its first video stream as ffmpeg describes it."""
    ran = subprocess.run(
        [FFMPEG, "-hide_banner", "-i", str(film), "-map", "0:v:0", "-f", "null", "-"],
        capture_output=True,
        text=True,
        check=True,
    )
    count = re.findall(r"frame=\s*(\d+)", ran.stderr)
    stream = next(line for line in ran.stderr.splitlines() if "Video:" in line)
    return int(count[-1]), stream


def script(folder: Path, text: str) -> str:
    path = folder / "ffmpeg"
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return str(path)


def nothing(_: float) -> None:
    """Nobody asks how far it is."""


async def refused(program: str, movie: Movie, folder: Path) -> WorkFailed:
    target = folder / ".film.part"
    with pytest.raises(WorkFailed) as caught:
        await make(program, movie, folder, target, nothing)
    assert not target.exists()
    return caught.value


async def test_a_film_has_each_picture_and_tells_how_far_it_is(tmp_path: Path) -> None:
    movie = frames(tmp_path, "arm", 40)
    told: list[float] = []
    await make(FFMPEG, movie, tmp_path, tmp_path / "film", told.append)
    count, stream = facts(tmp_path / "film")
    assert count == 40
    assert "h264" in stream
    assert "yuv420p(" in stream
    assert "64x48" in stream
    assert "25 fps" in stream
    assert told[-1] == 100.0
    assert told == sorted(told)


@pytest.mark.parametrize("name", ["50%", "%d", "%03d %s", "a b", "ü'\"$(x);", "-y", "*?[0]{1}", "pipe:1"])
async def test_no_name_is_a_pattern_or_an_option(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "in 100% %d"
    folder.mkdir()
    await make(FFMPEG, frames(folder, name, 3), folder, tmp_path / "film", nothing)
    assert facts(tmp_path / "film")[0] == 3


async def test_the_still_at_the_end_turns_flips_and_odd_sizes(tmp_path: Path) -> None:
    movie = changed(frames(tmp_path, "arm", 5, (63, 49)), post_roll=2.0, fps=10.0, rotate=90, flip_h=True)
    await make(FFMPEG, movie, tmp_path, tmp_path / "film", nothing)
    count, stream = facts(tmp_path / "film")
    assert count == 25
    assert "48x62" in stream


async def test_mpeg2_is_there_for_who_wants_it(tmp_path: Path) -> None:
    movie = changed(frames(tmp_path, "arm", 5, (320, 240)), codec="mpeg2video", bitrate="2000k", fps=12.0)
    await make(FFMPEG, movie, tmp_path, tmp_path / "film", nothing)
    assert "mpeg2video" in facts(tmp_path / "film")[1]


def test_the_bitrate_and_the_threads_are_handed_on() -> None:
    movie = Movie(name="a", film="a.mp4", gcode="a", movie="/a", count=1, bitrate="900k", threads=2)
    words = command("ffmpeg", movie, Path("/f"), Path("/t"))
    assert words[words.index("-b:v") + 1] == "900k"
    assert words[words.index("-threads") + 1] == "2"


async def test_pictures_that_are_none_end_with_the_exit_code_and_what_ffmpeg_said(tmp_path: Path) -> None:
    movie = frames(tmp_path, "arm", 2)
    for number in range(2):
        (tmp_path / f"arm-{number}.jpg").write_bytes(b"<html>" * 100)
    error = await refused(FFMPEG, movie, tmp_path)
    assert error.result["returncode"] not in {0, None}
    assert error.result["reason"] == "returncode"
    assert len(error.result["error"]) > 1


def test_an_ffmpeg_that_may_not_be_run_is_told_from_one_that_is_not_there(tmp_path: Path) -> None:
    program = Path(script(tmp_path, "exit 0"))
    program.chmod(0o644)
    with pytest.raises(NoFfmpeg, match=r"ffmpeg is there, but may not be run: `chmod \+x`"):
        ffmpeg.find(str(program))
    with pytest.raises(NoFfmpeg, match="There is no program at"):
        ffmpeg.find(str(tmp_path))


@pytest.mark.parametrize(
    ("text", "missing"),
    [
        ("timelapse: {mode: layer}", ["timelapse.mode is layer, and there is no camera"]),
        ("timelapse: {mode: layer}\nwebcam: {snapshot: 'http://a/'}", []),
        ("timelapse: {mode: 'off'}", []),
        ("timelapse: {ffmpeg: /no/ffmpeg}", ["There is no program at /no/ffmpeg"]),
        (
            "timelapse: {mode: timed, ffmpeg: /no/ffmpeg}\n"
            "printers: [{name: a, port: virtual, webcam: {device: /dev/video0}}]",
            ["There is no program at /no/ffmpeg"],
        ),
    ],
)
async def test_the_hubs_log_says_at_its_start_what_films_lack(
    tmp_path: Path, text: str, missing: list[str]
) -> None:
    with open_store(tmp_path / "callboard.db") as store, capture_logs() as logs:
        async with Hub(MemoryLog()) as hub:
            bus = HubBus(hub, Principal("callboard"))
            async with Jobs(bus, store) as jobs, open_timelapses(bus, jobs, load(text), tmp_path):
                said = [each["reason"] for each in logs if each["log_level"] == "warning"]
            await bus.close()
    assert len(said) == len(missing)
    assert all(sentence.startswith(begin) for sentence, begin in zip(said, missing, strict=True))


async def test_the_exit_code_is_the_real_one(tmp_path: Path) -> None:
    program = script(
        tmp_path, 'echo partly >&2; echo said; for last; do :; done; echo half > "$last"; exit 69'
    )
    error = await refused(program, frames(tmp_path, "arm", 2), tmp_path)
    assert error.result == {
        "returncode": 69,
        "reason": "returncode",
        "error": ["ffmpeg ended with exit code 69.", "partly"],
        "out": ["said"],
    }


async def test_an_ffmpeg_that_makes_nothing_is_a_failure_too(tmp_path: Path) -> None:
    error = await refused(script(tmp_path, "exit 0"), frames(tmp_path, "arm", 2), tmp_path)
    assert (error.result["returncode"], error.result["reason"]) == (255, "unknown")


@pytest.mark.parametrize(
    "written", [b"no film\r\n", film()[:-1], film() + b"more", film()[:-16], b"\x00\x00\x01\xba" * 9]
)
async def test_an_ffmpeg_that_makes_something_else_is_a_failure_too(tmp_path: Path, written: bytes) -> None:
    (tmp_path / "written").write_bytes(written)
    lying = script(tmp_path, f'for last; do :; done; cp {tmp_path}/written "$last"')
    error = await refused(lying, frames(tmp_path, "arm", 2), tmp_path)
    assert (error.result["returncode"], error.result["reason"]) == (255, "unknown")
    assert f"({len(written)} bytes)" in str(error)


async def test_a_missing_ffmpeg_is_a_sentence_with_the_way_out(tmp_path: Path) -> None:
    error = await refused(str(tmp_path / "none"), frames(tmp_path, "arm", 2), tmp_path)
    assert error.result["returncode"] == 0
    assert "correct timelapse.ffmpeg" in str(error)


def test_ffmpeg_is_found_on_the_path_or_in_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    assert ffmpeg.find() == FFMPEG
    mine = script(tmp_path, "")
    assert ffmpeg.find() == mine
    assert ffmpeg.find(mine) == mine
    with pytest.raises(NoFfmpeg):
        ffmpeg.find(str(tmp_path / "none"))


async def test_one_that_hangs_is_ended_in_time_with_all_that_it_started(tmp_path: Path) -> None:
    program = script(tmp_path, f"sleep 300 & echo $! > {tmp_path}/child; echo up > {tmp_path}/up; wait")
    error = await refused(program, changed(frames(tmp_path, "arm", 2), timeout=1.5), tmp_path)
    assert error.result["returncode"] == -signal.SIGKILL
    assert "longer than 1.5 s" in str(error)
    child = int((tmp_path / "child").read_text())
    eventually(
        lambda: not psutil.pid_exists(child) or psutil.Process(child).status() == "zombie", "its child's end"
    )


async def test_one_that_gets_no_further_is_ended_long_before_its_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("callboard.timelapse.movie.STILL", 0.3)
    error = await refused(script(tmp_path, "echo frame=1; sleep 300"), frames(tmp_path, "arm", 2), tmp_path)
    assert error.result["returncode"] == -signal.SIGKILL
    assert "got no further for 0.3 s" in str(error)


def test_more_frames_and_a_film_that_is_written_to_are_progress(tmp_path: Path) -> None:
    target = tmp_path / "film"
    progress = Progress(frames(tmp_path, "arm", 2), target, nothing)
    seen = [progress.signs()]
    assert progress.hear("frame=1")
    seen.append(progress.signs())
    for moment in (b"half", b"film"):
        target.write_bytes(moment)
        os.utime(target, (len(seen), len(seen)))
        seen.append(progress.signs())
    assert len(set(seen)) == 4
    assert progress.hear("frame=1")
    assert progress.signs() == seen[-1]


async def test_one_that_is_killed_says_so(tmp_path: Path) -> None:
    error = await refused(script(tmp_path, "kill -9 $$"), frames(tmp_path, "arm", 2), tmp_path)
    assert error.result["returncode"] == -9
    assert "signal 9" in str(error)
    assert "callboard worker" in str(error)


async def test_cancelling_ends_it_and_leaves_nothing(tmp_path: Path) -> None:
    program = script(
        tmp_path, f'for last; do :; done; echo half > "$last"; echo $$ > {tmp_path}/pid; sleep 300'
    )
    target = tmp_path / ".film.part"
    making = asyncio.create_task(make(program, frames(tmp_path, "arm", 2), tmp_path, target, nothing))
    while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text().strip():
        await asyncio.sleep(0.01)
    making.cancel()
    await asyncio.gather(making, return_exceptions=True)
    pid = int((tmp_path / "pid").read_text())
    eventually(lambda: not psutil.pid_exists(pid) or psutil.Process(pid).status() == "zombie", "its end")
    assert not target.exists()


async def test_endless_output_costs_no_memory(tmp_path: Path) -> None:
    program = script(
        tmp_path, "head -c 50000000 /dev/zero | tr '\\0' x >&2; yes error | head -100000 >&2; exit 1"
    )
    error = await refused(program, frames(tmp_path, "arm", 2), tmp_path)
    assert len(error.result["error"]) <= 21
    assert max(map(len, error.result["error"])) <= 1000


@pytest.mark.skipif(not hasattr(os, "sched_setaffinity"), reason="Linux only")
async def test_it_runs_at_low_priority_and_ends_with_us(tmp_path: Path) -> None:
    program = script(tmp_path, f"nice > {tmp_path}/nice; exit 1")
    await refused(program, frames(tmp_path, "arm", 2), tmp_path)
    assert int((tmp_path / "nice").read_text()) >= min(os.nice(0) + NICE, 19)


@pytest.mark.skipif(not Path("/proc/self/oom_score_adj").exists(), reason="Linux only")
async def test_when_memory_is_short_it_is_ended_first_and_gets_no_more_than_there_is(tmp_path: Path) -> None:
    looking = f"(cat /proc/self/oom_score_adj; ulimit -v) > {tmp_path}/bounds"
    program = script(tmp_path, f"{looking}; echo Cannot allocate memory >&2; exit 1")
    error = await refused(program, frames(tmp_path, "arm", 2), tmp_path)
    score, kilobytes = (tmp_path / "bounds").read_text().split()
    memory = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    assert score == "1000"
    assert memory <= int(kilobytes) * 1024 <= memory + (2 << 30)
    assert error.result["error"][0].startswith("Memory was short")


# In the room


@pytest.fixture
def script_folder(tmp_path: Path) -> Path:
    folder = tmp_path / "bin"
    folder.mkdir()
    return folder


async def test_a_film_that_failed_keeps_its_pictures_for_another_try(
    tmp_path: Path, script_folder: Path
) -> None:
    program = script(script_folder, "echo no >&2; exit 3")
    async with filmhouse(tmp_path, f"{{mode: layer, ffmpeg: '{program}'}}") as house:
        await house.film(2)
        (failed,) = await house.until("MovieFailed")
        assert failed.data["returncode"] == 3
        assert house.names().index("MovieRendering") < house.names().index("MovieFailed")
        (reel,) = house.room.shelf.reels()
        assert reel.count == 2
        Path(program).unlink()
        Path(program).symlink_to(FFMPEG)
        await house.room.render(reel.name, {})
        await house.until("MovieDone")


async def test_without_ffmpeg_a_film_fails_with_the_way_out(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, ffmpeg: /nowhere/ffmpeg}") as house:
        await house.film(1)
        (failed,) = await house.until("MovieFailed")
        assert (failed.data["returncode"], failed.data["reason"]) == (0, "unknown")
        assert "/nowhere/ffmpeg" in failed.data["error"][0]


async def test_progress_is_watched_as_state_and_gone_at_the_end(tmp_path: Path, script_folder: Path) -> None:
    go = script_folder / "go"
    program = script(
        script_folder,
        f'echo frame=1; echo progress=continue; while [ ! -e {go} ]; do sleep 0.05; done; exec {FFMPEG} "$@"',
    )
    async with filmhouse(tmp_path, f"{{mode: layer, ffmpeg: '{program}'}}") as house:
        await house.film(2)
        await house.until("MovieRendering")
        shown = house.hub.state.values("jobs/")
        ((key, value),) = shown.items()
        assert key.endswith("/progress")
        assert (value["kind"], value["state"], value["worker"]) == ("film", "taken", "here")
        go.touch()
        await house.until("MovieDone")
        assert house.hub.state.values("jobs/") == {}


async def test_films_made_here_wait_for_other_prints(tmp_path: Path) -> None:
    async with filmhouse(tmp_path) as house:
        await house.say("PrintStarted", printer="other")
        await house.film(1)
        while not any(reel.about.ended for reel in house.room.shelf.reels()):
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.2)
        assert "MovieRendering" not in house.names()
        await house.say("PrintDone", printer="other")
        await house.until("MovieDone")


@pytest.mark.parametrize("plan", ["wait_for_prints: no", "render_here: no"])
async def test_films_made_elsewhere_or_told_so_wait_for_no_other_print(tmp_path: Path, plan: str) -> None:
    async with filmhouse(tmp_path, f"{{mode: layer, {plan}}}") as house:
        await house.say("PrintStarted", printer="other")
        await house.film(1)
        async with asyncio.timeout(PATIENCE):
            while not await house.jobs.ledger.all():
                await asyncio.sleep(0.01)


class Nowhere:
    """A place that a job must not come to."""

    def open(self, job: Job, movie: Movie) -> AbstractAsyncContextManager[Workshop]:
        raise AssertionError(f"{movie.name} was opened")

    async def deliver(self, job: Job, film: Path) -> None:
        raise AssertionError(f"{film} was delivered")


@pytest.mark.parametrize(
    "names",
    [
        {"name": "../arm"},
        {"name": "/root/.bashrc"},
        {"name": ".."},
        {"name": ""},
        {"name": "a\0b"},
        {"kind": "jpg/../../x"},
        {"kind": "sh"},
    ],
)
async def test_a_job_whose_names_lead_elsewhere_is_not_begun(names: dict[str, str]) -> None:
    payload = {"name": "arm", "film": "arm.mp4", "gcode": "arm", "movie": "arm.mp4", "count": 1, **names}
    with pytest.raises(WorkFailed, match="lead elsewhere"):
        await Filming(Nowhere(), None)(Job(id="1", kind="film", payload=payload), lambda _: None)
