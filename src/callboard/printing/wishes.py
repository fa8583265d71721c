"""What somebody may wish of a printer, and the answer.

A wish is refused at once, with a sentence, where the printer's state forbids it; what is granted
shows in the happenings. Wishes that come twice (a double press) are granted twice and done once.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from callboard.printing.program import Program


class Answer(Struct, frozen=True):
    """Whether a wish is granted, and why or why not in a sentence."""

    success: bool
    message: str


class Wish(Struct, frozen=True):
    """Something to do."""


class Select(Wish, frozen=True):
    """Select a local file: FileSelected."""

    program: Program


class SelectSd(Wish, frozen=True):
    """Select a file on the printer's card, by its name there; `then_print` starts it at once."""

    path: str
    user: str | None = None
    then_print: bool = False


class Deselect(Wish, frozen=True):
    """Select nothing: FileDeselected."""


class Start(Wish, frozen=True):
    """Print the selected file; one that is paused begins anew, as a job of its own."""

    user: str | None = None


class Print(Wish, frozen=True):
    """Select a local file and print it."""

    program: Program


class Pause(Wish, frozen=True):
    """Let the job stand still."""

    user: str | None = None


class Resume(Wish, frozen=True):
    """Let a paused job go on."""

    user: str | None = None


class Cancel(Wish, frozen=True):
    """Call the job, or the transfer, off."""

    user: str | None = None


class Gcode(Wish, frozen=True):
    """Send lines, in order; host commands such as `@pause` are obeyed."""

    lines: tuple[str, ...]


class Jog(Wish, frozen=True):
    """Move the tool by `axes` {x, y, z} in mm, at `speed` in mm/min; `absolute`: to them."""

    axes: Mapping[str, float]
    speed: float | None = None
    absolute: bool = False


class Home(Wish, frozen=True):
    """Send axes home; none named: all."""

    axes: tuple[str, ...] = ()


class Temperature(Wish, frozen=True):
    """Set targets in °C by heater: tool0, tool1, bed, chamber."""

    targets: Mapping[str, float]


class Extrude(Wish, frozen=True):
    """Push filament by `amount` mm (negative: pull it back), at `speed` in mm/min."""

    amount: float
    speed: float = 300.0
    tool: int | None = None


class RefreshSd(Wish, frozen=True):
    """Read the card's list of files anew."""


class InitSd(Wish, frozen=True):
    """Mount the card."""


class ReleaseSd(Wish, frozen=True):
    """Unmount the card."""


class DeleteSd(Wish, frozen=True):
    """Delete a file from the card."""

    path: str


class Transfer(Wish, frozen=True):
    """Copy a local file to the card; under `remote`, or else under a free name in 8.3 form."""

    program: Program
    remote: str | None = None


class Reply(Wish, frozen=True):
    """Answer the prompt that the printer shows, by the number of the choice."""

    choice: int


class EmergencyStop(Wish, frozen=True):
    """Stop the printer at once: M112."""


class Disconnect(Wish, frozen=True):
    """Close the link, after its script."""
