"""Every print event of the seed, fired for real: a server and a virtual printer on a pseudo terminal.

`docs/print-events.md` has a row for each. To write the page anew from what comes now:
`CALLBOARD_RECORD=1 ./dev test tests/printing/test_print_events.py`.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from typing import Any, TypeVar

import aiohttp
import pytest

from callboard import catalog
from tests.catalog.seeds import print_seed
from tests.printing import eventpage
from tests.printing.house import NAME, PrintHouse, name, print_house

F = TypeVar("F", bound=Callable[..., Any])

HEADING = "The events"
ELSEWHERE = {"Timelapses": "Capture Movie", "Slicing": "Slicing", "Settings": "Settings"}
EVENTS = [each for each in print_seed() if not each.startswith(tuple(" ".join(ELSEWHERE.values()).split()))]
FIRED_BY: dict[str, str] = {}
RECORDED: dict[str, dict[str, Any]] = {}

SQUARE = "".join(
    f"G1 Z{layer * 0.2:.1f} F600\nG1 X10 Y10 F3000\nG1 X50 E{layer}.2\nG1 Y50 E{layer}.4\nG1 X10 E{layer}.6\n"
    for layer in range(1, 4)
)
PROGRAM = f"; a square of three layers\nM104 S40\nG28\nG90\nM82\nG92 E0\n{SQUARE}M104 S0\n"


def fires(*events: str) -> Callable[[F], F]:
    """Note which events of the seed a test fires."""

    def note(test: F) -> F:
        FIRED_BY.update(dict.fromkeys(events, test.__name__))
        return test

    return note


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PrintHouse]:
    with print_house(tmp_path_factory.mktemp("house")) as opened:
        opened.until("Connected", "")
        yield opened


def record(entries: list[dict[str, Any]], *events: str) -> dict[str, dict[str, Any]]:
    """Check that each event came, with the catalog's keys, and keep it for the page."""
    found: dict[str, dict[str, Any]] = {}
    for entry in reversed(entries):
        found[name(entry)] = entry["event"]
    for each in events:
        assert each in found, f"{each} is not among {[name(entry) for entry in entries]}"
        data = found[each]["data"] or {}
        assert print_seed()[each] <= data.keys(), (each, data)
        assert data.keys() <= catalog.keys(f"octoprint.{each}"), (each, data)
        RECORDED[each] = data
    return found


def assert_order(entries: list[dict[str, Any]], *events: str) -> None:
    """Check that the first of each event came in this order."""
    names = [name(entry) for entry in entries]
    places = [names.index(each) for each in events]
    assert places == sorted(places), names


@fires("Startup")
def test_the_server_says_that_it_has_started(house: PrintHouse) -> None:
    record(house.events(""), "Startup")
    assert name(house.events("")[0]) == "Startup"


@fires("ClientOpened", "ClientClosed")
async def test_a_client_comes_and_goes(house: PrintHouse) -> None:
    since = house.here()
    who = {"ftrack-user": house.server.user, "ftrack-api-key": house.server.key}
    async with aiohttp.ClientSession(headers=who) as http:
        async with http.get(f"{house.server.url}/socket.io/1/") as answer:
            session = (await answer.text()).split(":")[0]
        async with http.ws_connect(f"{house.server.url}/socket.io/1/websocket/{session}") as socket:
            await socket.receive()
    found = record(house.until("ClientClosed", since), "ClientOpened", "ClientClosed")
    assert found["ClientOpened"]["data"]["remoteAddress"] == "127.0.0.1"


@fires("Connected")
def test_the_printer_is_found_at_its_port_and_speed(house: PrintHouse) -> None:
    found = record(house.until("Connected", ""), "Connected")
    assert found["Connected"]["data"]["port"] == str(house.port)
    assert found["Connected"]["data"]["baudrate"] == 115200
    assert found["Connected"]["source"]["printer"] == NAME
    assert found["Connected"]["source"]["tags"] == ["left-wall"]


@fires("Upload", "UpdatedFiles", "MetadataAnalysisStarted", "MetadataAnalaysisFinished")
def test_a_file_is_uploaded_and_analysed(house: PrintHouse) -> None:
    since = house.here()
    house.upload("parts/square.gcode", PROGRAM)
    entries = house.until("MetadataAnalaysisFinished", since)
    found = record(entries, "Upload", "UpdatedFiles", "MetadataAnalysisStarted", "MetadataAnalaysisFinished")
    assert_order(entries, "UpdatedFiles", "Upload", "MetadataAnalysisStarted", "MetadataAnalaysisFinished")
    assert found["Upload"]["data"]["file"] == "parts/square.gcode"
    assert found["Upload"]["data"]["target"] == "local"
    types = [each["event"]["data"]["type"] for each in entries if name(each) == "UpdatedFiles"]
    assert types[:2] == ["printables", "gcode"]
    both = {"MetadataAnalysisFinished", "MetadataAnalaysisFinished"}
    results = [each["event"]["data"] for each in entries if name(each) in both]
    assert len(results) == 2
    assert results[0] == results[1]


@fires("FileSelected", "PrintStarted", "PrintDone", "Home", "ZChange")
def test_a_file_is_printed_to_its_end(house: PrintHouse) -> None:
    since = house.here()
    house.upload("square.gcode", PROGRAM)
    house.ask("print", file="square.gcode")
    entries = house.until("PrintSettled", since)
    found = record(entries, "FileSelected", "PrintStarted", "PrintDone", "Home", "ZChange")
    assert_order(entries, "FileSelected", "PrintStarted", "Home", "ZChange", "PrintDone", "PrintSettled")
    assert found["PrintStarted"]["data"]["file"] == "square.gcode"
    assert found["PrintDone"]["data"]["time"] > 0
    layers = [each["event"]["data"]["layer"] for each in entries if name(each) == "LayerChange"]
    assert layers == [1, 2, 3]
    job = found["PrintDone"]["source"]["job"]
    assert (job["file"], job["progress"]) == ("square.gcode", 100)


@fires("PowerOn", "PowerOff", "Waiting", "Paused", "PrintPaused", "PrintResumed")
@fires("Cooling", "Alert", "Conveyor", "Eject")
def test_lines_of_a_print_are_events_once_the_printer_has_them(house: PrintHouse) -> None:
    since = house.here()
    house.upload("all.gcode", "M80\nG28\nM245\nM300 S440 P1\nM240\nM40\nM0 change the filament\nM81\n")
    house.ask("print", file="all.gcode")
    house.until("Paused", since)
    house.ask("resume")
    entries = house.until("PrintDone", since)
    record(entries, "PowerOn", "Cooling", "Alert", "Conveyor", "Eject", "Waiting", "PrintPaused", "Paused")
    record(entries, "PrintResumed", "PowerOff")
    assert_order(
        entries, "PrintStarted", "PowerOn", "Home", "Cooling", "Alert", "Conveyor", "Eject", "Waiting"
    )
    assert_order(entries, "Waiting", "PrintPaused", "Paused", "PrintResumed", "PowerOff", "PrintDone")
    names = [name(each) for each in entries]
    assert names[names.index("PrintPaused") + 1] == "Paused"


@fires("PrintCancelled", "PrintFailed", "FileDeselected")
def test_a_print_is_cancelled(house: PrintHouse) -> None:
    since = house.here()
    house.upload("long.gcode", "G28\n" + "G1 X1 F60\nG1 X100 F60\n" * 200)
    house.ask("print", file="long.gcode")
    house.until("Home", since)
    house.ask("cancel")
    entries = house.until("PrintFailed", since)
    record(entries, "PrintCancelled", "PrintFailed")
    assert_order(entries, "PrintStarted", "PrintCancelled", "PrintFailed")
    names = [name(each) for each in entries]
    assert "PrintDone" not in names
    house.ask("unselect")
    record(house.until("FileDeselected", since), "FileDeselected")


@fires("TransferStarted", "TransferDone")
def test_a_file_is_copied_to_the_card_without_its_lines_becoming_events(house: PrintHouse) -> None:
    since = house.here()
    house.upload("card.gcode", "M80\nG28\nM81\nM300\n")
    house.ask("transfer", file="card.gcode")
    entries = house.until("TransferDone", since)
    found = record(entries, "TransferStarted", "TransferDone")
    assert found["TransferDone"]["data"]["time"] >= 0
    assert not {"PowerOn", "Home", "PowerOff", "Alert"} & {name(each) for each in entries}


@fires("Disconnected")
def test_the_printer_is_let_go(house: PrintHouse) -> None:
    since = house.here()
    house.ask("disconnect")
    record(house.until("Disconnected", since), "Disconnected")
    house.ask("connect")
    names = [name(each) for each in house.until("Connected", since)]
    assert names.count("Disconnected") == 1


@fires("Error")
def test_a_printer_that_runs_away_is_an_error_and_the_print_has_failed(house: PrintHouse) -> None:
    since = house.here()
    house.ask("print", file="long.gcode")
    house.until("Home", since)
    house.ask("gcode", commands=["!!DEBUG:thermal-runaway"])
    entries = house.until("Disconnected", since)
    found = record(entries, "Error", "PrintFailed", "Disconnected")
    assert found["Error"]["data"]["error"]
    assert_order(entries, "Error", "PrintFailed", "Disconnected")
    assert [name(each) for each in entries].count("PrintFailed") == 1
    house.unplug()
    house.plug_in("--speed", "50")
    house.server.post(
        "/v1/requests",
        {"event": {"topic": "callboard.printer.connect", "data": {"printer": NAME}}, "timeout": 30},
    )
    house.until("Connected", since)


@fires("EStop")
def test_an_emergency_stop_is_told_when_it_is_written(house: PrintHouse) -> None:
    since = house.here()
    house.ask("gcode", commands=["M112"])
    record(house.until("EStop", since), "EStop")
    house.until("Disconnected", since)


# The page


def test_the_page_has_a_row_for_each_event_of_the_seed() -> None:
    assert set(EVENTS) <= set(FIRED_BY), set(EVENTS) - set(FIRED_BY)
    if os.environ.get("CALLBOARD_RECORD") and set(EVENTS) <= set(RECORDED):
        eventpage.write(HEADING, EVENTS, FIRED_BY, RECORDED)
    found = eventpage.rows(HEADING)
    assert list(found) == EVENTS
    assert {event: test for event, (test, _) in found.items()} == {each: FIRED_BY[each] for each in EVENTS}


@pytest.mark.parametrize("event", EVENTS)
def test_the_page_shows_the_keys_that_came(event: str) -> None:
    if event not in RECORDED:
        pytest.skip("its test did not run now")
    assert json.loads(eventpage.rows(HEADING)[event][1]).keys() == RECORDED[event].keys()
