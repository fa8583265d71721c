"""Recordings: when a picture is taken, what is told of it, and what goes wrong."""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp import web

from callboard import catalog
from callboard.config import Timelapse
from callboard.config.quantity import Seconds
from callboard.event import Event
from callboard.timelapse.prints import MOST, SILENT, Prints
from callboard.timelapse.refusals import InUse
from callboard.timelapse.room import pause
from callboard.timelapse.shelf import Film, Shelf
from callboard.timelapse.trigger import Trigger
from tests.timelapse.filming import PATIENCE, Filmhouse, filmhouse, picture


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[Filmhouse]:
    async with filmhouse(tmp_path) as opened:
        yield opened


async def test_a_print_is_filmed_from_its_first_layer_to_a_film_in_the_order_of_the_facts(
    tmp_path: Path,
) -> None:
    async with filmhouse(tmp_path, "{mode: layer, post_roll: 1s}") as house:
        await house.film(2)
        await house.until("MovieDone")
        names = [name for name in house.names() if name != "LayerChange"]
        shot = ["CaptureStart", "CaptureDone"]
        assert names == [
            *("PrintStarted", *shot, *shot, "PrintDone", "PostRollStart", *shot, "PostRollEnd"),
            *("MovieRendering", "MovieDone"),
        ]
        for event in house.told:
            if event.topic.rpartition(".")[2].startswith(("Capture", "Post", "Movie")):
                assert event.data.keys() <= catalog.keys(event.topic), event
        (done,) = await house.until("MovieDone")
        film = Path(done.data["movie"])
        assert film.is_file()
        assert film.name == done.data["movie_basename"] == f"{done.data['movie_prefix']}.mp4"
        assert done.data["gcode"] == "arm.gcode"
        assert house.left() == ["about/" + film.name + end for end in (".jpg", ".json")] + [film.name]


async def test_every_event_of_a_film_carries_the_print_and_the_trace_of_it(house: Filmhouse) -> None:
    started = await house.say("PrintStarted", trace={"correlation": "c1", "cause": "request", "hops": 1})
    await house.shoot(1)
    done = await house.say("PrintDone")
    await house.until("MovieDone")
    ours = [each for each in house.told if each.topic.rpartition(".")[2].startswith(("Capture", "Movie"))]
    assert len(ours) == 4
    for event in ours:
        assert event.source["printer"] == "mk3"
        assert event.source["tags"] == ["wall"]
        assert event.source["job"] == {"file": "arm.gcode"}
        assert event.source["trace"]["correlation"] == "c1"
        assert event.source["trace"]["cause"] != started.id
    assert ours[-1].source["trace"]["cause"] == done.id


async def test_a_capture_is_named_by_its_basename_with_the_path_beside(house: Filmhouse) -> None:
    await house.film(2)
    first, second = await house.until("CaptureDone", 2)
    assert first.data["file"].endswith("-0.jpg")
    assert second.data["file"].endswith("-1.jpg")
    folder = second.data["file"].removesuffix("-1.jpg")
    assert second.data["path"] == f"unrendered/{folder}/{second.data['file']}"


async def test_a_picture_that_could_not_be_taken_leaves_no_gap_in_the_numbers(house: Filmhouse) -> None:
    async def down(_: web.Request) -> web.StreamResponse:
        return web.Response(status=503)

    await house.say("PrintStarted")
    await house.shoot(1)
    house.camera.answer = down
    await house.shoot(2)
    house.camera.answer = house.camera.good
    await house.shoot(3)
    (failed,) = await house.until("CaptureFailed")
    assert failed.data["file"].endswith("-1.jpg")
    assert "503" in failed.data["error"]
    assert [each.data["file"][-6:] for each in await house.until("CaptureDone", 2)] == ["-0.jpg", "-1.jpg"]
    await house.say("PrintDone")
    await house.until("MovieDone")


async def test_when_no_picture_could_be_taken_the_film_fails_without_being_rendered(house: Filmhouse) -> None:
    async def nothing(_: web.Request) -> web.StreamResponse:
        return web.Response(body=b"")

    house.camera.answer = nothing
    await house.film(2)
    (failed,) = await house.until("MovieFailed")
    assert (failed.data["returncode"], failed.data["reason"]) == (0, "no_frames")
    assert failed.data["movie_basename"].endswith(".mp4")
    assert failed.data["error"]
    assert "MovieRendering" not in house.names()
    assert house.left() == []


async def test_a_print_of_which_nothing_was_to_be_filmed_tells_nothing(house: Filmhouse) -> None:
    await house.film(0)
    await house.film(1)
    await house.until("MovieDone")
    assert house.names().count("MovieRendering") == 1
    assert "MovieFailed" not in house.names()


async def test_a_failed_print_says_so_in_the_name_of_its_film(house: Filmhouse) -> None:
    await house.film(2, "PrintFailed")
    (done,) = await house.until("MovieDone")
    assert done.data["movie_basename"].endswith("-fail.mp4")
    assert Path(done.data["movie"]).is_file()


@pytest.mark.parametrize(
    ("render", "end", "made"),
    [
        ("always", "PrintFailed", True),
        ("success", "PrintDone", True),
        ("success", "PrintFailed", False),
        ("failure", "PrintDone", False),
        ("failure", "PrintFailed", True),
        ("off", "PrintDone", False),
    ],
)
async def test_films_are_made_of_the_prints_that_are_meant(
    tmp_path: Path, render: str, end: str, made: bool
) -> None:
    async with filmhouse(tmp_path, f"{{mode: layer, render: {render}}}") as house:
        await house.film(1, end)
        if made:
            await house.until("MovieDone")
            return
        while not (reels := house.room.shelf.reels()) or not reels[0].about.ended:
            await asyncio.sleep(0.01)
        (reel,) = reels
        await house.room.render(reel.name, {})
        await house.until("MovieDone")


async def test_timed_takes_the_first_picture_at_once_and_then_one_each_beat(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: timed, interval: 0.1}") as house:
        await house.say("PrintStarted")
        await house.until("CaptureDone", 4)
        await house.say("PrintDone")
        await house.until("MovieDone")


async def test_a_print_shorter_than_one_beat_is_a_film_of_one_picture(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: timed, interval: 1h}") as house:
        await house.say("PrintStarted")
        await house.say("PrintDone")
        await house.until("MovieDone")
        (film,) = house.room.shelf.films()
        assert film.about["frames"] == 1


@pytest.mark.parametrize("paused", [True, False])
async def test_timed_goes_on_while_the_print_is_paused_if_it_shall(tmp_path: Path, paused: bool) -> None:
    async with filmhouse(tmp_path, f"{{mode: timed, interval: 0.1, while_paused: {paused}}}") as house:
        await house.say("PrintStarted")
        await house.until("CaptureDone")
        await house.say("PrintPaused")
        await asyncio.sleep(0.3)
        before = house.names().count("CaptureDone")
        if paused:
            await house.until("CaptureDone", before + 2)
        else:
            await asyncio.sleep(0.4)
            assert house.names().count("CaptureDone") == before
            await house.say("PrintResumed")
            await house.until("CaptureDone", before + 1)


async def test_a_print_that_was_running_already_is_filmed_when_it_is_resumed(house: Filmhouse) -> None:
    await house.say("PrintResumed")
    await house.shoot(1)
    await house.say("PrintDone")
    await house.until("MovieDone")


async def test_a_new_print_ends_the_film_of_one_whose_end_was_never_told(house: Filmhouse) -> None:
    await house.say("PrintStarted")
    await house.shoot(1)
    await house.film(1)
    films = [each.data["movie_basename"] for each in await house.until("MovieDone", 2)]
    assert sum(name.endswith("-fail.mp4") for name in films) == 1


def hanging(house: Filmhouse) -> None:
    """Have the camera answer nothing more."""

    async def hang(_: web.Request) -> web.StreamResponse:
        await asyncio.Event().wait()
        raise AssertionError

    house.camera.answer = hang


@pytest.mark.parametrize("heard", ["PrintDone", "PostRollStart"])
async def test_a_film_that_is_wanted_is_made_though_the_hub_stops_before_its_last_picture(
    tmp_path: Path, heard: str
) -> None:
    async with filmhouse(tmp_path, "{mode: layer, post_roll: 1s}") as house:
        await house.say("PrintStarted")
        await house.shoot(1)
        hanging(house)
        await house.say("PrintDone")
        await house.until(heard)
    async with filmhouse(tmp_path, "{mode: layer, post_roll: 1s}") as house:
        (done,) = await house.until("MovieDone")
        assert done.source["printer"] == "mk3"


async def test_a_new_print_drops_the_last_still_of_the_one_before_and_shows_itself(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, post_roll: 1s, wait_for_prints: no}") as house:
        await house.say("PrintStarted")
        await house.shoot(1)
        hanging(house)
        await house.say("PrintDone")
        await house.until("PostRollStart")
        await house.say("PrintStarted")
        await house.until("MovieDone")
        names = house.names()
        assert names[names.index("PostRollStart") :][:5] == [
            *("PostRollStart", "CaptureStart", "PrintStarted", "CaptureFailed", "PostRollEnd")
        ]
        shown = house.hub.state.values("timelapse/")["timelapse/mk3/recording"]
        assert shown["name"] in {recorder.reel.name for recorder in house.room._recording.values()}
        assert shown["frames"] == 0


async def test_one_printer_that_begins_again_and_again_is_filmed_once_at_a_time(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: timed, render: off}") as house:
        hanging(house)
        for number in range(50):
            await house.say("PrintStarted")
            await house.until("CaptureStart", number + 1)
        failed = await house.until("CaptureFailed", 49)
        assert all("ended before" in each.data["error"] for each in failed)
        assert len(house.room._recording) == 1


async def test_what_is_too_large_of_a_source_does_not_come_back_with_each_picture(house: Filmhouse) -> None:
    await house.say("PrintStarted")
    await house.say("LayerChange", {"layer": 1}, tags=["x" * 20_000])
    (done,) = await house.until("CaptureDone")
    assert "tags" not in done.source
    assert done.source["job"] == {"file": "arm.gcode"}


async def test_a_printer_that_fell_silent_holds_no_film_up_for_ever(tmp_path: Path) -> None:
    async with filmhouse(tmp_path) as house:
        await house.say("PrintStarted", printer="dead")
        await house.film(1)
        async with asyncio.timeout(PATIENCE):
            while not any(reel.about.ended for reel in house.room.shelf.reels()):
                await asyncio.sleep(0.01)
        heard = house.room._prints._heard
        heard.update(dict.fromkeys(heard, time.monotonic() - SILENT))
        await house.room._tend()
        await house.until("MovieDone")


def test_a_printer_prints_from_its_start_until_its_end_or_long_silence() -> None:
    prints = Prints()
    prints.hear("LayerChange", "mk3", 0.0)
    assert not prints.any(0.0)
    prints.hear("PrintStarted", "mk3", 0.0)
    prints.hear("LayerChange", "mk3", SILENT - 1)
    assert prints.any(2 * SILENT - 2)
    assert not prints.any(2 * SILENT)
    prints.hear("PrintResumed", "mk3", 2 * SILENT)
    prints.hear("PrintFailed", "mk3", 2 * SILENT)
    assert not prints.any(2 * SILENT)


async def test_prints_of_many_printers_are_filmed_at_once_each_by_itself(house: Filmhouse) -> None:
    names = [f"printer{number}" for number in range(6)]
    for name in names:
        await house.say("PrintStarted", printer=name)
    for layer in (1, 2):
        for name in names:
            await house.say("LayerChange", {"layer": layer, "z": 1.0}, printer=name)
        for name in names:
            await house.until("CaptureDone", layer, printer=name)
    for name in names:
        await house.say("PrintDone", printer=name)
    done = await house.until("MovieDone", 6)
    assert {each.source["printer"] for each in done} == set(names)
    assert len({each.data["movie"] for each in done}) == 6


async def test_each_printer_is_seen_by_its_own_camera(tmp_path: Path) -> None:
    webcam = "[{printer: 'mk3*', snapshot: 'CAMERA'}]"
    async with filmhouse(tmp_path, webcam=webcam) as house:
        await house.say("PrintStarted", printer="delta")
        await house.say("LayerChange", {"layer": 1, "z": 0.2}, printer="delta")
        await house.say("PrintDone", printer="delta")
        await house.say("PrintStarted", printer="mk3-left")
        await house.say("LayerChange", {"layer": 1, "z": 0.2}, printer="mk3-left")
        await house.until("CaptureDone", 1, printer="mk3-left")
        assert {each.source["printer"] for each in house.told if "Capture" in each.topic} == {"mk3-left"}


async def test_a_camera_slower_than_its_beat_costs_beats_and_never_a_queue(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: timed, interval: 0.1, render: off}") as house:
        begun = asyncio.Event()
        go = asyncio.Event()

        async def slow(request: web.Request) -> web.StreamResponse:
            begun.set()
            await go.wait()
            return await house.camera.good(request)

        house.camera.answer = slow
        await house.say("PrintStarted")
        await begun.wait()
        await asyncio.sleep(0.6)
        go.set()
        await house.until("CaptureDone", 2)
        shown = house.hub.state.values("timelapse/mk3/")["timelapse/mk3/recording"]
        assert shown["missed"] >= 3
        assert shown["mode"] == "timed"


async def test_a_camera_that_changes_the_kind_of_its_pictures_is_told(house: Filmhouse) -> None:
    await house.say("PrintStarted")
    await house.shoot(1)
    house.camera.kind = "PNG"
    await house.shoot(2)
    (failed,) = await house.until("CaptureFailed")
    assert "one kind" in failed.data["error"]


async def test_png_pictures_of_odd_size_become_a_film_too(house: Filmhouse) -> None:
    house.camera.kind, house.camera.size = "PNG", (65, 47)
    await house.film(2)
    first, _ = await house.until("CaptureDone", 2)
    assert first.data["file"].endswith("-0.png")
    await house.until("MovieDone")


HOSTILE = [
    "100%.gcode",
    "%d%s.gcode",
    "..gcode",
    "-rf.gcode",
    "a:b.gcode",
    "ü/ö \u202e\n.gcode",
    "x" * 400,
    "",
    "file:x",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_whatever_a_file_is_called_its_film_is_made(house: Filmhouse, name: str) -> None:
    await house.say("PrintStarted", {"file": name, "origin": "local"})
    await house.shoot(1)
    await house.say("PrintDone")
    (done,) = await house.until("MovieDone")
    film = Path(done.data["movie"])
    assert film.parent == house.base
    assert film.is_file()


# What becomes of films and pictures


def old_reel(house: Filmhouse, name: str, about: str = "{}", days: float = 8) -> Path:
    """Lay down pictures of a print long ago."""
    folder = house.base / "unrendered" / name
    folder.mkdir()
    (folder / f"{name}-0.jpg").write_bytes(picture())
    (folder / "recording.json").write_text(about)
    os.utime(folder, (time.time() - days * 86400,) * 2)
    return folder


async def test_old_pictures_and_films_are_removed_but_none_that_are_in_use(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, keep_frames: 1d, keep_films: 2d}") as house:
        await house.say("PrintStarted")
        await house.shoot(1)
        (recorded,) = house.room.shelf.reels()
        os.utime(recorded.folder, (time.time() - 2 * 86400,) * 2)
        old, wanted = old_reel(house, "old"), old_reel(house, "wanted", '{"wanted": true, "ended": true}')
        for name, days in (("old.mp4", 3), ("new.mp4", 1)):
            (house.base / name).write_bytes(b"film")
            (house.base / "about" / f"{name}.json").write_text("{}")
            os.utime(house.base / name, (time.time() - days * 86400,) * 2)
        await house.room._tend()
        assert recorded.folder.is_dir()
        assert wanted.is_dir()
        assert not old.exists()
        assert [film.name for film in house.room.shelf.films()] == ["new.mp4"]


@pytest.mark.parametrize(
    ("frames", "films", "seconds"),
    [(7 * 86400.0, None, 3600.0), (None, None, 3600.0), (600.0, 30.0, 30.0), (None, 1.0, 5.0)],
)
def test_what_is_old_is_looked_for_as_often_as_the_shortest_age_asks(
    frames: float | None, films: float | None, seconds: float
) -> None:
    plan = Timelapse(
        keep_frames=None if frames is None else Seconds(frames),
        keep_films=None if films is None else Seconds(films),
    )
    assert pause(plan) == seconds


@pytest.mark.parametrize(("end", "film"), [("PrintFailed", "cut-fail.mp4"), ("PrintDone", "cut.mp4")])
async def test_a_print_whose_end_is_told_after_a_kill_of_the_hub_has_the_film_of_that_end(
    house: Filmhouse, end: str, film: str
) -> None:
    about = '{"printer": "mk3", "gcode": "arm.gcode", "started": 1}'
    old_reel(house, "cut", about, days=0)
    ended = old_reel(house, "before", '{"printer": "mk3", "gcode": "arm.gcode", "started": 0}', days=0)
    await house.say(end)
    async with asyncio.timeout(PATIENCE):
        while not house.room.shelf.reel("cut").about.ended:
            await asyncio.sleep(0.01)
    assert not house.room.shelf.reel(ended.name).about.ended
    assert (await house.room.render("cut", {})).film == film


async def test_what_is_removed_is_told_by_age_or_by_hand_but_not_what_became_a_film(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, keep_films: 60s}") as house:
        gone: asyncio.Queue[Event] = asyncio.Queue()
        house.bus.subscribe("topic=callboard.timelapse.removed", gone.put_nowait)
        for _ in range(2):
            await house.film(1)
        first, second = [str(done.data["movie_basename"]) for done in await house.until("MovieDone", 2)]
        old_reel(house, "by-hand", days=0)
        for name in ("by-hand", second):
            await house.room.remove(name, {"trace": {"correlation": "c1"}})
        os.utime(house.base / first, (0, 0))
        await house.room._tend()
        async with asyncio.timeout(PATIENCE):
            told = [await gone.get() for _ in range(3)]
        wanted = [("by-hand", "asked"), (second, "asked"), (first, "age")]
        assert [(event.data["name"], event.data["why"]) for event in told] == wanted
        assert told[0].source["trace"]["correlation"] == "c1"
        assert all(event.data.keys() == catalog.keys(event.topic) for event in told)
        assert gone.empty()


async def test_what_somebody_else_keeps_in_the_folder_is_never_swept_away(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, keep_frames: 60s, keep_films: 60s}") as house:
        await house.film(1)
        (done,) = await house.until("MovieDone")
        ours, base = str(done.data["movie_basename"]), house.base
        theirs = ["wedding.mp4", ".download.part", ".notes.ready", "unrendered/holidays/beach.jpg"]
        (base / "unrendered" / "holidays").mkdir()
        for name in theirs:
            (base / name).write_bytes(b"precious")
        half = base / f".{'0' * 32}.1f.part"
        half.touch()
        for path in (base / ours, base / "wedding.mp4", base / "unrendered" / "holidays"):
            os.utime(path, (0, 0))
        house.room.shelf.prepare(())
        await house.room._tend()
        assert not (base / ours).exists()
        assert [name for name in theirs if not (base / name).exists()] == []
        assert not half.exists()


def test_an_old_film_that_can_not_be_removed_spares_none_behind_it(tmp_path: Path) -> None:
    shelf = Shelf(tmp_path)
    shelf.prepare(())
    for name in ("arm_1.mp4", "arm_2.mp4"):
        (tmp_path / name).write_bytes(b"film")
        shelf._noted(name).write_text('{"printer": "toy", "gcode": "arm.gcode", "frames": 1}')
        os.utime(tmp_path / name, (0, 0))
    (shelf._thumbnail("arm_1.mp4") / "in the way").mkdir(parents=True)
    assert shelf.sweep(60.0) == ["arm_2.mp4"]


class Emptied(Shelf):
    """A shelf from which each film is removed once it has been seen that it is there."""

    def _film(self, path: Path) -> Film:
        path.unlink()
        return super()._film(path)


def test_a_list_leaves_out_what_goes_while_it_is_made(tmp_path: Path) -> None:
    shelf = Emptied(tmp_path)
    shelf.prepare(())
    (tmp_path / "arm_1.mp4").write_bytes(b"film")
    assert shelf.films() == []


async def test_a_clock_that_learns_the_day_late_makes_no_pictures_old(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, render: off}") as house:
        await house.film(1)
        async with asyncio.timeout(PATIENCE):
            while not house.room.shelf.reels() or house.room._ending or house.room._recording:
                await asyncio.sleep(0.01)
        (reel,) = house.room.shelf.reels()
        os.utime(reel.folder, (time.time() - 30 * 86400,) * 2)
        await house.room._tend()
        assert reel.folder.is_dir()


async def test_pictures_are_not_rendered_and_removed_at_once(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, render_here: no}") as house:
        reel = old_reel(house, "arm")
        wishes = (house.room.remove("arm", {}), house.room.render("arm", {}))
        removed, _ = await asyncio.gather(*wishes, return_exceptions=True)
        assert removed is None
        assert not reel.exists()
        assert await house.jobs.ledger.all() == []


async def test_pictures_that_two_want_rendered_at_once_are_numbered_once(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, render_here: no}") as house:
        reel = old_reel(house, "arm")
        for number in range(1, 200):
            (reel / f"arm-{number}.jpg").write_bytes(b"" if number == 1 else picture())
        wishes = [house.room.render("arm", {}) for _ in range(2)]
        first, second = await asyncio.gather(*wishes, return_exceptions=True)
        assert not isinstance(first, BaseException)
        assert first.count == len(list(reel.glob("*.jpg"))) == 199
        assert isinstance(second, InUse)
        assert len(await house.jobs.ledger.all()) == 1


async def test_pictures_that_are_recorded_can_not_be_removed_or_rendered(house: Filmhouse) -> None:
    await house.say("PrintStarted")
    await house.shoot(1)
    (reel,) = house.room.shelf.reels()
    with pytest.raises(InUse):
        await house.room.remove(reel.name, {})
    with pytest.raises(InUse):
        await house.room.render(reel.name, {})


async def test_pictures_whose_film_waits_for_a_worker_can_be_removed(tmp_path: Path) -> None:
    async with filmhouse(tmp_path, "{mode: layer, render_here: no}") as house:
        await house.film(1)
        while not (jobs := await house.jobs.ledger.all()):
            await asyncio.sleep(0.01)
        with pytest.raises(InUse):
            await house.room.render(str(jobs[0].payload["name"]), {})
        await house.room.remove(str(jobs[0].payload["name"]), {})
        assert await house.jobs.ledger.all() == []
        assert house.left() == []


async def test_pictures_that_lie_there_with_gaps_are_numbered_anew(house: Filmhouse) -> None:
    folder = house.base / "unrendered" / "by-hand"
    folder.mkdir()
    for number in (3, 7, 100):
        (folder / f"by-hand-{number}.jpg").write_bytes(picture(number))
    (folder / "by-hand-8.jpg").touch()
    (folder / "notes.txt").write_text("mine")
    await house.room.render("by-hand", {})
    await house.until("MovieDone")
    (film,) = house.room.shelf.films()
    assert film.about["frames"] == 3


async def test_two_prints_of_one_file_in_one_second_are_two_films(house: Filmhouse) -> None:
    for printer in ("a", "b"):
        await house.say("PrintStarted", printer=printer)
    for printer in ("a", "b"):
        await house.say("LayerChange", {"layer": 1, "z": 0.2}, printer=printer)
    first, second = await house.until("CaptureDone", 2)
    assert first.data["file"] != second.data["file"]


async def test_a_folder_that_can_not_be_made_keeps_nothing_from_starting(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    async with filmhouse(tmp_path, f"{{mode: layer, folder: '{tmp_path}/file/films'}}") as house:
        await house.film(1)
        (failed,) = await house.until("CaptureFailed")
        assert "can't be written" in failed.data["error"]
        await house.until("MovieFailed")


# Modes, as a table: pure


def test_zchange_skips_hops_and_what_comes_too_soon() -> None:
    trigger = Trigger(Timelapse(mode="zchange", retraction_zhop=0.5))
    assert trigger.hears("ZChange", {"new": 0.2, "old": None}, 0.0)
    assert not trigger.hears("ZChange", {"new": 0.4, "old": 0.2}, 4.9)  # within the usual 5 s
    assert trigger.hears("ZChange", {"new": 0.4, "old": 0.2}, 5.0)
    assert not trigger.hears("ZChange", {"new": 0.9, "old": 0.4}, 20.0)  # up, and down: a hop
    assert not trigger.hears("ZChange", {"new": 0.4, "old": 0.9001}, 21.0)
    assert trigger.hears("ZChange", {"new": 0.6, "old": 0.4}, 22.0)
    assert not trigger.hears("LayerChange", {"layer": 1, "z": 0.2}, 99.0)


def test_layer_takes_each_layer_unless_a_delay_is_asked_for() -> None:
    trigger = Trigger(Timelapse(mode="layer"))
    assert [trigger.hears("LayerChange", {"layer": n}, n / 100) for n in range(3)] == [True] * 3
    assert not trigger.hears("ZChange", {"new": 1, "old": 0}, 99.0)
    slow = Trigger(Timelapse(mode="layer", min_delay=2.0))  # type: ignore[arg-type]
    assert [slow.hears("LayerChange", {"layer": n}, float(n)) for n in range(5)] == [
        True,
        False,
        True,
        False,
        True,
    ]


@pytest.mark.parametrize("data", [None, [], {}, {"new": "x", "old": {}}, {"new": None, "old": None}])
def test_an_event_that_says_nonsense_is_filmed_and_breaks_nothing(data: object) -> None:
    assert Trigger(Timelapse(mode="zchange", retraction_zhop=0.5)).hears("ZChange", data, 0.0)


# The disk is full


async def test_a_full_disk_while_capturing_is_told_and_leaves_nothing_half_written(
    tmp_path: Path, tiny_disk: Path
) -> None:
    async with filmhouse(tmp_path, f"{{mode: layer, folder: '{tiny_disk}/films', render: off}}") as house:
        await house.say("PrintStarted")
        await house.shoot(1)
        (tiny_disk / "ballast").write_bytes(bytes(380_000 - 8192))
        house.camera.size = (1200, 900)
        noisy = os.urandom(60_000)

        async def large(_: web.Request) -> web.StreamResponse:
            return web.Response(body=picture(1)[:-2] + noisy.replace(b"\xff", b"\x00") + b"\xff\xd9")

        house.camera.answer = large
        await house.shoot(2)
        (failed,) = await house.until("CaptureFailed")
        assert failed.data["error"].startswith("The disk is full")
        assert not [path for path in house.left() if ".part" in path]
        (tiny_disk / "ballast").unlink()
        await house.shoot(3)
        assert [each.data["file"][-6:] for each in await house.until("CaptureDone", 2)] == [
            "-0.jpg",
            "-1.jpg",
        ]


async def test_a_full_disk_while_rendering_is_told_and_the_pictures_can_be_rendered_later(
    tmp_path: Path, tiny_disk: Path
) -> None:
    async with filmhouse(tmp_path, f"{{mode: layer, folder: '{tiny_disk}/films'}}") as house:
        await house.say("PrintStarted")
        for layer in range(1, 5):
            await house.shoot(layer)
        ballast = tiny_disk / "ballast"
        free = os.statvfs(tiny_disk).f_bavail * os.statvfs(tiny_disk).f_frsize
        ballast.write_bytes(bytes(max(free, 0)))
        await house.say("PrintDone")
        (failed,) = await house.until("MovieFailed")
        assert failed.data["reason"] == "returncode"
        assert failed.data["returncode"] not in {0, None}
        assert "disk is full" in failed.data["error"][0], failed.data
        assert not [path for path in house.left() if path.endswith((".part", ".ready", ".mp4"))]
        ballast.unlink()
        (reel,) = house.room.shelf.reels()
        await house.room.render(reel.name, {})
        await house.until("MovieDone")


async def test_printers_without_end_are_not_filmed_without_end(house: Filmhouse) -> None:
    for number in range(MOST + 1):
        await house.say("PrintStarted", printer=f"p{number}")
    await house.say("LayerChange", {"layer": 1}, printer=f"p{MOST}")
    await house.say("LayerChange", {"layer": 1}, printer="p0")
    await house.until("CaptureDone", printer="p0")
    assert not [
        each for each in house.told if each.topic.endswith(".CaptureStart") and each.source["printer"] != "p0"
    ]
