"""Files on their way to the printer's card."""

from __future__ import annotations

import pytest

from callboard.printing.transfer import short_name
from callboard.printing.virtual import Faults, Noise, Virtual
from callboard.printing.wishes import Cancel, EmergencyStop, Gcode, Transfer
from tests.printing.joined import Joined, moves, program

PROGRAM = "G28\nM300 S1\n; a comment\nM80\nM81\nM0\n@pause\nM112\n" + moves(60)
STORED = [line for line in PROGRAM.splitlines() if line[0] not in ";@" and line != "M112"]


@pytest.fixture
def bench() -> Joined:
    return Joined().connect()


def transfer(bench: Joined, text: str = PROGRAM, remote: str | None = None) -> None:
    assert bench.do(Transfer(program(text, "parts/a long name.gcode"), remote)).success


def stored(bench: Joined, name: str) -> list[str]:
    return (bench.printer.card.content(name) or b"").decode().splitlines()


def test_a_file_arrives_with_all_its_lines(bench: Joined) -> None:
    transfer(bench)
    done = bench.until("TransferDone")
    assert done["local"] == "a long name.gcode"
    assert done["remote"] == "/alongn~1.gco"
    assert done["time"] > 0
    assert stored(bench, "alongn~1.gco") == STORED


def test_started_comes_first_and_the_list_is_updated_last(bench: Joined) -> None:
    transfer(bench)
    bench.until("TransferDone")
    bench.until("UpdatedFiles")
    assert bench.follows(
        "state TRANSFERRING", "TransferStarted", "> M28 alongn~1.gco", "> G28", "> M29", "TransferDone"
    )
    after = bench.names[bench.names.index("TransferDone") :]
    assert after == ["TransferDone", "UpdatedFiles", "UpdatedFiles"]


def test_no_line_that_is_copied_makes_an_event_or_stops_the_copy(bench: Joined) -> None:
    transfer(bench)
    bench.until("TransferDone")
    assert not {"Home", "Alert", "PowerOn", "PowerOff", "Waiting", "EStop", "PrintPaused"} & set(bench.names)


def test_nothing_runs_that_is_copied(bench: Joined) -> None:
    transfer(bench)
    bench.until("TransferDone")
    assert bench.state == "OPERATIONAL"
    assert not any(line.startswith("< X:") for line in bench.story)  # as G28 would answer


def test_a_line_that_would_end_the_copy_is_left_out(bench: Joined) -> None:
    transfer(bench, "G28\nM29\nM300\n")
    bench.until("TransferDone")
    assert stored(bench, "alongn~1.gco") == ["G28", "M300"]
    assert bench.data("CommandSuppressed")["command"] == "M29"


def test_a_line_that_firmware_obeys_wherever_it_stands_is_left_out(bench: Joined) -> None:
    transfer(bench, "G28\nM112\nM300\n")
    bench.until("TransferDone")
    assert stored(bench, "alongn~1.gco") == ["G28", "M300"]
    assert bench.data("CommandSuppressed")["command"] == "M112"


def test_a_cancelled_transfer_leaves_no_file(bench: Joined) -> None:
    transfer(bench, moves(3000))
    bench.run(0.3)
    bench.do(Cancel())
    failed = bench.until("TransferFailed")
    bench.until("UpdatedFiles")
    assert failed["time"] >= 0
    assert bench.printer.card.content("alongn~1.gco") is None
    assert bench.state == "OPERATIONAL"
    bench.print("G28\n")
    bench.until("PrintDone")


def test_a_card_that_can_t_write_fails_the_transfer_and_no_line_runs(bench: Joined) -> None:
    bench.trouble("eject_sd")
    bench.run(1)
    transfer(bench)
    bench.until("TransferFailed")
    bench.run(5)
    assert not {"G28", "M81", "M112"} & set(bench.printer.accepted)


def test_a_link_that_vanishes_fails_the_transfer(bench: Joined) -> None:
    transfer(bench, moves(3000))
    bench.run(0.3)
    bench.cut()
    assert bench.follows("TransferStarted", "TransferFailed", "Disconnected", "state OFFLINE")


def test_a_printer_that_restarts_fails_the_transfer(bench: Joined) -> None:
    transfer(bench, moves(3000))
    bench.run(0.3)
    bench.trouble("reset")
    bench.until("TransferFailed")
    bench.run(20)
    assert bench.state == "OPERATIONAL"


def test_nobody_s_command_gets_into_the_file(bench: Joined) -> None:
    transfer(bench, moves(300))
    bench.run(0.05)
    answer = bench.do(Gcode(("M300",)))
    assert not answer.success
    assert "onto its card" in answer.message
    bench.until("TransferDone")
    assert stored(bench, "alongn~1.gco") == moves(300).splitlines()


def test_an_emergency_stop_is_no_line_of_the_file(bench: Joined) -> None:
    transfer(bench, moves(3000))
    bench.run(0.3)
    bench.do(EmergencyStop())
    assert bench.follows("EStop", "TransferFailed", "Disconnected")
    assert bench.story.index("> M29") < bench.story.index("> M112")


def test_a_noisy_wire_changes_no_line_of_the_file() -> None:
    noise = Noise(corrupt=0.02)
    bench = Joined(virtual=Virtual(speed=200, draw=False, seed=5, faults=Faults(incoming=noise))).connect()
    transfer(bench, moves(400))
    bench.until("TransferDone")
    assert stored(bench, "alongn~1.gco") == moves(400).splitlines()


def test_a_name_of_somebody_s_choice_is_taken(bench: Joined) -> None:
    transfer(bench, "G28\n", remote="mine.gco")
    assert bench.until("TransferDone")["remote"] == "/mine.gco"


@pytest.mark.parametrize(
    ("name", "taken", "short"),
    [
        ("benchy.gcode", [], "benchy~1.gco"),
        ("benchy.gcode", ["/BENCHY~1.GCO"], "benchy~2.gco"),
        ("Ünïcödé Ding.gcode", [], "ncdding~1.gco"[:6] + "~1.gco"),
        ("日本.gcode", [], "transf~1.gco"),
        ("a_very_long_name_0.2mm.gcode", [], "a_very~1.gco"),
    ],
)
def test_a_short_name_is_free_and_has_eight_and_three_letters(
    name: str, taken: list[str], short: str
) -> None:
    assert short_name(name, taken) == short


def test_thousands_of_names_can_be_taken() -> None:
    taken = [f"part~{number}.gco" for number in range(1, 10)] + [
        f"part~{number}.gco" for number in range(10, 100)
    ]
    name = short_name("part.gcode", taken)
    assert name == "part~100.gco"
    assert len(name.partition(".")[0]) <= 8
