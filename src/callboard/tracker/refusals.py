"""What the tracker refuses: each has the name by which the official clients tell one from another."""

from __future__ import annotations

import difflib
from collections.abc import Iterable

from callboard.errors import CallboardError


class Refused(CallboardError):
    """The tracker does not do that: its reason says what to do instead."""

    kind = "ServerError"


class Invalid(Refused):
    """This is not what the tracker takes: correct it and send it again."""

    kind = "ValidationError"


class BadQuery(Refused):
    """This query does not parse: write `select name from Task where name is "x"`."""

    kind = "ParseError"


class Duplicate(Refused):
    """There is one of that name: choose another."""

    kind = "DuplicateEntryError"


class InUse(Refused):
    """Others point to this: change or delete them first."""

    kind = "IntegrityError"


class Missing(Refused):
    """There is no such entity: it may have been deleted."""

    kind = "NotFoundError"


class Unsupported(Refused):
    """The tracker does not do that yet: docs/tracker.md lists what it does."""

    kind = "NotSupportedError"


class Forbidden(Refused):
    """This key may not do that: ask an administrator for one with the right `tracker`."""

    kind = "PermissionError"


class Unavailable(Refused):
    """The tracker's database can't do it now: send it again in a moment."""

    kind = "ServiceUnavailableError"


class Unknown(Refused):
    """The connection to the tracker's database was lost during the commit: look whether it was done."""

    kind = "UnknownOutcomeError"


def hint(name: str, known: Iterable[str]) -> str:
    """Return the end of a sentence about an unknown name: the nearest known one, or nothing."""
    near = difflib.get_close_matches(name[:80], list(known), 1, 0.6)
    return f": did you mean {near[0]!r}?" if near else "."
