"""The print host: a hub, files, and virtual printers, in this process or on pseudo terminals."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec
import pytest
from structlog.testing import capture_logs

from callboard.catalog.printers import MISSED
from callboard.config.printer import Printer, Simulation
from callboard.errors import StorageFailed
from callboard.event import Event
from callboard.files.refusals import Busy
from callboard.files.store import FileStore
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.printing.driver import Driver
from callboard.printing.happening import Happening
from callboard.printing.host import PrintHost
from callboard.printing.program import FileProgram
from callboard.printing.publishing import Publishing
from callboard.printing.streaming import Crossing
from callboard.printing.virtual import Virtual, VirtualPrinter
from callboard.printing.virtual.fronts import serve_pty
from callboard.printing.wishes import Print

PROGRAM = "G28\nG90\nM82\nG92 E0\n" + "".join(
    f"G1 Z{layer * 0.2:.1f} F6000\nG1 X10 Y10 F6000\nG1 X50 E{layer}.2\nG1 Y50 E{layer}.4\n"
    for layer in range(1, 6)
)
TOY = Printer(name="toy", port="virtual", tags=("left", "small"), virtual=Simulation(speed=200.0))


class House:
    """A hub with files and a print host, and all print events that came."""

    def __init__(self, hub: Hub, folder: Path) -> None:
        self.hub = hub
        self.bus = HubBus(hub, Principal("jane"))
        self.files = FileStore(folder / "files")
        self.events: list[Event] = []
        self.host: PrintHost
        self._came = asyncio.Event()
        self.bus.subscribe("topic=octoprint.*", self._note)

    def _note(self, event: Event) -> None:
        self.events.append(event)
        self._came.set()

    def put(self, name: str, text: str = PROGRAM) -> None:
        (self.files.base / name).write_text(text)

    async def ask(self, verb: str, printer: str = "toy", **data: Any) -> dict[str, Any]:
        request = Event(f"callboard.printer.{verb}", {"printer": printer, **data})
        return await self.asked(request)

    async def asked(self, request: Event) -> dict[str, Any]:
        async with aclosing(self.bus.request(request, deadline=30)) as replies:
            async for reply in replies:
                data: dict[str, Any] = reply.data
                return data
        raise AssertionError("nobody answered")

    def names(self) -> list[str]:
        return [event.topic.removeprefix("octoprint.") for event in self.events]

    def named(self, name: str) -> list[Event]:
        return [event for event in self.events if event.topic == f"octoprint.{name}"]

    async def until(self, name: str, count: int = 1) -> Event:
        async with asyncio.timeout(30):
            while len(self.named(name)) < count:
                self._came.clear()
                await self._came.wait()
        return self.named(name)[count - 1]


@asynccontextmanager
async def open_house(folder: Path, *printers: Printer, log: MemoryLog | None = None) -> AsyncIterator[House]:
    async with Hub(log or MemoryLog()) as hub:
        house = House(hub, folder)
        async with PrintHost(HubBus(hub, Principal("callboard")), house.files, printers) as host:
            house.host = host
            yield house
        await house.bus.close()


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(tmp_path, TOY) as opened:
        assert (await opened.ask("connect"))["success"]
        opened.put("part.gcode")
        yield opened


def in_order(names: Sequence[str], *wanted: str) -> None:
    places = [names.index(name) for name in wanted]
    assert places == sorted(places), names


async def test_a_print_is_told_in_order_with_its_printer_tags_and_job(house: House) -> None:
    answer = await house.ask("print", file="part.gcode")
    assert answer == {"success": True, "message": "part.gcode begins."}
    settled = await house.until("PrintSettled")
    in_order(
        house.names(), "Connected", "FileSelected", "PrintStarted", "LayerChange", "PrintDone", "PrintSettled"
    )
    (done,) = house.named("PrintDone")
    assert done.data["file"] == "part.gcode"
    assert done.source["printer"] == "toy"
    assert done.source["tags"] == ["left", "small"]
    assert done.source["job"]["file"] == "part.gcode"
    assert done.source["job"]["progress"] == 100.0
    assert settled.source["job"]["path"] == "part.gcode"
    assert [event.data["layer"] for event in house.named("LayerChange")] == [1, 2, 3, 4, 5]


async def test_a_job_has_one_correlation_that_of_the_request(house: House) -> None:
    request = Event("callboard.printer.print", {"printer": "toy", "file": "part.gcode"})
    await house.asked(request)
    await house.until("PrintSettled")
    (started,) = house.named("PrintStarted")
    assert started.source["trace"] == {"correlation": request.id, "cause": request.id, "hops": 1}
    (done,) = house.named("PrintDone")
    assert done.source["trace"] == {"correlation": request.id, "cause": started.id, "hops": 1}
    assert started.data["user"] == "jane"


@pytest.mark.parametrize(
    ("publisher", "source", "user"),
    [
        ("callboard", {"user": {"username": "ann"}}, "ann"),
        ("callboard", {"user": "ann"}, "callboard"),
        ("callboard", {}, "callboard"),
        ("jane", {"user": {"username": "ann"}}, "jane"),
    ],
)
async def test_whom_a_request_names_is_believed_from_the_house_alone(
    house: House, publisher: str, source: dict[str, Any], user: str
) -> None:
    bus = HubBus(house.hub, Principal(publisher))
    data = {"printer": "toy", "file": "part.gcode"}
    async with aclosing(bus.request(Event("callboard.printer.print", data, source), deadline=30)) as replies:
        assert [reply.data["success"] async for reply in replies] == [True]
    assert (await house.until("PrintStarted")).data["user"] == user
    await bus.close()


async def test_an_event_that_a_request_asked_for_names_it_as_its_cause_once(house: House) -> None:
    request = Event("callboard.printer.gcode", {"printer": "toy", "commands": ["M300", "M300"]})
    assert (await house.asked(request))["success"]
    await house.until("Alert", 2)
    first, second = house.named("Alert")
    assert first.source["trace"]["cause"] == request.id
    assert "trace" not in second.source


async def test_a_print_is_told_before_its_first_byte_is_written(tmp_path: Path) -> None:
    crossing = Crossing(asyncio.get_running_loop())
    told: list[list[str]] = []

    class Watching(VirtualPrinter):
        def receive(self, data: bytes, now: float) -> None:
            told.append([one.happening.name for one in crossing.take(1000)])
            super().receive(data, now)

    printer = Watching(Virtual(speed=200.0))
    driver = Driver(TOY, crossing, virtual=lambda: printer)
    assert (await driver.connect()).success
    crossing.take(1000)
    told.clear()
    (tmp_path / "part.gcode").write_text("M300\nG28\n")
    with (tmp_path / "part.gcode").open("rb") as file:
        driver.do(Print(FileProgram(file, path="part.gcode", user="jane")))
        async with asyncio.timeout(30):
            while driver.machine.has_job:
                await crossing.changed()
    await driver.close()
    assert told[0][:3] == ["FileSelected", "PrinterStateChanged", "PrintStarted"]


async def test_a_link_that_opens_and_breaks_at_once_is_tried_ever_more_rarely() -> None:
    came: asyncio.Queue[float] = asyncio.Queue()

    async def slam(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        came.put_nowait(asyncio.get_running_loop().time())
        writer.close()

    async with await asyncio.start_server(slam, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        printer = Printer(name="shy", port=f"socket://127.0.0.1:{port}")
        driver = Driver(printer, Crossing(asyncio.get_running_loop()), looking=0.02)
        driver.begin()
        async with asyncio.timeout(30):
            times = [await came.get() for _ in range(5)]
        await driver.close()
    assert times[4] - times[3] > 0.2


async def test_a_selected_file_that_was_replaced_is_printed_as_it_is_now(house: House) -> None:
    await house.ask("select", file="part.gcode")
    (house.files.base / "part.gcode").unlink()
    house.put("part.gcode", PROGRAM + "M300\n")
    assert (await house.ask("start"))["success"]
    await house.until("PrintDone")
    assert len(house.named("Alert")) == 1
    assert len(house.named("FileSelected")) == 2
    (house.files.base / "part.gcode").unlink()
    await house.until("PrintSettled")
    assert "There is no 'part.gcode'" in (await house.ask("start"))["message"]


async def test_the_file_that_prints_is_held_until_the_job_ends(house: House) -> None:
    house.put("long.gcode", PROGRAM + "G4 S4000\n" * 3)
    await house.ask("print", file="long.gcode")
    await house.until("PrintStarted")
    async with asyncio.timeout(20):
        while True:
            try:
                await asyncio.to_thread(house.files.check, "long.gcode", overwrite=True)
            except Busy:
                break
    await house.ask("cancel")
    await house.until("PrintFailed")
    async with asyncio.timeout(20):
        while True:
            try:
                await asyncio.to_thread(house.files.check, "long.gcode", overwrite=True)
                break
            except Busy:
                await asyncio.sleep(0.01)


@pytest.mark.parametrize(
    ("verb", "data", "said"),
    [
        ("gcode", {"comands": ["G28"]}, "gcode knows no 'comands' (did you mean 'commands'?)"),
        ("gcode", {"commands": "G28"}, "gcode: commands: expected `array`, got `str`."),
        ("gcode", {"commands": ["G28\nM112"]}, "line break"),
        ("gcod", {}, "did you mean 'gcode'?"),
        ("print", {}, "print: object missing required field `file`"),
        ("print", {"file": "gone.gcode"}, "There is no 'gone.gcode'"),
        ("print", {"file": "../../etc/passwd"}, ""),
        ("jog", {}, "jog takes x, y or z"),
        ("jog", {"x": 1e9}, "jog: x"),
        ("temperature", {"targets": {"tool0": 500}}, "0 to 300"),
        ("temperature", {"targets": {"tool7": 100}}, "no heater 'tool7'"),
        ("sd", {"action": "delete"}, "takes the `file` to delete"),
        ("connect", {"port": "/dev/console"}, "may not use /dev/console"),
        ("pause", {}, "has no job"),
        ("start", {}, "has no file selected"),
        ("pause", {"printer": "toi"}, "There is no printer 'toi' (did you mean 'toy'?): there are toy."),
        ("pause", {"printer": "tags=huge"}, "There is no printer 'tags=huge'"),
        ("pause", {"printer": "tags="}, ""),
    ],
)
async def test_what_can_not_be_done_is_said_in_a_sentence(
    house: House, verb: str, data: dict[str, Any], said: str
) -> None:
    if verb == "connect":
        await house.ask("disconnect")
    answer = await house.ask(verb, **data)
    assert answer["success"] is False
    assert said in answer["message"]
    assert "\n  " not in answer["message"] or "^" in answer["message"]


async def test_an_expression_asks_all_printers_that_it_means(tmp_path: Path) -> None:
    printers = [
        Printer(name=name, port="virtual", tags=tags, virtual=Simulation(speed=200.0))
        for name, tags in (("a", ("left",)), ("b", ("left", "big")), ("c", ()))
    ]
    async with open_house(tmp_path, *printers) as house:
        answer = await house.ask("connect", "tags=left")
        assert answer["success"]
        assert set(answer["printers"]) == {"a", "b"}
        await house.ask("connect", "c")
        answer = await house.ask("pause", "tags=left")
        assert answer["message"] == "0 of 2 printers. a: a has no job.; b: b has no job."
        listed = await house.asked(Event("callboard.printer.list", {}))
        assert [one["name"] for one in listed["printers"]] == ["a", "b", "c"]
        assert listed["printers"][1]["state"]["id"] == "OPERATIONAL"


async def test_a_request_that_comes_too_late_is_refused(house: House) -> None:
    from callboard.printing.asking import Refused, read

    event = Event("callboard.printer.home", {"printer": "toy", "deadline": 5})
    stamped = msgspec.structs.replace(event, entry=_stamp(100.0))
    assert read(stamped, [TOY], now=104.0, began=50.0).verb == "home"
    with pytest.raises(Refused, match="6 s late"):
        read(stamped, [TOY], now=106.0, began=50.0)
    with pytest.raises(Refused, match="older than the print host's start"):
        read(stamped, [TOY], now=101.0, began=100.5)


def _stamp(time: float) -> Any:
    from callboard.event import Stamp

    return Stamp("log-1", time, "jane")


async def test_what_is_true_now_is_state_and_gone_with_the_host(tmp_path: Path) -> None:
    async with Hub(MemoryLog()) as hub:
        house = House(hub, tmp_path)
        async with PrintHost(HubBus(hub, Principal("callboard")), house.files, [TOY]):
            async with asyncio.timeout(30), aclosing(hub.state.watch("printers/toy/")) as changes:
                values: dict[str, Any] = {}
                async for change in changes:
                    values.update(change)
                    state = values.get("printers/toy/state") or {}
                    if state.get("id") == "OPERATIONAL" and values.get("printers/toy/temperatures"):
                        break
            assert values["printers/toy/connection"]["port"] == "virtual"
            assert values["printers/toy/temperatures"]["bed"]["actual"] > 0
            assert any(line.startswith("Recv: ") for line in values["printers/toy/terminal"])
        assert hub.state.values("printers/") == {}
        await house.bus.close()


async def test_the_operator_is_told_once_why_a_printer_is_not_there(tmp_path: Path) -> None:
    gone = Printer(name="gone", port=str(tmp_path / "ttyGONE"), baudrate=115200)
    with capture_logs() as lines:
        async with open_house(tmp_path, TOY, gone) as house:
            await house.until("Connected")
            async with asyncio.timeout(30):
                while not any("not connected" in line["event"] for line in lines):
                    await asyncio.sleep(0.01)
            await house.ask("list")
    why = [line for line in lines if "not connected" in line["event"]]
    assert why[0]["printer"] == "gone"
    assert why[0]["reason"] == "gone is not there; the hub connects when it is."
    assert len([line for line in why if line["printer"] == "gone"]) == 1
    assert [line["port"] for line in lines if line["event"] == "a printer's port is open"] == ["virtual"]


@asynccontextmanager
async def plugged(
    folder: Path, printer: Printer, **settings: Any
) -> AsyncIterator[tuple[House, VirtualPrinter]]:
    """Give a house whose printer is on a pseudo terminal."""
    simulated = VirtualPrinter(Virtual(speed=50.0, **settings))
    front = await serve_pty(simulated, folder / "tty0")
    try:
        async with open_house(folder, printer) as house:
            await house.until("Connected")
            yield house, simulated
    finally:
        await front.close()


async def test_a_pulled_cable_is_one_disconnected_and_a_new_connected_when_it_is_back(tmp_path: Path) -> None:
    printer = Printer(name="toy", port=str(tmp_path / "tty0"), baudrate=115_200)
    async with plugged(tmp_path, printer) as (house, simulated):
        house.put("long.gcode", PROGRAM + "G4 S4000\n" * 3)
        assert (await house.ask("print", file="long.gcode"))["success"]
        await house.until("LayerChange")
        simulated.unplug(back_after=0.5)
        await house.until("Connected", 2)
        names = house.names()
        assert names.count("Disconnected") == 1
        assert names.count("PrintFailed") == 1
        in_order(names, "PrintStarted", "PrintFailed", "FileDeselected", "Disconnected")
        (failed,) = house.named("PrintFailed")
        assert "is gone" in failed.data["error"]


async def test_a_printer_that_comes_back_under_another_allowed_name_is_found(tmp_path: Path) -> None:
    printer = Printer(name="toy", ports=(str(tmp_path / "tty*"),), baudrate=115_200)
    async with plugged(tmp_path, printer) as (house, simulated):
        assert house.named("Connected")[0].data["port"] == str(tmp_path / "tty0")
        simulated.unplug(back_after=0.2, renamed=True)
        again = await house.until("Connected", 2)
        assert again.data == {"port": str(tmp_path / "tty1"), "baudrate": 115_200}


async def test_the_speed_that_was_found_is_told(tmp_path: Path) -> None:
    printer = Printer(name="toy", port=str(tmp_path / "tty0"), baudrates=(250_000, 115_200))
    async with plugged(tmp_path, printer) as (house, _):
        assert house.named("Connected")[0].data == {"port": str(tmp_path / "tty0"), "baudrate": 250_000}


async def test_disconnecting_on_request_is_for_good(house: House) -> None:
    answer = await house.ask("disconnect")
    assert answer == {"success": True, "message": "The link to toy is closed."}
    assert (await house.ask("disconnect"))["message"] == "toy is not connected."
    assert (await house.ask("home"))["success"] is False
    assert (await house.ask("connect"))["success"]
    await house.until("Connected", 2)
    assert house.names().count("Disconnected") == 1
    assert house.names().count("Connected") == 2


class FullLog(MemoryLog):
    """A log that takes nothing while it is full."""

    full = False

    def append(self, entries: Any) -> Any:
        if not self.full:
            return super().append(entries)
        refused = asyncio.get_running_loop().create_future()
        refused.set_exception(StorageFailed())
        return refused


async def test_while_the_log_refuses_a_print_goes_on_and_its_events_wait_in_order(tmp_path: Path) -> None:
    log = FullLog()
    async with open_house(tmp_path, TOY, log=log) as house:
        await house.ask("connect")
        house.put("part.gcode")
        await house.ask("print", file="part.gcode")
        await house.until("PrintStarted")
        log.full = True
        async with asyncio.timeout(30):
            while True:
                status = await house.host.status("toy")
                if status["state"]["id"] == "OPERATIONAL":
                    break
                await asyncio.sleep(0.02)
        assert "PrintDone" not in house.names()
        log.full = False
        await house.until("PrintSettled")
        in_order(house.names(), "PrintStarted", "PrintDone", "PrintSettled")
        assert [event.data["layer"] for event in house.named("LayerChange")] == [1, 2, 3, 4, 5]


async def test_what_can_not_be_kept_is_counted_and_told() -> None:
    crossing = Crossing(asyncio.get_running_loop(), most=3)
    crossing.put("toy", [Happening(str(number)) for number in range(5)])
    assert [told.happening.name for told in crossing.take(10)] == ["0", "1", "2"]
    crossing.put("toy", [Happening("5")])
    (told,) = crossing.take(10)
    assert (told.happening.name, told.missed) == ("5", 2)
    async with Hub(MemoryLog()) as hub:
        bus = HubBus(hub, Principal("callboard"))
        publishing = Publishing(bus, crossing, [TOY], lambda _: None)
        gap, event = publishing._events(told)
        assert (gap.topic, gap.data) == (MISSED, {"printer": "toy", "missed": 2})
        assert event.topic == "octoprint.5"
        await bus.close()


async def test_a_gcode_hook_reaches_its_printer(house: House, tmp_path: Path) -> None:
    from callboard.hooks.room import Hooks
    from callboard.store import open_store
    from tests.hooks.conftest import hook_set

    hooks = hook_set({"event": "shop.open", "type": "gcode", "command": "M300 S{pitch}", "printer": "toy"})
    assert not hooks.faults
    with open_store(tmp_path / "callboard.db") as store:
        async with Hooks(house.bus, store, hooks):
            await house.bus.publish(Event("shop.open", {"pitch": 440}))
            alert = await house.until("Alert")
    assert alert.source["printer"] == "toy"
    assert alert.source["trace"]["hops"] >= 1


async def test_a_hub_that_stops_calls_the_job_off_so_that_no_heater_stays_on(tmp_path: Path) -> None:
    async with Hub(MemoryLog()) as hub:
        house = House(hub, tmp_path)
        house.put("hot.gcode", "M104 S40\n" + PROGRAM + "G4 S20\n" * 20)
        simulated = VirtualPrinter(Virtual(speed=50.0))
        front = await serve_pty(simulated, tmp_path / "tty0")
        printer = Printer(name="toy", port=str(tmp_path / "tty0"), baudrate=115_200)
        async with PrintHost(HubBus(hub, Principal("callboard")), house.files, [printer]):
            await house.until("Connected")
            assert (await house.ask("print", file="hot.gcode"))["success"]
            await house.until("LayerChange")
        await house.until("Disconnected")
        in_order(
            house.names(), "PrintStarted", "PrintCancelled", "PrintFailed", "FileDeselected", "Disconnected"
        )
        assert list(simulated.accepted)[list(simulated.accepted).index("M104 S40") :].count("M104 T0 S0") == 1
        await front.close()
        await house.bus.close()


async def test_of_several_nodes_only_the_one_that_has_a_printer_answers_for_it(tmp_path: Path) -> None:
    other = msgspec.structs.replace(TOY, name="other")
    async with Hub(MemoryLog()) as hub, AsyncExitStack() as stack:
        for number, printer in enumerate((TOY, other)):
            bus, files = HubBus(hub, Principal("callboard")), FileStore(tmp_path / str(number))
            await stack.enter_async_context(PrintHost(bus, files, [printer], alone=False))
        asking = HubBus(hub, Principal("admin"))
        for name in (TOY.name, "other"):
            wish = Event("callboard.printer.connect", {"printer": name})
            first = await anext(aiter(asking.request(wish, deadline=20)))
            assert first.data["success"], first.data
        nobody = Event("callboard.printer.connect", {"printer": "third"})
        assert [each async for each in asking.request(nobody, deadline=1)] == []


async def test_a_printer_that_can_not_be_let_go_of_keeps_no_other_hot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed = Driver.close

    async def breaks(driver: Driver) -> None:
        if driver.printer.name == TOY.name:
            raise RuntimeError("a mistake of ours")
        await closed(driver)

    monkeypatch.setattr(Driver, "close", breaks)
    with capture_logs() as logs:
        async with open_house(tmp_path, TOY, msgspec.structs.replace(TOY, name="other")) as house:
            assert (await house.ask("connect", "other"))["success"]
            house.put("long.gcode", "G28\n" + "G1 X1 F60\nG1 X100 F60\n" * 200)
            assert (await house.ask("print", "other", file="long.gcode"))["success"]
            await house.until("PrintStarted")
    assert [each["printer"] for each in logs if each["event"] == "a printer was not let go of"] == [TOY.name]
    assert house.named("PrintFailed")[0].source["printer"] == "other"
