"""Rendering: films are jobs, and this is the room's side of them.

    reel -> Movie -> Jobs.put -> taken: MovieRendering
      -> settle: film in its place -> tell: MovieDone | MovieFailed

Each has an id of its own and is told once; should the hub be killed between an event and the note that it was
told, it comes again under the same id. A film that is told of has one end, also when it is withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

import msgspec
import structlog

from callboard.config import Timelapse
from callboard.files.threads import Threads
from callboard.jobs.job import Job, State
from callboard.jobs.room import Jobs
from callboard.timelapse.filming import KIND
from callboard.timelapse.movie import NO_FRAMES, RETURNCODE, UNKNOWN, Movie
from callboard.timelapse.reel import About, Reel
from callboard.timelapse.refusals import NoSuchFilm, Refused, told
from callboard.timelapse.shelf import Shelf
from callboard.timelapse.telling import Source, Telling

log = structlog.get_logger("callboard.timelapse")

_MOST_ERROR: Final = 1000
"""Characters of a failure that are kept with the pictures."""


class Rendering:
    """Has films made of reels; `being_made` are the names of those that have a job, with its id."""

    def __init__(self, jobs: Jobs, shelf: Shelf, plan: Timelapse, tell: Telling, threads: Threads) -> None:
        self.being_made: dict[str, str] = {}
        self._jobs, self._shelf, self._plan, self._tell, self._threads = jobs, shelf, plan, tell, threads

    async def begin(self) -> None:
        """Take up the jobs there are; first settle those that ended while nobody looked."""
        alive = {job.id: job for job in await self._jobs.ledger.all() if job.kind == KIND}
        try:
            await self._threads.do(self._shelf.prepare, tuple(alive))
        except OSError as error:  # no reason for the hub not to start: prints go on without films
            log.error("the timelapse folder can't be used", folder=str(self._shelf.base), error=told(error))
        self.being_made = {str(job.payload.get("name")): job.id for job in alive.values()}
        await self._jobs.follow(KIND, self)

    async def put(self, reel: Reel) -> Movie:
        """Put the job of a film, whose pictures are numbered without a gap."""
        movie = self._movie(reel)
        if reel.name in self.being_made:  # somebody was quicker
            return movie
        self.being_made[reel.name] = ""
        try:
            job = await self._jobs.put(KIND, msgspec.to_builtins(movie), reel.about.source)
        except BaseException:
            self.being_made.pop(reel.name, None)
            raise
        if reel.name in self.being_made:  # not made already
            self.being_made[reel.name] = job.id
        return movie

    async def waiting(self) -> set[str]:
        """Return the names of those whose film waits for a worker."""
        jobs = await self._jobs.ledger.all()
        return {
            str(job.payload.get("name")) for job in jobs if job.kind == KIND and job.state is State.WAITING
        }

    async def withdraw(self, name: str) -> bool:
        """Forget a film that no worker makes now; MovieFailed tells of it if one had begun."""
        job = self.being_made.get(name)
        said = _why(255, UNKNOWN, ["Its pictures were removed before a worker had finished it."])
        if not job or not await self._jobs.withdraw(job, said):
            return False
        self._let_go(name, job)
        return True

    async def note(self, reel: Reel, **changes: Any) -> None:
        """Note something of a reel; a disk that is full costs the note only."""
        try:
            await self._threads.do(reel.note, **changes)
        except OSError as error:
            log.warning("a recording could not be noted", name=reel.name, error=told(error))

    def no_frames(self, reel: Reel, failed: bool, source: Source) -> None:
        """Tell that no film can be made, since no picture could be taken."""
        film = self._film_name(reel, failed=failed)
        movie = {"gcode": reel.about.gcode, "movie": str(self._shelf.base / film), "film": film}
        said = "No picture could be taken: the events CaptureFailed say why."
        data = {**_told({**movie, "name": reel.name}), **_why(0, NO_FRAMES, [said])}
        self._tell.say("MovieFailed", data, source)

    def _movie(self, reel: Reel) -> Movie:
        about, plan = reel.about, self._plan
        film = self._film_name(reel, failed=about.failed)
        return Movie(
            name=reel.name,
            film=film,
            gcode=about.gcode,
            movie=str(self._shelf.base / film),
            count=reel.count,
            kind=about.kind.value,
            even=about.width % 2 == 0 and about.height % 2 == 0,
            fps=about.fps,
            post_roll=about.post_roll,
            codec=plan.codec,
            bitrate=plan.bitrate,
            threads=plan.threads,
            flip_h=about.flip_h,
            flip_v=about.flip_v,
            rotate=about.rotate,
            timeout=float(plan.render_timeout),
        )

    def _film_name(self, reel: Reel, *, failed: bool) -> str:
        suffix = ".mpg" if self._plan.codec == "mpeg2video" else ".mp4"
        return f"{reel.name}{'-fail' if failed else ''}{suffix}"

    async def taken(self, job: Job) -> None:
        """Tell that a film is being made."""
        self._tell.say("MovieRendering", _told(job.payload), job.source, once=f"{job.id}-rendering")

    async def settle(self, job: Job) -> Job:
        """Put a film in its place; without one the job has failed, as MovieFailed says it."""
        movie = msgspec.convert(job.payload, Movie)
        placed = job.state is State.DONE and await self._place(job, movie)
        await self._scrap(job)
        if placed:
            return job
        result = _failure(job)
        await self._unwant(movie.name, " ".join(result["error"])[:_MOST_ERROR])
        return msgspec.structs.replace(job, state=State.FAILED, result=result)

    async def tell(self, job: Job) -> None:
        """Tell of a film, or of why there is none; returns once that is stored."""
        self._let_go(str(job.payload.get("name")), job.id)  # who hears of it may ask for it again
        if job.state is State.DONE:
            await self._tell.say("MovieDone", _told(job.payload), job.source, once=f"{job.id}-done")
        else:
            data = {**_told(job.payload), **job.result}
            await self._tell.say("MovieFailed", data, job.source, once=f"{job.id}-failed")

    def _let_go(self, name: str, job: str) -> None:
        """Note that a film is not being made any more, unless there is another job of it by now."""
        if self.being_made.get(name) in {job, ""}:
            del self.being_made[name]

    async def _place(self, job: Job, movie: Movie) -> bool:
        try:
            reel = await self._threads.do(self._shelf.reel, movie.name)
        except NoSuchFilm:
            reel = Reel(self._shelf.base / "unrendered" / movie.name, About())
        try:
            return await self._threads.do(self._shelf.place, job.id, movie.film, reel) is not None
        except OSError as error:
            log.error("a film could not be put in its place", film=movie.film, error=told(error))
            return False

    async def _scrap(self, job: Job) -> None:
        """Remove what a job has left; what can't be is no reason not to tell how it ended."""
        try:
            await self._threads.do(self._shelf.scrap, job.id)
        except OSError as error:
            log.warning("a film in the making could not be removed", job=job.id, error=told(error))

    async def _unwant(self, name: str, error: str) -> None:
        """Keep the pictures of a film that could not be made, and why, for somebody to ask once more."""
        try:
            reel = await self._threads.do(self._shelf.reel, name)
        except (Refused, OSError):
            return
        await self.note(reel, wanted=False, error=error)


def _told(said: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "gcode": said.get("gcode", ""),
        "movie": said.get("movie", ""),
        "movie_basename": said.get("film", ""),
        "movie_prefix": said.get("name", ""),
    }


def _failure(job: Job) -> dict[str, Any]:
    """Return what MovieFailed says of a failure, whoever told it."""
    result = job.result
    code, reason = result.get("returncode"), result.get("reason")
    if job.state is State.DONE:
        return _why(255, UNKNOWN, ["Its worker said that it was done, and brought no film."])
    if isinstance(code, int) and reason in {RETURNCODE, NO_FRAMES, UNKNOWN}:
        return _why(code, reason, _lines(result.get("error")), _lines(result.get("out")))
    died = f"Nobody finished it: it was tried {job.attempts} times, the last time by {job.worker}."
    return _why(255, UNKNOWN, [died])


def _why(code: int, reason: str, error: list[str], out: list[str] | None = None) -> dict[str, Any]:
    return {"returncode": code, "reason": reason, "out": out or [], "error": error}


def _lines(value: Any) -> list[str]:
    said = value if isinstance(value, list | tuple) else []
    return [str(line)[:1000] for line in said[:50]]
