"""Which printers print, as far as one hears: pure, time comes in.

A host that loses power never tells of its print's end; who tells nothing for hours is forgotten.
"""

from __future__ import annotations

from typing import Final

SILENT: Final = 3 * 3600.0
"""Seconds after which a printer that told nothing prints no more: longer than a layer takes."""
MOST: Final = 1000
"""Printers that are kept, and prints that are filmed at once: names come with events, and may have no end."""

STARTS: Final = frozenset({"PrintStarted", "PrintResumed"})
ENDS: Final = frozenset({"PrintDone", "PrintFailed", "Disconnected"})


class Prints:
    """Printers that print, each with when it was heard last."""

    def __init__(self) -> None:
        self._heard: dict[str, float] = {}

    def hear(self, name: str, printer: str, now: float) -> None:
        """Hear an event of a printer; `now` is monotonic seconds."""
        if name in ENDS:
            self._heard.pop(printer, None)
        elif printer in self._heard or (name in STARTS and len(self._heard) < MOST):
            self._heard[printer] = now

    def any(self, now: float) -> bool:
        """Return whether a print runs."""
        self._heard = {name: heard for name, heard in self._heard.items() if now - heard < SILENT}
        return bool(self._heard)
