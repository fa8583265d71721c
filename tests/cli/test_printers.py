"""`callboard printers`, against a real server with a virtual printer."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.serving import eventually, serving

CONFIG = """\
printers:
  - name: toy
    port: virtual
    tags: [left]
    virtual: {speed: 200}
  - {name: gone, port: /dev/callboard-is-not-there, baudrate: 115200, autoconnect: no}
"""
PROGRAM = "G28\nG90\nM82\nG1 Z0.2 F6000\nG1 X10 Y10 F6000\nG1 X50 E1\n"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Shell]:
    folder = tmp_path_factory.mktemp("shop")
    (folder / "callboard.yaml").write_text(CONFIG)
    with serving(folder / "data", "--config", str(folder / "callboard.yaml")) as server:
        (server.data / "files" / "part.gcode").write_text(PROGRAM)
        shell = Shell(server.data)
        eventually(lambda: "Operational" in shell.run("printers", "list").out, "a printer that answers")
        yield shell


def test_the_list_has_every_printer_and_what_it_does(shop: Shell) -> None:
    head, toy, gone = shop.run("printers", "list").out.splitlines()
    assert head.split() == ["name", "state", "port", "temperatures", "job", "bed", "tags"]
    assert toy.split()[:3] == ["toy", "Operational", "virtual"]
    assert toy.split()[-1] == "left"
    assert gone.split() == ["gone", "Offline", "/dev/callboard-is-not-there", "clear"]
    lines = shop.run("printers", "list", "--json").out.splitlines()
    assert [json.loads(line)["name"] for line in lines] == ["toy", "gone"]


def test_the_list_says_beside_it_why_a_printer_is_not_there(shop: Shell) -> None:
    shop.run("printers", "connect", "gone")
    ran = shop.run("printers", "list")
    assert ran.err.strip() == "gone: gone is not there: look whether it is on, and at its `port`."
    assert "look" not in ran.out


def test_a_printer_is_shown_with_its_last_lines(shop: Shell) -> None:
    out = shop.run("printers", "show", "toy").out
    assert "state         Operational" in out
    assert "  | Recv: ok" in out


def test_a_stored_file_is_printed_and_followed_to_its_end(shop: Shell) -> None:
    ran = shop.run("printers", "print", "toy", "part.gcode", "--follow")
    assert ran.code == 0, ran.err
    first, *between, last = ran.out.splitlines()
    assert first == "part.gcode begins."
    assert last.startswith("part.gcode is printed, in 0:0")
    assert all(line.startswith("toy  ") for line in between)


def test_a_bed_is_clear_once_somebody_says_so(shop: Shell) -> None:
    eventually(lambda: "Operational" in shop.run("printers", "list").out)
    assert shop.run("printers", "clear", "toy").out == "toy's bed is clear.\n"
    assert "bed           clear" in shop.run("printers", "show", "toy").out
    ran = shop.run("printers", "print", "toy", "part.gcode", "--if-clear", "--follow")
    assert ran.code == 0, ran.err
    assert "bed           part.gcode" in shop.run("printers", "show", "toy").out
    again = shop.run("printers", "print", "toy", "part.gcode", "--if-clear")
    assert again.code == 1
    assert "part.gcode may still lie on toy's bed: take it off" in again.err


def test_a_file_of_this_machine_is_uploaded_and_printed(shop: Shell, tmp_path: Path) -> None:
    mine = tmp_path / "mine.gcode"
    mine.write_text(PROGRAM)
    eventually(lambda: "Operational" in shop.run("printers", "list").out)
    ran = shop.run("printers", "print", "toy", str(mine), "--follow")
    assert ran.code == 0, ran.err
    assert "it is uploaded" in ran.err
    assert ran.out.splitlines()[0] == "mine.gcode begins."
    again = shop.run("printers", "print", "toy", str(mine), "--follow")
    assert (again.code, again.err) == (0, "")  # the hub has these bytes


def test_a_file_of_this_machine_is_not_taken_for_another_of_its_name(shop: Shell, tmp_path: Path) -> None:
    mine = tmp_path / "edited.gcode"
    mine.write_text(PROGRAM)
    eventually(lambda: "Operational" in shop.run("printers", "list").out)
    assert shop.run("printers", "print", "toy", str(mine), "--follow").code == 0
    stored = shop.data / "files" / "edited.gcode"
    mine.write_text(PROGRAM + "M300\n")
    ran = shop.run("printers", "print", "toy", str(mine), "--follow")
    assert ran.code == 1
    assert "edited.gcode on the hub is another file than" in ran.err
    assert "pass --overwrite to replace it, or rename yours" in ran.err
    assert stored.read_text() == PROGRAM
    ran = shop.run("printers", "print", "toy", str(mine), "--overwrite", "--follow")
    assert (ran.code, ran.out.splitlines()[0]) == (0, "edited.gcode begins."), ran.err
    assert stored.read_text() == PROGRAM + "M300\n"


def test_what_a_printer_does_is_listed_under_its_name(shop: Shell) -> None:
    ran = shop.run("listen", "topic=octoprint.Connected", "--since", "1h", "--count", "1")
    assert ran.out.split()[1:3] == ["octoprint.Connected", "toy"]
    assert shop.run("publish", "shot.done", "--data", "{}").code == 0
    ran = shop.run("listen", "topic=shot.done", "--since", "1h", "--count", "1")
    assert ran.out.split()[1:3] == ["shot.done", "admin"]


def test_lines_and_temperatures_are_sent(shop: Shell) -> None:
    eventually(lambda: "Operational" in shop.run("printers", "list").out)
    assert shop.run("printers", "gcode", "toy", "M117 hello", "M105").code == 0
    eventually(lambda: "Send: M117 hello" in shop.run("printers", "show", "toy").out)
    assert shop.run("printers", "heat", "toy", "tool0=50", "bed=0").code == 0


def test_what_a_failed_print_ends_with_is_1(shop: Shell, tmp_path: Path) -> None:
    slow = tmp_path / "slow.gcode"
    slow.write_text(PROGRAM + "G4 S100\n" * 2000)
    eventually(lambda: "Operational" in shop.run("printers", "list").out)
    following = shop.start("printers", "print", "toy", str(slow), "--follow")
    assert following.stdout is not None
    eventually(lambda: "Printing" in shop.run("printers", "list").out)
    assert shop.run("printers", "pause", "toy").code == 0
    assert shop.run("printers", "cancel", "toy").code == 0
    _, err = following.communicate(timeout=60)
    assert following.returncode == 1
    assert "slow.gcode was not printed: cancelled." in err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("pause", "toi"), 1, "There is no printer 'toi' (did you mean 'toy'?)"),
        (("pause", "gone"), 1, "gone has no job"),
        (("connect", "gone"), 1, "gone is not there"),
        (("connect", "toy", "--port", "/dev/console"), 1, ""),
        (("print", "gone", "part.gcode"), 1, "gone is not connected"),
        (("print", "toy", "nothing.gcode"), 1, "There is no 'nothing.gcode'"),
        (("gcode", "toy"), 2, ""),
        (("heat", "toy", "tool0"), 2, "write HEATER=DEGREES"),
        (("heat", "toy", "tool0=999"), 1, "0 to 300"),
        (("fly", "toy"), 2, ""),
    ],
)
def test_what_can_not_be_done_is_one_sentence(
    shop: Shell, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = shop.run("printers", *words)
    assert ran.code == code
    assert said in ran.err
    assert len(ran.err.splitlines()) == 1
