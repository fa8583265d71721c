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
    (Severity.REFUSAL, ("line number", "checksum", "expected line", "format error", "last line")),
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
    (Severity.HARMLESS, ("unknown command", "supported command")),
    (Severity.KILLED, ("kill() called",)),
)


_REFUSED: Final = (
    "line number is not last line number+1",
    "checksum mismatch",
    "no checksum with line number",
    "no line number with checksum",
    "expected line",
    "format error",
)
_UNKNOWN: Final = ("unknown command", "unsupported command")


def severity(error: ErrorLine) -> Severity:
    """Return what has to follow from an error line; one that breaks off is what it began to be."""
    if error.fatal:
        return Severity.KILLED
    words = error.text.lower()
    if any(sentence.startswith(words) for sentence in _REFUSED):
        return Severity.REFUSAL
    if any(sentence.startswith(words) for sentence in _UNKNOWN):
        return Severity.HARMLESS
    return next((found for found, parts in _CLASSES if any(part in words for part in parts)), Severity.OTHER)


def about_number(error: ErrorLine) -> bool:
    """Return whether a refused line had the wrong number: then it may be an echo of an earlier refusal."""
    words = error.text.lower()
    return ("line number" in words and "no line number" not in words) or "expected line" in words


class Joining:
    """Puts messages together that come in two lines, so each is judged one line late, or a little later.

    Marlin writes `Error:0` and then `: Extruder switched off. MINTEMP triggered !`; and what it was killed
    for stands in the line after `kill() called`. An error with a Resend behind it was a refusal whose words
    were hurt: taken at its word it would have ended the print.
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

    def hold(self, error: ErrorLine, now: float) -> None:
        """Keep an error until the next line (`join`), or until it is `late`."""
        self._first, self._since = error, now

    def join(self, text: str, *, refused: bool) -> ErrorLine | None:
        """Return the error before this line with what the line adds; None without one, or for a refusal."""
        first, self._first = self._first, None
        if first is None or refused:
            return None
        if text.startswith(":"):
            return ErrorLine(text.strip(": "), None, first.fatal)
        if "kill() called" not in first.text.lower():
            return first
        more = text.removeprefix("Error:").strip()
        useful = bool(more) and more not in {"ok", "wait", "start"}
        return ErrorLine(f"{first.text} - {more}", None, True) if useful else first

    def late(self, now: float) -> ErrorLine | None:
        """Return an error that nothing followed."""
        if now < self.due:
            return None
        first, self._first = self._first, None
        return first
