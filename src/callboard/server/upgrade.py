"""The way from an HTTP request to a WebSocket on the one port.

uvicorn hands the request and the socket to `Upgrade`; the hub's paths go to picows, all others to
uvicorn's own WebSocket protocol. Path, Origin, client address and session are decided here and
nowhere else: uvicorn's middleware does not see upgrades. Both libraries' insides are used
here alone, so both are pinned, and `tests/server/test_upgrade.py` fails loudly when they change.
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httptools
from msgspec import Struct
from picows import WSAutoPingStrategy, WSUpgradeRequest, WSUpgradeResponse, WSUpgradeResponseWithListener
from picows.picows import WSProtocol  # type: ignore[attr-defined]  # private, hence the pin
from uvicorn.config import Config
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol
from uvicorn.server import ServerState

from callboard.errors import Unauthenticated
from callboard.hub.principal import Principal
from callboard.server.auth import credentials, origin_allowed, remote_address
from callboard.server.gateway import Gateway
from callboard.server.gateways import Gateways
from callboard.server.sessions import Sessions
from callboard.wire.session import Session
from callboard.wire.socketio09 import SocketIO09
from callboard.wire.socketio5 import SocketIO5

_OLD = "/socket.io/1/websocket/"
_NEW = ("/socket.io/", "/socket.io")
_AGAIN = (
    b"GET / HTTP/1.1\r\nUpgrade: websocket\r\nConnection: upgrade\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n"
)
_CLOSE = 0x88
_SPOON = 64 * 1024


class _Quiet:
    """picows' logger: says nothing, and is no logging.Logger, of which picows would make one a socket."""

    def isEnabledFor(self, _: int) -> bool:  # noqa: N802 - logging's name
        return False

    def log(self, *_: object, **__: object) -> None:
        """Say nothing."""

    debug = info = warning = error = exception = log


_quiet = _Quiet()


class Refusal(Struct, frozen=True):
    """Why a WebSocket is not opened."""

    status: HTTPStatus
    reason: str


class Gate(Struct, frozen=True):
    """What it takes to decide on an upgrade: sessions, sockets, whom to believe about addresses."""

    gateways: Gateways
    sessions: Sessions
    trusted_proxies: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()

    def takes(self, path: str) -> bool:
        """Return whether a path is the hub's."""
        return path.startswith(_OLD) or path in _NEW

    def admit(self, request: WSUpgradeRequest, peer: str) -> Gateway | Refusal:
        """Return the gateway for a request to upgrade, or why not."""
        url = urlsplit(request.path.decode("latin-1"))
        remote = remote_address(peer, request.headers.getall("x-forwarded-for", []), self.trusted_proxies)
        origin = request.headers.get("origin")
        if origin is not None and not origin_allowed(origin, request.headers.get("host", ""), self.origins):
            return Refusal(HTTPStatus.FORBIDDEN, f"The origin {origin[:200]} is not one of hub.origins.")
        if self.gateways.full:
            return Refusal(HTTPStatus.SERVICE_UNAVAILABLE, "This hub has as many connections as it takes.")
        if url.path.startswith(_OLD):
            return self._old(url.path.removeprefix(_OLD).rstrip("/"), remote)
        return self._new(url.query, request, remote)

    def _old(self, name: str, remote: str) -> Gateway | Refusal:
        """Socket.IO 0.9: the session id is the credential (facts 1.3)."""
        principal = self.sessions.take(name)
        if principal is None:
            return Refusal(HTTPStatus.UNAUTHORIZED, "No such session: shake hands at /socket.io/1/ first.")
        return self._gateway(SocketIO09, remote, principal)

    def _new(self, query: str, request: WSUpgradeRequest, remote: str) -> Gateway | Refusal:
        """Socket.IO 5: credentials in the headers, or later in the CONNECT packet."""
        asked = parse_qs(query)
        if asked.get("EIO") != ["4"] or asked.get("transport") != ["websocket"]:
            return Refusal(
                HTTPStatus.BAD_REQUEST, "Connect with EIO=4 and transport=websocket: nothing else is spoken."
            )
        user, key = credentials(request.headers)
        principal = self.gateways.authenticate(user, key) if key else None
        if key and principal is None:
            return Refusal(HTTPStatus.UNAUTHORIZED, str(Unauthenticated()))
        return self._gateway(SocketIO5, remote, principal)

    def _gateway(self, protocol: Callable[..., Session], remote: str, principal: Principal | None) -> Gateway:
        name = secrets.token_urlsafe(16)
        session = protocol(name, max_event=self.gateways.hub.log.max_event)
        return Gateway(self.gateways, session, remote, name, principal)


def upgrade(gate: Gate) -> type[asyncio.Protocol]:
    """Return the class that uvicorn builds for each upgrade (`ws=`), bound to this gate."""

    class Bound(Upgrade):
        _gate = gate

    return Bound


class Upgrade(asyncio.Protocol):
    """Built by uvicorn for each upgrade; looks at the path and passes everything on."""

    _gate: Gate

    def __init__(self, config: Config, server_state: ServerState, app_state: dict[str, Any]) -> None:
        self._other = (config, server_state, app_state)
        self._transport: Any = None
        self._next: Any = None
        self._line: Any = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Uvicorn hands over the socket."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Uvicorn hands over the request, then whatever came behind it."""
        if self._next is None:
            path = data.split(b" ", 2)[1].split(b"?", 1)[0].decode("latin-1")
            if self._gate.takes(path):
                self._line = Line(self._transport, self._gate.gateways.hub.log.max_event * 4 + (1 << 20))
                self._next = self._line.reader(self._listener)
                self._next.connection_made(self._line)
            else:
                self._next = WebSocketsSansIOProtocol(*self._other)
                self._next.connection_made(self._transport)
            # uvicorn sets us as the protocol when this returns; the real one takes over right after.
            asyncio.get_running_loop().call_soon(self._hand_over)
        self._pass(data)

    def _pass(self, data: bytes) -> None:
        if isinstance(self._next, WSProtocol):
            _feed(self._next, data)
        else:
            self._next.data_received(data)

    def _hand_over(self) -> None:
        if not self._transport.is_closing():
            self._transport.set_protocol(self._next)

    def connection_lost(self, error: Exception | None) -> None:
        """The peer went before the hand-over."""
        if self._next is not None:
            self._next.connection_lost(error)

    def eof_received(self) -> bool | None:
        """The peer will send no more."""
        return None

    def pause_writing(self) -> None:
        """Pass flow control on."""
        if self._next is not None:
            self._next.pause_writing()

    def resume_writing(self) -> None:
        """Pass flow control on."""
        if self._next is not None:
            self._next.resume_writing()

    def _listener(self, request: WSUpgradeRequest) -> Gateway | WSUpgradeResponseWithListener:
        peer = self._transport.get_extra_info("peername")
        found = self._gate.admit(request, peer[0] if peer else "")
        if isinstance(found, Gateway):
            self._line.gateway = found
            return found
        body = b'{"type":"about:blank","title":"%s","status":%d,"detail":"%s"}' % (
            found.status.phrase.encode(),
            found.status.value,
            found.reason.encode("ascii", "replace").replace(b'"', b"'").replace(b"\\", b"/"),
        )
        headers = {"Content-Type": "application/problem+json"}
        return WSUpgradeResponseWithListener(
            WSUpgradeResponse.create_error_response(found.status, body, headers), None
        )


def _feed(protocol: WSProtocol, data: bytes) -> None:
    while data:
        buffer = protocol.get_buffer(len(data))
        size = min(len(buffer), len(data))
        buffer[:size] = data[:size]
        protocol.buffer_updated(size)
        data = data[size:]


class Reader(WSProtocol):  # type: ignore[misc]  # picows says nothing of it
    """picows' reader, a spoonful at a time: a peer that floods has its bound, and others their turn."""

    __slots__ = ()

    def get_buffer(self, hint: int) -> memoryview:
        """Return where the next bytes go."""
        buffer: memoryview = WSProtocol.get_buffer(self, hint)
        return buffer[:_SPOON]


class Line:
    """The transport as picows sees it: what it says by itself passes here.

    picows would answer a broken frame with a close frame and nothing before it, after which the
    official Python client never comes back (facts, rule 5): the gateway says goodbye instead.
    """

    __slots__ = ("_most", "_renewing", "gateway", "socket")

    def __init__(self, socket: Any, most: int) -> None:
        self.socket = socket
        self.gateway: Gateway | None = None
        self._most = most
        self._renewing = False

    def reader(self, listener: Callable[[WSUpgradeRequest], Any]) -> Reader:
        """Return a reader for this line that takes frames of at most `most` bytes."""
        return Reader(
            None,  # host and port: a client's
            None,  # path: a client's
            False,  # the server's side
            listener,
            _quiet,
            False,  # an exception in a listener does not close: ours never raise
            10.0,  # the whole request is here already
            False,  # pings are ours
            0,
            0,
            WSAutoPingStrategy.PING_WHEN_IDLE,
            False,  # pongs are ours
            self._most,
            None,
            2048,
        )

    def get_extra_info(self, name: str, default: Any = None) -> Any:
        """Return what the transport knows."""
        return self.socket.get_extra_info(name, default)

    def get_write_buffer_size(self) -> int:
        """Return something: else picows would write past us, straight to the socket."""
        return 1

    def write(self, data: bytes) -> None:
        """Let the answer to the upgrade pass, and no close frame."""
        if self.gateway is not None and data[0] == _CLOSE:
            self.gateway.broken(
                "These bytes are no WebSocket frames, or a frame is larger than the hub takes."
            )
        elif not self._renewing:
            self.socket.write(data)

    def renew(self) -> None:
        """Have a fresh reader: the old one's buffer has grown, and never shrinks. It must hold no bytes."""
        gateway = self.gateway
        if gateway is None or self.socket.is_closing():
            return
        self._renewing = True
        fresh = self.reader(lambda _: gateway)
        fresh.connection_made(self)
        _feed(fresh, _AGAIN)
        self.socket.set_protocol(fresh)
        self._renewing = False

    def close(self) -> None:
        """Close, unless the gateway is there to do it in its own time."""
        if self.gateway is None:
            self.socket.close()

    def abort(self) -> None:
        """Drop the connection."""
        self.socket.abort()


class Door(HttpToolsProtocol):
    """uvicorn's HTTP protocol that loses no bytes which came behind an upgrade request."""

    def data_received(self, data: bytes) -> None:
        """Feed the parser; what stands behind an upgrade belongs to the WebSocket."""
        self._unset_keepalive_if_required()
        try:
            self.parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgraded:
            self._upgrade(data[upgraded.args[0] :])
        except httptools.HttpParserError:
            self.send_400_response("Invalid HTTP request received.")

    def _upgrade(self, rest: bytes) -> None:
        if not self._should_upgrade():
            self._unsupported_upgrade_warning()
            return
        self.handle_websocket_upgrade()
        protocol = self.transport.get_protocol()
        if rest and isinstance(protocol, Upgrade):
            protocol.data_received(rest)
        del self.parser  # it holds us as we hold it: nobody else would let go
