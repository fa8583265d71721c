"""Socket.IO 0.9: the subset that the official studio clients speak (facts, 1.4).

    code ":" [id ["+"]] ":" [endpoint] [":" data]

The endpoint is always empty here: what the seed calls the namespace is the name in the JSON.
An id with `+` asks for an answer with data, without it for a plain one.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Raw, Struct

from callboard.errors import BadEvent, ProtocolError
from callboard.event import Envelope, identified, too_big
from callboard.jsontext import small
from callboard.wire import frames
from callboard.wire.answer import SUCCESS, answer, heads
from callboard.wire.framing import SOCKETIO09
from callboard.wire.packets import Left, Packet, Published, Refused
from callboard.wire.publication import NAME, NOTHING, check_utf8, decode_mended, misnamed, only_event
from callboard.wire.session import AFTERWARDS, Moves, Session, State, Step

_EVENT = re.compile(rb"5:([0-9]{0,15})(\+?)::")
_PACKET = re.compile(rb"([0-8])(?::([0-9]{0,15}\+?)(?::([^:]{0,256})(?::|\Z)|\Z)|\Z)")

_SUCCESS = b"+" + SUCCESS
_HEADS = heads(b"6:::", _SUCCESS)

MOVES: Moves = {
    State.NEW: {Step.OPEN: State.OPEN, Step.CLOSE: State.CLOSED},
    State.OPEN: {
        Step.EVENT: State.OPEN,
        Step.BEAT: State.OPEN,
        Step.OTHER: State.OPEN,
        Step.LEAVE: State.CLOSED,
        Step.REJECT: State.CLOSED,
        Step.CLOSE: State.CLOSED,
    },
    State.CLOSED: AFTERWARDS,
}


class _Event(Struct):
    name: Literal["ftrack.event"]
    args: tuple[Envelope]


class _Args(Struct, array_like=True, frozen=True):
    first: Raw = NOTHING
    second: Raw = NOTHING


class _Loose(Struct):
    """Any event: what is behind the second argument is skipped, however much it is."""

    name: str = ""
    args: _Args = _Args()


_events = msgspec.json.Decoder(_Event)
_loose = msgspec.json.Decoder(_Loose)


class SocketIO09(Session):
    """The server's end of a connection with an official studio client.

    An `ack` is the packet's id; for a plain one, without `+`, it is `-1 - id`.
    """

    protocol = "0.9"
    moves = MOVES
    framing = SOCKETIO09
    __slots__ = ()

    def receive(self, message: bytes, now: float) -> list[Packet]:  # noqa: ARG002 - time is in ticks
        """Return what one whole text message says."""
        self._unanswered = 0
        if not message.isascii():
            check_utf8(message)
        head = _EVENT.match(message)
        if head is None or self.state is not State.OPEN:
            return self._other(message)
        digits, plus = head.groups()
        ack = (int(digits) if plus else -1 - int(digits)) if digits else None
        body = message[head.end() :]
        if len(body) <= self.max_event and small(body):
            try:
                return [Published(identified(_events.decode(body).args[0]), ack)]
            except msgspec.MsgspecError:
                pass  # looked into below, to say what is wrong with it
        return self._loose_event(body, ack)

    def _loose_event(self, body: bytes, ack: int | None) -> list[Packet]:
        try:
            if len(body) > self.max_message:
                raise too_big(len(body), self.max_event)
            packet = decode_mended(_loose, body)
            if packet.name == NAME:
                return [Published(only_event(packet.args.first, packet.args.second, self.max_event), ack)]
        except BadEvent as error:
            return [Refused(ack, str(error))]
        self.ignored += 1
        return misnamed(ack, packet.name)

    def _other(self, message: bytes) -> list[Packet]:
        packet = _PACKET.match(message)
        if packet is None:
            raise ProtocolError
        code, _, endpoint = packet.groups()
        step = _STEPS.get(code, Step.OTHER)
        if endpoint:
            step = Step.OTHER
        elif code == b"5" and self.state is State.OPEN:
            raise ProtocolError("An event packet is 5:[id+]::{...}: this one has no data.")
        was = self.state
        self._step(step)
        if step is Step.LEAVE and was is not State.CLOSED:
            self._end()
            return [Left()]
        self.ignored += step is Step.OTHER
        return []

    def acknowledge(self, ack: int, success: bool, message: str = "") -> bytes:
        """Return `6:::<id>+[{"success":...}]`: always exactly one object (facts, rule 2)."""
        if success and not message:
            if ack >= 0:
                digits = b"%d" % ack
                return _HEADS[len(digits)] + digits + _SUCCESS
            return frames.text(b"6:::%d" % (-1 - ack))
        number = ack if ack >= 0 else -1 - ack
        return frames.text(b"6:::%d+" % number + answer(success, message))

    def reject(self, message: str) -> bytes:
        """Return an error packet; 0.9 peers prove who they are before the socket opens."""
        told = self.refuse(message)
        self._step(Step.REJECT)
        self._end()
        return told

    def refuse(self, reason: str) -> bytes:
        """Return an error packet, which all clients survive."""
        return frames.text(b"7:::" + reason.encode(errors="replace"))

    def _greeting(self) -> bytes:
        return b"1::"

    def _heartbeat(self) -> bytes:
        return b"2::"

    def _goodbye(self) -> bytes:
        return frames.text(b"0::")


_STEPS = {b"0": Step.LEAVE, b"2": Step.BEAT, b"5": Step.EVENT}
