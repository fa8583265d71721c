"""`callboard files` against a real server, as its users run it."""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.serving import PATIENCE

PROGRAM = "G28\nG1 X10 F3000\n"


@pytest.fixture
def program(tmp_path: Path) -> Path:
    path = tmp_path / "arm?.gcode"
    path.write_text(PROGRAM)
    return path


def test_a_file_goes_in_is_listed_moved_copied_got_and_removed(shell: Shell, program: Path) -> None:
    sent = shell.run("files", "upload", str(program), "--to", "way")
    assert (sent.code, sent.out) == (0, "way/arm.gcode\n")
    listed = shell.run("files", "list", "-r")
    assert "way/arm.gcode" in listed.out
    assert "are free" in listed.err
    assert shell.run("files", "move", "way/arm.gcode", "way/b/").out == "way/b/arm.gcode\n"
    assert shell.run("files", "copy", "way/b/arm.gcode", "way/c.gcode").out == "way/c.gcode\n"
    found = json.loads(shell.run("files", "list", "way", "--json").out)
    assert [one["path"] for one in found] == ["way/b", "way/c.gcode"]
    target = program.parent / "back.gcode"
    assert shell.run("files", "download", "way/c.gcode", "--to", str(target)).out == f"{target}\n"
    assert target.read_text() == PROGRAM
    assert shell.run("files", "remove", "way").code == 1
    assert shell.run("files", "remove", "way", "-r").code == 0
    assert "way" not in shell.run("files", "list").out


def test_what_is_there_is_not_replaced_by_accident(shell: Shell, program: Path) -> None:
    assert shell.run("files", "upload", str(program), "--to", "twice.gcode").code == 0
    again = shell.run("files", "upload", str(program), "--to", "twice.gcode")
    assert again.code == 1
    assert "is there already" in again.err
    assert shell.run("files", "upload", str(program), "--to", "twice.gcode", "--overwrite").code == 0
    got = shell.run("files", "download", "twice.gcode", "--to", str(program))
    assert (got.code, "is there already" in got.err) == (2, True)


def test_a_print_that_does_not_begin_is_told_and_the_file_is_stored(shell: Shell, program: Path) -> None:
    sent = shell.run("files", "upload", str(program), "--to", "unprinted.gcode", "--print", "nobody")
    assert (sent.code, sent.out) == (1, "unprinted.gcode\n")
    assert "nobody does not print it" in sent.err


def test_what_goes_wrong_is_one_sentence(shell: Shell, nowhere: Shell, program: Path) -> None:
    for words, code, said in (
        (("upload", "missing.gcode"), 2, "is no file"),
        (("upload", str(program), "--to", "../x.gcode"), 2, "leads elsewhere"),
        (("upload", __file__), 1, "is not taken"),
        (("download", "missing.gcode"), 1, "There is no"),
        (("remove", "missing.gcode"), 1, "There is no"),
        (("transfer", "missing.gcode", "--printer", "nobody"), 1, ""),
    ):
        ran = shell.run("files", *words)
        assert (ran.code, said in ran.err) == (code, True), ran.err
        assert len(ran.err.splitlines()) == 1
    assert nowhere.run("files", "list").code == 1
    assert not Path("missing.gcode").exists()


def test_a_bar_is_shown_on_a_terminal_and_the_path_alone_on_stdout(shell: Shell, tmp_path: Path) -> None:
    path = tmp_path / "big.gcode"
    path.write_bytes(PROGRAM.encode() * 200_000)
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "callboard", "files", "upload", str(path)],
        stdout=subprocess.PIPE,
        stderr=follower,
        env=shell.environment(TERM="xterm"),
    )
    os.close(follower)
    shown = b""
    try:
        while piece := os.read(leader, 65536):
            shown += piece
    except OSError:  # how Linux says that the other side is gone
        pass
    os.close(leader)
    out, _ = process.communicate(timeout=PATIENCE)
    assert (process.returncode, out) == (0, b"big.gcode\n")
    assert b"3.4/3.4 MB" in shown
