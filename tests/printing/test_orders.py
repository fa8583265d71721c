"""Each order of a printer's events, as a sentence. Sources: facts 1.3 (DO), 1.4, 9; needs 13 and 16."""

from __future__ import annotations

import itertools
from typing import Any

import pytest

from callboard.config.printer import Scripts
from callboard.printing.virtual import Identity, Virtual
from callboard.printing.wishes import Cancel, Disconnect, Gcode, Pause, Print, Resume, Select, Start
from tests.printing.joined import CUBE, Joined, moves, program, terminal_events

SCRIPTS = {
    "scripts": Scripts(
        after_connected="M117 hello",
        before_print="M117 first\nG92 E0",
        after_print="M117 last",
        after_paused="M117 paused",
        before_resumed="M117 resumed",
        after_cancelled="M117 cancelled",
        before_disconnected="M117 bye",
    )
}


@pytest.fixture
def bench() -> Joined:
    return Joined().connect()


@pytest.fixture
def scripted() -> Joined:
    return Joined(SCRIPTS).connect()


# Connect


def test_connected_comes_after_the_state_and_before_what_the_firmware_says() -> None:
    bench = Joined(SCRIPTS).connect()
    bench.run(10)
    assert bench.follows(
        "Connecting",
        "state OPEN_SERIAL",
        "state CONNECTING",
        "state OPERATIONAL",
        "Connected",
        "FirmwareData",
    )
    assert bench.adjacent("UpdatedFiles", "UpdatedFiles")
    assert bench.story.index("FirmwareData") < bench.story.index("UpdatedFiles")


def test_connected_carries_the_port_and_the_speed_that_were_found() -> None:
    bench = Joined()
    bench.open(baudrate=250_000)
    assert bench.until("Connected") == {"port": "/dev/ttyACM0", "baudrate": 250_000}


def test_a_port_that_is_looked_for_is_a_state_of_its_own() -> None:
    bench = Joined()
    bench.machine.connecting(bench.now, detecting=True)
    bench.open()
    bench.until("Connected")
    assert bench.follows(
        "Connecting", "state DETECT_SERIAL", "state CONNECTING", "state OPERATIONAL", "Connected"
    )


def test_a_port_that_can_t_be_found_is_an_error_and_no_disconnected() -> None:
    bench = Joined()
    bench.machine.connecting(bench.now, detecting=True)
    bench.machine.failed(bench.now, "mk3 is on none of its ports.", detecting=True)
    bench._take()
    assert bench.names == [
        "Connecting",
        "state DETECT_SERIAL",
        "state ERROR",
        "Error",
        "state CLOSED_WITH_ERROR",
    ]
    assert bench.data("Error")["reason"] == "autodetect"


def test_the_firmware_says_what_it_is(bench: Joined) -> None:
    said = bench.data("FirmwareData")
    assert "Marlin" in said["name"]
    assert "MACHINE_TYPE" in said["data"]


# Print


def test_print_started_comes_before_the_first_byte_of_script_and_file(scripted: Joined) -> None:
    scripted.print("G28\nG1 X1\n")
    scripted.until("PrintSettled")
    assert scripted.follows(
        "FileSelected", "state STARTING", "PrintStarted", "> M117 first", "state PRINTING", "> G28", "> G1 X1"
    )


def test_print_done_comes_after_the_last_acknowledgement_and_before_the_end_script(scripted: Joined) -> None:
    scripted.print("G28\nG1 X1\nM300 S1\n")
    scripted.until("PrintSettled")
    assert scripted.follows(
        "> M300 S1", "Alert", "state FINISHING", "PrintDone", "> M117 last", "> M400", "PrintSettled"
    )
    assert scripted.names[-2:] == ["PrintSettled", "state OPERATIONAL"]


def test_print_settled_waits_until_the_tool_stands_still() -> None:
    bench = Joined(virtual=Virtual(speed=1.0, draw=False)).connect()
    bench.print("G90\nG1 X100 F600\nG1 X0 F600\n")
    done = bench.until("PrintDone")["time"]
    settled = bench.until("PrintSettled")["time"]
    assert settled - done > 5.0
    assert settled >= 20.0


def test_each_script_tells_that_it_runs_and_that_it_is_done(scripted: Joined) -> None:
    scripted.print("G28\n" + moves(50))
    scripted.do(Pause())
    scripted.until("PositionUpdate")
    scripted.do(Resume())
    scripted.until("PrintSettled")
    for name, line in (
        ("BeforePrintStarted", "M117 first"),
        ("AfterPrintPaused", "M117 paused"),
        ("BeforePrintResumed", "M117 resumed"),
        ("AfterPrintDone", "M117 last"),
    ):
        assert scripted.follows(f"GcodeScript{name}Running", f"> {line}", f"GcodeScript{name}Finished")


def test_the_file_arrives_line_by_line_and_without_comments(bench: Joined) -> None:
    bench.print(CUBE)
    bench.until("PrintSettled")
    sent = [line.partition(";")[0].strip() for line in CUBE.splitlines()]
    expected = [line for line in sent if line]
    assert bench.accepted("M140 S60")[: len(expected)] == expected


def test_events_of_gcode_come_when_the_firmware_has_acknowledged_the_line(bench: Joined) -> None:
    bench.print("M80\nG28\nM300 S1\nM245\nM240\nM40\nM81\nG4 P1\nM701\n")
    bench.until("PrintDone")
    events = [
        "PowerOn",
        "Home",
        "Alert",
        "Cooling",
        "Conveyor",
        "Eject",
        "PowerOff",
        "Dwelling",
        "FilamentChange",
    ]
    assert bench.follows(*events, "PrintDone")
    home = bench.story.index("Home")
    assert any(line.startswith("< ok") for line in bench.story[bench.story.index("> G28") : home])


def test_sub_codes_count_as_their_code(bench: Joined) -> None:
    bench.print("M300.1 S1\n")
    bench.until("PrintDone")
    assert bench.count("Alert") == 1


def test_heights_and_layers_are_told_and_how_many_layers_there_will_be(bench: Joined) -> None:
    bench.do(Print(program(CUBE, facts={"layers": 2})))
    bench.until("PrintSettled")
    heights = [each.data for _, each in bench.happenings if each.name == "ZChange"]
    layers = [each.data for _, each in bench.happenings if each.name == "LayerChange"]
    assert [each["new"] for each in heights] == [0.2, 0.4]
    assert heights[1]["old"] == 0.2
    assert layers == [{"layer": 1, "z": 0.2, "layers": 2}, {"layer": 2, "z": 0.4, "layers": 2}]


def test_a_height_in_relative_mode_is_the_sum(bench: Joined) -> None:
    bench.print("G90\nG1 Z0.6\nG91\nG1 Z0.3\nG90\n")
    bench.until("PrintSettled")
    assert bench.data("ZChange") == {"new": 0.9, "old": 0.6}


def test_nothing_of_the_last_job_is_left_in_the_next(bench: Joined) -> None:
    for _ in range(2):
        bench.print("G90\nG1 Z1.4\n")
        bench.until("PrintSettled")
        assert bench.data("ZChange") == {"new": 1.4, "old": None}


def test_a_tool_change_is_told() -> None:
    bench = Joined({"extruders": 2}, Virtual(speed=100, draw=False, hotends=2)).connect()
    bench.print("T0\nT1\n")
    bench.until("PrintSettled")
    changes = [each.data for _, each in bench.happenings if each.name == "ToolChange"]
    assert changes == [{"old": None, "new": 0}, {"old": 0, "new": 1}]


def test_commands_for_what_the_printer_lacks_are_kept_from_it() -> None:
    bench = Joined({"heated_bed": False}).connect()
    bench.print("M140 S60\nM190 S60\nM141 S40\nT1\nT0\nG28\n")
    bench.until("PrintSettled")
    kept = [each.data["command"] for _, each in bench.happenings if each.name == "CommandSuppressed"]
    assert kept == ["M140 S60", "M190 S60", "M141 S40", "T1"]
    assert not any(f"> {line}" in bench.story for line in kept)
    assert {"T0", "G28"} <= set(bench.printer.accepted)


def test_time_is_that_since_print_started_without_pauses() -> None:
    bench = Joined(virtual=Virtual(speed=1.0, draw=False)).connect()
    bench.print("G90\n" + moves(40))
    started = bench.now
    bench.run(2)
    bench.do(Pause())
    bench.until("PositionUpdate")
    paused = bench.now
    bench.run(1000)
    bench.do(Resume())
    resumed = bench.now
    time = bench.until("PrintDone")["time"]
    assert time == pytest.approx(bench.now - started - (resumed - paused), abs=0.1)
    assert 0 <= time <= bench.until("PrintSettled")["time"]


def test_progress_goes_from_nothing_to_all(bench: Joined) -> None:
    bench.print("G28\n" + moves(200))
    assert bench.job("PrintStarted")["progress"] == 0
    bench.until(lambda: bench.machine.status(bench.now)["progress"]["percent"] > 50)
    bench.until("PrintSettled")
    assert bench.job("PrintDone")["progress"] == 100


def test_the_file_says_how_far_it_is_with_m73(bench: Joined) -> None:
    bench.print("M73 P10 R20\nM300\nM73 P90 R1\nM300\n" + moves(30))
    bench.until("Alert")
    assert bench.job("Alert")["progress"] in {10, 90}
    bench.until(lambda: bench.machine.status(bench.now)["progress"]["percent"] == 90)
    shown = bench.machine.status(bench.now)["progress"]
    assert (shown["left_origin"], shown["left"]) == ("printer", pytest.approx(60, abs=1))


def test_a_job_stands_beside_each_event_as_it_was(bench: Joined) -> None:
    bench.print(CUBE)
    bench.until("PrintSettled")
    job = bench.job("Alert")
    assert (job["file"], job["path"], job["origin"], job["z"]) == (
        "parts/cube.gcode",
        "parts/cube.gcode",
        "local",
        0.4,
    )
    assert 0 < job["progress"] < 100


def test_payloads_stay_as_they_were(bench: Joined) -> None:
    bench.print(moves(300))
    bench.until(lambda: bench.machine.status(bench.now)["progress"]["percent"] > 10)
    bench.do(Cancel("jane"))
    cancelled = dict(bench.data("PrintCancelled"))
    bench.until("PrintFailed")
    assert bench.data("PrintCancelled") == cancelled
    assert "reason" not in cancelled


def test_selecting_prints_nothing_and_start_does(bench: Joined) -> None:
    assert bench.do(Select(program("G28\n", user="jane"))).success
    assert bench.names[-1] == "FileSelected"
    assert bench.do(Start()).success
    bench.until("PrintSettled")
    assert bench.data("PrintStarted")["user"] == "jane"
    assert bench.do(Start("joe")).success
    bench.until("PrintSettled")
    assert bench.data("PrintStarted")["user"] == "joe"
    assert terminal_events(bench.names) == ["PrintDone", "PrintDone"]


# Cancel, restart, disconnect, reset


def test_cancel_tells_cancelling_cancelled_failed_in_this_order(scripted: Joined) -> None:
    scripted.print("G28\n" + moves(500))
    scripted.until("Home")
    scripted.do(Cancel("jane"))
    scripted.until("PrintFailed")
    assert scripted.follows(
        "PrintCancelling", "state CANCELLING", "PrintCancelled", "> M117 cancelled", "PrintFailed"
    )
    assert scripted.names[-1] == "state OPERATIONAL"
    assert scripted.data("PrintFailed")["reason"] == "cancelled"
    assert scripted.data("PrintCancelled")["user"] == "jane"
    assert terminal_events(scripted.names) == ["PrintFailed"]


def test_nothing_of_the_file_is_written_after_print_cancelled(bench: Joined) -> None:
    bench.print("G28\n" + moves(500))
    bench.run(3)
    bench.do(Cancel())
    bench.until("PrintFailed")
    after = bench.story[bench.story.index("PrintCancelled") :]
    assert not any(line.startswith("> G1") for line in after)


def test_the_usual_cancel_script_switches_heaters_fan_and_motors_off(bench: Joined) -> None:
    bench.print("M104 S200\nM140 S60\n" + moves(500))
    bench.run(2)
    bench.do(Cancel())
    bench.until("PrintFailed")
    assert bench.accepted()[-4:] == ["M104 T0 S0", "M140 S0", "M106 S0", "M84"]


def test_a_start_while_paused_closes_the_first_job(bench: Joined) -> None:
    bench.print("G28\n" + moves(100))
    bench.do(Pause())
    bench.until("PositionUpdate")
    assert bench.do(Start()).success
    bench.until("PrintSettled")
    assert [name for name in bench.names if name.startswith("Print") and name != "PrinterStateChanged"] == [
        "PrintStarted",
        "PrintPaused",
        "PrintCancelling",
        "PrintCancelled",
        "PrintFailed",
        "PrintStarted",
        "PrintDone",
        "PrintSettled",
    ]


def test_a_disconnect_tells_how_the_job_ended_before_disconnected(scripted: Joined) -> None:
    scripted.print("G28\n" + moves(500))
    scripted.until("Home")
    scripted.disconnect()
    assert scripted.follows("Disconnecting", "PrintFailed", "> M117 bye", "FileDeselected", "Disconnected")
    assert scripted.names[-1] == "state OFFLINE"
    assert scripted.data("PrintFailed")["reason"] == "error"
    assert terminal_events(scripted.names) == ["PrintFailed"]


def test_a_second_disconnect_tells_nothing(bench: Joined) -> None:
    bench.disconnect()
    before = list(bench.names)
    assert bench.do(Disconnect()).success
    bench.machine.closed(bench.now)
    bench._take()
    assert bench.names == before
    assert bench.count("Disconnected") == bench.count("Connected") == 1


def test_a_printer_that_restarts_in_a_print_ends_it(bench: Joined) -> None:
    bench.print("G28\n" + moves(500))
    bench.until("Home")
    bench.trouble("reset")
    bench.until("PrintFailed")
    assert bench.follows(
        "PrintCancelling", "state CANCELLING", "PrintCancelled", "PrinterReset", "PrintFailed"
    )
    assert bench.data("PrinterReset") == {"idle": False}
    assert bench.data("PrintFailed")["reason"] == "cancelled"
    assert bench.data("PrintFailed")["error"].startswith("The printer restarted")
    bench.run(30)
    assert bench.state == "OPERATIONAL"
    assert bench.count("Connected") == 1
    bench.print("G28\n")
    bench.until("PrintDone")


def test_a_printer_that_restarts_twice_ends_the_job_once(bench: Joined) -> None:
    bench.print("G28\n" + moves(500))
    bench.until("Home")
    bench.do(Cancel())
    bench.trouble("reset")
    bench.trouble("reset")
    bench.run(60)
    assert bench.state == "OPERATIONAL"
    assert terminal_events(bench.names) == ["PrintFailed"]
    assert bench.count("PrintCancelled") == 1


def test_a_printer_that_restarts_after_print_done_fails_nothing() -> None:
    bench = Joined(virtual=Virtual(speed=1.0, draw=False)).connect()
    bench.print("G90\nG1 X100 F600\nG1 X0 F600\n")
    bench.until("PrintDone")
    bench.trouble("reset")
    bench.run(60)
    assert bench.state == "OPERATIONAL"
    assert terminal_events(bench.names) == ["PrintDone"]
    assert "PrintCancelling" not in bench.names


def test_a_printer_that_restarts_by_itself_is_told(bench: Joined) -> None:
    bench.trouble("reset")
    assert bench.until("PrinterReset") == {"idle": True}


def test_a_printer_that_says_start_for_ever_is_told_once_a_second(bench: Joined) -> None:
    for _ in range(30):
        bench.trouble("send start")
        bench.run(0.1)
    assert 2 <= bench.names.count("PrinterReset") <= 4


# People


def test_commands_of_people_have_their_events_too(bench: Joined) -> None:
    bench.do(Gcode(("G28 X", "M300 S440")))
    bench.until("Alert")
    assert bench.follows("Home", "Alert")


def test_where_is_the_tool_is_answered(bench: Joined) -> None:
    bench.do(Gcode(("M114",)))
    said = bench.until("PositionUpdate")
    assert said["reason"] is None
    assert {"x", "y", "z", "e", "t", "f", "reason"} == said.keys()


@pytest.mark.parametrize("firmware", list(Identity))
def test_a_whole_print_on_every_firmware(firmware: Identity) -> None:
    bench = Joined(virtual=Virtual(firmware=firmware, speed=200.0, draw=False)).connect()
    bench.print(CUBE)
    bench.until("PrintSettled")
    assert terminal_events(bench.names) == ["PrintDone"]
    sent = [line.partition(";")[0].strip() for line in CUBE.splitlines()]
    expected = [line for line in sent if line]
    assert bench.accepted("M140 S60")[: len(expected)] == expected


def test_times_never_go_back_over_many_jobs(bench: Joined) -> None:
    for _ in range(3):
        bench.print("G28\n")
        bench.until("PrintSettled")
    times = [when for when, _ in bench.happenings]
    assert all(before <= after for before, after in itertools.pairwise(times))
    told: list[Any] = [each.data["time"] for _, each in bench.happenings if "time" in each.data]
    assert all(time >= 0 for time in told)
