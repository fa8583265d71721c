"""What a command ends with."""

from __future__ import annotations

from callboard.errors import CallboardError

DONE, FAILED, WRONG_USE = 0, 1, 2


class WrongUse(CallboardError):
    """The command was used in a way that it does not understand: see --help."""
