"""A transfer: a local file, line by line, onto the printer's card.

Nothing is written before the firmware says that it opened the file: else it would print the lines.
None of them is a G-code event of ours, since none is carried out.

Source: facts/print-host-facts.md 3.9 (Transfer flow), 1.3 (G-code events during SD upload).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any, Final

from callboard.printing.feeding import Feed
from callboard.printing.flow import Flow, Until
from callboard.printing.job import Trigger
from callboard.printing.life import Life
from callboard.printing.marlin import Protocol
from callboard.printing.program import Program
from callboard.printing.sdcard import SdCard
from callboard.printing.talk import Talk

OPENS: Final = 15.0
"""How long the card may take to open a file for writing, in s."""

CLOSES: Final = 30.0
"""How long it may take to close it, in s."""

_UNSAFE: Final = re.compile(r"[^a-z0-9_-]")


class Transfers:
    """Copies one file at a time."""

    def __init__(self, life: Life, talk: Talk, feed: Feed, card: SdCard, protocol: Protocol) -> None:
        self._life, self._talk, self._feed = life, talk, feed
        self._card, self._protocol = card, protocol
        self._names: dict[str, str] | None = None
        self._begun = 0.0
        self.program: Program | None = None

    def begin(self, program: Program, remote: str) -> Flow:
        """Copy `program` to the card as `remote`."""
        life, card = self._life, self._card
        if not life.go(Trigger.TRANSFER):
            return
        self.program, self._begun = program, life.now
        self._names = {"local": program.name, "remote": f"/{remote}"}
        life.say("TransferStarted", dict(self._names))
        card.writing = card.saved = False
        self._protocol.begin(numbered=True)
        yield Until(self._talk.send([f"M28 {remote}"]).done, life.now + OPENS)
        if not card.writing:
            self._end()
            return
        self._feed.begin(program, copying=True)
        yield Until(lambda: self._feed.finished or bool(self._feed.fault))
        fault = self._feed.fault
        yield from self._close(remote if fault else "")
        self._end(done=not fault)

    def cancel(self) -> Flow:
        """Stop, and delete what is there of the file."""
        remote = (self._names or {}).get("remote", "").lstrip("/")
        self._feed.stop()
        yield from self._close(remote)
        self._end()

    def progress(self) -> Mapping[str, Any] | None:
        """Return {local, remote, percent} of the one that runs."""
        if self._names is None or self.program is None:
            return None
        done, size = self._feed.position, self.program.size
        return {**self._names, "percent": round(100.0 * done / size, 2) if size else 0.0}

    def fail(self) -> None:
        """Tell that it has failed, if one runs: the link is gone."""
        self._tell(done=False)

    def _close(self, unwanted: str) -> Flow:
        self._feed.stop()
        ticket = self._talk.send(["M29"])
        yield Until(lambda: self._card.saved and ticket.done(), self._life.now + CLOSES)
        if unwanted:
            self._talk.send([f"M30 {unwanted}"])

    def _end(self, *, done: bool = False) -> None:
        self._protocol.begin(numbered=False)
        self._life.go(Trigger.TRANSFERRED)
        self._tell(done=done)
        self._card.writing = False
        self._card.refresh()

    def _tell(self, *, done: bool) -> None:
        names, self._names = self._names, None
        program, self.program = self.program, None
        if program is not None:
            program.close()
        if names is not None:
            time = max(self._life.now - self._begun, 0.0)
            self._life.say("TransferDone" if done else "TransferFailed", {**names, "time": time})


def short_name(name: str, taken: Iterable[str]) -> str:
    """Return a free name in 8.3 form for a file: `benchy_0.2mm.gcode` becomes `benchy~1.gco`.

    `taken` are names on the card, in any case, with or without a slash.
    """
    used = {each.lstrip("/").lower() for each in taken}
    stem = _UNSAFE.sub("", name.lower().rpartition(".")[0].partition(".")[0]) or "transf"
    for number in range(1, 10_000):
        tail = f"~{number}"
        candidate = f"{stem[: 8 - len(tail)]}{tail}.gco"
        if candidate not in used:
            return candidate
    return "transf~0.gco"
