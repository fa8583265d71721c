"""Printers over HTTP: what they do, what they can be asked for, and who may."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from callboard.config.printer import Printer, Simulation
from callboard.errors import StorageFailed
from callboard.event import Draft, Entry
from callboard.files.store import FileStore
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.printing.host import PrintHost
from callboard.server.openapi import document
from callboard.server.printers import printer_operations
from tests.server.doors import Doors, open_doors
from tests.server.test_api_documents import ROUNDS, ask

DOCS = Path(__file__).parents[2] / "docs"
PROGRAM = "G28\nG90\nM82\nG1 Z0.2 F6000\nG1 X10 Y10 F6000\nG1 X50 E1\n"
PRINTERS = (
    Printer(name="toy", port="virtual", tags=("left",), virtual=Simulation(speed=200.0)),
    Printer(name="gone", port="/dev/callboard-is-not-there", baudrate=115_200, autoconnect=False),
)


class House:
    """Doors with a print host behind them."""

    def __init__(self, doors: Doors, host: PrintHost, files: FileStore) -> None:
        self.doors, self.host, self.files = doors, host, files

    async def ask(self, method: str, path: str, **more: Any) -> tuple[int, Any]:
        return await self.doors.ask(method, f"/v1/printers{path}", **more)

    async def until(self, state: str) -> dict[str, Any]:
        """Wait until the toy is in a state, and return it as the API gives it."""
        async with asyncio.timeout(20):
            while True:
                status, found = await self.ask("GET", "/toy")
                assert status == 200, found
                if found["state"]["id"] == state:
                    return dict(found)
                await asyncio.sleep(0.02)


class LaterBus:
    """The bus of a hub that is opened after the doors' operations were made."""

    bus: HubBus

    def __getattr__(self, name: str) -> Any:
        return getattr(self.bus, name)


class FullLog(MemoryLog):
    """A log that takes nothing while `full`."""

    full = False

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        if not self.full:
            return super().append(drafts)
        refused: Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
        refused.set_exception(StorageFailed("The disk is full: free space there."))
        return refused


@asynccontextmanager
async def opened(folder: Path, log: MemoryLog | None = None) -> AsyncIterator[House]:
    files = FileStore(folder / "files")
    (files.base / "part.gcode").write_text(PROGRAM)
    (files.base / "empty.gcode").write_text("")
    bus = LaterBus()
    host = PrintHost(bus, files, PRINTERS)
    async with open_doors(folder, log, operations=printer_operations(host)) as doors:
        bus.bus = HubBus(doors.hub, Principal("callboard"))
        async with host:
            house = House(doors, host, files)
            await house.until("OPERATIONAL")
            yield house
        await doors.bus.close()
        await bus.bus.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with opened(tmp_path) as house:
        yield house


async def test_the_list_has_every_printer_in_the_configurations_order(house: House) -> None:
    status, found = await house.ask("GET", "")
    assert status == 200
    toy, gone = found["printers"]
    assert (toy["name"], toy["port"], toy["tags"]) == ("toy", "virtual", ["left"])
    assert toy["state"] == {"id": "OPERATIONAL", "text": "Operational"}
    assert (gone["name"], gone["port"], gone["state"]["id"]) == ("gone", None, "OFFLINE")
    assert "terminal" not in toy


async def test_a_printer_is_shown_with_its_terminal(house: House) -> None:
    found = await house.until("OPERATIONAL")
    assert any(line.startswith("Recv: ") for line in found["terminal"])
    status, problem = await house.ask("GET", "/toi")
    assert status == 404
    assert problem["detail"] == "There is no printer 'toi': there are toy, gone."


async def test_a_file_is_printed_and_the_act_is_on_the_log(house: House) -> None:
    status, done = await house.ask("POST", "/toy/print", json={"file": "part.gcode"})
    assert (status, done) == (200, {"success": True, "message": "part.gcode begins."})
    await house.until("OPERATIONAL")
    status, found = await house.doors.ask(
        "GET", "/v1/events", params={"expression": "topic=callboard.printer.print"}
    )
    (entry,) = found["events"]
    assert entry["publisher"] == "admin"
    assert entry["event"]["data"] == {"file": "part.gcode", "printer": "toy"}


async def test_a_body_may_be_left_out_where_nothing_is_needed(house: House) -> None:
    assert (await house.ask("POST", "/toy/home"))[0] == 200
    assert (await house.ask("POST", "/toy/home", json={"axes": ["x"]}))[0] == 200


@pytest.mark.parametrize(
    ("path", "more", "status", "said"),
    [
        ("/toy/pause", {}, 409, "toy has no job."),
        ("/toy/start", {}, 409, "no file selected"),
        ("/toy/print", {"json": {"file": "empty.gcode"}}, 409, "the file is empty"),
        ("/toy/print", {"json": {"file": "gone.gcode"}}, 409, "There is no 'gone.gcode'"),
        ("/toy/print", {"json": {}}, 422, "missing required field `file`"),
        ("/toy/print", {"json": {"file": "a.gcode", "filee": 1}}, 422, "knows no 'filee'"),
        ("/toy/gcode", {"json": {"commands": []}}, 422, "commands"),
        ("/toy/jog", {"json": {"x": "far"}}, 422, "x: expected `float`"),
        ("/toy/temperature", {"json": {"targets": {"tool0": 999}}}, 409, "0 to 300"),
        ("/toy/home", {"data": b"[1]"}, 400, "not what is asked for"),
        ("/toy/home", {"data": b"{"}, 400, "not what is asked for"),
        ("/toi/home", {}, 404, "did you mean 'toy'?"),
        ("/tags=left/home", {}, 404, "There is no printer 'tags=left'"),
        ("/gone/home", {}, 409, "gone is not connected"),
        ("/gone/connect", {}, 409, "gone is not there"),
        ("/toy/fly", {}, 404, "nothing at this address"),
    ],
)
async def test_what_can_not_be_done_is_a_problem_that_says_why(
    house: House, path: str, more: dict[str, Any], status: int, said: str
) -> None:
    found, problem = await house.ask("POST", path, **more)
    assert (found, problem["status"]) == (status, status), problem
    assert said in problem["detail"]


async def test_everything_needs_the_right_printers_and_nothing_else(house: House) -> None:
    plain = house.doors.headers("plain", rights=["keys", "settings", "hooks"])
    for one in printer_operations(house.host):
        path = one.path.replace("{name}", "toy")
        assert (await house.doors.ask(one.method, path, plain))[0] == 403, path
        assert (await house.doors.ask(one.method, path, {}))[0] == 401, path
    operator = house.doors.headers("operator", rights=["printers"], publish="topic=nothing.at.all")
    assert (await house.doors.ask("POST", "/v1/printers/toy/home", operator))[0] == 200


async def test_a_key_without_the_right_can_not_ask_by_an_event_either(house: House) -> None:
    plain = house.doors.headers("plain")
    event = {"topic": "callboard.printer.home", "data": {"printer": "toy"}}
    status, _ = await house.doors.ask("POST", "/v1/requests", plain, json={"event": event})
    assert status == 403


def test_every_operation_is_described_and_stands_in_the_docs(tmp_path: Path) -> None:
    operations = printer_operations(PrintHost(LaterBus(), FileStore(tmp_path), ()))
    described = document(operations)
    ids = [one["operationId"] for each in described["paths"].values() for one in each.values()]
    assert len(set(ids)) == len(operations)
    assert msgspec.json.encode(described)
    text = (DOCS / "printers.md").read_text()
    for one in operations:
        assert f"`{one.method} {one.path}`" in text, one.path


@pytest.mark.slow
async def test_what_the_openapi_document_promises_of_printers_holds(house: House) -> None:
    await asyncio.to_thread(explore, house.doors)


def explore(doors: Doors) -> None:
    schema = schemathesis.openapi.from_url(f"{doors.url}/v1/openapi.json").include(path_regex="^/v1/printers")
    for found in schema.get_all_operations():
        assert isinstance(found, Ok)
        operation = found.ok()
        may_be_wrong = list(operation.iter_parameters()) or operation.body
        for mode in GenerationMode if may_be_wrong else [GenerationMode.POSITIVE]:
            ROUNDS(given(case=operation.as_strategy(mode))(ask))(doors)


async def test_a_printer_is_halted_also_while_the_log_is_full(tmp_path: Path) -> None:
    log = FullLog()
    async with opened(tmp_path, log) as house:
        (house.files.base / "long.gcode").write_text(PROGRAM + "G4 S4000\n" * 20)
        assert (await house.ask("POST", "/toy/print", json={"file": "long.gcode"}))[0] == 200
        await house.until("PRINTING")
        log.full = True
        status, problem = await house.ask("POST", "/toy/gcode", json={"commands": ["M117 x"]})
        assert (status, problem["type"]) == (503, "/v1/docs#storage-failed")
        for verb, said, state in (
            ("pause", "It pauses.", "PAUSED"),
            ("cancel", "It is called off.", "OPERATIONAL"),
        ):
            status, reply = await house.ask("POST", f"/toy/{verb}", json={})
            assert (status, reply["success"]) == (200, True)
            assert reply["message"] == f"{said} The log is full or broken: it does not have this."
            await house.until(state)
        assert (await house.ask("POST", "/toy/pause", json={}))[0] == 409
        assert (await house.ask("POST", "/toy/stop", json={}))[0] == 200
        log.full = False
