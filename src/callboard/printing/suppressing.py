"""Which commands are kept from a printer, because it lacks what they are for.

Source: facts/print-host-facts.md 3.6 (tools, bed, chamber).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from callboard.config.printer import Printer
from callboard.printing.gcode import Command

_BED: Final = frozenset({"M140", "M190"})
_CHAMBER: Final = frozenset({"M141", "M191"})
_HEARD: Final = frozenset({"M108", "M112", "M410"})
_WRITING: Final = frozenset({"M28", "M29", "M928"})
LARGEST_LINE: Final = 512
"""How many characters a line may have; firmwares take about 96, and cut what is longer."""


def why_not(command: Command, printer: Printer) -> str | None:
    """Return in a sentence why a command is not sent, or None if it is."""
    code = command.code
    if code in _BED and not printer.heated_bed:
        return "This printer has no heated bed."
    if code in _CHAMBER and not printer.heated_chamber:
        return "This printer has no heated chamber."
    if code[:1] == "T" and int(code[1:]) >= printer.extruders:
        tools = "one tool" if printer.extruders == 1 else f"{printer.extruders} tools, T0 first"
        return f"This printer has {tools}."
    if len(command.text) > LARGEST_LINE:
        return f"This line is longer than {LARGEST_LINE} characters: no firmware takes it."
    return None


def why_not_copied(command: Command) -> str | None:
    """Return in a sentence why a line is not copied to the card, or None if it is."""
    if command.code in _WRITING:
        return "This line would end the transfer in the middle of the file."
    if command.code in _HEARD:
        return "Firmware obeys this line wherever it stands, also in a file that is copied."
    return None


def suppressed(command: Command, message: str) -> Mapping[str, Any]:
    """Return the payload of CommandSuppressed."""
    return {"command": command.text[:LARGEST_LINE], "message": message, "severity": "warn"}
