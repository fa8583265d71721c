"""Socket.IO 5 over Engine.IO 4, WebSocket only: modern clients, and ours.

    engine  "0" open  "1" close  "2" ping  "3" pong  "4" message  "5" upgrade  "6" noop
    socket  "4" type [attachments "-"] ["/" namespace ","] [id] [JSON]
            type: 0 connect  1 disconnect  2 event  3 ack  4 connect error  5, 6 the same with binary

Only the default namespace. Source: the protocol documents of socket.io (revision 5) and engine.io
(revision 4).
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Raw, Struct

from callboard.errors import BadEvent, ProtocolError
from callboard.event import MAX_EVENT, Envelope, identified, too_big
from callboard.jsontext import small
from callboard.wire import frames
from callboard.wire.answer import SUCCESS, answer, heads
from callboard.wire.framing import SOCKETIO5, SOCKETIO5_STAMPED
from callboard.wire.packets import Acknowledged, Left, Opened, Packet, Published, Refused
from callboard.wire.publication import NAME, NOTHING, check_utf8, decode_mended, misnamed, only_event
from callboard.wire.session import AFTERWARDS, GRACE, HEARTBEAT, UNANSWERED, Moves, Session, State, Step

ACKNOWLEDGE = "callboard.acknowledge"
"""The event by which our own client says that a handler has finished."""
ERROR = "callboard.error"
"""The event by which a peer is told why its connection is about to close."""
CONNECT_WITHIN = 20.0
"""Seconds that a peer may take to say who it is."""
_HANDLED = b'["callboard.acknowledge"'
_CONTROL = 16 * 1024
"""Bytes that a packet may have which is no event."""

_EVENT = re.compile(rb"42(?:/,)?([0-9]{0,15})(?=\[)")
_PACKET = re.compile(rb"4([0-6])(?:([0-9]{1,3})-)?(?:(/[^,]{0,256})(?:,|\Z))?([0-9]{0,15})(?![0-9])")

_HEADS = heads(b"43", SUCCESS)

MOVES: Moves = {
    State.NEW: {Step.OPEN: State.CONNECTING, Step.CLOSE: State.CLOSED},
    State.CONNECTING: {
        Step.CONNECT: State.OPEN,
        Step.BEAT: State.CONNECTING,
        Step.OTHER: State.CONNECTING,
        Step.LEAVE: State.CLOSED,
        Step.REJECT: State.CLOSED,
        Step.CLOSE: State.CLOSED,
    },
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

Short = Annotated[str, Meta(max_length=1024)]


class _Event(Struct, array_like=True, forbid_unknown_fields=True):
    name: Literal["ftrack.event"]
    event: Envelope


class _Loose(Struct, array_like=True):
    """Any event: what is behind the second argument is skipped, however much it is."""

    name: Raw = NOTHING
    first: Raw = NOTHING
    second: Raw = NOTHING


class _Auth(Struct):
    user: Short | None = None
    key: Short | None = None
    stamped: bool = False


class _Cursor(Struct):
    subscriber: Short
    position: Short


class _Handled(Struct, array_like=True):
    name: Literal["callboard.acknowledge"]
    handled: _Cursor


_events = msgspec.json.Decoder(_Event)
_loose = msgspec.json.Decoder(_Loose)
_auth = msgspec.json.Decoder(_Auth | None)
_handled = msgspec.json.Decoder(_Handled)
_name = msgspec.json.Decoder(str)
_encode = msgspec.json.Encoder().encode


class SocketIO5(Session):
    """The server's end of a connection with a modern client.

    On `Opened` the answer that lets the peer in lies in `outgoing`; `reject` takes it back.
    """

    protocol = "5"
    moves = MOVES

    def __init__(self, id: str, max_event: int = MAX_EVENT) -> None:  # noqa: A002 - it is one
        super().__init__(id, max_event)
        self.framing = SOCKETIO5
        self._until = float("inf")
        self._attachments = 0

    # What the peer says

    def receive(self, message: bytes, now: float) -> list[Packet]:  # noqa: ARG002 - time is in ticks
        """Return what one whole text message says."""
        self._unanswered = 0
        if not message.isascii():
            check_utf8(message)
        head = _EVENT.match(message)
        if head is None or self.state is not State.OPEN:
            return self._other(message)
        digits = head[1]
        ack = int(digits) if digits else None
        body = message[head.end() :]
        if body.startswith(_HANDLED):
            return self._acknowledged(body, ack)
        if len(body) <= self.max_event and small(body):
            try:
                return [Published(identified(_events.decode(body).event), ack)]
            except msgspec.MsgspecError:
                pass  # looked into below, to say what is wrong with it
        return self._loose_event(body, ack)

    def _loose_event(self, body: bytes, ack: int | None) -> list[Packet]:
        try:
            if len(body) > self.max_message:
                raise too_big(len(body), self.max_event)
            args = decode_mended(_loose, body)
            name = decode_mended(_name, bytes(args.name))
            if name == NAME:
                return [Published(only_event(args.first, args.second, self.max_event), ack)]
        except BadEvent as error:
            return [Refused(ack, str(error))]
        self.ignored += 1
        return misnamed(ack, name)

    def _acknowledged(self, body: bytes, ack: int | None) -> list[Packet]:
        try:
            handled = _handled.decode(body).handled
        except (msgspec.MsgspecError, RecursionError) as error:
            return [Refused(ack, f"This acknowledges nothing: {error}.")]
        return [Acknowledged(handled.subscriber, handled.position)]

    def _other(self, message: bytes) -> list[Packet]:
        """Read what is no event, one method for each kind of engine packet."""
        if len(message) > _CONTROL and self.state is not State.CLOSED:
            raise ProtocolError(f"This message has {len(message)} bytes and is no event: send less.")
        match message[:1], message[1:]:
            case b"4", _:
                return self._socket_packet(message)
            case b"2", payload:
                return self._ping(payload)
            case b"3", _:
                self._step(Step.BEAT)
                return []
            case b"1", b"":
                return self._leave()
            case b"5" | b"6", b"":
                return self._unused()
        raise ProtocolError

    def _socket_packet(self, message: bytes) -> list[Packet]:
        packet = _PACKET.match(message)
        if packet is None:
            raise ProtocolError
        kind, attachments, namespace, digits = packet.groups()
        body = message[packet.end() :]
        self._attachments += int(attachments or 0)
        if namespace not in (None, b"/"):
            return self._elsewhere(kind, namespace)
        match kind:
            case b"0":
                return self._connect(body)
            case b"1":
                return self._leave()
            case b"2":
                return self._event_without_data()
            case b"5":
                return self._binary(int(digits) if digits else None)
        return self._unused()

    def _connect(self, body: bytes) -> list[Packet]:
        self._step(Step.CONNECT)
        if self.state is State.CLOSED:
            return []
        try:
            auth = (_auth.decode(body) if body else None) or _Auth()
        except (msgspec.MsgspecError, RecursionError) as error:
            raise ProtocolError(f"The credentials are no {{user, key}}: {error}.") from None
        self.framing = SOCKETIO5_STAMPED if auth.stamped else SOCKETIO5
        self._until = float("inf")
        self._answer(b"40" + _encode({"sid": self.id}))
        return [Opened(auth.user, auth.key, auth.stamped)]

    def _event_without_data(self) -> list[Packet]:
        self._step(Step.EVENT)
        if self.state is State.CLOSED:
            return []
        raise ProtocolError('An event packet is 42[id]["name",{...}]: this one has no data.')

    def _binary(self, ack: int | None) -> list[Packet]:
        self._step(Step.EVENT)
        if self.state is State.CLOSED:
            return []
        return [Refused(ack, "Events hold JSON, not binary data: send a reference to the bytes.")]

    def _elsewhere(self, kind: bytes, namespace: bytes) -> list[Packet]:
        self._unused()
        if kind == b"0" and self.state is not State.CLOSED:
            known = namespace.partition(b"?")[0]
            self._answer(b"44" + known + b"," + _encode({"message": "There is one namespace here: /."}))
        return []

    def _ping(self, payload: bytes) -> list[Packet]:
        self._step(Step.BEAT)
        if self.state is not State.CLOSED:
            self._answer(b"3" + payload)
        return []

    def _leave(self) -> list[Packet]:
        was = self.state
        self._step(Step.LEAVE)
        self._end()
        return [] if was is State.CLOSED else [Left()]

    def _unused(self) -> list[Packet]:
        self._step(Step.OTHER)
        self.ignored += 1
        return []

    def attachment(self, message: bytes) -> None:
        """Drop a binary message that belongs to a packet refused before; ProtocolError for any other."""
        self._unanswered = 0
        if not self._attachments:
            super().attachment(message)
        self._attachments -= 1

    # What we say

    def acknowledge(self, ack: int, success: bool, message: str = "") -> bytes:
        """Return `43<id>[{"success":...}]`."""
        digits = b"%d" % ack
        if success and not message:
            return _HEADS[len(digits)] + digits + SUCCESS
        return frames.text(b"43" + digits + answer(success, message))

    def reject(self, message: str) -> bytes:
        """Return the connect error that keeps the peer out, in place of the answer that lets it in."""
        self._step(Step.REJECT)
        self._end()
        return frames.text(b"44" + _encode({"message": message}))

    def refuse(self, reason: str) -> bytes:
        """Return the event `callboard.error`, or a connect error to a peer that is not in yet."""
        told: Any = {"message": reason}
        if self.state is State.OPEN:
            return frames.text(b"42" + _encode([ERROR, told]))
        return frames.text(b"44" + _encode(told)) if self.state is State.CONNECTING else b""

    def open(self, now: float) -> bytes:
        """Return the engine's handshake; the peer has CONNECT_WITHIN seconds to say who it is."""
        self._until = now + CONNECT_WITHIN
        return super().open(now)

    def dead(self, now: float) -> bool:
        """Return whether the peer is silent, or has never said who it is."""
        return now >= self._until or super().dead(now)

    @property
    def due(self) -> float:
        """When to look at `tick` and `dead` next."""
        return min(self._next, self._until)

    def _end(self) -> None:
        super()._end()
        self._until = float("inf")

    def _greeting(self) -> bytes:
        timeout = HEARTBEAT * (UNANSWERED - 1) + GRACE
        return b"0" + _encode(
            {
                "sid": self.id,
                "upgrades": [],
                "pingInterval": int(HEARTBEAT * 1000),
                "pingTimeout": int(timeout * 1000),
                "maxPayload": self.max_message,
            }
        )

    def _heartbeat(self) -> bytes:
        return b"2"

    def _goodbye(self) -> bytes:
        # Nothing: clients take "41" and "1" for good, and come back from a bare close frame.
        return b""
