"""What goes wrong, and what comes of it: one terminal event, a sentence, heaters off where they must be."""

from __future__ import annotations

import io

import pytest

from callboard.printing.program import BadProgram, FileProgram
from callboard.printing.virtual import Faults, Noise, Virtual
from callboard.printing.wishes import EmergencyStop, Gcode, Home, Jog, Print, Select, Start, Temperature
from tests.printing.joined import Joined, moves, program, terminal_events

LONG = "G90\nG28\nM104 S200\nM140 S60\n" + moves(400)


@pytest.fixture
def bench() -> Joined:
    return Joined().connect()


# The link


def test_a_link_that_vanishes_in_a_print_fails_the_job_and_is_no_error(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    bench.cut()
    assert bench.follows("PrintFailed", "FileDeselected", "Disconnected", "state OFFLINE")
    assert "Error" not in bench.names
    failed = bench.data("PrintFailed")
    assert (failed["reason"], failed["error"]) == ("error", "The port is gone.")
    assert failed["time"] > 0
    assert bench.job("PrintFailed")["file"] == "parts/cube.gcode"


def test_a_link_that_vanishes_while_it_is_paused_fails_the_job(bench: Joined) -> None:
    bench.print("G28\n@pause\n")
    bench.until(lambda: bench.state == "PAUSED")
    bench.cut()
    assert terminal_events(bench.names) == ["PrintFailed"]


def test_a_link_that_vanishes_after_print_done_fails_nothing() -> None:
    bench = Joined(virtual=Virtual(speed=1, draw=False)).connect()
    bench.print("G90\nG1 X100 F600\nG1 X0 F600\n")
    bench.until("PrintDone")
    assert bench.state == "FINISHING"
    bench.cut()
    assert terminal_events(bench.names) == ["PrintDone"]
    assert "PrintSettled" not in bench.names


def test_a_link_that_comes_back_is_a_new_connection(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    bench.cut()
    bench.connect()
    assert bench.count("Connected") == 2
    assert bench.count("Disconnected") == 1
    bench.print("G28\n")
    bench.until("PrintSettled")
    assert terminal_events(bench.names) == ["PrintFailed", "PrintDone"]


def test_a_link_that_closes_before_an_answer_was_never_connected() -> None:
    bench = Joined()
    bench.trouble("go_awol")
    bench.open()
    bench.cut()
    assert "Disconnected" not in bench.names
    assert bench.names[-1] == "state OFFLINE"


def test_a_printer_that_never_answers_is_an_error() -> None:
    bench = Joined(virtual=Virtual(greeting=False, draw=False))
    bench.trouble("go_awol")
    bench.open()
    error = bench.until("Error", limit=300)
    assert error["reason"] in {"connection", "timeout"}
    assert bench.names[-1] == "state CLOSED_WITH_ERROR"
    assert "Disconnected" not in bench.names


def test_a_printer_that_goes_silent_in_a_print_is_an_error_after_a_time(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    bench.trouble("go_awol")
    error = bench.until("Error", limit=1200)
    assert error["reason"] == "timeout"
    assert len(error["logs"]) <= 20
    assert bench.follows("state ERROR", "Error", "PrintFailed", "FileDeselected", "Disconnected")
    assert bench.names[-1] == "state CLOSED_WITH_ERROR"
    assert "EStop" not in bench.names


def test_a_printer_that_goes_silent_while_idle_is_noticed_too(bench: Joined) -> None:
    bench.trouble("go_awol")
    bench.until("Error", limit=1200)
    assert bench.count("Disconnected") == 1
    assert terminal_events(bench.names) == []


# The firmware


def test_a_fatal_error_stops_everything_and_switches_the_heaters_off(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    bench.trouble("thermal_runaway")
    bench.until("Disconnected", limit=60)
    assert bench.follows("state ERROR", "Error", "PrintFailed", "FileDeselected", "Disconnected")
    error = bench.data("Error")
    assert error["reason"] == "firmware"
    assert error["consequence"] in {"emergency", "disconnect"}
    assert "Thermal Runaway" in error["error"]
    assert any("Thermal Runaway" in line for line in error["logs"])
    assert len(error["logs"]) <= 20
    assert "EStop" not in bench.names
    assert terminal_events(bench.names) == ["PrintFailed"]
    if error["consequence"] == "emergency":
        assert {"> M112", "> M104 T0 S0", "> M140 S0"} <= set(bench.story)


def test_an_error_may_only_cancel_the_job_if_so_configured() -> None:
    bench = Joined({"on_error": "cancel"}).connect()
    bench.print(LONG)
    bench.run(2)
    bench.printer.firmware.say("Error:the door is open")
    bench.until("PrintFailed", limit=60)
    assert bench.follows("Error", "PrintCancelling", "PrintCancelled", "PrintFailed")
    assert "door is open" in bench.data("PrintCancelling")["firmwareError"]
    assert bench.state == "OPERATIONAL"


def test_an_error_may_be_ignored_if_so_configured() -> None:
    bench = Joined({"on_error": "ignore"}).connect()
    bench.print("G28\n" + moves(50))
    bench.printer.firmware.say("Error:the door is open")
    bench.until("PrintDone", limit=600)


def test_noise_on_the_wire_changes_no_line_of_the_program() -> None:
    faults = Faults(incoming=Noise(corrupt=0.02), outgoing=Noise(corrupt=0.01))
    bench = Joined(virtual=Virtual(speed=200, draw=False, seed=3, faults=faults)).connect()
    bench.print("G28\n" + moves(500))
    bench.until("PrintDone", limit=3600)
    assert [line for line in bench.printer.accepted if line.startswith("G1 X")] == moves(500).splitlines()
    assert terminal_events(bench.names) == ["PrintDone"]


@pytest.mark.parametrize("wait", [0.0, 5.0])
def test_a_lost_ok_while_idle_does_not_hold_the_next_job(bench: Joined, wait: float) -> None:
    bench.run(5)
    bench.trouble("lose_ok 1")
    bench.do(Gcode(("M117 hello",)))
    bench.run(wait)
    bench.print("G28\n")
    bench.until("PrintDone", limit=120)


# People


def test_m112_of_people_is_an_estop_and_no_error(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    assert bench.do(Gcode(("M112",))).success
    assert bench.follows("EStop", "PrintFailed", "FileDeselected", "Disconnected")
    assert "Error" not in bench.names
    assert {"> M112", "> M104 T0 S0", "> M140 S0"} <= set(bench.story)
    assert bench.names[-1] == "state CLOSED_WITH_ERROR"
    assert terminal_events(bench.names) == ["PrintFailed"]


def test_an_emergency_stop_works_before_the_printer_has_answered() -> None:
    bench = Joined()
    bench.trouble("dont_answer")
    bench.open()
    assert bench.do(EmergencyStop()).success
    assert "EStop" in bench.names


def test_m112_in_a_file_comes_where_it_stands(bench: Joined) -> None:
    bench.print("G28\nM112\nM300\n")
    bench.until("EStop")
    assert bench.follows("> G28", "Home", "EStop", "PrintFailed")
    assert "> M300" not in bench.story
    assert terminal_events(bench.names) == ["PrintFailed"]


def test_no_wish_holds_a_second_command(bench: Joined) -> None:
    answer = bench.do(Gcode(("M117 a\nM112",)))
    assert not answer.success
    assert "line break" in answer.message


def test_what_is_too_hot_is_refused(bench: Joined) -> None:
    for targets in (
        {"tool0": 301.0},
        {"bed": 131.0},
        {"tool1": 20.0},
        {"oven": 1.0},
        {"tool0": float("nan")},
    ):
        assert not bench.do(Temperature(targets)).success
    assert bench.do(Temperature({"tool0": 200.0, "bed": 60.0})).success
    bench.run(2)
    assert {"M104 T0 S200", "M140 S60"} <= set(bench.printer.accepted)


def test_nobody_jogs_a_printer_that_prints(bench: Joined) -> None:
    assert bench.do(Jog({"x": 10.0}, speed=3000)).success
    assert bench.do(Home(("x", "y"))).success
    bench.run(5)
    assert bench.accepted()[-4:] == ["G91", "G0 X10.0000 F3000", "G90", "G28 X Y"]
    bench.print(LONG)
    bench.run(1)
    assert not bench.do(Jog({"x": 10.0})).success
    assert not bench.do(Jog({"x": float("inf")})).success


def test_a_wish_to_a_printer_that_is_not_there_is_refused_with_a_sentence() -> None:
    bench = Joined()
    answer = bench.do(Select(program()))
    assert not answer.success
    assert answer.message == "mk3 is not connected (offline): connect it first."


def test_a_second_job_is_refused_while_one_runs(bench: Joined) -> None:
    bench.print(LONG)
    second = program("G28\n")
    assert not bench.do(Print(second)).success
    assert second.line() is None  # closed
    assert not bench.do(Start()).success
    assert bench.count("PrintStarted") == 1


# Files


def test_an_empty_file_is_refused_and_starts_nothing(bench: Joined) -> None:
    answer = bench.print("")
    assert not answer.success
    assert "is empty" in answer.message
    assert "PrintStarted" not in bench.names


def test_a_file_of_comments_is_printed_and_done(bench: Joined) -> None:
    bench.print("; nothing\n" * 10_000)
    bench.until("PrintSettled")
    assert terminal_events(bench.names) == ["PrintDone"]


def test_a_binary_file_is_refused_before_it_can_be_selected() -> None:
    with pytest.raises(BadProgram, match="is no G-code"):
        program(b"GCDE\1\0\0\0")


def test_a_file_that_turns_binary_fails_the_job_and_switches_the_heaters_off(bench: Joined) -> None:
    bench.print(b"M104 S200\n" + b"G1 X1 F6000\nG1 X2\n" * 8000 + b"\0\0\n")
    failed = bench.until("PrintFailed")
    assert failed["reason"] == "error"
    assert "NUL" in failed["error"]
    assert "PrintCancelled" not in bench.names
    assert "> M104 T0 S0" in bench.story
    assert bench.state == "OPERATIONAL"


class Vanishing(io.BytesIO):
    """A file whose disk goes away."""

    gone = False

    def read(self, size: int | None = -1, /) -> bytes:
        if self.gone:
            raise OSError(5, "Input/output error")
        return super().read(size)


def test_a_disk_that_goes_away_fails_the_job(bench: Joined) -> None:
    file = Vanishing(moves(20_000).encode())
    bench.do(Print(FileProgram(file, path="a.gcode")))
    bench.run(2)
    file.gone = True
    failed = bench.until("PrintFailed")
    assert failed["error"] == "a.gcode can't be read any more: [Errno 5] Input/output error."


def test_a_byte_order_mark_crlf_and_lines_without_spaces_are_printed(bench: Joined) -> None:
    bench.print(b"\xef\xbb\xbfG28\r\nG1X10Y20F3000\r\n\r\n(a comment)\r\nG1 X1e30\r\nM300")
    bench.until("PrintSettled")
    assert {"G28", "G1X10Y20F3000", "M300"} <= set(bench.printer.accepted)
    assert bench.data("PrintDone")["time"] >= 0
    assert bench.count("Alert") == 1


def test_garbage_from_the_printer_harms_nothing(bench: Joined) -> None:
    bench.print("G28\n" + moves(100))
    for _ in range(20):
        bench.trouble("garbage 50")
        bench.run(0.05)
    bench.until("PrintDone")
    assert [line for line in bench.printer.accepted if line.startswith("G1 X")] == moves(100).splitlines()
