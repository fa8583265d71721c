"""G-code scripts: what is sent at certain moments of a job, filled with what is known of it.

A placeholder is a word in braces, `{z}`. A line with one that is not known is left out and told
(CommandSuppressed), since half a command is worse than none. A value never adds a line.

Source: facts/print-host-facts.md 3.8 (Scripts; the default cancel script).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from enum import Enum
from typing import Any, Final

from callboard.config.printer import Printer

LONGEST: Final = 1000
"""How many lines a script may have."""

_PLACEHOLDER: Final = re.compile(r"\{([a-z_]{1,40})\}")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f;]")


class Script(Enum):
    """A moment that has a script; its value is the setting's name."""

    AfterPrinterConnected = "after_connected"
    BeforePrinterDisconnected = "before_disconnected"
    BeforePrintStarted = "before_print"
    AfterPrintDone = "after_print"
    AfterPrintCancelled = "after_cancelled"
    AfterPrintPaused = "after_paused"
    BeforePrintResumed = "before_resumed"

    @property
    def running(self) -> str:
        """The event when it begins."""
        return f"GcodeScript{self.name}Running"

    @property
    def finished(self) -> str:
        """The event when its last line was acknowledged."""
        return f"GcodeScript{self.name}Finished"


def lines(script: Script, printer: Printer) -> tuple[str, ...]:
    """Return the lines of a script: the printer's own, or the usual ones."""
    own = printer.scripts.lines(script.value)
    if own is not None:
        return own[:LONGEST]
    # M84 stands last: it waits until the tool stands still, and heaters should not wait for that.
    return (*heaters_off(printer), "M106 S0", "M84") if script is Script.AfterPrintCancelled else ()


def heaters_off(printer: Printer) -> tuple[str, ...]:
    """Return what switches each heater off."""
    tools = tuple(f"M104 T{tool} S0" for tool in range(printer.extruders))
    bed = ("M140 S0",) if printer.heated_bed else ()
    return (*tools, *bed, "M141 S0") if printer.heated_chamber else (*tools, *bed)


def fill(line: str, values: Mapping[str, Any]) -> tuple[str, str]:
    """Return `line` with its placeholders filled, and the name of one that is not known ("" if all are)."""
    unknown = [name for name in _PLACEHOLDER.findall(line) if values.get(name) is None]
    if unknown:
        return line, unknown[0]
    return _PLACEHOLDER.sub(lambda found: _text(values[found.group(1)]), line), ""


def _text(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.5f}".rstrip("0").rstrip(".")
    return _CONTROL.sub(" ", str(value))[:200]
