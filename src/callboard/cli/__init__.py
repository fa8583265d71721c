"""The command line: one module for each group of commands; each imports what it needs when it is run."""

import sys

from callboard import __version__


def main() -> None:
    """Run the command that this process was started with, and exit: 0 done, 1 failed, 2 wrong use."""
    if sys.argv[1:] == ["--version"]:  # without the 80 ms that finding a command takes
        sys.exit(print(__version__))  # noqa: T201
    from callboard.cli.app import run

    sys.exit(run(sys.argv[1:]))
