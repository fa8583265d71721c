"""Times as people give them to a command: a position, a local time, or how long ago."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Annotated

from cyclopts import Parameter

from callboard.errors import BadPosition

NOW = "now"
"""Behind the newest event; who listens from here on is told what they missed while the hub was away."""

SINCE = "a position, a time (local unless it has a zone), or how long ago: 30m, 1h, 2d"
"""What `moment` takes, for the help."""

_POSITION = re.compile(r"(?!\d{4}-\d\d\Z)\w{1,64}-\d{1,19}", re.ASCII)
_AGO = re.compile(r"\d{1,9}(?:\.\d{1,9})?(?:s|m|min|h|d|w)", re.ASCII | re.IGNORECASE)

Since = Annotated[str | None, Parameter(help=f"Look behind {SINCE}.")]


def moment(text: str) -> str:
    """Return a position as it is, and a time in ISO 8601 with its zone; raises BadPosition.

    The hub takes a time without a zone for UTC; who sits at a terminal means the clock on their wall.
    """
    if text == NOW or _POSITION.fullmatch(text):
        return text
    if _AGO.fullmatch(text):
        return _ago(text)
    try:
        return datetime.fromisoformat(text).astimezone().isoformat()
    except (ValueError, OverflowError):
        raise BadPosition(
            f"{text[:80]!r} is neither a position nor an ISO 8601 time, nor how long ago: "
            "write 2026-11-21T09:30, 30m, 1h or 2d."
        ) from None


def moment_or_none(text: str | None) -> str | None:
    """Return the moment that was given, if one was."""
    return None if text is None else moment(text)


def _ago(text: str) -> str:
    from callboard.config.quantity import duration

    try:
        return (datetime.now(UTC) - timedelta(seconds=duration(text))).isoformat()
    except OverflowError:
        return datetime.min.replace(tzinfo=UTC).isoformat()
