"""The command line: one module for each group of commands; each imports what it needs when it is run."""

import sys


def main() -> None:
    """Run the command that this process was started with, and exit: 0 done, 1 failed, 2 wrong use."""
    from callboard.cli.app import run

    sys.exit(run(sys.argv[1:]))
