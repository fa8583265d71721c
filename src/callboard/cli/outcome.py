"""What a command ends with, and in which form."""

from __future__ import annotations

from typing import Annotated

from cyclopts import Parameter

from callboard.errors import CallboardError

DONE, FAILED, WRONG_USE = 0, 1, 2

EXPRESSION = 'Which events, for example "topic=shot.*"; "" is everything.'
"""The help of an argument that is an expression over events."""

AsJson = Annotated[bool, Parameter(name="--json", negative="", help="Machine-readable output.")]


def told(error: OSError | UnicodeError) -> str:
    """Return why a file can't be read or written, without the number that the system has for it."""
    return (isinstance(error, OSError) and error.strerror) or str(error)


class WrongUse(CallboardError):
    """The command was used in a way that it does not understand: see --help."""
