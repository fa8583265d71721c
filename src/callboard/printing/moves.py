"""Where the conversation with a printer is, as a table.

Theory. There are four states and few steps; all that is fine-grained (which line is acknowledged, what is
asked for again) stands in `stream`, so that this table can be read at a glance. Every step is allowed in
every state: a printer says what it likes, and a table with holes would only move the question elsewhere.
The picture in docs/printing-protocol.md is drawn from it.

Source: facts/print-host-facts.md 3.1, 3.2.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType
from typing import Final


class State(Enum):
    """Where the conversation is."""

    CLOSED = "closed"
    GREETING = "greeting"
    READY = "ready"
    FAILED = "failed"


class Step(Enum):
    """What can happen."""

    OPEN = "the link opens"
    ANSWER = "ok or wait"
    START = "start: the printer began anew"
    SILENCE = "no answer for too long"
    FAULT = "a fault without return"
    CLOSE = "the link closes"


MOVES: Final[Mapping[State, Mapping[Step, State]]] = MappingProxyType(
    {
        State.CLOSED: {
            Step.OPEN: State.GREETING,
            Step.ANSWER: State.CLOSED,
            Step.START: State.CLOSED,
            Step.SILENCE: State.CLOSED,
            Step.FAULT: State.CLOSED,
            Step.CLOSE: State.CLOSED,
        },
        State.GREETING: {
            Step.OPEN: State.GREETING,
            Step.ANSWER: State.READY,
            Step.START: State.GREETING,
            Step.SILENCE: State.FAILED,
            Step.FAULT: State.FAILED,
            Step.CLOSE: State.CLOSED,
        },
        State.READY: {
            Step.OPEN: State.GREETING,
            Step.ANSWER: State.READY,
            Step.START: State.GREETING,
            Step.SILENCE: State.FAILED,
            Step.FAULT: State.FAILED,
            Step.CLOSE: State.CLOSED,
        },
        State.FAILED: {
            Step.OPEN: State.GREETING,
            Step.ANSWER: State.FAILED,
            Step.START: State.FAILED,
            Step.SILENCE: State.FAILED,
            Step.FAULT: State.FAILED,
            Step.CLOSE: State.CLOSED,
        },
    }
)


def diagram(moves: Mapping[State, Mapping[Step, State]] = MOVES) -> str:
    """Draw the table as Mermaid text, steps between the same two states on one arrow, without what stays."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.CLOSED.value}"]
    for state, steps in moves.items():
        arrows: dict[State, list[str]] = {}
        for step, following in steps.items():
            if following is not state:
                arrows.setdefault(following, []).append(step.value)
        lines += [f"    {state.value} --> {end.value} : {', '.join(said)}" for end, said in arrows.items()]
    return "\n".join(lines) + "\n"
