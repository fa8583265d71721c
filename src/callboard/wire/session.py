"""One connection as a state table, sans-IO: bytes in, values and bytes out.

Theory. A session knows three things: in which state the conversation is, what it owes the peer
(`outgoing`), and how long the peer has been silent. What a peer says, and what we say, is a *step*;
each protocol brings a table {state: {step: next state}}. A step that is not in the table is a
ProtocolError, and there is no other place where order is judged: the picture in docs/wire.md is
drawn from the tables. The clock is an argument.

After the goodbye, ours or the peer's, whatever else arrives is dropped: it was under way before the
peer could know. It is not acknowledged either, so a client that cares sends it again.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from enum import Enum
from typing import ClassVar

from callboard.errors import ProtocolError
from callboard.event import MAX_EVENT, Stamp
from callboard.wire import frames
from callboard.wire.framing import Framing
from callboard.wire.packets import Packet

__all__ = ["Framing", "Moves", "ProtocolError", "Session", "State", "Step", "diagram"]

HEARTBEAT = 8.0
"""Seconds between heartbeats. The official JavaScript client leaves after 15 without one."""
UNANSWERED = 3
"""Heartbeats that may go unanswered."""
GRACE = 4.0
"""Seconds that the last of them is waited for: a dead peer is found within 28 s."""
OVERHEAD = 4096
"""Bytes that a message may have beside its event."""


class State(Enum):
    """Where the conversation is."""

    NEW = "new"
    CONNECTING = "connecting"
    OPEN = "open"
    CLOSED = "closed"

    @property
    def speaks(self) -> bool:
        """True when events may pass."""
        return self is State.OPEN


class Step(Enum):
    """What can be said, by the peer or by us."""

    OPEN = "we open"
    CONNECT = "peer connects"
    EVENT = "peer publishes"
    BEAT = "peer gives a sign of life"
    OTHER = "peer says what we don't use"
    REJECT = "we reject"
    LEAVE = "peer leaves"
    CLOSE = "we close"


Moves = Mapping[State, Mapping[Step, State]]

AFTERWARDS: Mapping[Step, State] = dict.fromkeys(
    (Step.CONNECT, Step.EVENT, Step.BEAT, Step.OTHER, Step.REJECT, Step.LEAVE, Step.CLOSE), State.CLOSED
)
"""Everything stays closed; this row is the same in each table."""


class Session(ABC):
    """The server's end of one connection.

    `id` is random text for this connection; `max_event` the bytes of JSON that an event may have.
    `ignored` counts the messages that were understood and not used.
    """

    protocol: ClassVar[str]
    moves: ClassVar[Moves]
    framing: Framing

    __slots__ = ("_answers", "_next", "_unanswered", "id", "ignored", "max_event", "max_message", "state")

    def __init__(self, id: str, max_event: int = MAX_EVENT) -> None:  # noqa: A002 - it is one
        self.id = id
        self.max_event = max_event
        self.max_message = max_event + OVERHEAD
        self.state = State.NEW
        self.ignored = 0
        self._answers: list[bytes] = []
        self._unanswered = 0
        self._next = float("inf")

    @property
    def stamped(self) -> bool:
        """True when the peer wants each event's position, time and publisher beside it."""
        return self.framing.stamped

    # What the peer says

    @abstractmethod
    def receive(self, message: bytes, now: float) -> list[Packet]:
        """Return what one whole text message says; then send what `outgoing` gives.

        Raises ProtocolError for what is no packet: tell the peer (`refuse`), say goodbye (`close`).
        """

    def attachment(self, message: bytes) -> None:  # noqa: ARG002 - nobody wants it
        """Take a binary message; raises ProtocolError where none was announced."""
        raise ProtocolError("Binary messages are not spoken here: send text.")

    def outgoing(self) -> bytes:
        """Return the frames that answer what was received, once."""
        if not self._answers:
            return b""
        answers, self._answers = self._answers, []
        return b"".join(answers)

    # What we say

    def open(self, now: float) -> bytes:
        """Return the frames to send as soon as the socket is there; heartbeats start at `now`."""
        self._step(Step.OPEN)
        self._next = now + HEARTBEAT
        return frames.text(self._greeting())

    def event(self, json: bytes, stamp: Stamp | None = None) -> bytes:
        """Return the frame that delivers one event; the same for all sessions of one `framing`."""
        return self.framing.event(json, stamp)

    @abstractmethod
    def acknowledge(self, ack: int, success: bool, message: str = "") -> bytes:
        """Return the frame that answers the packet that came with `ack`."""

    @abstractmethod
    def reject(self, message: str) -> bytes:
        """Return the frame that keeps a peer out which `Opened` but may not; nothing else is heard."""

    @abstractmethod
    def refuse(self, reason: str) -> bytes:
        """Return the frame that tells the peer what was wrong with its message; `close` follows."""

    def close(self) -> bytes:
        """Return the frames that say goodbye so that the peer comes back later; empty the second time."""
        if self.state is State.CLOSED:
            return b""
        goodbye = self._goodbye()
        self._step(Step.CLOSE)
        self._end()
        return goodbye

    # Time

    def tick(self, now: float) -> bytes:
        """Return the heartbeat if it is due."""
        if now < self._next or self._unanswered >= UNANSWERED or not self._beating:
            return b""
        self._unanswered += 1
        self._next = now + (HEARTBEAT if self._unanswered < UNANSWERED else GRACE)
        return frames.text(self._heartbeat())

    def dead(self, now: float) -> bool:
        """Return whether the peer has left too many heartbeats unanswered.

        Counted, not timed: after a stall of our own the answers are still in the socket.
        """
        return self._unanswered >= UNANSWERED and now >= self._next

    @property
    def due(self) -> float:
        """When to look at `tick` and `dead` next."""
        return self._next

    def heard(self) -> None:
        """Note a sign of life that is no message: a WebSocket pong."""
        self._unanswered = 0

    # What a protocol brings

    @abstractmethod
    def _greeting(self) -> bytes: ...

    @abstractmethod
    def _heartbeat(self) -> bytes: ...

    @abstractmethod
    def _goodbye(self) -> bytes: ...

    @property
    def _beating(self) -> bool:
        return self.state is not State.CLOSED

    def _step(self, step: Step) -> None:
        try:
            self.state = self.moves[self.state][step]
        except KeyError:
            raise ProtocolError(f"Out of turn: {step.value} while {self.state.value}.") from None

    def _answer(self, text: bytes) -> None:
        self._answers.append(frames.text(text))

    def _end(self) -> None:
        self._answers.clear()
        self._next = float("inf")


def diagram(moves: Moves) -> str:
    """Draw a table as Mermaid text, the steps between the same two states on one arrow."""
    lines = ["stateDiagram-v2", f"    [*] --> {State.NEW.value}"]
    for state, steps in moves.items():
        arrows: dict[State, list[str]] = {}
        for step, following in steps.items():
            arrows.setdefault(following, []).append(step.value)
        lines += [f"    {state.value} --> {end.value}: {', '.join(said)}" for end, said in arrows.items()]
    return "\n".join(lines) + "\n"
