"""The client's end of Socket.IO 5, sans-IO: texts in, values out. A WebSocket library does the framing.

peer = Peer()
peer.receive(text)             the engine's handshake; nothing to say yet, send peer.open(user, key)
peer.receive(text)             [Welcome(...)], then Delivered, Answered and Ping as they come
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Struct

from callboard.errors import ProtocolError
from callboard.event import Envelope, Stamp
from callboard.wire.socketio5 import ACKNOWLEDGE

_PACKET = re.compile(rb"4([0-6])(?:/,)?([0-9]{0,15})(?![0-9])")


class Welcome(Struct, frozen=True):
    """The hub has let us in. A ping comes every `ping_interval` seconds; `ping_timeout` more is too long."""

    sid: str
    ping_interval: float
    ping_timeout: float


class Delivered(Struct, frozen=True):
    """An event, with what the hub stamped on it."""

    envelope: Envelope
    stamp: Stamp | None


class Answered(Struct, frozen=True):
    """The hub's answer to what was published with `ack`."""

    ack: int
    success: bool
    message: str


class Ping(Struct, frozen=True):
    """The hub asks whether we live: send `answer`."""

    answer: str


class Rejected(Struct, frozen=True):
    """The hub does not let us in, or closes because of what we sent; `message` says why."""

    message: str


class Goodbye(Struct, frozen=True):
    """The hub closes."""


Arrival = Welcome | Delivered | Answered | Ping | Rejected | Goodbye


class _Handshake(Struct, rename="camel"):
    ping_interval: float
    ping_timeout: float


class _Connected(Struct):
    sid: str = ""


class _Delivery(Struct, array_like=True):
    name: Literal["ftrack.event"]
    envelope: Envelope
    stamp: Stamp | None = None


class _Told(Struct):
    success: bool = False
    message: str = ""


class _Error(Struct, array_like=True):
    name: Literal["callboard.error"]
    told: _Told


_handshakes = msgspec.json.Decoder(_Handshake)
_connected = msgspec.json.Decoder(_Connected)
_deliveries = msgspec.json.Decoder(_Delivery)
_errors = msgspec.json.Decoder(_Error)
_answers = msgspec.json.Decoder(tuple[_Told])
_told = msgspec.json.Decoder(_Told)
_encode = msgspec.json.Encoder().encode


class Peer:
    """Our own client's end of one connection."""

    def __init__(self) -> None:
        self._interval = 0.0
        self._timeout = 0.0

    def open(self, user: str, key: str) -> str:
        """Return the text that asks to be let in, with each event's position beside it."""
        return "40" + _text({"user": user, "key": key, "stamped": True})

    def publish(self, json: bytes, ack: int | None = None) -> str:
        """Return the text that publishes the event `json`; `Answered` comes if there is an `ack`."""
        return f'42{"" if ack is None else ack}["ftrack.event",{json.decode()}]'

    def acknowledge(self, subscriber: str, position: str) -> str:
        """Return the text that says: `subscriber` has handled everything up to `position`."""
        return "42" + _text([ACKNOWLEDGE, {"subscriber": subscriber, "position": position}])

    def close(self) -> str:
        """Return the text that says goodbye."""
        return "41"

    def receive(self, text: str | bytes) -> list[Arrival]:
        """Return what the hub says in one text; raises ProtocolError for what is no packet."""
        message = text.encode(errors="replace") if isinstance(text, str) else text
        try:
            return self._read(message)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise ProtocolError(f"The hub sent what is no packet: {error}.") from None

    def _read(self, message: bytes) -> list[Arrival]:
        match message[:1]:
            case b"4":
                return self._socket_packet(message)
            case b"2":
                return [Ping("3" + message[1:].decode())]
            case b"0":
                return self._handshake(message[1:])
            case b"1":
                return [Goodbye()]
            case b"3" | b"5" | b"6":
                return []
        raise ProtocolError

    def _socket_packet(self, message: bytes) -> list[Arrival]:
        head = _PACKET.match(message)
        if head is None:
            raise ProtocolError
        kind, digits = head.groups()
        body = message[head.end() :]
        match kind:
            case b"2":
                return _event(body)
            case b"3" if digits:
                (told,) = _answers.decode(body)
                return [Answered(int(digits), told.success, told.message)]
            case b"0":
                return [Welcome(_connected.decode(body or b"{}").sid, self._interval, self._timeout)]
            case b"1":
                return [Goodbye()]
            case b"4":
                return [Rejected(_told.decode(body or b"{}").message)]
        return []

    def _handshake(self, body: bytes) -> list[Arrival]:
        found = _handshakes.decode(body)
        self._interval, self._timeout = found.ping_interval / 1000, found.ping_timeout / 1000
        return []


def _event(body: bytes) -> list[Arrival]:
    if body.startswith(b'["ftrack.event"'):
        found = _deliveries.decode(body)
        return [Delivered(found.envelope, found.stamp)]
    if body.startswith(b'["callboard.error"'):
        return [Rejected(_errors.decode(body).told.message)]
    return []  # an event of another name: of a later version of the hub


def _text(value: object) -> str:
    return _encode(value).decode()
