"""A line: one WebSocket to the hub, from the moment it is open until it breaks.

    send, acknowledge --> texts --> one writer --> socket --> reader --> Peer --> delivered, answered

Reading never waits for a handler, so heartbeats are answered whatever handlers do. The codec is
`wire.peer`; this file only moves texts.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections import deque
from collections.abc import Callable
from typing import NoReturn

import aiohttp

from callboard.client.http import CONNECT, Http, unknown_key, unreachable
from callboard.errors import Gone, ProtocolError, Unauthenticated
from callboard.event import Envelope, Stamp
from callboard.wire.peer import Answered, Arrival, Delivered, Goodbye, Peer, Ping, Rejected, Welcome

log = logging.getLogger("callboard.client")

PATH = "/socket.io/?EIO=4&transport=websocket"
LONGEST = 64 << 20
_GRACE = 5.0

Answer = Callable[[bool, str], None]
"""Takes the hub's answer: success, and a message."""
Deliver = Callable[[Envelope, Stamp], None]


class Line:
    """An open connection. `run` reads until it breaks; what is sent before that is written in order."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse, peer: Peer, silence: float) -> None:
        self._socket = socket
        self._peer = peer
        self._silence = silence
        self._answers: dict[int, Answer] = {}
        self._asked = 0
        self._heard = 0.0
        self._texts: deque[str] = deque()
        self._handled: dict[str, str] = {}
        self._due = asyncio.Event()
        self._written = asyncio.Event()
        self._writer = asyncio.create_task(self._write(), name="callboard writer")

    def send(self, envelope: bytes, answer: Answer) -> None:
        """Send an event; `answer` is called when the hub has said what became of it."""
        self._asked += 1
        self._answers[self._asked] = answer
        self._say(self._peer.publish(envelope, self._asked))

    def acknowledge(self, subscriber: str, position: str) -> None:
        """Say that a durable subscriber has handled all up to `position`; only the latest is sent."""
        self._handled[subscriber] = position
        self._wake()

    def _say(self, text: str) -> None:
        self._settle()
        self._texts.append(text)
        self._wake()

    def _settle(self) -> None:
        """Line up the acknowledgements: they go before what is sent after them, an unsubscribe say."""
        handled, self._handled = self._handled, {}
        self._texts.extend(self._peer.acknowledge(*each) for each in handled.items())

    def _wake(self) -> None:
        self._written.clear()
        self._due.set()

    async def run(self, deliver: Deliver) -> NoReturn:
        """Read until the line breaks; raises Gone then, with the reason."""
        loop = asyncio.get_running_loop()
        self._heard = loop.time()
        watching = asyncio.create_task(self._watch(), name="callboard watch")
        try:
            while True:
                text = await _receive(self._socket)
                self._heard = loop.time()
                for packet in _understood(self._peer, text):
                    self._take(packet, deliver)
        finally:
            watching.cancel()

    async def _watch(self) -> None:
        """Close a line on which nothing comes any more: a timeout at each message costs a third of it."""
        loop = asyncio.get_running_loop()
        while (left := self._heard + self._silence - loop.time()) > 0:  # noqa: ASYNC110 - time is waited for
            await asyncio.sleep(left)
        log.warning("The hub was silent for %g s.", self._silence)
        await self._socket.close()

    def _take(self, packet: Arrival, deliver: Deliver) -> None:
        match packet:
            case Delivered(envelope, stamp) if stamp is not None:
                deliver(envelope, stamp)
            case Answered(ack, success, message):
                answer = self._answers.pop(ack, None)
                if answer is not None:
                    answer(success, message)
            case Ping(answer_text):
                self._say(answer_text)
            case Rejected(message):  # not our key: something that we sent
                raise Gone(f"The hub closed the connection: {message}")
            case Goodbye():
                raise Gone("The hub said goodbye.")

    async def _write(self) -> None:
        try:
            while True:
                await self._due.wait()
                self._due.clear()
                self._settle()
                while self._texts:
                    await self._socket.send_str(self._texts.popleft())
                if not self._due.is_set():
                    self._written.set()
        except (aiohttp.ClientError, OSError):
            await self._socket.close()  # the reader hears of it, and ends

    async def close(self) -> None:
        """Write what waits, if the hub still takes it, and leave."""
        if not self._writer.done() and not self._socket.closed and (self._texts or self._handled):
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._written.wait(), _GRACE)
        self._writer.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._writer
        await self._socket.close()


async def dial(http: Http) -> Line:
    """Return an open line; raises Unauthenticated when the hub refuses the key, Gone when there is none."""
    credentials = http.credentials
    try:
        async with asyncio.timeout(CONNECT):
            socket = await http.session.ws_connect(
                credentials.url + PATH, max_msg_size=LONGEST, compress=0, autoclose=True
            )
            try:
                return await _greet(socket, credentials.user, credentials.key)
            except BaseException:
                await socket.close()
                raise
    except aiohttp.WSServerHandshakeError as error:
        if error.status in (401, 403):
            raise unknown_key() from None
        raise Gone(f"{credentials.url} refuses a WebSocket (status {error.status}).") from None
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        raise unreachable(credentials.url, error) from error


async def _greet(socket: aiohttp.ClientWebSocketResponse, user: str, key: str) -> Line:
    """Say who we are, and wait for the hub's welcome."""
    peer = Peer()
    await socket.send_str(peer.open(user, key))
    while True:
        for packet in _understood(peer, await _receive(socket)):
            match packet:
                case Welcome(_, interval, timeout):
                    return Line(socket, peer, interval + timeout)
                case Rejected(message):
                    known = not message or message == str(Unauthenticated())
                    raise unknown_key() if known else Unauthenticated(message)
                case Goodbye():
                    raise Gone("The hub said goodbye at once: try again later.")


def _understood(peer: Peer, text: str) -> list[Arrival]:
    try:
        return peer.receive(text)
    except ProtocolError as error:
        raise Gone(f"What answers there is no Callboard hub: {error}") from None


async def _receive(socket: aiohttp.ClientWebSocketResponse) -> str:
    """Return the next text; raises Gone when the socket is closed."""
    message = await socket.receive()
    if message.type is aiohttp.WSMsgType.TEXT:
        return str(message.data)
    if message.type is aiohttp.WSMsgType.BINARY:
        raise Gone("The hub sent bytes where text is spoken.")
    raise Gone("The connection to the hub was closed.")
