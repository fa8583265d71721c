"""The command line as its users run it: a process, its output, its exit code."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.serving import PATIENCE, Server


@dataclass
class Ran:
    """What a command ended with."""

    code: int
    out: str
    err: str


@dataclass
class Shell:
    """Runs commands with the data folder of one server, or of none."""

    data: Path

    def environment(self, **more: str) -> dict[str, str]:
        ours = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("CALLBOARD_", "FTRACK_"))
        }
        return {**ours, "CALLBOARD_DATA": str(self.data), "PYTHONUTF8": "1", **more}

    def run(self, *words: str, stdin: str = "", **environment: str) -> Ran:
        """Run a command to its end."""
        done = subprocess.run(
            [sys.executable, "-m", "callboard", *words],
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            env=self.environment(**environment),
            timeout=2 * PATIENCE,
            check=False,
        )
        assert "Traceback" not in done.stderr
        return Ran(done.returncode, done.stdout, done.stderr)

    def start(self, *words: str) -> subprocess.Popen[str]:
        """Start a command and leave it running."""
        return subprocess.Popen(
            [sys.executable, "-u", "-m", "callboard", *words],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
            env=self.environment(),
        )


@pytest.fixture
def shell(server: Server) -> Shell:
    """A shell that finds the shared server through its data folder."""
    return Shell(server.data)


@pytest.fixture
def nowhere(tmp_path: Path) -> Shell:
    """A shell that finds no server."""
    return Shell(tmp_path)
