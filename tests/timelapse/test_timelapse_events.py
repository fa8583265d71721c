"""Every event of the seed's section Timelapses, fired for real: server, virtual printer, its camera, ffmpeg.

`docs/print-events.md` has a row for each. To write them anew from what comes now:
`CALLBOARD_RECORD=1 ./dev test tests/timelapse/test_timelapse_events.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from callboard import catalog
from tests.catalog.seeds import print_seed
from tests.printing import eventpage
from tests.printing.house import NAME, PrintHouse, name, print_house
from tests.serving import eventually, free_port
from tests.timelapse.filming import FFMPEG
from tests.timelapse.test_movie import facts

F = TypeVar("F", bound=Callable[..., Any])

pytestmark = pytest.mark.slow

HEADING = "Timelapses"
OF_THE_SEED = [each for each in print_seed() if each.startswith(("Capture", "Movie"))]
TODAYS = ["CaptureFailed", "PostRollStart", "PostRollEnd"]
EVENTS = [*OF_THE_SEED, *TODAYS]
FIRED_BY: dict[str, str] = {}
RECORDED: dict[str, dict[str, Any]] = {}

LAYERS = 4
TOWER = "".join(
    f"G1 Z{layer * 0.2:.1f} F600\nG1 X10 Y10 F3000\nG1 X90 E{layer}.2\nG1 Y90 E{layer}.4\n"
    f"G1 X10 E{layer}.6\nG4 P4000\n"
    for layer in range(1, LAYERS + 1)
)
PROGRAM = f"; a tower\nM104 S40\nG28\nG90\nM82\nG92 E0\n{TOWER}M104 S0\n"


def fires(*events: str) -> Callable[[F], F]:
    """Note which events a test fires."""

    def note(test: F) -> F:
        FIRED_BY.update(dict.fromkeys(events, test.__name__))
        return test

    return note


@pytest.fixture(scope="module")
def camera() -> str:
    return f"127.0.0.1:{free_port()}"


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory, camera: str) -> Iterator[PrintHouse]:
    folder = tmp_path_factory.mktemp("films")
    (folder / "ffmpeg").symlink_to(FFMPEG)
    more = (
        f"webcam: {{snapshot: 'http://{camera}/snapshot.jpg'}}\n"
        f"timelapse: {{mode: layer, post_roll: 1s, ffmpeg: {folder}/ffmpeg}}\n"
    )
    with print_house(folder, options=("--speed", "20", "--camera", camera), more=more) as opened:
        opened.until("Connected", "")
        opened.upload("parts/tower.gcode", PROGRAM)
        yield opened


def record(entries: list[dict[str, Any]], *events: str) -> dict[str, dict[str, Any]]:
    """Check that each event came, with the catalog's keys and the print's source; keep it."""
    found = {name(entry): entry["event"] for entry in reversed(entries)}
    started = found["PrintStarted"]["source"]["trace"]["correlation"]
    for each in events:
        assert each in found, f"{each} is not among {[name(entry) for entry in entries]}"
        data, source = found[each]["data"] or {}, found[each]["source"]
        assert print_seed().get(each, set()) <= data.keys(), (each, data)
        assert data.keys() <= catalog.keys(f"octoprint.{each}"), (each, data)
        assert (source["printer"], source["tags"]) == (NAME, ["left-wall"])
        assert source["job"]["file"] == "parts/tower.gcode"
        assert source["trace"]["correlation"] == started
        RECORDED[each] = data
    return found


@fires("CaptureStart", "CaptureDone", "PostRollStart", "PostRollEnd", "MovieRendering", "MovieDone")
def test_a_print_is_filmed_layer_by_layer(house: PrintHouse) -> None:
    since = house.here()
    house.ask("print", file="parts/tower.gcode")
    entries = house.until("MovieDone", since)
    wanted = ("CaptureStart", "CaptureDone", "PostRollStart", "PostRollEnd", "MovieRendering", "MovieDone")
    found = record(entries, *wanted)
    ours = [name(each) for each in entries if name(each).startswith(("Print", "Capture", "Post", "Movie"))]
    films = [each for each in ours if each not in {"PrintSettled", "PrinterStateChanged"}]
    shot = ["CaptureStart", "CaptureDone"]
    ending = ["PrintDone", "PostRollStart", *shot, "PostRollEnd", "MovieRendering", "MovieDone"]
    assert films == ["PrintStarted", *shot * LAYERS, *ending]
    done = found["MovieDone"]["data"]
    assert done["gcode"] == "tower.gcode"
    count, stream = facts(Path(done["movie"]))
    assert count == LAYERS + 1 + 25
    assert "960x720" in stream


@fires("MovieFailed")
def test_a_film_that_can_not_be_made_says_why_and_is_made_later(house: PrintHouse) -> None:
    program = house.folder / "ffmpeg"
    program.unlink()
    program.write_text("#!/bin/sh\necho 'x264 [error]: malloc failed' >&2\nexit 1\n")
    program.chmod(0o755)
    since = house.here()
    house.ask("print", file="parts/tower.gcode")
    found = record(house.until("MovieFailed", since), "MovieFailed")
    failed = found["MovieFailed"]["data"]
    assert (failed["returncode"], failed["reason"]) == (1, "returncode")
    assert "MovieRendering" in found
    assert "MovieDone" not in found
    program.unlink()
    program.symlink_to(FFMPEG)
    since = house.here()
    status, body = house.server.post(f"/v1/timelapses/unrendered/{failed['movie_prefix']}/render", {})
    assert status == 202, body
    house.until("MovieDone", since)


@fires("CaptureFailed")
def test_a_camera_that_goes_away_is_told_and_the_print_goes_on(house: PrintHouse, camera: str) -> None:
    """Last: its printer, and with it the camera, is plugged in without one."""
    house.unplug()
    since = house.here()
    house.plug_in("--speed", "20")
    eventually(lambda: house.try_("connect")["success"], "the printer", 30)
    house.ask("print", file="parts/tower.gcode")
    entries = house.until("MovieFailed", since)
    found = record(entries, "CaptureFailed")
    assert "can't be reached" in found["CaptureFailed"]["data"]["error"]
    assert (found["MovieFailed"]["data"]["returncode"], found["MovieFailed"]["data"]["reason"]) == (
        0,
        "no_frames",
    )
    names = [name(each) for each in entries]
    assert "MovieRendering" not in names
    assert "CaptureDone" not in names
    assert "PrintDone" in names


# The page


def test_the_page_has_a_row_for_each_event_of_films() -> None:
    assert set(EVENTS) <= set(FIRED_BY), set(EVENTS) - set(FIRED_BY)
    if os.environ.get("CALLBOARD_RECORD") and set(EVENTS) <= set(RECORDED):
        eventpage.write(HEADING, EVENTS, FIRED_BY, RECORDED)
    found = eventpage.rows(HEADING)
    assert {event: test for event, (test, _) in found.items()} == {each: FIRED_BY[each] for each in EVENTS}


@pytest.mark.parametrize("event", EVENTS)
def test_the_page_shows_the_keys_that_came(event: str) -> None:
    if event not in RECORDED:
        pytest.skip("its test did not run now")
    assert json.loads(eventpage.rows(HEADING)[event][1]).keys() == RECORDED[event].keys()
