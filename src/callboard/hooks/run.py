"""A run: one hook and one event, what came of it and why."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any, Final, Literal

import msgspec
from msgspec import Struct

from callboard.event import Event
from callboard.hooks.output import Output

State = Literal["queued", "running", "done", "dead", "refused", "skipped", "cancelled", "merged", "unknown"]
"""dead: it failed for good and can be redriven; refused: the event's values can't stand in the command;
merged: another run speaks for it; unknown: sent, and nobody knows whether it arrived."""

REDRIVABLE: Final = ("dead", "refused", "unknown")


class Outcome(Struct, frozen=True):
    """What came of an attempt."""

    state: Literal["done", "failed", "refused", "unknown", "skipped"]
    reason: str = ""
    exit: int | None = None
    command: str = ""
    output: Output | None = None
    retry: bool = True
    """False when trying again would be useless."""
    retry_after: float = 0.0
    """Seconds that the other side asked to wait."""
    plain: bool = False
    """True when `reason` has no word of the command or of what answered it: then events tell it."""
    closes: bool = False
    """True when the other side wants no more of these (410)."""


class Wanted(Struct, frozen=True):
    """A run to be stored: to wait in the queue, to start at once, or one that never will."""

    hook: str
    kind: str
    event: Event
    state: State
    key: str = ""
    scope: str = ""
    merge: str | None = None
    due: float = 0.0
    reason: str = ""
    origin: str = ""
    repeats: int = 0
    number: int = 0
    """The run's id where it has begun already; else it gets one when it is stored."""


class Cancel(Struct, frozen=True):
    """Cancel what waits for its delay, for one scope."""

    hook: str
    scope: str
    reason: str
    origin: str = ""


class Known(Struct, frozen=True):
    """From this position on these hooks listen."""

    hooks: tuple[str, ...]
    position: str


Step = Wanted | Cancel | Known


class Run(Struct, frozen=True):
    """A run as callboard.db has it."""

    id: int
    hook: str
    kind: str
    position: str
    origin: str
    topic: str
    event_id: str
    time: float
    key: str
    merged: int
    state: State
    due: float
    attempt: int
    repeats: int
    queued: float
    started: float | None
    ended: float | None
    command: str
    exit: int | None
    reason: str
    output: str = ""
    event: Event | None = None


class Claimed(Struct, frozen=True):
    """Runs that may start, when to look again (None: when one has ended), and whether any wait."""

    runs: list[Run]
    wake: float | None
    behind: bool


COLUMNS: Final = (
    "id, hook, kind, position, origin, topic, event_id, time, key, merged, state, due, attempt, repeats, "
    "queued, started, ended, command, exit, reason, head, tail, size, event"
)


def run_of(row: Sequence[Any]) -> Run:
    """Return the run in a row of COLUMNS."""
    head, tail, size, event = row[-4:]
    output = Output()
    output.head, output.tail, output.size = head or b"", tail or b"", size
    values = (*row[:-4], output.text, read_event(event) if event else None)
    return Run(*values)


def started(step: Wanted, number: int) -> Run:
    """Return a run that was just stored as running, under its number."""
    event = step.event
    assert event.entry is not None
    now = time.time()
    return Run(
        id=number,
        hook=step.hook,
        kind=step.kind,
        position=event.entry.position,
        origin=step.origin,
        topic=event.topic,
        event_id=event.id,
        time=event.entry.time,
        key=step.key,
        merged=0,
        state="running",
        due=step.due,
        attempt=1,
        repeats=step.repeats,
        queued=now,
        started=now,
        ended=None,
        command="",
        exit=None,
        reason="",
        event=event,
    )


def number_of(position: str) -> int:
    """Return the number inside a position, for the order among those of one log."""
    number = position.rpartition("-")[2]
    return int(number) if number.isascii() and number.isdigit() and len(number) < 20 else 0


def write_event(event: Event) -> bytes:
    """Return an event as the queue keeps it."""
    return msgspec.json.encode(event)


def read_event(raw: bytes) -> Event:
    """Return an event that the queue kept."""
    return msgspec.json.decode(raw, type=Event)
