"""G-code lines: a value adds no line, no comment, no checksum, no command."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.event import Event
from callboard.hooks.gcode import lines
from callboard.hooks.template import BadTemplate, Refused, Values
from tests.hooks import hostile


def fill(text: str, value: object) -> list[str]:
    values = Values(Event("octoprint.PrintDone", {"v": value}))
    return [line.fill(values) for line in lines(text)]


def test_lines_of_one_text_are_several_lines() -> None:
    assert fill("G28\nM117 {v} done\n\n", "cube") == ["G28", "M117 cube done"]


def test_doubled_braces_are_literal() -> None:
    assert fill("SET_X V={{1}} N={v}", 2) == ["SET_X V={1} N=2"]


@pytest.mark.parametrize("text", ["{v}", "{v} X1", "G{v}", "@{v}"])
def test_an_event_can_not_choose_the_command(text: str) -> None:
    with pytest.raises(BadTemplate, match="choose the G-code command"):
        lines(text)


def test_a_parameter_takes_a_number_only() -> None:
    assert fill("G1 Z{v} F600", 0.3) == ["G1 Z0.3 F600"]
    assert fill("M117 Z{v}", "high") == ["M117 Zhigh"]
    with pytest.raises(Refused, match="takes a number"):
        fill("G1 Z{v}", "0.3 E100")


def check(value: str) -> None:
    try:
        [line] = fill("M117 {v} on {v}", value)
    except Refused:
        return
    assert len(line.splitlines()) == 1
    assert not set(line) & set(";*()\n\r\0")
    assert line.startswith("M117 ")
    assert line.isprintable() or all(
        char.isprintable() or char in " \u2007\xa0" or ord(char) > 127 for char in line
    )


@given(st.text())
def test_any_value_stays_inside_its_line(value: str) -> None:
    check(value)


def test_hostile_values_stay_inside_their_line() -> None:
    for value in hostile.values(10_000):
        check(value)
