"""A film out of numbered pictures: the command, and a run of it with progress and two limits of time.

Movie (what is to be made) -> command -> ffmpeg.run -> the film, or WorkFailed with what ffmpeg said
"""

from __future__ import annotations

import asyncio
import signal
from collections.abc import Coroutine, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct

from callboard.jobs.job import Unfit, WorkFailed
from callboard.jobs.worker import Report
from callboard.timelapse import ffmpeg
from callboard.timelapse.container import is_film
from callboard.timelapse.refusals import NoFfmpeg

NO_FRAMES: Final = "no_frames"
RETURNCODE: Final = "returncode"
UNKNOWN: Final = "unknown"

_MPEG2_RATES: Final = (24.0, 25.0, 30.0, 50.0, 60.0)
STILL: Final = 300.0
"""Seconds without progress after which ffmpeg counts as stuck."""
_FULL: Final = "No space left on device"
_SHORT: Final = "Cannot allocate memory"


class Movie(Struct, frozen=True, kw_only=True):
    """What is to be made: `count` pictures `<name>-0.<kind>` ... become the film `film`. Times in s."""

    name: str
    film: str
    gcode: str
    movie: str
    count: int
    kind: str = "jpg"
    even: bool = True
    fps: float = 25.0
    post_roll: float = 0.0
    codec: str = "libx264"
    bitrate: str | None = None
    threads: int = 0
    flip_h: bool = False
    flip_v: bool = False
    rotate: int = 0
    timeout: float = 7200.0

    @property
    def frames(self) -> int:
        """How many pictures the film has, with the still at its end."""
        return self.count + round(self.post_roll * self.fps)


def command(program: str, movie: Movie, folder: Path, target: Path) -> tuple[str, ...]:
    """Return the command that makes the film `target` of the pictures in `folder`.

    A percent sign in a name is doubled for ffmpeg, which takes the name for a pattern.
    """
    pattern = f"{str(folder / movie.name).replace('%', '%%')}-%d.{movie.kind}"
    source = (
        "-f",
        "image2",
        "-pattern_type",
        "sequence",
        "-start_number",
        "0",
        "-framerate",
        f"{movie.fps:g}",
    )
    filters = ",".join(_filters(movie))
    return (
        *(program, "-nostdin", "-hide_banner", "-loglevel", "error", "-y"),
        *("-progress", "pipe:1", "-stats_period", "0.5", "-nostats"),
        *(*source, "-i", pattern),
        *("-vf", filters),
        *(("-threads", str(movie.threads)) if movie.threads else ()),
        *_encoder(movie),
        str(target),
    )


def _filters(movie: Movie) -> list[str]:
    turns: Mapping[int, Sequence[str]] = {
        90: ("transpose=2",),
        180: ("hflip", "vflip"),
        270: ("transpose=1",),
    }
    return [
        *(("hflip",) if movie.flip_h else ()),
        *(("vflip",) if movie.flip_v else ()),
        *turns.get(movie.rotate, ()),
        *(() if movie.even else ("crop=trunc(iw/2)*2:trunc(ih/2)*2",)),
        "scale=out_range=tv,format=yuv420p",  # a camera's full range looks washed out in many players
        *((f"tpad=stop_mode=clone:stop_duration={movie.post_roll:g}",) if movie.post_roll else ()),
    ]


def _encoder(movie: Movie) -> tuple[str, ...]:
    if movie.codec == "mpeg2video":
        rate = min(_MPEG2_RATES, key=lambda each: abs(each - movie.fps))
        quality = ("-b:v", movie.bitrate or "10000k")
        return ("-c:v", "mpeg2video", *quality, "-r", f"{rate:g}", "-f", "vob")
    quality = ("-b:v", movie.bitrate) if movie.bitrate else ("-crf", "21")
    return ("-c:v", "libx264", "-preset", "veryfast", *quality, "-movflags", "+faststart", "-f", "mp4")


async def make(program: str | None, movie: Movie, folder: Path, target: Path, report: Report) -> None:
    """Make a film; `report` hears how far it is, in percent. Raises WorkFailed; then there is no `target`."""
    try:
        await _make(program, movie, folder, target, report)
    except BaseException:
        _drop(target)
        raise


async def _make(program: str | None, movie: Movie, folder: Path, target: Path, report: Report) -> None:
    progress = Progress(movie, target, report)
    try:
        wanted = command(ffmpeg.find(program), movie, folder, target)
        ended = await _unless_stuck(ffmpeg.run(wanted, movie.timeout, on_line=progress.hear), progress)
    except NoFfmpeg as error:
        raise unfit(0, UNKNOWN, str(error)) from None
    except OSError as error:
        raise unfit(0, UNKNOWN, f"ffmpeg could not be started: {error.strerror or error}.") from None
    if ended is None:
        raise failed(-signal.SIGKILL, RETURNCODE, f"ffmpeg got no further for {STILL:g} s and was ended.")
    if any(_FULL in line for line in ended.error):
        raise unfit(ended.code or 255, RETURNCODE, _full(target), *ended.error, out=ended.out)
    if ended.code != 0 or not ended.in_time:
        raise failed(ended.code or 255, RETURNCODE, _why(ended, movie), *ended.error, out=ended.out)
    if not is_film(target):
        raise failed(255, UNKNOWN, _none(target), *ended.error)


class Progress:
    """How far ffmpeg is, by what it says, and by the film that it writes."""

    def __init__(self, movie: Movie, target: Path, report: Report) -> None:
        self._movie, self._target, self._report = movie, target, report
        self._frames = 0

    def hear(self, line: str) -> bool:
        """Hear a line of ffmpeg; returns whether it was one of its progress."""
        key, _, value = line.partition("=")
        if key == "frame" and value.strip().isdigit():
            self._frames = int(value)
            self._report(min(100.0, 100.0 * self._frames / max(self._movie.frames, 1)))
        return key.strip() in _PROGRESS or key.startswith("stream_")

    def signs(self) -> tuple[int, ...]:
        """Return what changes while it gets on; at its end the film is only written anew, for faststart."""
        try:
            found = self._target.stat()
        except FileNotFoundError:
            return (self._frames,)
        return self._frames, found.st_size, found.st_mtime_ns


async def _unless_stuck(run: Coroutine[Any, Any, ffmpeg.Ended], progress: Progress) -> ffmpeg.Ended | None:
    """Return how a run ended; None when it was ended since it got no further."""
    running = asyncio.ensure_future(run)
    try:
        while True:
            before = progress.signs()
            if (await asyncio.wait([running], timeout=STILL))[0]:
                return running.result()
            if progress.signs() == before:
                return None
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


def _why(ended: ffmpeg.Ended, movie: Movie) -> str:
    if not ended.in_time:
        return f"ffmpeg ran longer than {movie.timeout:g} s (timelapse.render_timeout) and was ended."
    elsewhere = "a machine with more memory can do it with `callboard worker`"
    if any(_SHORT in line for line in ended.error):
        return f"Memory was short: {elsewhere}."
    if ended.code < 0:
        return f"ffmpeg was ended by signal {-ended.code}; if memory was short, {elsewhere}."
    return f"ffmpeg ended with exit code {ended.code}."


def _full(target: Path) -> str:
    return f"The disk is full: make room in {target.parent}, then render once more."


def failed(code: int, reason: str, *error: str, out: Sequence[str] = ()) -> WorkFailed:
    """Return the failure of a film, as MovieFailed tells it. Source: facts 5.6."""
    return WorkFailed(error[0], _result(code, reason, error, out))


def unfit(code: int, reason: str, *error: str, out: Sequence[str] = ()) -> Unfit:
    """Return the failure of a film that another machine may be able to make."""
    return Unfit(error[0], _result(code, reason, error, out))


def _result(code: int, reason: str, error: Sequence[str], out: Sequence[str]) -> dict[str, Any]:
    return {"returncode": code, "reason": reason, "error": list(error), "out": list(out)}


def _drop(target: Path) -> None:
    target.unlink(missing_ok=True)


def _none(target: Path) -> str:
    size = target.stat().st_size if target.is_file() else 0
    what = f"what it wrote is none ({size} bytes)" if size else "there is no film"
    return f"ffmpeg said it was done, and {what}."


_PROGRESS: Final = frozenset(
    {
        *("frame", "fps", "bitrate", "total_size", "out_time_us", "out_time_ms", "out_time"),
        *("dup_frames", "drop_frames", "speed", "progress"),
    }
)
"""The keys of ffmpeg's own progress."""
