"""Moves take the time that moves take."""

from math import pi

import pytest

from callboard.printing.virtual import Virtual
from callboard.printing.virtual.planner import Planner
from tests.printing.virtual.talking import Talk


def planned(*moves: tuple[float, float], feed: float = 50.0) -> float:
    """Return the seconds that moves (dx, dy) take together."""
    planner = Planner(1000, 1000.0, 10.0, 1.0)
    for dx, dy in moves:
        planner.plan(0.0, dx, dy, 0.0, 0.0, feed)
    return planner.empty_at()


def test_a_long_line_takes_its_length_by_its_speed() -> None:
    assert planned((1000, 0)) == pytest.approx(20.0, abs=0.1)


def test_short_segments_of_one_line_take_as_long_as_the_line() -> None:
    assert planned(*[(1, 0)] * 200) == pytest.approx(planned((200, 0)), rel=0.02)


def test_corners_cost_time() -> None:
    assert planned(*[(10, 0), (0, 10)] * 10) > planned((200, 0)) * 1.1
    assert planned(*[(10, 0), (-10, 0)] * 10) > planned(*[(10, 0), (0, 10)] * 10)


def test_twice_the_speed_is_not_half_the_time_on_short_moves() -> None:
    slow, fast = planned((5, 0), feed=50), planned((5, 0), feed=200)
    assert slow / 4 < fast < slow


def test_a_move_is_acknowledged_when_it_is_planned() -> None:
    talk = Talk()
    assert talk.say("G1 X100 F600") == ["ok"]


def test_the_planner_holds_fifteen_moves_and_then_the_line_waits() -> None:
    talk = Talk()
    answers = [talk.say(f"G1 X{n * 10} F600") for n in range(1, 18)]
    assert answers[:15] == [["ok"]] * 15
    assert answers[15:] == [[], []]
    assert talk.wait(1.2).count("ok") == 1
    assert talk.wait(1.2).count("ok") == 1


def test_m400_is_acknowledged_when_the_motors_stand() -> None:
    talk = Talk()
    talk.say("G1 X100 F600", "M400")
    began = talk.now
    said = talk.until("ok")
    assert talk.now - began == pytest.approx(10.0, abs=0.2)
    assert said[:-1] == ["echo:busy: processing"] * (len(said) - 1)
    assert len(said) - 1 == 5


def test_the_clock_can_run_faster() -> None:
    talk = Talk(Virtual(speed=100))
    talk.say("G1 X100 F600", "M400")
    began = talk.now
    talk.until("ok")
    assert talk.now - began == pytest.approx(0.1, abs=0.01)


@pytest.mark.parametrize("line", ["G4 P3000", "G4 S3"])
def test_g4_waits(line: str) -> None:
    talk = Talk()
    assert talk.say(line) == []
    assert talk.wait(2.9) == ["echo:busy: processing"]
    assert talk.wait(0.2) == ["ok"]


def test_busy_comes_as_often_as_m113_says() -> None:
    talk = Talk()
    talk.say("M113 S1")
    talk.say("G4 S5")
    assert talk.until("ok").count("echo:busy: processing") == 4
    talk.say("M113 S0")
    talk.say("G4 S5")
    assert talk.until("ok") == ["ok"]


def test_homing_takes_its_time_and_ends_at_zero() -> None:
    talk = Talk()
    talk.say("G1 X100 Y50 Z10 F6000")
    assert talk.say("G28") == []
    assert talk.until("ok")[-2].startswith("X:0.00 Y:0.00 Z:0.00")


def test_one_axis_is_homed_alone() -> None:
    talk = Talk()
    talk.say("G1 X100 Y50 Z10 F6000", "G28 X")
    talk.until("ok")
    assert talk.say("M114")[0].startswith("X:0.00 Y:50.00 Z:10.00")


def test_absolute_is_the_mode_after_a_reset() -> None:
    talk = Talk()
    talk.say("G1 X10", "G1 X10")
    assert talk.say("M114")[0].startswith("X:10.00")


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        (["G91", "G1 X10", "G1 X10 Y5"], "X:20.00 Y:5.00 Z:0.00 E:0.00"),
        (["G1 X10 E5", "M83", "G1 E2", "G1 E2"], "X:10.00 Y:0.00 Z:0.00 E:9.00"),
        (["G1 X10", "G92 X0", "G1 X5"], "X:5.00 Y:0.00 Z:0.00 E:0.00"),
        (["G20", "G1 X1"], "X:25.40 Y:0.00 Z:0.00 E:0.00"),
        (["G1X10Y20Z.5"], "X:10.00 Y:20.00 Z:0.50 E:0.00"),
        (["G1 X-10 Y9999"], "X:0.00 Y:210.00 Z:0.00 E:0.00"),
        (["G0 X10", "G2 X20 Y0 I5 J0"], "X:20.00 Y:0.00 Z:0.00 E:0.00"),
    ],
)
def test_where_moves_lead(lines: list[str], place: str) -> None:
    talk = Talk(Virtual(speed=1e6))
    for line in lines:
        talk.say(line)
        talk.wait(0.1)
    assert talk.say("M114")[0].startswith(place)


@pytest.mark.parametrize("line", ["G2 X100 Y100 I10 J0", "G3 X100 Y100 I10 J0"])
def test_a_whole_circle_takes_its_way(line: str) -> None:
    talk = Talk()
    talk.say("G0 X100 Y100 F30000", "M400")
    talk.until("ok")
    talk.wait(30)
    began = talk.now
    talk.say(f"{line} F600", "M400")
    talk.until("ok")
    talk.until("ok")
    assert talk.now - began == pytest.approx(2 * pi, rel=0.1)


def test_a_tool_that_is_not_there_is_refused() -> None:
    assert Talk().say("T1") == ["echo:T1 Invalid extruder", "ok"]
    assert Talk(Virtual(hotends=2)).say("T1") == ["echo:Active Extruder: 1", "ok"]


def test_m410_forgets_the_moves() -> None:
    talk = Talk()
    talk.say("G1 X100 F60", "M400")
    assert talk.say("M410") == ["ok", "ok"]


def test_m600_waits_for_hours_and_says_so() -> None:
    talk = Talk()
    assert talk.say("M600") == ["//action:paused filament_change"]
    said = talk.wait(3600, step=10)
    assert "//action:prompt_begin Nozzle Parked" in said
    assert said.count("echo:busy: paused for user") > 1700
    assert "ok" not in said
    talk.say("M876 S0")
    assert "//action:resumed" in talk.until("ok")


@pytest.mark.parametrize("answer", ["M108", "M876 S0"])
def test_m0_waits_for_an_answer(answer: str) -> None:
    talk = Talk()
    talk.say("M0 Look here")
    assert "//action:prompt_begin Look here" in talk.heard
    assert talk.wait(10).count("echo:busy: paused for user") == 5
    assert talk.say(answer)[-1] == "ok"


def test_somebody_may_answer_by_themselves() -> None:
    talk = Talk(Virtual(user=30.0))
    talk.say("M1")
    began = talk.now
    talk.until("ok")
    assert talk.now - began == pytest.approx(30.0, abs=0.5)


def test_m0_with_a_time_waits_no_longer() -> None:
    talk = Talk()
    talk.say("M0 S5")
    began = talk.now
    talk.until("ok")
    assert talk.now - began == pytest.approx(5.0, abs=0.5)


def test_cold_extrusion_is_prevented_when_asked_for() -> None:
    talk = Talk(Virtual(min_extrude=170))
    assert talk.say("G1 X10 E5") == ["echo: cold extrusion prevented", "ok"]
