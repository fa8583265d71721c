"""`python -m callboard.files.analysis FILE`: one analysis as a process, a line of JSON for each percent.

    {"progress": 0.01} ... {"result": {...}}      exit code 0
    {"error": "This file is no G-code ..."}       exit code 1

FILE is a path, or `-` for standard input if that is a file. `--settings JSON` has the keys of Analyser.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import msgspec

from callboard.errors import CallboardError
from callboard.files.analysis import Analyser, analyse


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


def main(words: list[str]) -> int:
    """Analyse the file that is named and return the exit code."""
    settings = Analyser()
    try:
        if words[:1] == ["--settings"]:
            settings, words = msgspec.json.decode(words[1], type=Analyser), words[2:]
        (name,) = words
    except (ValueError, IndexError):
        sys.stderr.write("Use: python -m callboard.files.analysis [--settings JSON] FILE\n")
        return 2
    try:
        say({"result": analyse(Path("/dev/stdin" if name == "-" else name), settings, Steps()).result()})
    except CallboardError as error:
        say({"error": str(error)})
        return 1
    except OSError as error:
        say({"error": f"{name} can't be read: {error.strerror}."})
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
