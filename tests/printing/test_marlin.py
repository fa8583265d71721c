"""The conversation: greeting, order, urgent lines, silence, faults, reports."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.marlin import (
    Acknowledged,
    ActionAsked,
    Busy,
    CapabilitiesAre,
    Fault,
    FirmwareIs,
    Kind,
    Line,
    Marlin,
    PositionIs,
    Protocol,
    Ready,
    Report,
    Restarted,
    Said,
    SdEntry,
    SdFiles,
    Sent,
    State,
    Temperatures,
    Timeouts,
    Wrote,
    diagram,
)
from callboard.printing.moves import MOVES, Step
from callboard.printing.quirks import UNKNOWN, quirks
from callboard.printing.virtual import Virtual, VirtualPrinter
from callboard.printing.virtual.settings import Faults, Identity, Noise
from tests.printing.firmware import Firmware, Habits, Joined, gcode

PAGE = Path(__file__).parents[2] / "docs" / "printing-protocol.md"


def ready(settings: Marlin | None = None, habits: Habits | None = None) -> Joined:
    joined = Joined(Firmware(habits or Habits()), settings)
    joined.open()
    joined.reports.clear()
    joined.wrote = joined.heard = b""
    return joined


def hear(joined: Joined, *lines: str) -> list[Report]:
    """Let the printer say something by itself; leave out that it was said."""
    data = "".join(f"{line}\n" for line in lines).encode()
    reports = joined.protocol.receive(data, joined.now)
    return [report for report in reports if not isinstance(report, (Said, Wrote, Sent))]


def manual(text: str) -> Line:
    return Line(text, Kind.MANUAL)


# The table


def test_the_picture_in_the_docs_is_drawn_from_the_table() -> None:
    assert f"```mermaid\n{diagram()}```" in PAGE.read_text()


def test_every_step_is_allowed_in_every_state() -> None:
    assert set(MOVES) == set(State)
    assert all(set(steps) == set(Step) for steps in MOVES.values())


def test_closing_closes_and_opening_greets_from_everywhere() -> None:
    assert {steps[Step.CLOSE] for steps in MOVES.values()} == {State.CLOSED}
    assert {steps[Step.OPEN] for steps in MOVES.values()} == {State.GREETING}


# Greeting


def test_a_printer_is_greeted_twice_and_asked_who_it_is() -> None:
    joined = Joined()
    joined.open()
    assert joined.wrote.startswith(b"\nN0 M110 N0*125\nN0 M110 N0*125\n")
    assert b"M115" in joined.wrote
    assert b"M155 S2" in joined.wrote
    assert len(joined.of(Ready)) == 1
    (firmware,) = joined.of(FirmwareIs)
    assert isinstance(firmware, FirmwareIs)
    assert firmware.name.startswith("Marlin 2")
    (capabilities,) = joined.of(CapabilitiesAre)
    assert isinstance(capabilities, CapabilitiesAre)
    assert capabilities.data["EMERGENCY_PARSER"] is True
    assert joined.protocol.quirks.name == "marlin"


def test_start_while_greeting_is_answered_by_one_more_greeting() -> None:
    protocol = Protocol()
    protocol.open(0)
    protocol.outgoing(0)
    protocol.receive(b"start\necho:Marlin\n", 1)
    assert protocol.outgoing(1) == b"N0 M110 N0*125\n"


def test_nobody_there_is_a_fault_in_the_end() -> None:
    protocol = Protocol(Marlin(timeouts=Timeouts(hello=2, greeting=10)))
    protocol.open(100)
    hellos, faults, now = 0, [], 0.0
    while protocol.state is State.GREETING:
        now = max(protocol.due, 100)
        faults += [r for r in protocol.tick(now) if isinstance(r, Fault)]
        hellos += protocol.outgoing(now).count(b"M110 N0*")
    assert now == pytest.approx(110)
    assert hellos > 4
    assert (faults[0].reason, faults[0].consequence) == ("connection", "disconnect")


def test_wait_is_an_answer_too() -> None:
    protocol = Protocol()
    protocol.open(0)
    protocol.receive(b"wait\n", 1)
    assert protocol.state is State.READY


def test_a_restart_is_told_and_the_printer_greeted_again() -> None:
    joined = ready()
    joined.protocol.send(manual("G28"))
    joined.protocol.outgoing(joined.now)
    reports = hear(joined, "start")
    assert Restarted() in reports
    assert joined.protocol.state is State.GREETING
    assert joined.protocol.idle()
    assert b"M110 N0" in joined.protocol.outgoing(joined.now)


# Lines


def test_lines_are_bare_while_nothing_prints_and_numbered_in_a_job() -> None:
    joined = ready()
    joined.protocol.send(manual("G28 X"))
    joined.run(lambda: joined.acknowledged() == ["G28 X"])
    assert b"\nG28 X\n" in b"\n" + joined.wrote
    joined.print(["G1 X1"])
    assert b"N2 G1 X1*" in joined.wrote


@pytest.mark.parametrize(("checksums", "numbered"), [("always", True), ("never", False), ("print", False)])
def test_numbers_are_as_they_are_set(checksums: str, numbered: bool) -> None:
    joined = ready(Marlin(checksums=checksums))  # type: ignore[arg-type]
    joined.protocol.send(manual("G28 X"))
    joined.run(joined.protocol.idle)
    assert (b" G28 X*" in joined.wrote) is numbered


def test_without_checksums_a_program_goes_bare_one_line_at_a_time() -> None:
    joined = ready(Marlin(checksums="never"))
    joined.print(gcode(20))
    assert joined.firmware.bare[-20:] == gcode(20)
    assert joined.acknowledged() == gcode(20)


def test_manual_lines_overtake_the_file() -> None:
    joined = ready(Marlin(ping_pong=True))
    joined.protocol.begin(numbered=True)
    for text in gcode(5):
        joined.protocol.send(Line(text, Kind.FILE))
    joined.protocol.send(manual("M117 hello"))
    joined.run(joined.protocol.idle)
    assert joined.acknowledged().index("M117 hello") == 0


def test_what_was_not_written_can_be_taken_back() -> None:
    joined = ready()
    joined.protocol.begin(numbered=True)
    for text in gcode(50):
        joined.protocol.send(Line(text, Kind.FILE))
    joined.run(lambda: len(joined.acknowledged()) > 3)
    dropped = joined.protocol.drop(Kind.FILE)
    joined.run(joined.protocol.idle)
    assert joined.acknowledged() == gcode(50 - dropped)
    assert dropped > 20


def test_a_mark_comes_back_unchanged() -> None:
    joined, mark = ready(), object()
    joined.protocol.send(Line("G28", Kind.MANUAL, 7, mark))
    joined.run(joined.protocol.idle)
    (report,) = joined.of(Acknowledged)
    assert isinstance(report, Acknowledged)
    assert report.line.mark is mark


def test_an_emergency_stop_passes_everything() -> None:
    joined = ready()
    joined.protocol.begin(numbered=True)
    joined.program.extend(Line(text, Kind.FILE) for text in gcode(200))
    joined.run(lambda: len(joined.acknowledged()) > 20)
    joined.protocol.urgent("M112")
    data = joined.protocol.outgoing(joined.now)
    assert data.startswith(b"M112\nN")
    assert b" M112*" in data


def test_m108_passes_only_where_the_firmware_looks_for_it() -> None:
    joined = ready(habits=Habits(slow=("G28",), slow_takes=60))
    joined.protocol.send(manual("G28"))
    joined.run(lambda: bool(joined.sent()))
    joined.protocol.urgent("M108")
    assert b"M108\n" in joined.protocol.outgoing(joined.now)
    plain = ready(habits=Habits(slow=("G28",), slow_takes=60))
    plain.protocol._all.known.capabilities = {}
    plain.protocol.send(manual("G28"))
    plain.run(lambda: bool(plain.sent()))
    plain.protocol.urgent("M108")
    assert plain.protocol.outgoing(plain.now) == b""


def test_nothing_is_asked_while_the_card_is_written() -> None:
    joined = ready()
    joined.print(["M28 a.gco", *gcode(150), "M29"])
    between = joined.wrote[joined.wrote.index(b"M28") : joined.wrote.index(b"M29")]
    assert b"M105" not in between
    assert not joined.protocol.storing


# Silence


def test_a_printer_that_falls_silent_is_gone_in_the_end() -> None:
    joined = ready()
    joined.protocol.begin(numbered=True)
    joined.program.extend(Line(text, Kind.FILE) for text in gcode(200))
    joined.run(lambda: len(joined.acknowledged()) > 20)
    faults: list[Fault] = []
    while not faults and joined.now < 1000:
        joined.now = max(joined.protocol.due, joined.now + 0.001)
        faults += [r for r in joined.protocol.tick(joined.now) if isinstance(r, Fault)]
        joined.protocol.outgoing(joined.now)
    assert (faults[0].reason, faults[0].consequence) == ("timeout", "disconnect")
    assert joined.protocol.state is State.FAILED


def test_a_printer_that_waits_for_somebody_is_never_gone() -> None:
    joined = ready(habits=Habits(slow=("M600",), slow_takes=7200))
    joined.protocol.send(manual("M600"))
    joined.run(lambda: "M600" in joined.acknowledged(), 8000)


def test_a_long_command_that_says_nothing_is_borne() -> None:
    joined = ready(habits=Habits(slow=("G29",), slow_takes=120))
    joined.print(["G28", "G29", *gcode(10)])
    assert joined.acknowledged() == ["G28", "G29", *gcode(10)]


def test_temperatures_are_asked_for_where_they_are_not_reported() -> None:
    joined = ready(habits=Habits(name="Whatever"), settings=Marlin(temperature_autoreport=0))
    begun, asked = joined.now, 0
    while joined.now < begun + 30:
        joined.now = max(joined.protocol.due, joined.now)
        joined._move()
        asked = joined.wrote.count(b"M105")
        joined.now += 0.01
        joined._move()
    assert 4 <= asked <= 8


# What it says


def test_temperatures_positions_and_actions_are_reported() -> None:
    joined = ready()
    assert hear(joined, " T:20.0 /200.0 B:30.0 /0.0") == [
        Temperatures({"T0": (20.0, 200.0), "B": (30.0, 0.0)})
    ]
    assert hear(joined, "X:1.0 Y:2.0 Z:3.0 E:4.0 Count X:1 Y:2") == [PositionIs(1.0, 2.0, 3.0, 4.0)]
    assert hear(joined, "//action:pause") == [ActionAsked("pause", "")]
    assert hear(joined, "echo:busy: processing") == [Busy("processing")]


def test_a_file_list_may_be_interrupted_by_a_temperature() -> None:
    joined = ready()
    reports = hear(
        joined, "Begin file list", "A.GCO 12", " T:20.0 /0.0", "wait", "B~1.GCO 5 long.gcode", "End file list"
    )
    assert SdFiles((SdEntry("A.GCO", 12), SdEntry("B~1.GCO", 5, None, "long.gcode"))) in reports
    assert any(isinstance(report, Temperatures) for report in reports)


@pytest.mark.parametrize(
    ("lines", "error"),
    [
        (("Error:Thermal Runaway, system stopped!", "x"), "Thermal Runaway, system stopped!"),
        (("!! Printer is shut down", "x"), "Printer is shut down"),
        (("Error:0", ": MINTEMP triggered !"), "MINTEMP triggered !"),
        (("Error:Printer halted. kill() called!", "Why"), "Printer halted. kill() called! - Why"),
    ],
)
def test_a_fatal_error_ends_the_conversation_in_the_firmwares_words(
    lines: tuple[str, ...], error: str
) -> None:
    joined = ready()
    (fault,) = [r for r in hear(joined, *lines) if isinstance(r, Fault)]
    assert (fault.error, fault.reason, fault.fatal, fault.consequence) == (
        error,
        "firmware",
        True,
        "emergency",
    )
    assert joined.protocol.state is State.FAILED
    joined.protocol.urgent("M112")
    joined.protocol.send(manual("M140 S0"))
    assert joined.protocol.outgoing(joined.now).startswith(b"M112\n")


@pytest.mark.parametrize("policy", ["cancel", "ignore"])
def test_an_error_can_be_set_to_be_less_than_fatal(policy: str) -> None:
    joined = ready(Marlin(on_error=policy))  # type: ignore[arg-type]
    (fault,) = [r for r in hear(joined, "Error:MAXTEMP", "x") if isinstance(r, Fault)]
    assert not fault.fatal
    assert fault.consequence == ("cancel" if policy == "cancel" else "")
    assert joined.protocol.state is State.READY


@pytest.mark.parametrize("error", ["open failed, File: x.gco.", 'Unknown command: "X"', "volume.init failed"])
def test_harmless_errors_are_no_faults(error: str) -> None:
    assert not [r for r in hear(ready(), f"Error:{error}", "x") if isinstance(r, Fault)]


@given(st.lists(st.binary(max_size=200), max_size=30))
def test_garbage_never_raises_and_never_grows(chunks: list[bytes]) -> None:
    protocol = Protocol()
    protocol.open(0)
    protocol.receive(b"ok\nok\n", 0.1)
    for number, chunk in enumerate(chunks):
        now = 1.0 + number
        protocol.send(manual("G28"))
        protocol.outgoing(now)
        protocol.receive(chunk + b"\n", now)
        protocol.tick(now)
        assert len(protocol._stream.owed) < 200


def test_a_flood_is_taken_in_portions() -> None:
    joined = ready()
    assert len(joined.protocol.receive(b"echo:x\n" * 5000, joined.now)) <= 501
    assert joined.protocol.due < joined.now


@pytest.mark.parametrize(
    ("name", "known"),
    [
        ("Marlin 2.1.2.4 (Jan 1)", "marlin"),
        ("Prusa-Firmware 3.13.3 based on Marlin", "prusa-firmware"),
        ("Repetier_1.0.4", "repetier"),
        ("Klipper", "klipper"),
        ("Marlin Ultimaker2; Sprinter", "ultimaker2"),
        ("Malyan", "malyan"),
    ],
)
def test_firmware_is_known_by_its_name(name: str, known: str) -> None:
    assert quirks(name).name == known


def test_unknown_firmware_gets_one_line_at_a_time() -> None:
    assert quirks("Something else") is UNKNOWN
    assert not UNKNOWN.pipelining


# With the virtual printer


def with_virtual(virtual: Virtual, count: int) -> tuple[list[str], list[str]]:  # noqa: C901 - one loop
    """Print on a virtual printer in simulated time; return what it took and what was acknowledged."""
    printer, protocol, now, delay = VirtualPrinter(virtual), Protocol(), 0.0, 0.0005
    there: list[tuple[float, bytes]] = []
    here: list[tuple[float, bytes]] = []
    program = [Line(text, Kind.FILE) for text in gcode(count)]
    taken, acknowledged, begun = 0, [], -1
    printer.open(now)
    protocol.open(now)
    while begun < 0 or taken < count or not protocol.idle():
        while there and there[0][0] <= now:
            printer.receive(there.pop(0)[1], now)
        if said := printer.outgoing(now):
            here.append((now + delay, said))
        reports: list[Report] = []
        while here and here[0][0] <= now:
            reports += protocol.receive(here.pop(0)[1], now)
        if protocol.due <= now:
            reports += protocol.tick(now)
        acknowledged += [r.line.text for r in reports if isinstance(r, Acknowledged)]
        assert not [r for r in reports if isinstance(r, Fault)]
        if begun < 0 and protocol.firmware and protocol.idle():
            begun = len(printer.accepted)
            protocol.begin(numbered=True)
        while begun >= 0 and taken < count and protocol.room():
            protocol.send(program[taken])
            taken += 1
        if data := protocol.outgoing(now):
            there.append((now + delay, data))
        times = [t for t, _ in (*there[:1], *here[:1])] + [max(printer.due, now), max(protocol.due, now)]
        now = max(min(times), now + 1e-6)
        assert now < 1000
    return [t for t in list(printer.accepted)[begun:] if t.startswith("G1")], acknowledged


LIGHT = Noise(corrupt=0.01)
FAULTS = {
    "quiet": Faults(),
    "noise": Faults(incoming=LIGHT, outgoing=LIGHT),
    "oks": Faults(lost_ok=0.01, double_ok=0.01, late_ok=0.002, late_by=1.0),
    "resends": Faults(needless_resend=0.01, wrong_resend=0.1, short_resend=0.1),
}


@pytest.mark.parametrize("identity", [i for i in Identity if i is not Identity.KLIPPER])
@pytest.mark.parametrize("faults", FAULTS.values(), ids=FAULTS.keys())
def test_each_firmware_of_the_virtual_printer_takes_the_program_as_it_is(
    identity: Identity, faults: Faults
) -> None:
    virtual = Virtual(firmware=identity, speed=500.0, draw=False, seed=3, faults=faults)
    assert with_virtual(virtual, 200) == (gcode(200), gcode(200))


@pytest.mark.parametrize("name", ["quiet", "oks"])
def test_klipper_looks_at_no_number_so_nothing_is_sent_twice(name: str) -> None:
    virtual = Virtual(firmware=Identity.KLIPPER, speed=500.0, draw=False, seed=3, faults=FAULTS[name])
    assert with_virtual(virtual, 200) == (gcode(200), gcode(200))
