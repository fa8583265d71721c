"""What acknowledged commands mean: G-code events, heights, layers, tools, where the tool is.

    acknowledged command -> EVENTS by code -> happening; Motion -> ZChange, LayerChange, ToolChange

A position that the printer reported (M114) counts more than what was computed, until it moves on.
Source: facts/print-host-facts.md 1.1, 1.3 (ZChange), 3.6 (position, M73).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from callboard.printing.gcode import EVENTS, Command
from callboard.printing.life import Life, Run
from callboard.printing.motion import Change, LayerChange, Motion, ToolChange, ZChange

_AXES: Final = ("x", "y", "z", "e", "t", "f")
_SAID_WHEN_WRITTEN: Final = "EStop"


class Tracking:
    """Follows the commands of one printer."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._motion = Motion()
        self._reported: dict[str, Any] = {}
        self.layers: int | None = None
        self.minutes_left: float | None = None

    def begin(self, layers: int | None) -> None:
        """Begin a job: nothing of the last one is left; `layers` is how many it will have, if known."""
        self._motion = Motion()
        self._reported = {}
        self.layers, self.minutes_left = layers, None
        self._life.z = None

    def acknowledged(self, command: Command, *, of_file: bool) -> None:
        """Take a command that the firmware has acknowledged, from the file or from elsewhere."""
        event = EVENTS.get(command.code)
        if event is not None and event != _SAID_WHEN_WRITTEN:
            self._life.say(event)
        changes = self._motion.feed(command)
        if changes:
            self._tell(changes, of_file)
        elif command.code == "M73" and of_file and self._life.run is not None:
            self._progress(command, self._life.run)

    def reported(self, position: Mapping[str, float | None]) -> None:
        """Take the position that the printer said: x, y, z, e in mm."""
        self._reported = {axis: position.get(axis) for axis in ("x", "y", "z", "e")}

    def position(self, *, computed: bool = True) -> dict[str, Any]:
        """Return where the tool is: {x, y, z, e, t, f}; None where that is not known."""
        ours: Mapping[str, Any] = self._motion.position if computed else {}
        return {axis: ours.get(axis) for axis in _AXES} | self._reported

    def forget_report(self) -> None:
        """Let the computed position count again."""
        self._reported = {}

    def _tell(self, changes: tuple[Change, ...], of_file: bool) -> None:
        life = self._life
        for change in changes:
            if isinstance(change, ZChange):
                life.z = change.new
                life.say("ZChange", {"new": change.new, "old": change.old})
            elif isinstance(change, ToolChange):
                life.say("ToolChange", {"old": change.old, "new": change.new})
            elif of_file:
                life.say("LayerChange", self._layer(change))

    def _layer(self, change: LayerChange) -> dict[str, Any]:
        data: dict[str, Any] = {"layer": change.layer, "z": change.z}
        if self.layers is not None:
            data["layers"] = self.layers
        return data

    def _progress(self, command: Command, run: Run) -> None:
        percent, minutes = command.number("P"), command.number("R")
        if percent is not None and 0 <= percent <= 100:
            run.percent = percent
        if minutes is not None and minutes >= 0:
            self.minutes_left = minutes
