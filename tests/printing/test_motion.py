"""Heights, layers and tools, from a job's lines alone."""

from __future__ import annotations

import gzip
import json
import math
from collections.abc import Iterable
from pathlib import Path
from typing import TypeVar

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.printing.gcode import command
from callboard.printing.motion import Change, LayerChange, Motion, ToolChange, ZChange, count_layers

SLICED = Path(__file__).parent / "sliced"
ROWS: dict[str, dict[str, int]] = json.loads((SLICED / "layers.json").read_text())

Kind = TypeVar("Kind", ZChange, LayerChange, ToolChange)


def fed(text: str, motion: Motion | None = None) -> list[Change]:
    """Return all that changes over the lines of `text`; `/` stands for a line's end."""
    motion = motion or Motion()
    return [change for line in text.replace("/", "\n").splitlines() for change in motion.feed(command(line))]


def only(kind: type[Kind], changes: Iterable[Change]) -> list[Kind]:
    return [change for change in changes if isinstance(change, kind)]


def heights(text: str) -> list[tuple[float | None, float]]:
    return [(change.old, change.new) for change in only(ZChange, fed(text))]


def layers(text: str) -> list[tuple[int, float]]:
    """Return the layers of a whole job."""
    motion = Motion()
    found = [*only(LayerChange, fed(text, motion)), *motion.end()]
    return [(change.layer, change.z) for change in found]


def square(z: float, *, at: float = 50, size: float = 20) -> str:
    """Return a square laid at `z`, extruder relative."""
    far = at + size
    return "\n".join(
        [
            f"G0 X{at} Y{at} Z{z}",
            f"G1 X{far} Y{at} E1",
            f"G1 X{far} Y{far} E1",
            f"G1 X{at} Y{far} E1",
            f"G1 X{at} Y{at + 1} E1",
        ]
    )


def spiral(low: float, high: float, *, height: float, radius: float = 10, steps: int = 90) -> str:
    """Return a wall that rises by `height` a turn, from `low` to `high`."""
    lines = []
    for at in range(1, round((high - low) / height * steps) + 1):
        turn = 2 * math.pi * at / steps
        x, y = 50 + radius * math.cos(turn), 50 + radius * math.sin(turn)
        lines.append(f"G1 X{x:.3f} Y{y:.3f} Z{low + at * height / steps:.3f} E0.1")
    return "\n".join(lines)


@pytest.mark.parametrize("name", ROWS)
def test_the_layers_are_the_slicers_own(name: str) -> None:
    text = gzip.decompress((SLICED / f"{name}.gcode.gz").read_bytes()).decode()
    bare = "\n".join(line.partition(";")[0] for line in text.splitlines())
    found = layers(bare)
    expected = ROWS[name]["layers"] + ROWS[name]["purges"]
    assert [number for number, _ in found] == list(range(1, expected + 1))
    assert count_layers(bare.splitlines()) == expected


def test_three_slicers_made_them() -> None:
    assert {str(row["slicer"]) for row in ROWS.values()} == {"prusa-slicer", "slic3r", "CuraEngine"}


def test_a_height_changes_once_for_each_number() -> None:
    assert heights("G1 Z0.2/G1 X5/G1 Z0.20/G1 Z.2 X9/G0 Z0.4") == [(None, 0.2), (0.2, 0.4)]


def test_relative_heights_are_summed() -> None:
    assert heights("G1 Z0.6/G91/G1 Z0.3/G90/G1 Z0.9/G1 Z0.2") == [(None, 0.6), (0.6, 0.9), (0.9, 0.2)]


def test_a_hop_up_and_down_in_relative_mode_comes_back_to_the_same_height() -> None:
    assert heights("G1 Z0.3/G91/G1 Z0.1/G1 Z-0.1/G90/G1 Z0.3") == [(None, 0.3), (0.3, 0.4), (0.4, 0.3)]


def test_nothing_rises_by_a_relative_move_of_none() -> None:
    assert heights("G1 Z1/G91/G1 Z0 X5") == [(None, 1.0)]


def test_g92_renames_the_height_without_a_change() -> None:
    assert heights("G1 Z10/G92 Z0/G1 Z0.2/G92/G1 Z0") == [(None, 10.0), (0.0, 0.2)]


def test_home_is_at_0_without_a_change() -> None:
    assert heights("G1 Z10/G28/G1 Z5") == [(None, 10.0), (0.0, 5.0)]


def test_homing_other_axes_leaves_the_height() -> None:
    assert heights("G1 Z10/G28 X Y/G1 Z5") == [(None, 10.0), (10.0, 5.0)]


def test_inches_become_millimetres() -> None:
    assert heights("G20/G1 Z1/G91/G1 Z1/G21/G1 Z-25.4") == [(None, 25.4), (25.4, 50.8), (50.8, 25.4)]


def test_a_helix_changes_the_height() -> None:
    assert heights("G1 Z1/G2 I5 J0 Z2") == [(None, 1.0), (1.0, 2.0)]


def test_a_new_job_knows_no_height() -> None:
    assert heights("G1 Z1") == heights("G1 Z1") == [(None, 1.0)]


def test_a_message_moves_nothing() -> None:
    assert fed("M117 G1 Z5/; G1 Z5/(G1 Z5)/@G1 Z5//M204 Z5") == []


def test_the_position_is_that_of_the_file() -> None:
    motion = Motion()
    fed("G28/T1/M83/G1 X10 Y20 Z0.3 E1.5 F1800/G91/G1 X-1/G1 E2/M82/G90/G92 E7", motion)
    assert motion.position == {"x": 9.0, "y": 20.0, "z": 0.3, "e": 7.0, "t": 1, "f": 1800.0}
    assert motion.z == 0.3


def test_another_tool_is_told_once() -> None:
    assert fed("T0/T0/T1/G1 X5/T0") == [ToolChange(None, 0), ToolChange(0, 1), ToolChange(1, 0)]


def test_a_layer_is_where_material_is_laid() -> None:
    assert layers("M83/G1 Z5/" + square(0.2) + "\nG1 Z9\n" + square(0.4)) == [(1, 0.2), (2, 0.4)]


def test_a_hop_of_a_layers_height_is_no_layer() -> None:
    hop = "\nG1 E-1\nG1 Z0.4\nG0 X60 Y60\nG1 Z0.2\nG1 E1\nG1 X62 E0.1\n"
    assert layers("M83\n" + square(0.2) + hop + square(0.4)) == [(1, 0.2), (2, 0.4)]


def test_a_purge_in_one_spot_and_a_wipe_are_no_layer() -> None:
    text = "M83\n" + square(0.2) + "\nG1 Z5\nG1 E20\nG1 X80 E-2\nG1 X40\nG10\nG11\n" + square(0.4)
    assert layers(text) == [(1, 0.2), (2, 0.4)]


def test_absolute_extrusion_counts_from_g92() -> None:
    text = "G1 Z.2/G1 X0 Y0/G1 X20 E5/G1 Y20 E9/G1 Z.4/G1 X0/G92 E0/G1 Y0 E1/G1 Z.6/G1 X9 E-1/G1 X0 E-2"
    assert layers(text) == [(1, 0.2), (2, 0.4)]


def test_extrusion_is_relative_in_either_relative_mode() -> None:
    one = "G1 X0 Y0 Z0.2/G91/G1 X20 E2/G1 Y20 E1/G1 Z0.2/G1 X-20 E1/G90"
    other = "G1 X0 Y0 Z0.2/M83/G1 X20 E2/G1 Y20 E1/G1 Z0.4/G1 X0 E1"
    assert layers(one) == layers(other) == [(1, 0.2), (2, 0.4)]


def test_a_line_without_spaces_and_one_in_inches_lay_the_same() -> None:
    one = "G1Z0.254/G1X0Y0/G1X254E2/G1Y254E3/G1Z.508/G1X0E4"
    other = "G20/G1 Z.01/G1 X0 Y0/G1 X10 E1/G1 Y10 E2/G1 Z.02/G1 X0 E3"
    assert layers(one) == layers(other) == [(1, 0.254), (2, 0.508)]


def test_a_full_circle_is_laid_though_it_ends_where_it_began() -> None:
    circle = "G2 X50 Y50 I10 J0 E5"
    assert layers(f"M83/G0 X50 Y50 Z0.2/{circle}/G0 Z0.4/{circle}") == [(1, 0.2), (2, 0.4)]


def test_a_prime_line_above_the_first_layer_is_no_layer() -> None:
    prime = "G28\nM83\nG1 X1 Y20 Z0.3\nG1 Y180 E15\nG1 X1.4\nG1 Y20 E15\nG1 Z2\n"
    assert layers(prime + square(0.2) + "\n" + square(0.4)) == [(1, 0.2), (2, 0.4)]


def test_a_prime_line_below_the_first_layer_is_no_layer() -> None:
    prime = "G28\nM83\nG1 Y-3 Z0.2\nG1 X60 E9\nG1 X100 E12\nG92 E0\n"
    assert layers(prime + square(0.35) + "\n" + square(0.55)) == [(1, 0.35), (2, 0.55)]


def test_a_prime_line_before_any_height_is_no_layer() -> None:
    assert layers("M83\nG1 X1 Y-2\nG1 X60 E9\n" + square(0.2)) == [(1, 0.2)]


def test_a_prime_line_at_the_height_of_the_first_layer_is_part_of_it() -> None:
    prime = "M83\nG1 X1 Y20 Z0.2\nG1 Y180 E15\n"
    assert layers(prime + square(0.2) + "\n" + square(0.4)) == [(1, 0.2), (2, 0.4)]


def test_a_thin_wall_has_all_its_layers() -> None:
    walls = [f"G0 X50 Y50 Z{z}/G1 X90 E1/G1 Y50.5/G1 X50 E1" for z in (0.2, 0.4, 0.6)]
    assert layers("M83/" + "/".join(walls)) == [(1, 0.2), (2, 0.4), (3, 0.6)]


def test_a_job_of_one_line_has_one_layer_at_its_end() -> None:
    assert layers("M83/G1 X5 Y5 Z0.2/G1 X50 E3") == [(1, 0.2)]
    assert count_layers(["M83", "G1 X5 Y5 Z0.2", "G1 X50 E3"]) == 1


def test_the_first_layer_is_told_as_soon_as_it_is_more_than_a_line() -> None:
    first, *_ = only(LayerChange, fed("M83/G0 X5 Y5 Z0.2/G1 X50 E3/G1 Y50 E3"))
    assert first == LayerChange(1, 0.2)


def test_what_was_laid_in_the_air_counts_anew() -> None:
    text = "M83\n" + square(0.6, at=5, size=15) + "\n" + square(0.2) + "\n" + square(0.4)
    assert layers(text) == [(1, 0.6), (1, 0.2), (2, 0.4)]


def test_objects_one_after_another_count_on() -> None:
    text = "M83\n" + "\n".join(square(z, at=at) for at in (20, 60) for z in (0.2, 0.4, 0.6))
    assert [number for number, _ in layers(text)] == [1, 2, 3, 4, 5, 6]


def test_an_object_with_a_higher_first_layer_is_found_by_its_second() -> None:
    second = [square(z, at=60) for z in (0.35, 0.55, 0.75)]
    text = "M83\n" + "\n".join([*(square(z) for z in (0.2, 0.4, 0.6, 0.8)), *second])
    assert layers(text)[4:] == [(5, 0.35), (6, 0.55), (7, 0.75)]


def test_a_tower_that_lags_behind_is_no_layer() -> None:
    tower = [(2.0, 0.4), (2.2, 0.6), (2.4, 0.8)]
    text = "M83\n" + "\n".join(square(z / 5) for z in range(1, 10)) + "\n"
    text += "\n".join(square(z) + "\n" + square(low, at=90) + "\n" + square(z) for z, low in tower)
    assert [number for number, _ in layers(text)] == list(range(1, 13))


def test_a_spiral_has_a_layer_for_each_turn() -> None:
    text = "M83\n" + square(0.3) + "\n" + square(0.5) + "\nG0 X60 Y50\n" + spiral(0.5, 10.5, height=0.2)
    assert len(layers(text)) == 2 + 50


@pytest.mark.parametrize("height", [0.1, 0.15, 0.25, 0.4])
def test_a_spiral_on_one_other_layer_is_measured_by_its_first_turn(height: float) -> None:
    ring = "\n".join(f"G1 X{x} Y{y} E1" for x, y in ((50, 60), (40, 50), (50, 40), (60, 50)))
    text = f"M83\nG0 X60 Y50 Z0.2\n{ring}\n" + spiral(0.2, 0.2 + 40 * height, height=height)
    assert len(layers(text)) == 1 + 40


def test_a_spiral_from_the_bed_is_measured_by_its_first_turn() -> None:
    assert len(layers("M83\nG0 X60 Y50 Z0\n" + spiral(0, 6, height=0.3))) == 20


def test_a_climb_that_never_closes_counts_by_the_first_layer() -> None:
    away = "\n".join(f"G1 X{60 + at} Y50 Z{0.2 + at * 0.01:.3f} E1" for at in range(1, 300))
    assert 9 <= len(layers("M83\n" + square(0.2) + "\nG0 X60 Y50\n" + away)) <= 16


def test_a_ramp_to_a_level_wall_is_one_layer() -> None:
    def ramped(low: float, high: float) -> str:
        mid = round((low + high) / 2, 3)
        ramp = f"G0 X50 Y50 Z{low}\nG1 X55 Z{mid} E1\nG1 X60 Z{high} E1\n"
        return ramp + square(high) + "\n" + ramp.replace("X", "Y1 X")

    walls = [ramped(round(0.2 + at * 0.15, 3), round(0.35 + at * 0.15, 3)) for at in range(10)]
    assert len(layers("M83\n" + square(0.2) + "\n" + "\n".join(walls))) == 11


def test_a_climb_has_at_most_a_layer_for_each_move() -> None:
    text = "M83\n" + square(0.2) + "\n" + square(0.4) + "\nG1 X60 Y60 Z100 E5\nG1 X50 Y60 Z200 E5"
    assert len(layers(text)) <= 4


PARAMETER = st.tuples(
    st.sampled_from("XYZEFIJRSP"),
    st.one_of(
        st.decimals(-1000, 1000, places=3).map(str),
        st.sampled_from(["", "-", "1e30", "nan", "99999999999999999", ".", "-.5", "5.", " 7"]),
    ),
).map("".join)
MOVES = st.sampled_from(["G0", "G1", "G2", "G3", "G5", "G01", "g1"])
MODES = st.sampled_from(["G90", "G91", "G20", "G21", "G28", "G92", "M82", "M83", "T0", "T1", "G10", "G92.1"])
LINES = st.tuples(
    st.one_of(MOVES, MOVES, MODES), st.lists(PARAMETER, max_size=4), st.sampled_from(["", " "])
).map(lambda parts: parts[0] + "".join(parts[2] + parameter for parameter in parts[1]))


@given(st.lists(LINES, max_size=60))
def test_whatever_a_file_says_changes_are_in_order(lines: list[str]) -> None:
    motion = Motion()
    last = 0
    for line in lines:
        for change in motion.feed(command(line)):
            if isinstance(change, ZChange):
                assert change.old is None or change.new != change.old
                assert change.new == motion.z
                assert math.isfinite(change.new)
            if isinstance(change, LayerChange):
                assert change.layer in {1, last + 1}
                last = change.layer
    assert count_layers(lines) >= last


@given(st.lists(LINES, max_size=40))
def test_spaces_and_comments_change_nothing(lines: list[str]) -> None:
    spaced = [line.replace(" ", "").replace("X", "  X ") + " ; (Z5) G1 Z9" for line in lines]
    plain = [line.replace(" ", "") for line in lines]
    assert fed("\n".join(spaced)) == fed("\n".join(plain))


@given(st.lists(st.tuples(*[st.integers(-9999, 9999)] * 3), min_size=1, max_size=30), st.booleans())
def test_a_job_in_relative_moves_changes_what_the_absolute_one_does(
    points: list[tuple[int, int, int]], inches: bool
) -> None:
    absolute, relative, last = ["M83", "G92"], ["M83", "G92", "G91"], (0, 0, 0)
    for point in points:
        steps = [now - before for now, before in zip(point, last, strict=True)]
        absolute.append("G1 X{} Y{} Z{} E1".format(*(value / 100 for value in point)))
        relative.append("G1 X{} Y{} Z{} E1".format(*(value / 100 for value in steps)))
        last = point
    if inches:
        absolute, relative = ["G20", *absolute], ["G20", *relative]

    def rounded(lines: list[str]) -> list[tuple[float, ...]]:
        changes = fed("\n".join(lines))
        found = [
            (c.new, c.old or 0.0) if isinstance(c, ZChange) else (c.layer, c.z)
            for c in changes
            if not isinstance(c, ToolChange)
        ]
        return [tuple(round(value, 3) for value in pair) for pair in found]

    assert rounded(absolute) == rounded(relative)
