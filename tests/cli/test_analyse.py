"""`callboard files analyse`, of a file that lies here and of one on the hub."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell

GCODE = "; filament_diameter = 1.75\nG28\nG1 Z0.2 F600\n" + "".join(
    f"G1 X{10 + n % 2 * 50} Y{10 + n} E{n * 10}\n" for n in range(1, 50)
)


@pytest.fixture
def part(tmp_path: Path) -> Path:
    path = tmp_path / "part.gcode"
    path.write_text(GCODE)
    return path


def test_a_file_that_lies_here_needs_no_hub(tmp_path: Path, part: Path) -> None:
    found = Shell(tmp_path / "nothing").run("files", "analyse", str(part))
    assert (found.code, found.err) == (0, "")
    assert found.out == (
        "time      4:06\n"
        "filament  0.49 m, 1.2 cm³\n"
        "size      60.0 x 59.0 x 0.2 mm\n"
        "place     X 0.0 to 60.0, Y 0.0 to 59.0, Z 0.0 to 0.2\n"
        "layers    1\n"
    )


def test_acceleration_and_json(tmp_path: Path, part: Path) -> None:
    shell = Shell(tmp_path / "nothing")
    usual = json.loads(shell.run("files", "analyse", str(part), "--json").out)
    real = json.loads(shell.run("files", "analyse", str(part), "--json", "--acceleration").out)
    assert real["estimatedPrintTime"] > usual["estimatedPrintTime"]
    assert {**real, "estimatedPrintTime": 0, "timeline": 0} == {
        **usual,
        "estimatedPrintTime": 0,
        "timeline": 0,
    }


@pytest.mark.parametrize(("text", "said"), [("solid cube\n", "is G-code"), ("GCDE\0", "binary G-code")])
def test_what_is_no_gcode_is_refused_in_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "model.gcode"
    path.write_text(text)
    found = Shell(tmp_path / "nothing").run("files", "analyse", str(path))
    assert (found.code, found.out) == (1, "")
    assert said in found.err
    assert found.err.count("\n") == 1


def test_a_print_of_nothing_says_so(tmp_path: Path) -> None:
    path = tmp_path / "empty.gcode"
    path.write_text("G28\n")
    found = Shell(tmp_path / "nothing").run("files", "analyse", str(path))
    assert found.out == "print     nothing: no material is laid\n"


def test_acceleration_is_for_files_that_lie_here(tmp_path: Path) -> None:
    found = Shell(tmp_path / "nothing").run("files", "analyse", "missing.gcode", "--acceleration")
    assert found.code == 2
    assert "no file of this machine" in found.err


def test_a_file_on_the_hub_is_analysed_there(shell: Shell, part: Path) -> None:
    assert shell.run("files", "upload", str(part), "--to", "sub/one.gcode").code == 0
    found = shell.run("files", "analyse", "sub/one.gcode", "--json")
    assert found.code == 0, found.err
    assert json.loads(found.out)["filament"]["tool0"]["length"] == 490.0
    missing = shell.run("files", "analyse", "sub/other.gcode")
    assert missing.code == 1
    assert "sub/other.gcode" in missing.err


def test_a_file_on_the_hub_that_is_no_gcode_fails(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "words.gcode"
    path.write_text("only words\n")
    assert shell.run("files", "upload", str(path)).code == 0
    found = shell.run("files", "analyse", "words.gcode")
    assert found.code == 1
    assert "log" in found.err
