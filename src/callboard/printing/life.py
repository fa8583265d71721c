"""A printer's life: its state, what is selected, the job that runs, and the happenings so far.

All parts of a machine (`callboard.printing.machine`) speak through it, so that happenings stand in one
order and each carries the job as it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from msgspec import Struct

from callboard.printing.happening import NOTHING, Happening
from callboard.printing.job import JOB, OPEN, State, Trigger, follow
from callboard.printing.program import Program

SD: Final = "sdcard"


class Selection(Struct, frozen=True):
    """A selected file: a local one with its program, or one on the printer's card."""

    path: str
    origin: str
    size: int | None = None
    owner: str | None = None
    program: Program | None = None

    def payload(self, user: str | None = None) -> dict[str, Any]:
        """Return the keys of the catalog's Job."""
        data = {
            "file": self.path,
            "origin": self.origin,
            "name": self.path.rpartition("/")[2],
            "path": self.path,
            "size": self.size,
        }
        if self.owner is not None:
            data["owner"] = self.owner
        if user is not None:
            data["user"] = user
        return data


class Run:
    """A job that was started: its clock, how far it is, and whether its end was told."""

    def __init__(self, selection: Selection, user: str | None, now: float) -> None:
        self.selection, self.user = selection, user
        self.done = 0
        self.size = selection.size or 0
        self.percent: float | None = None
        self.told = self.cancelled = False
        self._begun = now
        self._stands_since: float | None = None
        self._stood = 0.0

    def elapsed(self, now: float) -> float:
        """Return how long the job has run, in seconds, heat-up included, pauses left out."""
        until = now if self._stands_since is None else self._stands_since
        return max(until - self._begun - self._stood, 0.0)

    def stand(self, now: float) -> None:
        """Stop the clock."""
        if self._stands_since is None:
            self._stands_since = now

    def go_on(self, now: float) -> None:
        """Let the clock go on."""
        if self._stands_since is not None:
            self._stood += max(now - self._stands_since, 0.0)
            self._stands_since = None

    @property
    def progress(self) -> float:
        """How far it is, in percent: as the file says (M73), else by the bytes that are done."""
        if self.percent is not None:
            return self.percent
        return round(min(self.done / self.size, 1.0) * 100.0, 2) if self.size else 0.0

    def payload(self) -> dict[str, Any]:
        """Return the keys of the catalog's Job."""
        return self.selection.payload(self.user)


class Life:
    """Says what happens, in order, each time with the job as it is.

    `now` is the time of what is handled at the moment, `z` the height of the tool in mm.
    """

    def __init__(self, now: float) -> None:
        self.now = now
        self.state = State.OFFLINE
        self.selection: Selection | None = None
        self.run: Run | None = None
        self.z: float | None = None
        self._happenings: list[Happening] = []

    @property
    def is_open(self) -> bool:
        """Whether the printer has answered."""
        return self.state in OPEN

    @property
    def has_job(self) -> bool:
        """Whether a job runs, from its first script to its last."""
        return self.state in JOB

    @property
    def from_card(self) -> bool:
        """Whether the job, or else the selected file, is the card's."""
        return self.selection is not None and self.selection.origin == SD

    def say(self, name: str, data: Mapping[str, Any] = NOTHING) -> None:
        """Add a happening; `data` is the caller's no more."""
        self._happenings.append(Happening(name, data, self._job()))

    def go(self, trigger: Trigger) -> bool:
        """Go where the table leads, and say so; False where it leads nowhere."""
        state = follow(self.state, trigger)
        if state is None:
            return False
        self.state = state
        self.say("PrinterStateChanged", {"state_id": state.name, "state_string": self.text})
        return True

    @property
    def text(self) -> str:
        """The state in words."""
        return "Printing from SD" if self.state is State.PRINTING and self.from_card else self.state.value

    def take(self) -> list[Happening]:
        """Return what happened since the last call."""
        taken, self._happenings = self._happenings, []
        return taken

    def select(self, selection: Selection | None) -> None:
        """Select a file, or none, and let go of the one before."""
        before, self.selection = self.selection, selection
        if before is not None and before.program is not None:
            program = selection.program if selection is not None else None
            if before.program is not program:
                before.program.close()
        if selection is not None:
            self.say("FileSelected", selection.payload())
        elif before is not None:
            self.say("FileDeselected")

    def _job(self) -> Mapping[str, Any] | None:
        """Return the job as it is: of the run, or else of the selected file."""
        selection = self.run.selection if self.run is not None else self.selection
        if selection is None:
            if self.z is None:
                return None
            return {"file": None, "path": None, "origin": None, "progress": None, "z": self.z}
        progress = self.run.progress if self.run is not None else None
        return {
            "file": selection.path,
            "path": selection.path,
            "origin": selection.origin,
            "progress": progress,
            "z": self.z,
        }
