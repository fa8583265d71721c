"""What a command ends with, and in which form."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from callboard.errors import CallboardError

DONE, FAILED, WRONG_USE = 0, 1, 2

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Machine-readable output.")]


class WrongUse(CallboardError):
    """The command was used in a way that it does not understand: see --help."""
