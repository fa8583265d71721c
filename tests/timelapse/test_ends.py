"""A film that is told of has one end: withdrawn, deleted, killed over it, or on a disk that refuses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callboard.errors import StorageFailed
from callboard.jobs.job import Job
from callboard.timelapse.showing import listed
from tests.timelapse.filming import PATIENCE, Filmhouse, film, filmhouse


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Filmhouse]:
    async with filmhouse(tmp_path, "{mode: layer, render_here: no}") as opened:
        yield opened


async def taken(house: Filmhouse) -> Job:
    """The job of a film, in the hands of a worker."""
    async with asyncio.timeout(PATIENCE):
        while (job := await house.jobs.take("far", ("film",))) is None:
            await asyncio.sleep(0.01)
    return job


def movies(house: Filmhouse) -> list[str]:
    return [name for name in house.names() if name.startswith("Movie")]


async def test_a_film_that_was_given_back_and_is_deleted_has_failed(house: Filmhouse) -> None:
    await house.film(1)
    job = await taken(house)
    assert await house.jobs.give_back(job.id, job.lease)
    again = await taken(house)
    assert await house.jobs.give_back(again.id, again.lease)
    await house.room.remove(job.payload["name"], {})
    (failed,) = await house.until("MovieFailed")
    assert (failed.data["returncode"], failed.data["reason"]) == (255, "unknown")
    assert "pictures were removed" in failed.data["error"][0]
    assert movies(house) == ["MovieRendering", "MovieFailed"]
    assert house.left() == []


async def test_a_film_that_was_told_of_keeps_its_end_though_it_is_deleted(
    house: Filmhouse, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def refuse(_: str) -> None:
        raise StorageFailed("the disk is full")

    await house.film(1)
    job = await taken(house)
    with monkeypatch.context() as full:
        full.setattr(house.jobs.ledger, "forget", refuse)
        house.room.shelf.ready(job.id).write_bytes(film())
        assert await house.jobs.finish(job.id, job.lease, {})
        (done,) = await house.until("MovieDone")
        await house.room.remove(str(done.data["movie_basename"]), {})
    async with filmhouse(tmp_path, "{mode: layer, render_here: no}") as again:  # as if it had been killed
        assert await again.jobs.ledger.all() == []
        once_more = [entry.envelope for entry in await again.hub.log.read(0)]
    assert movies(house) == ["MovieRendering", "MovieDone"]
    assert [event.id for event in once_more if ".Movie" in event.topic] == [done.id]


async def test_what_a_worker_brings_that_is_no_film_costs_no_pictures(house: Filmhouse) -> None:
    await house.film(1)
    job = await taken(house)
    house.room.shelf.ready(job.id).write_bytes(film()[:-1])
    assert await house.jobs.finish(job.id, job.lease, {})
    (failed,) = await house.until("MovieFailed")
    assert "brought no film" in failed.data["error"][0]
    assert [reel.count for reel in house.room.shelf.reels()] == [1]
    assert house.room.shelf.films() == []


async def test_pictures_say_that_their_film_waits_and_then_why_it_failed(house: Filmhouse) -> None:
    await house.film(1)
    async with asyncio.timeout(PATIENCE):
        while not (await listed(house.room)).unrendered[0].waiting:
            await asyncio.sleep(0.01)
    job = await taken(house)
    (reel,) = (await listed(house.room)).unrendered
    assert (reel.rendering, reel.waiting, reel.error) == (True, False, None)
    said = ["ffmpeg ended with exit code 3.", "alas"]
    assert await house.jobs.fail(job.id, job.lease, {"returncode": 3, "reason": "returncode", "error": said})
    (reel,) = (await listed(house.room)).unrendered
    assert (reel.rendering, reel.waiting, reel.error) == (False, False, " ".join(said))
    await house.room.render(reel.name, {})
    (reel,) = (await listed(house.room)).unrendered
    assert (reel.waiting, reel.error) == (True, None)


async def test_an_end_is_told_though_what_is_left_can_not_be_removed(
    house: Filmhouse, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: str) -> None:
        raise PermissionError(13, "Permission denied")

    await house.film(1)
    job = await taken(house)
    monkeypatch.setattr(house.room.shelf, "scrap", refuse)
    assert await house.jobs.fail(job.id, job.lease, {"returncode": 3, "reason": "returncode"})
    (failed,) = await house.until("MovieFailed")
    assert failed.data["returncode"] == 3
    await house.room.render(job.payload["name"], {})
    assert (await taken(house)).payload["name"] == job.payload["name"]
