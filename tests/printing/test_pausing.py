"""Pause, resume and cancel: in every state, twice, and asked for by file, firmware or people."""

from __future__ import annotations

import pytest

from callboard.config.printer import Scripts
from callboard.printing.virtual import Virtual
from callboard.printing.wishes import Cancel, Extrude, Gcode, Jog, Pause, Resume, Start
from tests.printing.joined import Joined, moves, terminal_events

LONG = "G90\nG28\n" + moves(400)


@pytest.fixture
def bench() -> Joined:
    return Joined().connect()


def test_a_pause_waits_until_the_tool_stands_still_and_says_where(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    assert bench.do(Pause("jane")).success
    assert bench.state == "PAUSING"
    paused = bench.until("PrintPaused")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.follows("state PAUSING", "> M400", "PrintPaused", "PositionUpdate", "state PAUSED")
    assert paused["user"] == "jane"
    assert paused["position"]["x"] is not None
    assert paused["position"] == {key: bench.data("PositionUpdate")[key] for key in paused["position"]}
    assert bench.data("PositionUpdate")["reason"] == "pause"
    assert 0 < paused["fileposition"] < len(LONG)
    assert 0 < paused["progress"] < 100
    assert "Paused" not in bench.names


def test_nothing_of_the_file_is_written_while_it_is_paused(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    bench.do(Pause())
    bench.until(lambda: bench.state == "PAUSED")
    count = sum(line.startswith("> G1") for line in bench.story)
    bench.run(600)
    assert sum(line.startswith("> G1") for line in bench.story) == count


def test_a_resumed_job_loses_no_line_and_doubles_none(bench: Joined) -> None:
    bench.print(LONG)
    for _ in range(5):
        bench.run(0.3)
        bench.do(Pause())
        bench.until(lambda: bench.state == "PAUSED")
        bench.do(Resume())
        bench.until(lambda: bench.state == "PRINTING")
    bench.until("PrintSettled")
    accepted = [line for line in bench.printer.accepted if line.startswith("G1 X")]
    assert accepted == moves(400).splitlines()
    assert bench.count("PrintPaused") == bench.count("PrintResumed") == 5


def test_resume_tells_resumed_then_sends_its_script_then_prints(bench: Joined) -> None:
    bench = Joined({"scripts": Scripts(before_resumed="G1 X{x} Y{y} Z{z}")}).connect()
    bench.print(LONG)
    bench.run(2)
    bench.do(Pause())
    bench.until(lambda: bench.state == "PAUSED")
    bench.do(Resume("joe"))
    bench.until(lambda: bench.state == "PRINTING")
    where = bench.data("PrintPaused")["position"]
    script = f"> G1 X{where['x']:g} Y{where['y']:g} Z{where['z']:g}"
    assert bench.follows("state RESUMING", "PrintResumed", script)
    assert bench.data("PrintResumed")["user"] == "joe"


def test_a_double_press_does_everything_once(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    assert bench.do(Pause()).success
    assert bench.do(Pause()).success
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.do(Pause()).success
    assert bench.do(Resume()).success
    assert bench.do(Resume()).success
    bench.until(lambda: bench.state == "PRINTING")
    assert bench.do(Resume()).success
    assert bench.do(Cancel()).success
    assert bench.do(Cancel()).success
    bench.until("PrintFailed")
    for name in ("PrintPaused", "PrintResumed", "PrintCancelled", "PrintFailed"):
        assert bench.count(name) == 1, name


def test_a_pause_in_the_start_script_comes_after_it() -> None:
    bench = Joined({"scripts": Scripts(before_print="G28\nM109 S100")}).connect()
    bench.print(LONG)
    assert bench.state == "STARTING"
    assert bench.do(Pause()).success
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.follows(
        "GcodeScriptBeforePrintStartedFinished", "state PRINTING", "state PAUSING", "PrintPaused"
    )
    assert not any(line.startswith("> G1 X") for line in bench.story)
    bench.do(Resume())
    bench.until("PrintDone")


def test_a_resume_while_it_still_pauses_comes_after_that(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(2)
    bench.do(Pause())
    assert bench.do(Resume()).success
    bench.until("PrintDone")
    assert bench.follows("PrintPaused", "state PAUSED", "PrintResumed", "PrintDone")


def test_a_pause_and_a_resume_in_the_start_script_change_nothing() -> None:
    bench = Joined({"scripts": Scripts(before_print="G28\nM109 S100")}).connect()
    bench.print("G1 X1\n")
    bench.do(Pause())
    bench.do(Resume())
    bench.until("PrintDone")
    assert "PrintPaused" not in bench.names


@pytest.mark.parametrize("state", ["STARTING", "PRINTING", "PAUSING", "PAUSED", "RESUMING"])
def test_a_job_can_be_cancelled_in_every_state(state: str) -> None:
    scripts = Scripts(before_print="G28\nG4 S100", after_paused="G4 S100", before_resumed="G4 S100")
    bench = Joined({"scripts": scripts}).connect()
    bench.print(LONG)
    if state != "STARTING":
        bench.until(lambda: bench.state == "PRINTING")
    if state in {"PAUSING", "PAUSED", "RESUMING"}:
        bench.do(Pause())
    if state in {"PAUSED", "RESUMING"}:
        bench.until(lambda: bench.state == "PAUSED")
    if state == "RESUMING":
        bench.do(Resume())
    assert bench.state == state
    assert bench.do(Cancel()).success
    bench.until("PrintFailed", limit=60)
    assert terminal_events(bench.names) == ["PrintFailed"]
    assert bench.state == "OPERATIONAL"


def test_a_cancel_right_after_a_restart_calls_the_new_job_off(bench: Joined) -> None:
    bench.print(LONG)
    bench.do(Pause())
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.do(Start()).success
    assert bench.do(Cancel()).success
    bench.until("PrintFailed")
    bench.run(30)
    assert bench.state == "OPERATIONAL"
    assert bench.count("PrintStarted") == 1


def test_a_cancel_breaks_a_heat_up(bench: Joined) -> None:
    bench = Joined(virtual=Virtual(speed=1.0, draw=False)).connect()
    bench.print("M109 S250\n" + LONG)
    bench.run(10)
    began = bench.now
    bench.do(Cancel())
    bench.until("PrintFailed", limit=60)
    assert bench.now - began < 35
    assert "> M108" in bench.story
    bench.run(5)
    assert "M104 T0 S0" in bench.printer.accepted


def test_a_heat_up_that_nothing_breaks_does_not_hold_the_cancel() -> None:
    bench = Joined(virtual=Virtual(speed=1.0, draw=False, emergency_parser=False)).connect()
    bench.print("M109 S250\n" + LONG)
    bench.run(10)
    began = bench.now
    bench.do(Cancel())
    bench.until("PrintFailed", limit=60)
    assert bench.now - began < 35
    bench.run(400)
    assert "M104 T0 S0" in bench.printer.accepted


@pytest.mark.parametrize("line", ["M0", "M1 Click to go on"])
def test_m0_waits_then_pauses_and_is_not_sent(bench: Joined, line: str) -> None:
    bench.print(f"G28\nM300 S1\n{line}\nM300 S2\n")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.follows("> M300 S1", "Alert", "Waiting", "state PAUSING", "PrintPaused", "state PAUSED")
    assert bench.adjacent("PrintPaused", "Paused")
    assert f"> {line}" not in bench.story
    bench.do(Resume())
    bench.until("PrintDone")
    assert bench.count("Alert") == 2
    assert bench.count("Waiting") == 1


def test_m226_for_a_pin_waits_pauses_is_sent_and_goes_on_by_itself(bench: Joined) -> None:
    bench.print("G28\nM226 P2 S1\nM300 S2\n")
    bench.until("PrintDone")
    assert bench.follows("Waiting", "PrintPaused", "> M226 P2 S1", "PrintResumed", "> M300 S2", "Alert")
    assert bench.adjacent("PrintPaused", "Paused")
    assert bench.count("Waiting") == 1


def test_m25_in_a_file_is_sent_and_pauses(bench: Joined) -> None:
    bench.print("G28\nM25\nM300 S2\n")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.follows("> M25", "PrintPaused", "Paused", "state PAUSED")
    bench.do(Resume())
    bench.until("PrintDone")


def test_at_pause_in_a_file_pauses_and_is_never_sent(bench: Joined) -> None:
    bench.print("G28\n@pause\nM300 S2\n@cancel\nM300 S3\n")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.adjacent("PrintPaused", "Paused")
    bench.do(Resume())
    bench.until("PrintFailed")
    assert bench.count("Alert") == 1
    assert not any("@" in line for line in bench.story if line.startswith("> "))


def test_host_commands_of_people_are_obeyed(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(1)
    bench.do(Gcode(("@pause",)))
    bench.until(lambda: bench.state == "PAUSED")
    bench.do(Gcode(("@resume",)))
    bench.until(lambda: bench.state == "PRINTING")
    bench.do(Gcode(("@abort",)))
    bench.until("PrintFailed")
    assert bench.data("PrintFailed")["reason"] == "cancelled"


def test_a_halt_in_the_file_is_not_lost_to_a_pause_before_it(bench: Joined) -> None:
    bench.print("G28\n" + moves(4) + "M0\nM300 S1\n")
    bench.do(Pause())
    bench.until(lambda: bench.state == "PAUSED")
    bench.do(Resume())
    bench.until(lambda: bench.count("Waiting") == 1)
    bench.until(lambda: bench.state == "PAUSED")
    assert "Alert" not in bench.names
    bench.do(Resume())
    bench.until("PrintDone")
    assert [line for line in bench.printer.accepted if line.startswith("G1 X")] == moves(4).splitlines()


def test_the_printer_can_ask_for_a_pause(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(1)
    bench.trouble("action_pause")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.adjacent("PrintPaused", "Paused")
    assert "> M400" in bench.story
    bench.trouble("action_resume")
    bench.until("PrintDone")


def test_a_printer_that_has_paused_itself_is_not_asked_where_it_stands(bench: Joined) -> None:
    bench = Joined({"scripts": Scripts(after_paused="M117 paused", before_resumed="M117 on")}).connect()
    bench.print(LONG)
    bench.run(1)
    bench.trouble("action_custom paused")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.adjacent("PrintPaused", "Paused")
    bench.trouble("action_custom resumed")
    bench.until("PrintDone")
    assert bench.follows("PrintPaused", "PrintResumed", "PrintDone")
    assert not {"> M117 paused", "> M117 on"} & set(bench.story)
    assert [line for line in bench.printer.accepted if line.startswith("G1 X")] == moves(400).splitlines()


def test_the_printer_can_ask_for_a_cancel(bench: Joined) -> None:
    bench.print(LONG)
    bench.run(1)
    bench.trouble("action_custom cancel")
    bench.until("PrintFailed")
    assert bench.follows("PrintCancelling", "PrintCancelled", "PrintFailed")


def test_what_a_printer_shows_stands_in_its_state_until_it_is_answered(bench: Joined) -> None:
    for text in ("prompt_begin Filament is out", "prompt_choice Go on", "prompt_choice Stop", "prompt_show"):
        bench.trouble(f"action_custom {text}")
        bench.run(0.1)
    assert bench.machine.status(bench.now)["prompt"] == {
        "text": "Filament is out",
        "choices": ["Go on", "Stop"],
    }
    bench.trouble("action_custom prompt_end")
    bench.run(0.1)
    assert bench.machine.status(bench.now)["prompt"] is None


def test_who_jogs_and_extrudes_while_it_is_paused_leaves_the_job_its_modes(bench: Joined) -> None:
    bench.print("G90\nM83\nG1 X10 E1 F3000\nM0\nG1 X20 E1\n")
    bench.until(lambda: bench.state == "PAUSED")
    bench.do(Jog({"z": 5.0}))
    bench.do(Extrude(3.0))
    bench.run(5)
    assert bench.accepted("G91") == [
        *("G91", "G0 Z5.0000", "G90", "M83"),
        *("M83", "G1 E3.0000 F300", "G90", "M83"),
    ]


def test_a_filament_change_pauses_until_somebody_is_done(bench: Joined) -> None:
    bench.print("G28\nM600\nM300 S2\n")
    bench.until(lambda: bench.state == "PAUSED")
    assert bench.adjacent("PrintPaused", "Paused")
    bench.run(4000)
    assert bench.state == "PAUSED"
    assert "FilamentChange" not in bench.names
    bench.trouble("unbusy")
    bench.until("PrintDone")
    assert bench.follows("PrintPaused", "FilamentChange", "Alert", "PrintDone")
    assert bench.count("PrintResumed") == 1


def test_a_cancel_does_not_wait_for_somebody_at_the_printer(bench: Joined) -> None:
    bench.print("G28\nM600\nM300 S2\n")
    bench.until(lambda: bench.state == "PAUSED")
    bench.do(Cancel())
    bench.until("PrintFailed", limit=35)
    assert "> M108" in bench.story


def test_without_a_job_there_is_nothing_to_pause_resume_or_cancel(bench: Joined) -> None:
    for wish in (Pause(), Resume(), Cancel(), Start()):
        answer = bench.do(wish)
        assert not answer.success
        assert answer.message.startswith("mk3 has no ")
