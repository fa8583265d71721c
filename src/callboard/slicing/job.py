"""A slicing job: what is asked for, and where it stands. A job ends once, and is then told of once."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any

from msgspec import Struct

from callboard.files.telling import HOUSE, Cause
from callboard.slicing.slicer import Position


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    SLICING = "slicing"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"

    @property
    def ended(self) -> bool:
        """Whether nothing comes any more."""
        return self not in {State.WAITING, State.SLICING}


class Order(Struct, frozen=True, kw_only=True):
    """What is asked for. `settings` are the profile's with all overrides."""

    file: str
    to: str
    slicer: str
    profile: str
    settings: Mapping[str, str]
    position: Position | None = None
    overwrite: bool = True
    select: str = ""
    print: str = ""
    if_clear: bool = True
    """Whether a printer whose bed may not be clear is left alone: nobody watches what is printed then."""


class Job(Struct, kw_only=True):
    """One job. `seconds` is how long the slicing took, `printed` whether the printer did what was asked."""

    id: str
    order: Order
    by: Cause = HOUSE
    began: float
    state: State = State.WAITING
    progress: int = 0
    reason: str = ""
    warnings: tuple[str, ...] = ()
    seconds: float = 0.0
    printed: bool | None = None
    storing: bool = False
    """Whether its result goes into its place: too late to call it off."""
    superseded: bool = False

    @property
    def payload(self) -> dict[str, Any]:
        """What each of its events says. Source: facts 1.1."""
        order = self.order
        return {
            "stl": order.file,
            "gcode": order.to,
            "slicer": order.slicer,
            "stl_location": "local",
            "gcode_location": "local",
            "job": self.id,
        }

    @property
    def shown(self) -> dict[str, Any]:
        """What the state `slicingProgress/<job>` says: the reference's keys. Source: facts 6."""
        order = self.order
        return {
            "slicer": order.slicer,
            "source_location": "local",
            "source_path": order.file,
            "dest_location": "local",
            "dest_path": order.to,
            "progress": self.progress,
        }

    def advance(self, percent: float) -> bool:
        """Note how far it is; True when that is another whole percent. It never goes back."""
        known, self.progress = self.progress, max(self.progress, min(int(percent), 100))
        return self.progress != known
