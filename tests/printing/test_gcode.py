"""G-code lines: what is stripped, what is a command, what is a number."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.gcode import EVENTS, LARGEST, Command, command, is_host_command, strip


@pytest.mark.parametrize(
    ("line", "text"),
    [
        ("G1 X10 ; to the left", "G1 X10"),
        ("; only a comment", ""),
        ("  G28\t\r\n", "G28"),
        (r"M117 five \; six ; seven", r"M117 five \; six"),
        (r"M117 a backslash \\; and a comment", r"M117 a backslash \\"),
        ("G1 (fast) X5 (left)", "G1   X5"),
        ("G1 X5 (left open", "G1 X5"),
        ("(a line of its own)", ""),
        ("M117 Layer (3 of 9)", "M117 Layer (3 of 9)"),
        ("M23 part(1).gco", "M23 part(1).gco"),
        ("SET_PIN VALUE=(1)", "SET_PIN VALUE=(1)"),
        ("N12 G1 X5*71", "G1 X5"),
        ("n12G1 X5 * 71", "G1 X5"),
        ("N-1 M110 N-1*125", "M110 N-1"),
        ("NOZZLE_WIPE", "NOZZLE_WIPE"),
        ("G1 X5\x00G1 X900", "G1 X5"),
        ("G1 X5\nM112", "G1 X5"),
        ("G1\x18X5", "G1 X5"),
        ("", ""),
    ],
)
def test_what_is_no_command_goes(line: str, text: str) -> None:
    assert strip(line) == text


@pytest.mark.parametrize(
    ("line", "code", "sub"),
    [
        ("G28", "G28", 0),
        ("g1x10y20", "G1", 0),
        ("G01 X5", "G1", 0),
        ("G 1 X5", "G1", 0),
        ("M300.1 S440", "M300", 1),
        ("T1", "T1", 0),
        ("T01", "T1", 0),
        ("N4 T0*33", "T0", 0),
        ("T?", "", 0),
        ("TURN_OFF", "", 0),
        ("G", "", 0),
        ("G1000000", "", 0),
        ("START_PRINT BED=60", "", 0),
        ("F1800", "", 0),
        ("@pause", "", 0),
        ("", "", 0),
    ],
)
def test_a_command_is_known_by_its_letter_and_number(line: str, code: str, sub: int) -> None:
    found = command(line)
    assert (found.code, found.sub) == (code, sub)


@pytest.mark.parametrize(
    ("line", "letter", "number"),
    [
        ("G1 X10Y-20.5", "Y", -20.5),
        ("G1 X.5", "X", 0.5),
        ("G1 X5.", "X", 5.0),
        ("G1 X+5", "X", 5.0),
        ("G1 X - 5", "X", None),
        ("G1 x 5", "X", 5.0),
        ("G1 X1 X2", "X", 2.0),
        ("G1 X1E3", "X", 1.0),
        ("G1 X1E3", "E", 3.0),
        ("G1 X1e30", "E", 30.0),
        ("G1 Xnan", "X", None),
        ("G1 Xinf", "X", None),
        ("G1 X1_0", "X", 1.0),
        ("G1 X99999999999999999999", "X", None),
        ("G1 X1.2.3", "X", 1.2),
        ("G28 X", "X", None),
        ("M117 X5", "X", None),
        ('M587 S"X9" P2', "X", None),
        ('M587 S"X9" P2', "P", 2.0),
        ("M300.5 S1", "S", 1.0),
        ("X5", "X", None),
    ],
)
def test_a_number_stands_behind_its_letter(line: str, letter: str, number: float | None) -> None:
    assert command(line).number(letter) == number


def test_a_bare_parameter_is_there_without_a_number() -> None:
    home = command("G28 XY")
    assert home.has("X")
    assert home.has("Y")
    assert not home.has("Z")
    assert not home.has("G")


def test_a_message_has_no_parameters() -> None:
    assert not command("M117 Extruding").has("E")


def test_host_commands_begin_with_an_at_sign() -> None:
    assert is_host_command("@pause")
    assert not is_host_command("G1 @pause")


def test_each_command_of_the_seed_has_its_event() -> None:
    seeds = ["PowerOn", "PowerOff", "Home", "Waiting", "Cooling", "Alert", "Conveyor", "Eject", "EStop"]
    assert set(seeds) <= set(EVENTS.values())
    assert EVENTS[command("M300.1").code] == "Alert"


@given(st.text())
def test_any_line_has_a_value(line: str) -> None:
    found = command(line)
    assert not set(found.text) & {"\0", "\r", "\n"}
    assert len(found.text) <= len(line)
    for letter in "XYZEFS":
        number = found.number(letter)
        assert number is None or (abs(number) <= LARGEST and found.has(letter))


@given(st.text(alphabet="GMTXYZEF0123456789.-+ ;()\\*N\"'e\0\n\t", max_size=60))
def test_any_line_of_its_letters_has_a_value(line: str) -> None:
    found = command(line)
    assert isinstance(found, Command)
    assert ";" not in found.text.replace("\\;", "")
    for letter in "XYZEF":
        found.number(letter)


@pytest.mark.parametrize("start", ["", "G1 X", "M117 ", "N1 G1 X"])
@pytest.mark.parametrize(
    "fill", ["9", ".", "X", "X ", "(", "N", "*1", "\\", " ", '"', "G1", "\x00", "é", "-"]
)
def test_a_line_of_a_megabyte_takes_no_longer_for_its_length(start: str, fill: str) -> None:
    def seconds(size: int) -> float:
        line = start + fill * (size // len(fill))
        begun = time.process_time()
        command(line).number("X")
        return time.process_time() - begun

    assert seconds(400_000) < 20 * max(seconds(40_000), 0.01)
