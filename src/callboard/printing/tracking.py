"""What acknowledged commands mean: G-code events, heights, layers, tools, where the tool is.

    acknowledged command -> EVENTS by code -> happening; Motion -> ZChange, LayerChange, ToolChange

A position that the printer reported (M114) counts more than what was computed, until it moves on.
Source: facts/print-host-facts.md 1.1, 1.3 (ZChange), 3.6 (position, M73).
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, Final

from callboard.printing.gcode import EVENTS, Command
from callboard.printing.life import Life, Run
from callboard.printing.motion import Change, LayerChange, Motion, ToolChange, ZChange
from callboard.printing.progress import LOCAL_WINDOW, SD_WINDOW, Estimator

_AXES: Final = ("x", "y", "z", "e", "t", "f")
_SAID_WHEN_WRITTEN: Final = "EStop"
_MOVES: Final = frozenset({"G0", "G1", "G2", "G3"})
_MODES: Final = frozenset({"G90", "G91", "M82", "M83"})
_MOVED: Final = _MOVES | {"G28", "G92"}
_E: Final = re.compile(r"\s*[Ee]\s*[-+]?[0-9.]+")


def _without_e(command: Command) -> Command:
    """Return a move without its extrusion: what people and scripts purge is no layer of the file."""
    return Command(command.code, _E.sub("", command.text)) if command.code in _MOVES else command


class Tracking:
    """Follows the commands of one printer."""

    def __init__(self, life: Life) -> None:
        self._life = life
        self._motion = Motion()
        self._reported: dict[str, Any] = {}
        self._modes: dict[str, str] = {}
        self.layers: int | None = None
        self.layer = 0
        self.estimator = Estimator()

    def begin(self, layers: int | None) -> None:
        """Begin a job: nothing of the last one is left; `layers` is how many it will have, if known."""
        self._motion = Motion()
        self._reported = {}
        self._modes = {}
        self.layers, self.layer = layers, 0
        self.estimator = Estimator(SD_WINDOW if self._life.from_card else LOCAL_WINDOW)
        self._life.z = None

    def acknowledged(self, command: Command, *, of_file: bool) -> None:
        """Take a command that the firmware has acknowledged, from the file or from elsewhere."""
        event = EVENTS.get(command.code)
        if event is not None and event != _SAID_WHEN_WRITTEN:
            self._life.say(event)
        if self._reported and command.code in _MOVED:
            self._reported = {}
        changes = self._motion.feed(command if of_file else _without_e(command))
        if changes:
            self._tell(changes, of_file)
        elif command.code in _MODES and of_file:
            self.mode(command.code)
        elif command.code == "M73" and of_file and self._life.run is not None:
            self._progress(command, self._life.run)

    def mode(self, code: str) -> None:
        """Take note of a mode that the job has chosen, not somebody beside it: G90, G91, M82, M83."""
        if code in _MODES:
            self._modes.pop(code[0], None)
            self._modes[code[0]] = code

    def modes(self) -> tuple[str, ...]:
        """Return the lines that give the job its modes back, in the order in which it chose them.

        The order counts: in Marlin G90 makes the extruder absolute too, whatever M83 said before.
        """
        return tuple(self._modes.values())

    def ended(self) -> None:
        """Take note that the file's last line was acknowledged: only now a single line is a layer."""
        self._tell(self._motion.end(), of_file=True)

    def reported(self, position: Mapping[str, float | None]) -> None:
        """Take the position that the printer said: x, y, z, e in mm."""
        self._reported = {axis: position.get(axis) for axis in ("x", "y", "z", "e")}

    def position(self, *, computed: bool = True) -> dict[str, Any]:
        """Return where the tool is: {x, y, z, e, t, f}; None where that is not known."""
        ours: Mapping[str, Any] = self._motion.position if computed else {}
        return {axis: ours.get(axis) for axis in _AXES} | self._reported

    def has_report(self) -> bool:
        """Return whether the printer said where its tool is since `forget_report`."""
        return bool(self._reported)

    def forget_report(self) -> None:
        """Let the computed position count again."""
        self._reported = {}

    def _tell(self, changes: Sequence[Change], of_file: bool) -> None:
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
        self.layer = change.layer
        data: dict[str, Any] = {"layer": change.layer, "z": change.z}
        if self.layers is not None:
            data["layers"] = self.layers
        return data

    def _progress(self, command: Command, run: Run) -> None:
        self.estimator.hear(command, run.elapsed(self._life.now))
        said = self.estimator.fraction(None)
        run.percent = None if said is None else said * 100.0
