"""`callboard virtual-printer`: its switches, its mistakes, and its page."""

import re
import subprocess
import sys
from dataclasses import fields
from pathlib import Path

import pytest
import serial

from callboard.cli.app import run
from callboard.cli.simulated import Body, Conversation, Reached, Troubles
from callboard.printing.virtual import Identity, VirtualPrinter
from callboard.printing.virtual.faulting import names
from callboard.printing.virtual.mishaps import TROUBLES

PAGE = (Path(__file__).parents[3] / "docs" / "virtual-printer.md").read_text()
SWITCHES = [field.name for group in (Reached, Body, Conversation, Troubles) for field in fields(group)]


def test_the_example_of_the_page_runs() -> None:
    (example,) = re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL)
    subprocess.run([sys.executable, "-c", example], check=True, timeout=60)


@pytest.mark.parametrize("name", SWITCHES)
def test_every_switch_is_documented(name: str) -> None:
    assert f"`--{name.replace('_', '-')}" in PAGE


@pytest.mark.parametrize("name", names())
def test_every_fault_is_documented(name: str) -> None:
    assert f"`{name.removesuffix('-out')}" in PAGE


@pytest.mark.parametrize("word", TROUBLES)
def test_every_trouble_is_documented(word: str) -> None:
    assert f"`{word.replace('_', '-')}" in PAGE


@pytest.mark.parametrize("firmware", Identity)
def test_every_firmware_is_documented(firmware: Identity) -> None:
    assert f"| `{firmware.value}` |" in PAGE


def test_the_page_names_no_switch_that_there_is_not() -> None:
    named = {name.replace("-", "_") for name in re.findall(r"`--([a-z-]+)", PAGE)}
    assert named <= set(SWITCHES)


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--speed", "0"], "--speed must be from 0.001"),
        (["--fault", "corupt=0.1"], "There is no fault 'corupt'"),
        (["--fault", "at line 1: explode"], "There is no trouble 'explode'"),
        (["--script", "/nowhere/at/all"], "--script /nowhere/at/all can't be read"),
        (["--tcp", "nowhere"], "--tcp is HOST:PORT"),
        (["--camera", "host:99999"], "--camera is HOST:PORT"),
        (["--sd", "/nowhere/at/all"], "/nowhere/at/all is no folder"),
        (["--capability", "x"], "--capability is NAME=0 or NAME=1"),
        (["--size", "1x2"], "--size is three lengths"),
        (["--firmware", "grbl"], "grbl"),
        (["--count", "0"], "--count must be from 1"),
    ],
)
def test_a_mistake_is_one_sentence(words: list[str], says: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["virtual-printer", *words]) == 2
    said = capsys.readouterr().err
    assert says in said
    assert "Traceback" not in said


def test_a_camera_without_pillow_names_the_extra(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "PIL", None)
    assert run(["virtual-printer", "--link", str(tmp_path / "tty"), "--camera", "127.0.0.1:0"]) == 1
    assert "pip install 'callboard[print]'" in capsys.readouterr().err


@pytest.mark.parametrize("word", TROUBLES)
def test_every_trouble_goes_with_underscores_as_well(word: str) -> None:
    printer = VirtualPrinter()
    printer.open(0.0)
    printer.receive(f"!!DEBUG:{word}\n".encode(), 1.0)
    assert b"No such trouble" not in printer.outgoing(1.0)


def test_the_words_of_scripts_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["virtual-printer", "--troubles"]) == 0
    assert "thermal-runaway" in capsys.readouterr().out.splitlines()


def test_a_place_that_is_taken_is_one_sentence(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("mine")
    command = [sys.executable, "-m", "callboard", "virtual-printer", "--link", str(precious)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("callboard: The virtual printer can't be reached there: ")
    assert precious.read_text() == "mine"


def test_what_it_has_accepted_is_written_to_a_file(tmp_path: Path) -> None:
    kept, link = tmp_path / "accepted.gcode", tmp_path / "tty"
    options = ["--link", str(link), "--accepted", str(kept), "--turn-around", "1"]
    command = [sys.executable, "-m", "callboard", "virtual-printer", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        assert process.stdout is not None
        process.stdout.readline()
        with serial.Serial(str(link), 115200, timeout=20) as port:
            port.read_until(b"SD card ok\n")
            for line in (b"N1 G1 X1*97", b"N1 G1 X2*99", b"G1 X3", b"M400"):  # the first checksum is wrong
                port.write(line + b"\n")
                port.read_until(b"ok\n")
        process.terminate()
        process.communicate(timeout=60)
    assert kept.read_text() == "G1 X2\nG1 X3\nM400\n"


def test_several_printers_have_places_of_their_own(tmp_path: Path) -> None:
    link = tmp_path / "p"
    options = ["--count", "3", "--link", str(link), "--tcp", "127.0.0.1:0", "--camera", "127.0.0.1:0"]
    command = [sys.executable, "-m", "callboard", "virtual-printer", *options]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        said = [process.stdout.readline().strip() for _ in range(9)]
        process.terminate()
        process.communicate(timeout=60)
    assert said[1::3] == [f"{link}{n}" for n in range(3)]
    assert all(place.startswith("socket://127.0.0.1:") for place in said[::3])
    assert all(place.endswith("/snapshot.jpg") for place in said[2::3])
    assert list(tmp_path.iterdir()) == []
