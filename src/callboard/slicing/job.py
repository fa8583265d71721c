"""A slicing job: what is asked for, and where it stands. A job ends once, and is then told of once."""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final

from msgspec import Struct

from callboard.files.telling import HOUSE, Cause
from callboard.slicing.slicer import Position

_ID: Final = re.compile(r"[0-9a-f]{12}")


def new_id() -> str:
    """Return an id that no other job has."""
    return secrets.token_hex(6)


def is_id(name: str) -> bool:
    """Return whether a name has the shape of a job's id: what bears another is not ours to remove."""
    return _ID.fullmatch(name) is not None


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

    @property
    def then(self) -> tuple[str, str]:
        """What is asked of which printer once it is sliced: print or select; no printer: nothing is."""
        return ("print", self.print) if self.print else ("select", self.select)


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
    outside: str = ""
    """Why the model is not on the bed; nothing if it is."""
    seconds: float = 0.0
    printed: bool | None = None
    storing: bool = False
    """Whether its result goes into its place: too late to call it off."""
    called_off: bool = False
    """Whether its task was cancelled, which is done once: a second time would cut its tidying short."""

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
