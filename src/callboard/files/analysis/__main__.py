"""`python -m callboard.files.analysis FILE`: one analysis as a process, a line of JSON for each percent.

    {"progress": 0.01} ... {"result": {...}}      exit code 0
    {"error": "This file is no G-code ..."}       exit code 1

FILE is a path. `--settings JSON` has the keys of Analyser; with `--with-parent` it ends when its parent does,
also while it is stopped.
"""

from __future__ import annotations

import ctypes
import signal
import sys
from pathlib import Path
from typing import Any

import msgspec

from callboard.errors import CallboardError
from callboard.files.analysis import USUAL, Analyser, analyse


class Steps:
    """Tells each percent once."""

    def __init__(self) -> None:
        self._told = 0

    def __call__(self, done: float) -> None:
        """Say how much is done, 0 to 1."""
        percent = int(done * 100)
        if percent > self._told:
            self._told = percent
            say({"progress": percent / 100})


def say(value: Any) -> None:
    """Write one line of JSON at once."""
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


def _end_with_parent() -> None:
    """Ask Linux to kill this process when its parent is gone; elsewhere there is no such wish."""
    if sys.platform == "linux":
        set_parent_death_signal = 1
        ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)


def main(words: list[str]) -> int:
    """Analyse the file that is named and return the exit code."""
    settings = USUAL
    try:
        if words[:1] == ["--with-parent"]:
            _end_with_parent()
            say({"progress": 0.0})  # from now on it may be stopped
            words = words[1:]
        if words[:1] == ["--settings"]:
            settings, words = msgspec.json.decode(words[1], type=Analyser), words[2:]
        (name,) = words
    except (ValueError, IndexError):
        sys.stderr.write("Use: python -m callboard.files.analysis [--settings JSON] FILE\n")
        return 2
    try:
        say({"result": analyse(Path(name), settings, Steps()).result()})
    except CallboardError as error:
        say({"error": str(error)})
        return 1
    except OSError as error:
        say({"error": f"{name} can't be read: {error.strerror}."})
        return 1
    except Exception as error:  # whoever waits for a line is told in one
        say({"error": f"The analysis broke, please report it: {error!r}."})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
