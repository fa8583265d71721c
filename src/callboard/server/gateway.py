"""The gateway: a WebSocket, its session (what the bytes mean) and its connection (what the hub does).

    picows --> Session.receive --> Connection.publish ... Connection.flush --> one write a loop turn

Bytes to clients are framed by the wire, the same for all of one protocol, and written past picows
straight to the transport; picows only reads. Nothing here may raise into picows: it would
answer with a close frame, and the official Python client never comes back from one (facts, rule 5).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from typing import Any

import structlog
from picows import WSFrame, WSListener, WSMsgType, WSTransport

from callboard.errors import BadPosition, CallboardError, Gone, ProtocolError, Unauthenticated
from callboard.event import Event
from callboard.hub.connection import Connection
from callboard.hub.principal import Principal
from callboard.server.bundles import JOIN, write_at_once
from callboard.server.gateways import GOODBYE, Gateways
from callboard.wire import frames
from callboard.wire.packets import Acknowledged, Left, Opened, Packet, Published, Refused
from callboard.wire.session import Session

log = structlog.get_logger("callboard.gateway")

_BACKLOG = 256 * 1024
_PARTING = 0.5
"""Seconds between the goodbye and the close frame, for those who go by themselves."""
_LARGE = 128 * 1024
"""A message of more bytes leaves a buffer behind that is worth giving back."""


class Gateway(WSListener):
    """One socket. `principal` is None until a v5 client sends its credentials."""

    __slots__ = (
        "_broken",
        "_choked",
        "_connection",
        "_deaf",
        "_full",
        "_gateways",
        "_gone",
        "_held",
        "_leaving",
        "_line",
        "_name",
        "_parts",
        "_principal",
        "_remote",
        "_room",
        "_session",
        "_size",
        "_socket",
        "_waiting",
    )

    def __init__(
        self, gateways: Gateways, session: Session, remote: str, name: str, principal: Principal | None
    ) -> None:
        self._gateways = gateways
        self._session = session
        self._remote = remote
        self._name = name
        self._principal = principal
        self._connection: Connection | None = None
        self._parts: list[bytes] = []
        self._size = 0
        self._line: Any = None
        self._socket: Any = None
        self._gone = False
        self._leaving = False
        self._room: asyncio.Future[None] | None = None
        self._full = False
        self._held = False
        self._choked = False
        self._broken = False
        self._deaf = False
        self._waiting = 0

    # What picows calls

    def on_ws_connected(self, transport: WSTransport) -> None:
        """The upgrade is done: greet."""
        transport.request.headers.clear()  # picows keeps both as long as the socket
        transport.response.headers.clear()
        if self._socket is not None:
            return  # a new reader on the same socket
        self._line = transport.underlying_transport
        self._socket = self._line.socket
        self._socket.set_write_buffer_limits(high=_BACKLOG, low=JOIN)
        self._gateways.open.add(self)
        self.write([self._session.open(time.monotonic())])
        if self._principal is not None:
            self._admit(self._principal)

    def on_ws_frame(self, transport: WSTransport, frame: WSFrame) -> None:  # noqa: ARG002 - picows's
        """A frame came in; whatever is wrong with it is told to this peer only."""
        try:
            if frame.msg_type is WSMsgType.TEXT and frame.fin and not self._parts:
                self._receive(frame.get_payload_as_bytes())
            else:
                self._read(frame)
            if frame.payload_size > _LARGE and frame.last_in_buffer and not frame.tail_size:
                self._line.renew()
        except ProtocolError as error:
            self._refuse(str(error))
        except Exception:
            log.exception("a frame could not be handled", user=self._user)
            self._refuse("The hub could not handle this message; its log says why.")

    def on_ws_disconnected(self, transport: WSTransport) -> None:  # noqa: ARG002 - picows's
        """The socket is closed: forget it; durable cursors stay."""
        self._gone = True
        self._gateways.forget(self)
        self._wake()
        if self._connection is not None:
            self._connection.close()
            self._publish_presence("octoprint.ClientClosed")

    def pause_writing(self) -> None:
        """The transport holds more than it should."""
        self._full = True

    def resume_writing(self) -> None:
        """The transport has sent most of what it held."""
        self._full = self._choked = False
        self._session.heard()
        self._listen()
        self._wake()

    # Reading

    def _read(self, frame: WSFrame) -> None:
        kind = frame.msg_type
        if kind in (WSMsgType.TEXT, WSMsgType.CONTINUATION):
            self._join(frame)
        elif kind is WSMsgType.PING:
            self.write([frames.pong(frame.get_payload_as_bytes())])
        elif kind is WSMsgType.PONG:
            self._session.heard()
            if self._connection is not None:
                self._connection.pong(frame.get_payload_as_bytes())
        elif kind is WSMsgType.CLOSE:
            self._finish()
        else:
            self._session.attachment(frame.get_payload_as_bytes())

    def _join(self, frame: WSFrame) -> None:
        """Collect fragments under the cap."""
        first = frame.msg_type is WSMsgType.TEXT
        if first == bool(self._parts):
            raise ProtocolError("Fragments of a message came out of order: send whole messages.")
        self._size += frame.payload_size
        if self._size > self._gateways.hub.log.max_event * 4 or len(self._parts) > 10_000:
            raise ProtocolError("This message comes in too many or too large fragments: send less at once.")
        self._parts.append(frame.get_payload_as_bytes())
        if frame.fin:
            message = b"".join(self._parts)
            self._parts, self._size = [], 0
            self._receive(message)

    def _receive(self, message: bytes) -> None:
        if self._leaving:
            return
        packets = self._session.receive(message, self._gateways.now)
        if len(packets) == 1 and type(packet := packets[0]) is Published and self._connection is not None:
            self._connection.publish(packet.envelope, packet.ack)
            return
        for packet in packets:
            self._handle(packet)
        answer = self._session.outgoing()
        if answer:
            self.write([answer])

    def _handle(self, packet: Packet) -> None:
        match packet:
            case Opened():
                self._open(packet)
            case Left():
                self.leave()
            case _ if self._connection is None:
                raise ProtocolError(str(Unauthenticated()))
            case Refused(ack, reason):
                self._gateways.hub.refused += 1
                self._connection.answer(ack, False, reason)
            case Acknowledged(subscriber, position):
                self._acknowledge(subscriber, position)
            case Published(envelope, ack):
                self._connection.publish(envelope, ack)

    def _open(self, packet: Opened) -> None:
        """A v5 client joins, with credentials in its packet or in the headers it came with."""
        if self._connection is not None:
            return
        principal = self._principal
        if packet.user is not None or packet.key is not None:
            principal = self._gateways.authenticate(packet.user or "", packet.key or "")
        if principal is None:
            log.info("a peer was refused", remote=self._remote, reason="no such user and key")
            self.write([self._session.reject(str(Unauthenticated()))])
            self.leave()
        else:
            self._admit(principal)

    def _admit(self, principal: Principal) -> None:
        if self._session.state.speaks:
            framing = self._gateways.framing(self._session.framing)
            self._principal = principal
            self._connection = Connection(
                self._gateways.hub, principal, framing, self, self._name, stamped=self._session.stamped
            )
            self._publish_presence("octoprint.ClientOpened")

    def _acknowledge(self, subscriber: str, position: str) -> None:
        try:
            number = self._gateways.hub.log.number(position)
        except BadPosition:
            return  # a position of another log moves no cursor of this one
        if self._connection is not None:
            self._connection.acknowledge(subscriber, number)

    def _publish_presence(self, topic: str) -> None:
        event = Event(topic=topic, data={"remoteAddress": self._remote})
        self._gateways.bus.publish(event).add_done_callback(_look)

    # Writing: what a Connection wants of its pipe

    def write(self, written: Sequence[bytes]) -> bool:
        """Write frames in one go; False when more than the bound was waiting already."""
        socket = self._socket
        if not written or self._gone or socket.is_closing():
            return True
        full = self._full and socket.get_write_buffer_size() > _BACKLOG
        write_at_once(socket, written)
        if full and not self._choked:
            self._choked = True  # who reads no answers may ask nothing more
            self._listen()
        return not full

    async def drained(self) -> None:
        """Wait until most of what was written is sent; raises Gone when the socket is."""
        while not self._gone and self._full:
            self._room = asyncio.get_running_loop().create_future()
            await self._room
        if self._gone:
            raise Gone

    def _wake(self) -> None:
        if self._room is not None and not self._room.done():
            self._room.set_result(None)

    def acknowledged(self, ack: int, success: bool, message: str = "") -> bytes:
        """Return the frame that answers a message."""
        return self._session.acknowledge(ack, success, message)

    def ping(self, payload: bytes) -> bytes:
        """Return a WebSocket ping."""
        return frames.ping(payload)

    def pause(self, paused: bool) -> None:
        """Stop reading from the peer, or go on."""
        self._held = paused
        self._listen()

    def _listen(self) -> None:
        """Read from the peer unless something is against it."""
        deaf = self._held or self._choked or self._broken
        if deaf != self._deaf and not self._gone and not self._socket.is_closing():
            self._deaf = deaf
            (self._socket.pause_reading if deaf else self._socket.resume_reading)()

    # Heartbeats and goodbyes

    def tick(self, now: float) -> None:
        """Send the heartbeat if one is due; drop a peer that has not answered for too long."""
        if self._gone or now < self._session.due:
            return
        self._notice_progress()
        if self._session.dead(now):
            log.info("a silent peer was dropped", user=self._user, remote=self._remote)
            self.drop()
            return
        if self._principal is not None and not self._gateways.keys.stands(self._principal):
            self._refuse(f"The key of {self._principal.name} was revoked: ask for another.")
            return
        beat = self._session.tick(now)
        if beat:
            self.write([beat])
        if self._connection is not None:
            self._connection.beat()

    def _notice_progress(self) -> None:
        """A peer that takes bytes from us, or that we don't listen to, is no silent one."""
        waiting = self._socket.get_write_buffer_size()
        if self._held or waiting < self._waiting:
            self._session.heard()
        self._waiting = waiting

    def leave(self) -> None:
        """Say goodbye in the protocol's own words, then close (facts, rule 5: never the other way round)."""
        if not self._leaving and not self._gone:
            self._leaving = True
            self._parts.clear()
            if self._connection is not None:
                self._connection.close()
            goodbye = self._session.close()
            if not goodbye:  # the close frame is the goodbye
                self._finish()
                return
            self.write([goodbye])
            asyncio.get_running_loop().call_later(_PARTING, self._finish)

    def _finish(self) -> None:
        if not self._gone:
            self.write([frames.close()])
            self._socket.close()
            asyncio.get_running_loop().call_later(GOODBYE, self.drop)

    def drop(self) -> None:
        """Drop the TCP connection: the official clients come back from that."""
        if not self._gone:
            self._socket.abort()

    def broken(self, reason: str) -> None:
        """What the peer sends can't be read on, so that picows wants to close: say goodbye instead."""
        self._broken = True
        self._refuse(reason)
        self._listen()

    def _refuse(self, reason: str) -> None:
        if not self._gone and not self._leaving:
            log.info("a peer was refused", user=self._user, remote=self._remote, reason=reason)
            self.write([self._session.refuse(reason)])
            self.leave()

    @property
    def _user(self) -> str:
        return self._principal.name if self._principal is not None else "?"


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and isinstance(done.exception(), CallboardError):
        log.warning("a client's coming or going was not stored", error=str(done.exception()))
