"""Printrun's printcore, a host that many printers know, prints on the command line's printer."""

import json
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

PATIENCE = 60.0
LINES = [
    "G28",
    "M109 S200",
    *(f"G1 X{n % 100}.{n % 10} Y{n % 77} E{n * 0.01:.3f} F6000" for n in range(400)),
    "M400",
    "M104 S0",
    "M114",
]

Start = Callable[..., Path]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    running: list[subprocess.Popen[str]] = []

    def start(*options: str) -> Path:
        link = tmp_path / "printer"
        command = [sys.executable, "-m", "callboard", "virtual-printer", "--link", str(link), *options]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        running.append(process)
        assert process.stdout is not None
        assert process.stdout.readline() == f"{link}\n"
        return link

    yield start
    for process in running:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=PATIENCE)
        assert process.returncode == 0


def printed(port: Path, lines: list[str]) -> tuple[list[str], list[str]]:
    """Print lines with printcore; returns what it received, and its errors."""
    done = subprocess.run(
        [sys.executable, str(Path(__file__).with_name("printcore_prints.py")), str(port)],
        input="\n".join(lines),
        capture_output=True,
        text=True,
        timeout=PATIENCE,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["ended"]
    return told["received"], told["errors"]


def test_printcore_prints_a_file(start: Start) -> None:
    received, errors = printed(start("--speed", "10000"), LINES)
    assert errors == []
    assert received[0] == "start\n"
    assert any(line.startswith("X:99.90 Y:") for line in received)
    assert sum(line == "ok\n" for line in received) >= len(LINES)


def test_printcore_prints_a_file_although_each_hundredth_line_is_spoilt(start: Start) -> None:
    received, errors = printed(
        start("--speed", "10000", "--fault", "corrupt=0.01", "--fault", "doubled=refuse"), LINES
    )
    asked = [line for line in received if line.startswith("Resend")]
    assert len(asked) > 0
    assert all(
        error.startswith(("Error:checksum", "Error:Line Number", "Error:No Checksum")) for error in errors
    )
    assert any(line.startswith("X:99.90 Y:") for line in received)


def test_printcore_prints_at_the_speed_of_a_real_wire(start: Start) -> None:
    options = ("--speed", "10000", "--baudrate", "115200", "--wire-speed", "--turn-around", "1")
    received, errors = printed(start(*options), LINES[:100] + LINES[-3:])
    assert errors == []
    assert any(line.startswith("X:") for line in received)
