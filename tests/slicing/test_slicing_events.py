"""Every event of the seed's section Slicing, fired for real: a server, a virtual printer, and real slicers.

`docs/print-events.md` has a row for each. To write them anew from what comes now:
`CALLBOARD_RECORD=1 ./dev test tests/slicing/test_slicing_events.py`.
"""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, TypeVar

import pytest

from callboard import catalog
from tests.catalog.seeds import print_seed
from tests.printing import eventpage
from tests.printing.house import NAME, PrintHouse, name, print_house
from tests.serving import eventually
from tests.slicing.models import binary, box, packed, text
from tests.slicing.slicers import SETTINGS, SLICERS, cura_resources, need

F = TypeVar("F", bound=Callable[..., Any])

pytestmark = pytest.mark.slow

HEADING = "Slicing"
OF_THE_SEED = [each for each in print_seed() if each.startswith("Slicing")]
TODAYS = ["SlicingProfileAdded", "SlicingProfileModified", "SlicingProfileDeleted"]
EVENTS = [*OF_THE_SEED, *TODAYS]
FIRED_BY: dict[str, str] = {}
RECORDED: dict[str, dict[str, Any]] = {}
ENDS = {"SlicingDone", "SlicingFailed", "SlicingCancelled"}


def fires(*events: str) -> Callable[[F], F]:
    """Note which events a test fires."""

    def note(test: F) -> F:
        FIRED_BY.update(dict.fromkeys(events, test.__name__))
        return test

    return note


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrintHouse]:
    resources = cura_resources() or "/usr/share/cura/resources"
    more = f"slicing:\n  cura_resources: {resources}\n  parallel: 2\n"
    with print_house(tmp_path_factory.mktemp("house"), options=("--speed", "500"), more=more) as opened:
        opened.until("UpdatedFiles", "", 2)  # the last of what comes when a printer is connected
        opened.upload("parts/arm.stl", text(box()))
        yield opened


def record(entries: list[dict[str, Any]], *events: str) -> dict[str, dict[str, Any]]:
    """Check that each event came, with the catalog's keys, and keep it for the page."""
    found = {name(entry): entry["event"] for entry in reversed(entries)}
    for each in events:
        assert each in found, f"{each} is not among {[name(entry) for entry in entries]}"
        data = found[each]["data"] or {}
        assert print_seed().get(each, set()) <= data.keys(), (each, data)
        assert data.keys() <= catalog.keys(f"octoprint.{each}"), (each, data)
        RECORDED[each] = data
    return found


def slice_(house: PrintHouse, file: str = "parts/arm.stl", **more: Any) -> str:
    status, body = house.server.post("/v1/slicing/jobs", {"file": file, **more})
    assert status == 202, body
    return str(json.loads(body)["id"])


def ended(house: PrintHouse, job: str, since: str) -> dict[str, Any]:
    """Wait for the end of a job, and check that it has but one."""

    def ends() -> list[dict[str, Any]]:
        found = house.events(since, f'data.job="{job}"')
        return [each for each in found if name(each) in ENDS]

    eventually(ends, f"the end of {job}", 60)
    (one,) = ends()
    return one


@fires("SlicingStarted", "SlicingDone")
@pytest.mark.parametrize("slicer", SLICERS)
def test_a_model_is_sliced_by_each_real_slicer_and_analysed(house: PrintHouse, slicer: str) -> None:
    need(slicer)
    since = house.here()
    to = f"parts/arm-{slicer}.gcode"
    slice_(house, slicer=slicer, to=to, overrides=SETTINGS[slicer])
    entries = house.until("MetadataAnalaysisFinished", since)
    found = record(entries, "SlicingStarted", "SlicingDone")
    assert found["SlicingStarted"]["data"]["progressAvailable"] is (slicer != "slic3r")
    assert found["SlicingDone"]["data"]["time"] > 0
    assert found["SlicingDone"]["source"]["user"]["username"] == "admin"
    assert found["SlicingDone"]["source"]["trace"]["cause"] == found["SlicingStarted"]["id"]
    names = [name(each) for each in entries]
    order = ["SlicingStarted", "FileAdded", "UpdatedFiles", "UpdatedFiles", "SlicingDone"]
    assert names[: len(order)] == order
    assert names.index("MetadataAnalysisStarted") > names.index("SlicingDone")
    result = found["MetadataAnalaysisFinished"]["data"]["result"]
    assert result["layers"] == 10
    assert result["filament"]["tool0"]["length"] > 0


@pytest.mark.parametrize("slicer", SLICERS)
@pytest.mark.parametrize("kind", ["3mf", "obj"])
def test_models_of_other_kinds_are_sliced_too(house: PrintHouse, slicer: str, kind: str) -> None:
    need(slicer)
    from tests.slicing.models import obj

    house.upload(f"arm.{kind}", packed(box()) if kind == "3mf" else obj(box()))
    since = house.here()
    end = ended(house, slice_(house, f"arm.{kind}", slicer=slicer, overrides=SETTINGS[slicer]), since)
    assert name(end) == "SlicingDone", end


@fires("SlicingFailed")
def test_a_model_with_decimal_commas_is_told_to_be_exported_anew(house: PrintHouse) -> None:
    need("prusaslicer")
    house.upload("parts/comma.stl", text(box(), point=","))
    since = house.here()
    end = ended(house, slice_(house, "parts/comma.stl", slicer="prusaslicer"), since)
    found = record([end], "SlicingFailed")
    assert "decimal commas" in found["SlicingFailed"]["data"]["reason"]


TOO_LARGE = {
    "prusaslicer": "larger than the bed",
    "curaengine": None,  # which knows no bed: it prints beside it
    "slic3r": None,
}


@pytest.mark.parametrize("slicer", SLICERS)
def test_what_a_slicer_refuses_is_its_own_reason(house: PrintHouse, slicer: str) -> None:
    need(slicer)
    house.upload("huge.stl", binary(box(900, 900, 1)))
    since = house.here()
    end = ended(house, slice_(house, "huge.stl", slicer=slicer, overrides={"layer_height": 0.3}), since)
    reason = TOO_LARGE[slicer]
    assert name(end) == ("SlicingDone" if reason is None else "SlicingFailed")
    assert reason is None or reason in end["event"]["data"]["reason"]


@fires("SlicingCancelled")
def test_a_second_job_for_the_same_target_calls_off_the_first(house: PrintHouse) -> None:
    need("prusaslicer")
    house.upload("tall.stl", binary(box(60, 60, 60)))
    since = house.here()
    long = {"layer_height": 0.05, "first_layer_height": 0.2, "fill_density": "90%"}
    first = slice_(house, "tall.stl", to="target.gcode", slicer="prusaslicer", overrides=long)
    second = slice_(house, "parts/arm.stl", to="target.gcode", slicer="prusaslicer")
    assert name(ended(house, first, since)) == "SlicingCancelled"
    assert name(ended(house, second, since)) == "SlicingDone"
    found = house.events(since, "topic=octoprint.Slicing*")
    record(found, "SlicingCancelled")
    told = [(name(each), each["event"]["data"]["job"]) for each in found]
    assert told == [
        ("SlicingStarted", first),
        ("SlicingStarted", second),
        ("SlicingCancelled", first),
        ("SlicingDone", second),
    ]


@fires("SlicingProfileAdded", "SlicingProfileModified", "SlicingProfileDeleted")
def test_profiles_are_brought_in_changed_and_removed(house: PrintHouse) -> None:
    since, address = house.here(), "/v1/slicing/prusaslicer/profiles/draft"
    ini = b"# made by PrusaSlicer\nlayer_height = 0.3\npost_process = /bin/sh\nstart_gcode = G28\\nG1 Z5\n"
    status, body = house.server.ask("PUT", address, ini, {"Content-Type": "application/octet-stream"})
    assert (status, json.loads(body)["data"]) == (201, {"layer_height": "0.3", "start_gcode": "G28\nG1 Z5"})
    assert json.loads(body)["leftOut"] == ["post_process"]
    change = json.dumps({"data": {"layer_height": 0.25, "start_gcode": None}}).encode()
    status, body = house.server.ask("PATCH", address, change, {"Content-Type": "application/json"})
    assert (status, json.loads(body)["data"]) == (200, {"layer_height": "0.25"})
    assert house.server.ask("DELETE", address, None, {})[0] == 204
    assert house.server.get(address)[0] == 404
    record(house.until("SlicingProfileDeleted", since), *TODAYS)


def test_one_request_slices_and_prints(house: PrintHouse) -> None:
    need("prusaslicer")
    since = house.here()
    wish = {"file": "parts/arm.stl", "to": "print.gcode", "slicer": "prusaslicer", "print": NAME}
    event = {"topic": "callboard.slicing.slice", "data": wish}
    status, body = house.server.post("/v1/requests", {"event": event, "timeout": 30})
    (reply,) = json.loads(body)["replies"]
    assert (status, reply["event"]["data"]["success"]) == (200, True)
    entries = house.until("PrintStarted", since)
    names = [name(each) for each in entries]
    assert names.index("SlicingDone") < names.index("FileSelected") < names.index("PrintStarted")
    traces = {
        name(each): each["event"]["source"]["trace"]["correlation"]
        for each in entries
        if name(each) in {"SlicingStarted", "SlicingDone", "PrintStarted"}
    }
    assert len(set(traces.values())) == 1, traces
    started = next(each for each in entries if name(each) == "PrintStarted")
    assert started["event"]["data"]["user"] == "admin"
    house.until("PrintDone", since)


def test_a_key_that_may_not_print_does_not_by_slicing(house: PrintHouse) -> None:
    key = {"user": "art", "publish": "topic=callboard.slicing.slice"}
    made = json.loads(house.server.post("/v1/keys", key)[1])["key"]
    headers = {"ftrack-user": "art", "ftrack-api-key": made, "Content-Type": "application/json"}
    for more, allowed in (({}, True), ({"print": NAME}, False), ({"select": NAME}, False)):
        event = {"topic": "callboard.slicing.slice", "data": {"file": "none.stl", **more}}
        status, body = house.server.ask("POST", "/v1/events", json.dumps(event).encode(), headers)
        assert (status < 300) == allowed, body
        assert allowed or (status == 403 and b"callboard.printer." in body), body


def command(house: PrintHouse, *words: str, of: str = "slice") -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "callboard", of, *words],
        check=False,
        capture_output=True,
        text=True,
        timeout=60,
        env={**os.environ, "CALLBOARD_DATA": str(house.server.data)},
        cwd=house.folder,
    )


def test_the_command_slices_a_file_of_this_machine_and_prints_it(house: PrintHouse) -> None:
    need("prusaslicer")
    (house.folder / "local.stl").write_bytes(binary(box(12, 12, 1)))
    since = house.here()
    words = ("local.stl", "--slicer", "prusaslicer", "--set", "layer_height=0.3", "--print", NAME)
    left = command(house, *words)  # there is a test before this one
    assert (left.returncode, f"callboard printers clear {NAME}" in left.stderr) == (1, True), left.stderr
    done = command(house, *words, "--no-if-clear")
    assert (done.returncode, done.stdout) == (0, "local.gcode\n"), done.stderr
    assert f"{NAME} prints it" in done.stderr
    house.until("PrintDone", since)
    assert "prusaslicer" in command(house, "--list").stdout
    failed = command(house, "parts/comma.stl", "--slicer", "prusaslicer")
    assert failed.returncode == 1
    assert "decimal commas" in failed.stderr
    assert command(house).returncode == 2
    (house.folder / "mine.ini").write_text("layer_height = 0.2\n")
    stored = command(house, "--import", "mine.ini", "--slicer", "slic3r")
    assert "Left out" not in stored.stderr
    assert stored.stdout == "slic3r has the profile mine, 1 settings.\n", stored.stderr


def test_the_command_knows_jobs_and_profiles_and_what_is_no_model(house: PrintHouse) -> None:
    need("slic3r")
    (house.folder / "here.gcode").write_text("G28\n")
    refused = command(house, "here.gcode")
    assert (refused.returncode, "here.gcode is no model: slice a .stl" in refused.stderr) == (2, True)
    for key in ("one", "two"):
        (house.folder / f"{key}.ini").write_text("layer_height = 0.2\npost_process = /bin/true\n")
        stored = command(house, "--import", f"{key}.ini", "--slicer", "slic3r")
        assert "Left out, since a profile must not set it: post_process." in stored.stderr
    assert command(house, "default", "slic3r", "two", of="slicing").returncode == 0
    (shown,) = json.loads(command(house, "--list", "--json").stdout)[2:]
    assert shown["defaultProfile"] == "two"
    (house.folder / "long.stl").write_bytes(binary(box(12, 12, 1)))
    begun = command(house, "long.stl", "--slicer", "slic3r", "--background", "--overwrite")
    (job,) = re.findall(r"slic3r slices long.stl with the profile two.+slicing cancel (\w+)`", begun.stderr)
    left = command(house, "cancel", job, of="slicing")
    assert ("is called off" in left.stderr) or ("has ended already" in left.stderr)
    assert job in command(house, "jobs", of="slicing").stdout
    removed = command(house, "remove", "slic3r", "two", of="slicing")
    assert "slic3r has no default profile now: callboard slicing default slic3r " in removed.stderr
    assert "two" not in command(house, "profiles", of="slicing").stdout


def test_models_and_gcode_have_pictures(house: PrintHouse) -> None:
    need("prusaslicer")
    job = slice_(house, slicer="prusaslicer", to="seen.gcode")
    ended(house, job, "")
    png = b"\x89PNG\r\n\x1a\n"
    for listed in ("/v1/files/local/seen.gcode", "/v1/files/local/parts/arm.stl", f"/v1/slicing/jobs/{job}"):
        status, body = house.server.get(json.loads(house.server.get(listed)[1])["refs"]["picture"])
        assert (status, body[:8]) == (200, png), listed
    for path in ("parts/arm.stl", "seen.gcode", "seen.gcode?view=top&layer=2&size=512"):
        status, body = house.server.get(f"/v1/pictures/local/{path}")
        assert (status, body[:8]) == (200, png), path
    assert house.server.get("/v1/pictures/local/none.stl")[0] == 404
    assert house.server.get("/v1/pictures/local/parts/comma.stl")[0] == 422
    for wrong in ("view=below", "size=333", "size=2048", "layer=3"):
        assert house.server.get(f"/v1/pictures/local/parts/arm.stl?{wrong}")[0] == 400, wrong


def test_a_hub_that_is_killed_tells_of_the_job_at_its_next_start(house: PrintHouse) -> None:
    """Last: the hub is killed. No slicer outlives it."""
    need("prusaslicer")
    since = house.here()
    long = {"layer_height": 0.05, "first_layer_height": 0.2, "fill_density": "90%"}
    job = slice_(house, "tall.stl", slicer="prusaslicer", overrides=long)
    work = house.server.data / "slicing" / "work" / job
    eventually((work / "settings.ini").exists, "the slicer")
    house.server.stop(signal.SIGKILL)
    eventually(lambda: not _slicers_in(work), "the end of the slicer")
    house.server.start()
    end = ended(house, job, since)
    assert "hub stopped" in end["event"]["data"]["reason"]


def _slicers_in(work: Path) -> list[str]:
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if (process / "cwd").readlink() == work:
                found.append(process.name)
        except OSError:
            continue
    return found


# The page


def test_the_page_has_a_row_for_each_event_of_slicing() -> None:
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
