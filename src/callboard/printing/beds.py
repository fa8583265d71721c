"""Beds: what a print may have left on a printer's bed, until somebody says that it is clear.

PrintStarted --> BEDS, beside the files;  callboard.printer.clear --> out of it again

A mark on disk, since what lies on a bed still lies there after a restart of the hub, a pulled cable and an
emergency stop. Who prints by hand sees the bed; who prints by a hook asks for `if_clear`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from msgspec import Struct, structs
from msgspec.json import Decoder

from callboard.printing.mark import Mark
from callboard.printing.streaming import Told

BEDS: Final = ".callboard.beds"

Show = Callable[[str, Mapping[str, Any]], None]
"""Is told of a printer's bed, as `Beds.of` returns it."""


class Bed(Struct, frozen=True):
    """A bed that is not known to be clear: which file was printed, since when (seconds since 1970)."""

    file: str | None = None
    since: float | None = None


class Beds:
    """Knows which beds are clear; keeps the others in `mark`."""

    def __init__(self, folder: Path, printers: Sequence[str], show: Show) -> None:
        self.mark = Mark(folder / BEDS, Decoder(dict[str, Bed]), "which beds are clear")
        self._printers, self._show = printers, show

    def read(self) -> None:
        """Read what was true when the hub stopped; a mark that can't be read says nothing. Blocks."""
        if not self.mark.read():
            self.mark.values = dict.fromkeys(self._printers, Bed())

    def show(self) -> None:
        """Show all of them."""
        for printer in self._printers:
            self._show(printer, self.of(printer))

    def hear(self, told: Told) -> None:
        """Hear of a happening: a print that begins leaves something on the bed, however it ends."""
        if told.happening.name == "PrintStarted":
            data = told.happening.data
            self.mark.values[told.printer] = Bed(str(data.get("path") or data.get("file")), time.time())
            self._changed(told.printer)

    def clear(self, printer: str) -> None:
        """Take somebody's word for it that a bed is clear."""
        if self.mark.values.pop(printer, None) is not None:
            self._changed(printer)

    def of(self, printer: str) -> Mapping[str, Any]:
        """Return whether a bed is `clear`, and if not, the `file` that was printed and `since` when."""
        bed = self.mark.values.get(printer)
        return {"clear": bed is None, **structs.asdict(bed or Bed())}

    def _changed(self, printer: str) -> None:
        self.mark.changed()
        self._show(printer, self.of(printer))
