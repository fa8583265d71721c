"""What the firmware's errors mean. Pure. Source: facts/print-host-facts.md 3.7."""

from __future__ import annotations

from enum import Enum
from typing import Final

from callboard.printing.replies import ErrorLine


class Severity(Enum):
    """What has to follow from an error."""

    REFUSAL = "a line was refused; the request for it follows"
    UNNUMBERED = "a line came without its number; no request follows"
    CARD = "the card; nothing else suffers"
    HARMLESS = "nothing"
    KILLED = "the firmware has stopped for good"
    OTHER = "as it is set"


_CLASSES: Final = (
    (Severity.UNNUMBERED, ("no line number with checksum", "missing linenumber")),
    (Severity.REFUSAL, ("line number", "checksum", "expected line", "format error")),
    (
        Severity.CARD,
        (
            "volume.init",
            "openroot",
            "workdir",
            "error writing to file",
            "cannot open",
            "open failed",
            "cannot enter",
        ),
    ),
    (Severity.HARMLESS, ("unknown command",)),
    (Severity.KILLED, ("kill() called",)),
)


def severity(error: ErrorLine) -> Severity:
    """Return what has to follow from an error line."""
    if error.fatal:
        return Severity.KILLED
    words = error.text.lower()
    return next((found for found, parts in _CLASSES if any(part in words for part in parts)), Severity.OTHER)


def about_number(error: ErrorLine) -> bool:
    """Return whether a refused line had the wrong number: then it may be an echo of an earlier refusal."""
    words = error.text.lower()
    return ("line number" in words and "no line number" not in words) or "expected line" in words


class Joining:
    """Puts messages together that come in two lines.

    Marlin writes `Error:0` and then `: Extruder switched off. MINTEMP triggered !`; and what it was killed
    for stands in the line after `kill() called`.
    """

    __slots__ = ("_first", "_since", "_within")

    def __init__(self, within: float) -> None:
        self._first: ErrorLine | None = None
        self._since = 0.0
        self._within = within

    @property
    def due(self) -> float:
        """When the second half is waited for no longer."""
        return self._since + self._within if self._first is not None else float("inf")

    def holds(self, error: ErrorLine, now: float) -> bool:
        """Return whether this is a first half; then it is kept until `join` or `late`."""
        if not (error.text.strip(": ").isdigit() or "kill() called" in error.text.lower()):
            return False
        self._first, self._since = error, now
        return True

    def join(self, text: str) -> ErrorLine | None:
        """Return the first half with the line after it, if there is a first half."""
        first, self._first = self._first, None
        if first is None:
            return None
        if first.text.strip(": ").isdigit():
            return ErrorLine(text.strip(": "), None, first.fatal) if text.startswith(":") else first
        more = text.removeprefix("Error:").strip()
        useful = bool(more) and more not in {"ok", "wait", "start"}
        return ErrorLine(f"{first.text} - {more}", None, True) if useful else first

    def late(self, now: float) -> ErrorLine | None:
        """Return a first half that nothing followed."""
        if now < self.due:
            return None
        first, self._first = self._first, None
        return first
