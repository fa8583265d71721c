"""What a slicer is to the room: how its program is called, and what its words mean.

    Work --command--> Command --process.run--> lines --progress--> percent
                                           --> exit code, lines --reason--> a sentence

Pure: a slicer starts nothing and opens nothing but what lies beside its program. Source: facts 6.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from callboard.slicing.bed import Bed

Settings = Mapping[str, str]
"""A slicer's settings in its own words; a line break in a value is a line break."""

TOLD: Final = "known.ini"
"""The file into which a program writes all settings it knows when it is asked for them."""


class Position(Struct, frozen=True):
    """Where on the bed the model's middle shall be, in mm."""

    x: float
    y: float


class Work(Struct, frozen=True, kw_only=True):
    """One model to slice. `model` is binary or ASCII STL; all lie in `folder`, which is the job's own."""

    program: str
    folder: Path
    model: Path
    out: Path
    settings: Settings = {}
    position: Position | None = None


class Command(Struct, frozen=True, kw_only=True):
    """A process to start: its words, its environment, and files to write before (by name)."""

    words: Sequence[str]
    environment: Mapping[str, str] = {}
    files: Mapping[str, str] = {}


class Slicer(Protocol):
    """A kind of slicer; values of it hold no state."""

    name: str
    """The key: prusaslicer."""
    title: str
    """As its makers write it."""
    programs: Sequence[str]
    """What its program is called on PATH."""
    progress_available: bool
    """Whether it tells itself how far it is while it works; a bar may move by its steps where it does not."""
    layer_mark: bytes
    """What is in each print that it makes; empty: it fails by itself when there is nothing to print."""

    asked: Sequence[str]
    """What has its program write its settings to TOLD, and say more of them; empty: it is not asked."""

    def missing(self) -> str:
        """Return why it can't slice here (data of its own is missing), or nothing."""

    def read_profile(self, text: bytes) -> dict[str, str]:
        """Return the settings in a profile that the slicer exported. Raises BadProfile."""

    def left_out(self, text: bytes) -> list[str]:
        """Return which settings of an exported profile are not taken."""

    def known(self, told: str, settings: Settings) -> frozenset[str]:
        """Return the names of its settings, from what its program told. Blocking; empty: not known."""

    def bed(self, settings: Settings) -> Bed | None:
        """Return the bed that it slices for. Blocking; None where nobody says. Raises BadProfile."""

    def check(self, settings: Settings) -> None:
        """Raise BadProfile for settings that must not come from outside, or make no sense."""

    def command(self, work: Work) -> Command:
        """Return how a model is sliced."""

    def progress(self, line: str) -> float | None:
        """Return how far it is, 0 to 100, if this line of its output says so."""

    def reason(self, code: int, lines: Sequence[str]) -> str:
        """Return why it failed, as a sentence, from its exit code and the last lines of its output."""


def first_with(lines: Sequence[str], marks: Mapping[str, str]) -> str:
    """Return what the first line that holds one of `marks` means; nothing if none does."""
    return next((said for line in lines for mark, said in marks.items() if mark in line), "")


def ended(title: str, code: int) -> str:
    """Return the sentence for a program that says nothing of use."""
    if code < 0:
        return f"{title} crashed (signal {-code}): try another slicer, or export the model anew."
    return f"{title} ended with code {code} and did not say why."


def tidy(line: str) -> str:
    """Return a slicer's own line as the end of a sentence of ours."""
    return " ".join(line.split())[:300].rstrip(".!")
