"""What a printer is doing, as a table: where each trigger leads from each state.

Theory. A printer has a link (offline, opening, open) and, on an open link, at most one job. Both
lives are one line of states, since a job can't outlive its link. A state that ends in -ING waits for
the printer; the others wait for somebody. A job that was started is always in one of `JOB`, and leaves
these by one of four doors: SETTLED (it was printed), CANCELLED, FAULT or CLOSED. Each door has its
terminal event, and no door leads back in without START: so each PrintStarted has exactly one of them.

What somebody wishes in a state that has no such trigger is remembered or refused
(`callboard.printing.steering`); the table itself is total: a trigger that it lacks changes nothing.

Source: facts/print-host-facts.md 3.1, 3.8. `diagram()` draws it for docs/printing.md.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """A state, with what people read."""

    OFFLINE = "Offline"
    OPEN_SERIAL = "Opening serial connection"
    DETECT_SERIAL = "Detecting serial connection"
    CONNECTING = "Connecting"
    OPERATIONAL = "Operational"
    STARTING = "Starting"
    PRINTING = "Printing"
    PAUSING = "Pausing"
    PAUSED = "Paused"
    RESUMING = "Resuming"
    CANCELLING = "Cancelling"
    FINISHING = "Finishing"
    TRANSFERRING = "Sending file to SD"
    ERROR = "Error"
    CLOSED_WITH_ERROR = "Offline after error"


class Trigger(Enum):
    """What takes a printer from one state to the next."""

    CONNECT = "a known port is opened"
    DETECT = "a port is looked for"
    OPENED = "the port is open"
    ANSWERED = "the printer says ok"
    START = "a job begins"
    STARTED = "the start script is done"
    PAUSE = "pause"
    STANDS = "the tool stands still, the pause script is done"
    RESUME = "resume"
    GOES_ON = "the resume script is done"
    CANCEL = "cancel"
    CANCELLED = "the cancel script is done"
    END = "the last line is acknowledged"
    SETTLED = "the end script is done, the tool stands still"
    TRANSFER = "a transfer to the card begins"
    TRANSFERRED = "the transfer has ended"
    FAULT = "a fatal fault"
    CLOSED = "the link is closed"


OPEN: Final = frozenset(
    {
        State.OPERATIONAL,
        State.STARTING,
        State.PRINTING,
        State.PAUSING,
        State.PAUSED,
        State.RESUMING,
        State.CANCELLING,
        State.FINISHING,
        State.TRANSFERRING,
    }
)
"""The states in which the printer has answered."""

JOB: Final = frozenset(
    {
        State.STARTING,
        State.PRINTING,
        State.PAUSING,
        State.PAUSED,
        State.RESUMING,
        State.CANCELLING,
        State.FINISHING,
    }
)
"""The states of a job."""

_OPENING: Final = frozenset({State.OPEN_SERIAL, State.DETECT_SERIAL, State.CONNECTING})
_CANCELLABLE: Final = JOB - {State.CANCELLING, State.FINISHING}


def _table() -> Mapping[State, Mapping[Trigger, State]]:
    rows: dict[State, dict[Trigger, State]] = {state: {} for state in State}
    for source, trigger, target in _STEPS:
        rows[source][trigger] = target
    for state in sorted(_CANCELLABLE, key=_place):
        rows[state][Trigger.CANCEL] = State.CANCELLING
    for state in sorted(OPEN | _OPENING, key=_place):
        rows[state][Trigger.FAULT] = State.ERROR
        rows[state][Trigger.CLOSED] = State.OFFLINE
    return MappingProxyType({state: MappingProxyType(row) for state, row in rows.items()})


def _place(state: State) -> int:
    return list(State).index(state)


_STEPS: Final = (
    (State.OFFLINE, Trigger.CONNECT, State.OPEN_SERIAL),
    (State.OFFLINE, Trigger.DETECT, State.DETECT_SERIAL),
    (State.CLOSED_WITH_ERROR, Trigger.CONNECT, State.OPEN_SERIAL),
    (State.CLOSED_WITH_ERROR, Trigger.DETECT, State.DETECT_SERIAL),
    (State.OPEN_SERIAL, Trigger.OPENED, State.CONNECTING),
    (State.DETECT_SERIAL, Trigger.OPENED, State.CONNECTING),
    (State.CONNECTING, Trigger.ANSWERED, State.OPERATIONAL),
    (State.OPERATIONAL, Trigger.START, State.STARTING),
    (State.OPERATIONAL, Trigger.TRANSFER, State.TRANSFERRING),
    (State.TRANSFERRING, Trigger.TRANSFERRED, State.OPERATIONAL),
    (State.STARTING, Trigger.STARTED, State.PRINTING),
    (State.PRINTING, Trigger.PAUSE, State.PAUSING),
    (State.PAUSING, Trigger.STANDS, State.PAUSED),
    (State.PAUSED, Trigger.RESUME, State.RESUMING),
    (State.RESUMING, Trigger.GOES_ON, State.PRINTING),
    (State.PRINTING, Trigger.END, State.FINISHING),
    (State.FINISHING, Trigger.SETTLED, State.OPERATIONAL),
    (State.CANCELLING, Trigger.CANCELLED, State.OPERATIONAL),
    (State.ERROR, Trigger.CLOSED, State.CLOSED_WITH_ERROR),
)

TABLE: Final = _table()
"""Where a trigger leads: state -> trigger -> state."""


def follow(state: State, trigger: Trigger) -> State | None:
    """Return the state that `trigger` leads to, or None where it changes nothing."""
    return TABLE[state].get(trigger)


def diagram() -> str:
    """Return the table as a Mermaid state diagram; what leads from many states to one is one note."""
    lines = ["stateDiagram-v2", "    [*] --> OFFLINE"]
    lines += [
        f"    {source.name} --> {target.name}: {trigger.value}"
        for source, row in TABLE.items()
        for trigger, target in row.items()
        if not _common(source, trigger)
    ]
    lines += [f"    note right of {State.CANCELLING.name}", f"        cancel, from {_names(_CANCELLABLE)}"]
    lines += ["    end note", f"    note right of {State.ERROR.name}"]
    lines += ["        a fatal fault, from any state with an open link", "    end note"]
    lines += [f"    note right of {State.OFFLINE.name}"]
    lines += ["        the link is closed, from any state but ERROR", "    end note"]
    return "\n".join(lines) + "\n"


def _common(source: State, trigger: Trigger) -> bool:
    return trigger in {Trigger.CANCEL, Trigger.FAULT} or (
        trigger is Trigger.CLOSED and source is not State.ERROR
    )


def _names(states: frozenset[State]) -> str:
    return ", ".join(state.name for state in sorted(states, key=_place))
