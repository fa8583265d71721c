"""The printer's card: its list of files, the one that is selected, the one that prints.

The card prints by itself; we ask how far it is. What is asked for by name goes back by name, with the
prefix that the list had.

Source: facts/print-host-facts.md 3.9, 3.1 (external start), 3.8 (start, pause, cancel of the card).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from math import inf
from typing import Final

from callboard.printing.flow import Flow, Until
from callboard.printing.job import State
from callboard.printing.life import SD, Life, Selection
from callboard.printing.marlin import Kind, Protocol, SdEntry
from callboard.printing.talk import Talk

ANSWER: Final = 10.0
"""How long the card may take to open a file, in s."""

POLL: Final = 1.0
"""How often a printing card is asked how far it is, in s."""

GLANCE: Final = 5.0
"""How often a selected file is asked whether somebody has started it at the printer, in s."""

GONE: Final = 3
"""How many times in a row the card says that it does not print before we believe it."""


class SdCard:
    """The card, and a `course.Source`: the job whose lines come from it."""

    def __init__(self, life: Life, talk: Talk, protocol: Protocol) -> None:
        self._life, self._talk, self._protocol = life, talk, protocol
        self.forget()

    def forget(self) -> bool:
        """Forget what is on the card, as when the link closes; True if there was something."""
        known = bool(getattr(self, "files", ()))
        self.files: Sequence[SdEntry] = ()
        self.mounted = False
        self.writing = self.saved = self.ended = False
        self.fault = self.error = ""
        self._then: Callable[[], None] | None = None
        self._opened: tuple[str, int | None] | None = None
        self._wanted: str | None = None
        self._selected = False
        self._idle = 0
        self._done = -1
        self._asked = 0.0
        return known

    # What is asked of it

    def refresh(self) -> None:
        """Ask for the list of files; UpdatedFiles follows."""
        long_names = self._protocol.capabilities.get("EXTENDED_M20", False)
        self._talk.send(["M20 L T" if long_names else "M20"])

    def select(self, path: str, *, then: Callable[[], None] | None = None) -> None:
        """Ask for a file; FileSelected follows when the card has opened it, then `then`."""
        self._then = then
        self._wanted, self._selected, self._opened = self.known(path) or path, False, None
        self._talk.send([f"M23 {self._wanted}"])

    def delete(self, path: str) -> None:
        """Delete a file, and ask for the list."""
        self._talk.send([f"M30 {self.known(path) or path}"])
        self.refresh()

    def known(self, path: str) -> str | None:
        """Return how the card calls a file, whatever its case and leading slash; None if it has none."""
        wanted = path.lstrip("/").lower()
        for entry in self.files:
            if entry.name.lstrip("/").lower() == wanted or (entry.long or "").lower() == wanted:
                return entry.name
        return None

    # What it says

    def listed(self, entries: Sequence[SdEntry]) -> None:
        """Take the list of files."""
        self.files, self.mounted = tuple(entries), True
        self.say_updated()

    def say_updated(self) -> None:
        """Tell that the list changed; under both names, always in this order."""
        self._life.say("UpdatedFiles", {"type": "printables"})
        self._life.say("UpdatedFiles", {"type": "gcode"})

    def opened(self, name: str, size: int | None) -> None:
        """Take note that the card opened a file."""
        self._opened = (name, size)

    def selected(self) -> None:
        """Take note that the file it opened is selected; tell so unless a job begins with it."""
        self._selected, self._done = True, -1
        name, size = self._opened or (self._wanted or "", None)
        path = (self._wanted or name).lstrip("/")
        self._wanted = None
        then, self._then = self._then, None
        if path and self._life.state is State.OPERATIONAL:
            self._life.select(Selection(path, SD, size))
            if then is not None:
                then()

    def failed(self, error: str) -> None:
        """Take note that the card can't do what it was asked for; `error` is in its own words."""
        self.error, self._then = error, None
        if self._life.state is State.STARTING and self._life.from_card and not self._selected:
            self.fault = f"The card could not open the file: {error}."

    def progressed(self, done: int, total: int) -> bool:
        """Take how far it is, in bytes; True when it began to print by itself."""
        before, self._done, self._idle = self._done, done, 0
        run = self._life.run
        if run is not None and self._life.from_card:
            run.done, run.size = done, total
            return False
        idle = self._life.state is State.OPERATIONAL and self._life.from_card
        return idle and 0 <= before < done < total

    def not_printing(self) -> bool:
        """Take that it does not print; True when a print of it was stopped by somebody else."""
        self._idle += 1
        return self._idle >= GONE and self._life.state is State.PRINTING and self._life.from_card

    # A job of it

    def start(self, selection: Selection) -> Flow:
        """Select the file anew, and start it."""
        self.fault, self.ended, self._idle, self._done = "", False, 0, -1
        self.select(selection.path)
        if not (yield Until(lambda: self._selected, self._life.now + ANSWER)):
            self.fault = f"The card could not open {selection.path}."
            return
        yield Until(self._talk.send(["M26 S0", "M24"]).done)

    def pause(self) -> Flow:
        """Let the card pause."""
        yield Until(self._talk.send(["M25"]).done)

    def resume(self) -> Flow:
        """Let the card go on."""
        self._idle = 0
        yield Until(self._talk.send(["M24"]).done)

    def stop(self) -> None:
        """Forget what went wrong; the card itself is stopped by `cancel`."""
        self.fault = ""

    def cancel(self) -> Flow:
        """Let the card stop, and go back to the first byte; what follows need not wait for it."""
        self._talk.send(["M25", "M26 S0"])
        yield from ()

    @property
    def due(self) -> float:
        """When it is to be asked how far it is: often while it prints, else now and then."""
        state = self._life.state
        if not self._life.from_card or state not in {State.PRINTING, State.OPERATIONAL}:
            return inf
        return self._asked + (POLL if state is State.PRINTING else GLANCE)

    def tick(self, now: float) -> None:
        """Ask how far it is, if it is time."""
        if now >= self.due:
            self._asked = now
            if self._protocol.idle(Kind.HOST):
                self._talk.send(["M27"], Kind.HOST)
