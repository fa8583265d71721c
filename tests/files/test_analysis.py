"""What a G-code file will do, as the analysis tells it: rules by files of a few lines, and slicers' files."""

from __future__ import annotations

import base64
import gzip
import json
import math
import re
import subprocess
import sys
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from callboard.files.analysis import USUAL, Analyser, Analysis, NotGcode, analyse

SLICED = Path(__file__).parent.parent / "printing" / "sliced"


@pytest.fixture
def of(tmp_path: Path) -> Any:
    def of(text: str | bytes, options: Analyser = USUAL, block: int = 1 << 19) -> Analysis:
        path = tmp_path / "some.gcode"
        path.write_bytes(text.encode() if isinstance(text, str) else text)
        return analyse(path, options, block=block)

    return of


def test_a_print_has_its_time_filament_and_place(of: Any) -> None:
    found = of("; filament_diameter = 1.75\nG28\nG1 Z0.2 F600\nG1 X10 Y5\nG1 X20 E1\nG1 X20 Y25 E3\n")
    assert found.result() == {
        "estimatedPrintTime": pytest.approx(0.02 + math.hypot(10, 5) / 10 + 1 + 2, abs=1e-3),
        "filament": {
            "tool0": {"length": 3.0, "volume": pytest.approx(3 * math.pi * 0.875**2 / 1000, abs=1e-6)}
        },
        "printingArea": {"minX": 10, "minY": 5, "minZ": 0, "maxX": 20, "maxY": 25, "maxZ": 0.2},
        "travelArea": {"minX": 0, "minY": 0, "minZ": 0, "maxX": 20, "maxY": 25, "maxZ": 0.2},
        "dimensions": {"width": 10, "depth": 20, "height": 0.2},
        "travelDimensions": {"width": 20, "depth": 25, "height": 0.2},
        "layers": 1,
        "timeline": list(found.timeline),
    }


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("G1 X60 F600", 6.0),
        ("G1 X600", 6.0),  # nothing said how fast
        ("G1 X10 F0\nG1 X70 F600", 6.1),  # no speed changes nothing
        ("G1 F300\nG1 X10", 2.0),
        ("G1 E30 F600", 3.0),
        ("G1 X3 E30 F600", 3.0),  # the longer of way and filament
        ("G1 X3 Y4 Z12 F780", 1.0),
        ("G4 P1500\nG4 S2", 3.5),
        ("G4 P1500 S2", 2.0),
        ("G20\nG1 X1 F60", 1.0),  # an inch at an inch a second
        ("G28\nG92 X100\nG1 X110 F600", 1.0),
        ("G1 X10 F600\nG28\nG1 X10", 2.0),  # the way home is the firmware's
        ("G1 X10 F600\nG2 X20 I5 J0", 1 + math.pi * 5 / 10),
        ("G1 X10 F600\nG2 X10 Y0 I5 J0", 1 + math.tau * 5 / 10),
        ("G1 X10 F600\nG2 X10 Y0 I5 J0 P2", 1 + 3 * math.tau * 5 / 10),
        ("G1 X10 F600\nG3 X15 Y-5 R5", 1 + math.pi * 2.5 / 10),
        ("G1 X10 F600\nG3 X15 Y-5 R-5", 1 + math.pi * 7.5 / 10),
        ("G1 X10 F600\nG2 X20 I0 J0", 2.0),  # no arc without a radius
        ("M207 S3 F600\nM208 S1 F1200\nG10\nG10\nG11\nG11", 0.3 + 0.2),
        ("G10 P1 S200", 0.0),  # a temperature, elsewhere
    ],
)
def test_time_is_the_way_at_its_speed(of: Any, text: str, seconds: float) -> None:
    assert of(text).estimated_print_time == pytest.approx(seconds, abs=1e-3)


@pytest.mark.parametrize(
    ("text", "lengths"),
    [
        ("G1 X10 E5\nG1 E2\nG1 X20 E4\nG1 X30 E5", [5]),  # what is drawn back counts once
        ("M83\nG1 X10 E5\nG1 E-2\nG1 E2\nG1 X20 E5", [10]),
        ("G1 X10 E5\nG92 E0\nG1 X20 E5", [10]),
        ("G1 X10 E5\nG92\nG1 X20 E5", [10]),
        ("G1 E-5\nG1 X10 E0\nG1 X20 E3", [3]),
        ("G91\nG1 X10 E1\nG1 X10 E1", [2]),  # G91 is for E too
        ("G91\nM82\nG1 X10 E1\nG1 X10 E1", [2]),
        ("M83\nG91\nG90\nG1 X10 E1\nG1 X20 E1", [2]),
        ("M83\nG1 X10 E1\nM82\nG1 X20 E1.5", [1.5]),
        ("G20\nG1 X1 E1", [25.4]),
        ("M207 S3\nM208 S1\nG1 X10 E5\nG10\nG1 X20\nG11\nG1 X30 E10", [11]),
        ("G1 X10 E5\nT1\nG92 E0\nG1 X20 E5\nT0\nG92 E0\nG1 X30 E7", [12, 5]),
        ("T0\nG1 X10 E5\nT1000\nG1 X20 E6", [6]),  # no such tool
        ("M605 S2\nG1 X10 E5\nM605 S0\nG1 X20 E7", [7, 5]),
        ("M605 S3\nG1 X10 E5\nM605\nG1 X20 E7", [7, 5]),
    ],
)
def test_filament_is_the_most_that_was_pushed(of: Any, text: str, lengths: list[float]) -> None:
    used = of(text).filament
    assert [used[f"tool{tool}"]["length"] for tool in range(len(used))] == pytest.approx(lengths)


def test_g90_sets_the_mode_of_the_extruder_only_by_option(of: Any) -> None:
    text = "M83\nG1 X10 E1\nG90\nG1 X20 E1.5"
    assert of(text).filament["tool0"]["length"] == 2.5
    assert of(text, Analyser(g90_extruder=True)).filament["tool0"]["length"] == 1.5


@pytest.mark.parametrize(
    ("text", "area"),
    [
        ("G1 X5 Y5\nG1 Z3 E1", (5, 5, 0, 5, 5, 3)),
        ("G1 X-10 Y-5 E1\nG1 X5 E2", (-10, -5, 0, 5, 0, 0)),
        ("G1 Z-1 X5 E1", (0, 0, -1, 5, 0, 0)),
        ("G91\nG1 X10 E1\nG1 X10 E1", (0, 0, 0, 20, 0, 0)),
        ("G1 X10 Y10\nG92 X0 Y0\nG1 X10 E1", (0, 0, 0, 10, 0, 0)),
        ("G1 X10 Y10 Z5\nG28 X\nG1 Y20 E1", (0, 10, 0, 0, 20, 5)),
        ("G1 X10 Y10 Z5\nG28\nG1 Y20 E1", (0, 0, 0, 0, 20, 0)),
        ("G20\nG1 X1 E1", (0, 0, 0, 25.4, 0, 0)),
        ("G20\nG1 X1\nG21\nG1 X2 E1", (2, 0, 0, 25.4, 0, 0)),
        ("G1 X10\nG2 X20 I5 J0 E1", (10, 0, 0, 20, 5, 0)),
        ("G1 X10\nG3 X20 I5 J0 E1", (10, -5, 0, 20, 0, 0)),
        ("G1 X10 Y10\nG2 X10 Y10 I5 J0 E1", (10, 5, 0, 20, 15, 0)),
        ("G1 X10\nG2 X15 Y5 I5 J0 E1", (10, 0, 0, 15, 5, 0)),
        ("G91\nG1 X10\nG2 X5 Y5 I5 J0 E1", (10, 0, 0, 15, 5, 0)),
        ("G1X10Y20E1F600", (0, 0, 0, 10, 20, 0)),
        ("g1 x10 y20 e1", (0, 0, 0, 10, 20, 0)),
        ("G1 X 10 Y\t20 E1", (0, 0, 0, 10, 20, 0)),
        ("G1 X10 (Y99) E1 ; Y98", (0, 0, 0, 10, 0, 0)),
        ("N12 G1 X10 E1*34\nN13G1X20E2*7", (0, 0, 0, 20, 0, 0)),
        ("\ufeffG1 X10 E1\r\nG1 X20 E2\r\n", (0, 0, 0, 20, 0, 0)),
        ("G1 X1 X10 E1", (0, 0, 0, 10, 0, 0)),
        ("G01 X10 E1\nG001 X20 E2\nG1.0 X30 E3", (0, 0, 0, 30, 0, 0)),
        ("G1 X+10 Y-.5 E1", (0, -0.5, 0, 10, 0, 0)),
        ("G1 X10 E1\nG1 X Y5 E2", (0, 0, 0, 10, 5, 0)),
        ("G1 X1e30 Y5\nG1 X2", (0, 0, 0, 1, 5, 0)),  # as firmwares read it: X1 E30
        ("G1 X1" + 30 * "0" + " Y5 E1", (0, 0, 0, 0, 5, 0)),
        ("G1 X10000000 Y5 E1", (0, 0, 0, 0, 5, 0)),
        ("G1 X12.34567890123456789 E1", (0, 0, 0, 12.345678, 0, 0)),
        ("G1 X1.2.3 Y1-2 Z--5 E1\nG1 X3 E2", (0, 0, 0, 3, 0, 0)),
        ("G1 X.123456. Y.1234567890123. Z1.2.3.4.5.6.7.8 E1\nG1 X3 E2", (0, 0, 0, 3, 0, 0)),
        ("G1 X12345678.12345.789 Y0.1234567.9012345 E1\nG1 X3 E2", (0, 0, 0, 3, 0, 0)),
        ("M117 X50 Y50 E1\nG1 X10 E1", (0, 0, 0, 10, 0, 0)),
        ("G1 X10 E1 ;" + 2_000_000 * "x" + "\nG1 X20 E2", (0, 0, 0, 20, 0, 0)),
        ("G1 X10 E1" + 2_000_000 * " " + "X99\nG1 X20 E2", (0, 0, 0, 20, 0, 0)),
    ],
)
def test_the_place_of_a_print_is_where_it_extrudes(of: Any, text: str, area: tuple[float, ...]) -> None:
    keys = [f"{end}{axis}" for end in ("min", "max") for axis in "XYZ"]
    assert dict(of(text).printing_area) == pytest.approx(dict(zip(keys, area, strict=True)), abs=1e-5)


@pytest.mark.parametrize(
    ("comment", "thickness"),
    [
        ("; filament_diameter = 2.85", 2.85),
        ("; filament_diameter = 1.75,2.85", 1.75),
        (";filament_diameter: 1.75", 1.75),
        (";   filamentDiameters|1.75|2.85", 1.75),
        ("; filamentDiameter,1.75", 1.75),
        ("; filament_diameter = 0\n; filament_diameter = 1.75", 1.75),
        ("M117 filament_diameter = 2.85", 0),
        ("; filament_diameter = 99999", 0),
        (";CURA_PROFILE_STRING:nonsense", 0),
        (
            ";CURA_PROFILE_STRING:"
            + base64.b64encode(
                zlib.compress(b"x=1\x08filament_diameter=2.85\x08filament_diameter2=0")
            ).decode(),
            2.85,
        ),
    ],
)
@pytest.mark.parametrize("where", ["{comment}\n{moves}", "{moves}\n{comment}\n"])
def test_the_filaments_diameter_is_in_a_comment(of: Any, comment: str, thickness: float, where: str) -> None:
    found = of(where.format(comment=comment, moves="G1 X10 E1000"))
    assert found.filament["tool0"]["volume"] == pytest.approx(math.pi * (thickness / 2) ** 2, abs=1e-5)


@pytest.mark.parametrize("text", ["", "\n\n", "; only words\n", "G28\nG1 X5 Y5\n", "G1 X5\nG1 E5\n"])
def test_what_prints_nothing_is_empty(of: Any, text: str) -> None:
    found = of(text).result()
    assert found["_empty"] is True
    assert set(found["printingArea"].values()) | set(found["travelArea"].values()) == {0.0}
    assert found["dimensions"] == {"width": 0.0, "depth": 0.0, "height": 0.0}
    assert found["layers"] == 0


@pytest.mark.parametrize(
    "text",
    [
        b"solid cube\nfacet normal 0 0 0\n",
        b"GCDE\x01\0\0\0",
        b"\x7fELF\0\0\0",
        "G1 X10".encode("utf-16"),
        b"words",
        b"12 13\n",
    ],
)
def test_what_is_no_gcode_is_refused(of: Any, text: bytes) -> None:
    with pytest.raises(NotGcode, match="G-code"):
        of(text)


def test_the_timeline_tells_the_seconds_at_each_percent(of: Any) -> None:
    found = of("".join(f"G1 X{n % 2 * 10} E{n:04} F600\n" for n in range(1, 2001)))
    assert len(found.timeline) == 101
    assert found.timeline[0] == 0.0
    assert found.timeline[50] == pytest.approx(found.estimated_print_time / 2, rel=0.01)
    assert found.timeline[100] == pytest.approx(found.estimated_print_time, abs=0.1)


def test_acceleration_takes_time(of: Any) -> None:
    limits = "M201 X1000 Y1000\nM203 X500\nM204 P1000 T1000\nM205 X10 Y10\n"
    found = of(limits + "G1 X100 E1 F6000", Analyser(acceleration=True))
    assert found.estimated_print_time == pytest.approx(1.0 + 100 / 1000)
    there_and_back = of(limits + "G1 X100 E1 F6000\nG1 X0 E2", Analyser(acceleration=True))
    assert there_and_back.estimated_print_time == pytest.approx(2 * 1.1, rel=0.02)


def test_a_straight_line_in_pieces_takes_as_long_as_whole(of: Any) -> None:
    pieces = "M83\nG1 F6000\n" + "".join(f"G1 X{n} E1\n" for n in range(1, 101))
    whole, cut = of("M83\nG1 X100 E100 F6000", AS_IT_MOVES), of(pieces, AS_IT_MOVES)
    assert cut.estimated_print_time == pytest.approx(whole.estimated_print_time, rel=1e-6)


AS_IT_MOVES = Analyser(acceleration=True)


def names() -> list[str]:
    return sorted(path.name for path in SLICED.glob("*.gcode.gz"))


@pytest.mark.parametrize("name", names())
def test_layers_are_those_of_the_slicer(of: Any, name: str) -> None:
    known = json.loads((SLICED / "layers.json").read_text())[name.partition(".")[0]]
    found = of(gzip.decompress((SLICED / name).read_bytes()))
    assert found.layers == known["layers"] + known.get("purges", 0)


@pytest.mark.parametrize("name", [name for name in names() if name.startswith("prusa")])
def test_time_with_acceleration_is_near_what_prusaslicer_says(of: Any, name: str) -> None:
    text = gzip.decompress((SLICED / name).read_bytes())
    said = re.search(rb"estimated printing time \(normal mode\) = (?:(\d+)h )?(?:(\d+)m )?(\d+)s", text)
    assert said is not None
    hours, minutes, seconds = (int(part or 0) for part in said.groups())
    found = of(text, AS_IT_MOVES).estimated_print_time
    assert found == pytest.approx(3600 * hours + 60 * minutes + seconds, rel=0.04)


@pytest.mark.parametrize("name", names())
@pytest.mark.parametrize("block", [997, 20_011])
def test_blocks_make_no_difference_to_a_slicers_file(of: Any, name: str, block: int) -> None:
    text = gzip.decompress((SLICED / name).read_bytes())
    for options in (USUAL, AS_IT_MOVES):
        assert near(of(text, options, block).result(), of(text, options).result())


def near(one: Any, other: Any) -> bool:
    """Whether two results are the same but for the last digit of sums."""
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(near(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(near, one, other))
    return bool(
        one == pytest.approx(other, rel=1e-6, abs=0.11 if isinstance(one, float) and one > 100 else 1e-3)
    )


WORDS = st.sampled_from(
    [
        *(
            "G0",
            "G1",
            "G1",
            "G1",
            "G2",
            "G3",
            "G4",
            "G5",
            "G10",
            "G11",
            "G20",
            "G21",
            "G28",
            "G90",
            "G91",
            "G92",
        ),
        *(
            "M82",
            "M83",
            "M207",
            "M208",
            "M204",
            "M205",
            "M605",
            "T0",
            "T1",
            "T99",
            "N1 G1",
            "M117",
            "g1",
            "G92.1",
        ),
    ]
)
NUMBERS = st.one_of(
    st.sampled_from(
        ["", "-", ".", "-.", "1.2.3", "+-1", "1e5", "0", "99999999999", "000000000001.5", "1(2)3", "nan"]
    ),
    st.decimals(-500, 500, places=3).map(str),
    st.decimals(-9, 9, places=9).map(str),
    st.text("0123456789.-+", max_size=24),
)
PARAMETERS = st.lists(st.tuples(st.sampled_from("XYZEFIJRPSxe"), NUMBERS).map("".join), max_size=5)
LINES = st.tuples(WORDS, PARAMETERS, st.sampled_from(["", "; X9", " (Y3)", "*12", "\r"]))
PROGRAMS = st.lists(LINES.map(lambda line: f"{line[0]} {' '.join(line[1])}{line[2]}"), max_size=60).map(
    "\n".join
)
NO_DEADLINE = settings(
    deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)


@NO_DEADLINE
@given(program=PROGRAMS, block=st.integers(1, 200))
def test_blocks_make_no_difference(of: Any, program: str, block: int) -> None:
    for options in (USUAL, AS_IT_MOVES):
        try:
            whole = of(program, options).result()
        except NotGcode:
            with pytest.raises(NotGcode):
                of(program, options, block)
        else:
            assert near(of(program, options, block).result(), whole)


@NO_DEADLINE
@given(
    data=st.binary(max_size=400)
    | st.text(alphabet="G01XYZEF.-+; (\n\r\tN*T2M8", max_size=200).map(str.encode)
)
def test_any_bytes_have_a_result_or_are_refused(of: Any, data: bytes) -> None:
    for options in (USUAL, AS_IT_MOVES):
        try:
            found = of(data, options).result()
        except NotGcode:
            continue
        assert finite(found)


def finite(value: Any) -> bool:
    if isinstance(value, dict):
        return all(finite(each) for each in value.values())
    if isinstance(value, list):
        return all(finite(each) for each in value)
    return math.isfinite(value)


@given(st.decimals(-99999, 99999, places=6).map(lambda number: format(number, "f")))
def test_a_number_is_read_as_float_reads_it(number: str) -> None:
    from callboard.files.analysis.tokens import Lines

    _, values = Lines(f"G1 X{number}\n".encode()).numbers("X", 1e6)
    assert values.tolist() == [float(number)]


def test_the_process_tells_progress_and_the_result_in_lines(tmp_path: Path) -> None:
    path = tmp_path / "part.gcode"
    path.write_text("G1 X10 E1\n" * 200_000)
    run = subprocess.run(
        [sys.executable, "-m", "callboard.files.analysis", str(path)], capture_output=True, check=True
    )
    lines = [json.loads(line) for line in run.stdout.splitlines()]
    assert [line["progress"] for line in lines[:-1]] == sorted({line["progress"] for line in lines[:-1]})
    assert lines[-2] == {"progress": 1.0}
    assert lines[-1]["result"]["filament"] == {"tool0": {"length": 1.0, "volume": 0.0}}


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (["{folder}/missing.gcode"], 1, "missing.gcode can't be read: No such file"),
        (["{folder}/model.stl"], 1, "Nothing in this file is G-code"),
        ([], 2, "Use: python -m"),
        (["--settings", "{{", "{folder}/model.stl"], 2, "Use: python -m"),
    ],
)
def test_the_process_says_what_is_wrong_in_one_line(
    tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    (tmp_path / "model.stl").write_text("solid cube\n")
    command = [
        sys.executable,
        "-m",
        "callboard.files.analysis",
        *(word.format(folder=tmp_path) for word in words),
    ]
    run = subprocess.run(command, capture_output=True, text=True)
    assert run.returncode == code
    assert said in run.stdout + run.stderr
    assert "Traceback" not in run.stderr
    said_all = [line for line in (run.stdout + run.stderr).splitlines() if "progress" not in line]
    assert len(said_all) == 1
