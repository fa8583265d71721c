"""One file read to its end: each block through all that measures it."""

from __future__ import annotations

import math
import os
from collections.abc import Callable
from typing import BinaryIO, Final

from callboard.files.analysis import Analyser, Analysis, NotGcode
from callboard.files.analysis.blocks import Block, blocks
from callboard.files.analysis.diameters import Diameters
from callboard.files.analysis.heights import Heights
from callboard.files.analysis.measures import Area, Filament, take_in
from callboard.files.analysis.modes import Modes
from callboard.files.analysis.moves import Moves
from callboard.files.analysis.planner import Planner
from callboard.files.analysis.timeline import Timeline
from callboard.files.analysis.tokens import Lines

_BINARY: Final = b"GCDE"
_HEAD: Final = 4096
_ENDS: Final = 1 << 20
"""Bytes at the beginning and at the end in which slicers say what filament they meant."""


class Reading:
    """One reading of one file."""

    def __init__(self, settings: Analyser, file: BinaryIO, block: int) -> None:
        self._settings, self._file, self._block = settings, file, block
        self._size = os.fstat(file.fileno()).st_size
        self._modes = Modes(settings.feed)
        self._printed, self._travelled = Area(), Area()
        self._filament, self._diameters, self._heights = Filament(), Diameters(), Heights()
        self._timeline = Timeline(self._size)
        self._planner = Planner() if settings.acceleration else None
        self._written = self._commands = 0

    def read(self, progress: Callable[[float], None] | None) -> Analysis:
        """Read it and return what it will do. Raises NotGcode."""
        self._look_at_the_ends()
        for block in blocks(self._file, self._block):
            self._take(block)
            if progress is not None:
                progress(min(block.end / max(self._size, 1), 1.0))
        if self._written and not self._commands:
            raise NotGcode("Nothing in this file is G-code: choose one that a slicer made for a printer.")
        return self._analysis()

    def _look_at_the_ends(self) -> None:
        head = self._file.read(_ENDS)
        _refuse_binary(head[:_HEAD])
        self._diameters.read(head)
        if self._size > len(head):
            self._file.seek(max(len(head), self._size - _ENDS))
            self._diameters.read(self._file.read(_ENDS))
        self._file.seek(0)

    def _take(self, block: Block) -> None:
        lines = Lines(block.text)
        self._written += lines.written
        self._commands += lines.commands
        settings = self._settings
        moves = Moves(lines, self._modes, g90_extruder=settings.g90_extruder, tools=settings.tools)
        printing = moves.printing()
        take_in(moves, printing, self._printed, self._travelled)
        self._heights.add(moves, printing)
        self._filament.add(moves.filament(), moves.tool, moves.copies)
        self._timeline.add(block, moves.seconds())
        if self._planner is not None:
            self._planner.add(moves)

    def _analysis(self) -> Analysis:
        empty = self._printed.empty
        for area in (self._printed, self._travelled):
            area.include(2, self._settings.bed)
        for axis in range(3):
            self._travelled.include(axis, 0.0)
        travelled = Area() if empty else self._travelled
        seconds = self._planner.finish() if self._planner is not None else self._timeline.seconds
        return Analysis(
            estimated_print_time=round(seconds, 3),
            filament=self._used(),
            printing_area=self._printed.told(),
            travel_area=travelled.told(),
            dimensions=self._printed.size(),
            travel_dimensions=travelled.size(),
            layers=self._heights.finish(),
            timeline=self._timeline.told(seconds),
            empty=empty,
        )

    def _used(self) -> dict[str, dict[str, float]]:
        found: dict[str, dict[str, float]] = {}
        for tool, length in sorted(self._filament.used.items()):
            section = math.pi * (self._diameters.of(tool) / 2) ** 2
            if length > 0:
                found[f"tool{tool}"] = {
                    "length": round(length, 5),
                    "volume": round(length * section / 1000, 6),
                }
        return found


def _refuse_binary(head: bytes) -> None:
    if head.startswith(_BINARY):
        raise NotGcode("This is binary G-code: have the slicer write it as text, or convert it with bgcode.")
    if b"\0" in head:
        raise NotGcode("This is no G-code but a binary file: choose one that a slicer made for a printer.")
