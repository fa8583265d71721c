"""A 0.9 client down to the bytes of its socket, and a whole board in this process for it to talk to."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import itertools
import json
import os
import socket
import struct
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self

import aiohttp

from callboard.board import Board, open_board
from callboard.config import Config
from callboard.config.settings import Hub, Log

TEXT, BINARY, CLOSE, PING, PONG = 1, 2, 8, 9, 10
PATIENCE = 20.0

_opened: list[Raw] = []


@contextlib.asynccontextmanager
async def serving_here(folder: Path, log: str | None = "memory:", **settings: Any) -> AsyncIterator[Board]:
    """Open a board on a port that is free."""
    config = Config(hub=Hub(port=0, **settings), log=Log(url=log))
    async with open_board(config, folder) as board:
        try:
            yield board
        finally:
            hang_up()


def hang_up() -> None:
    """Drop all connections of the test that ends."""
    while _opened:
        _opened.pop().abort()


def admin(board: Board) -> tuple[str, str]:
    """Return the admin's user and key."""
    return "admin", (board.data / "admin.key").read_text().strip()


async def shake(url: str, user: str, key: str) -> str:
    """Shake hands and return the session id."""
    headers = {"ftrack-user": user, "ftrack-api-key": key}
    async with aiohttp.ClientSession() as http, http.get(f"{url}/socket.io/1/", headers=headers) as response:
        assert response.status == 200, await response.text()
        return (await response.text()).split(":")[0]


@dataclass
class Raw:
    """One WebSocket; it reads only when asked to, and answers pings and heartbeats only while it reads."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    heard: list[dict[str, Any]] = field(default_factory=list)
    told: list[str] = field(default_factory=list)
    answers: dict[int, Any] = field(default_factory=dict)
    ponging: bool = True
    goodbye: bool = False
    closed: bool = False
    on_event: Callable[[dict[str, Any]], None] = lambda event: None

    def __post_init__(self) -> None:
        self._numbers = itertools.count(1)
        _opened.append(self)

    @classmethod
    async def to(cls, board: Board | str, who: tuple[str, str] | None = None, **options: Any) -> Self:
        """Shake hands, upgrade, and read the greeting."""
        url = board if isinstance(board, str) else board.url
        session = await shake(url, *(who or admin(board)))  # type: ignore[arg-type]
        client, status = await cls.upgrade(url, f"/socket.io/1/websocket/{session}", **options)
        assert status == 101, status
        await client.until(lambda: "1::" in client.told)
        return client

    @classmethod
    async def upgrade(
        cls, url: str, path: str, behind: bytes = b"", small: bool = False, **headers: str
    ) -> tuple[Self, int]:
        """Ask for a WebSocket; `behind` is sent in the same write. Returns the client and the status."""
        host, port = url.removeprefix("http://").split(":")
        sock = socket.socket()
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if small:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        sock.setblocking(False)
        await asyncio.get_running_loop().sock_connect(sock, (host, int(port)))
        reader, writer = await asyncio.open_connection(sock=sock, limit=4096 if small else 1 << 20)
        key = base64.b64encode(os.urandom(16)).decode()
        lines = {
            "Host": f"{host}:{port}",
            "Upgrade": "websocket",
            "Connection": "Upgrade",
            "Sec-WebSocket-Version": "13",
            "Sec-WebSocket-Key": key,
            **{name.replace("_", "-"): value for name, value in headers.items()},
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        writer.write(f"GET {path} HTTP/1.1\r\n{head}\r\n".encode() + behind)
        status = await asyncio.wait_for(reader.readuntil(b"\r\n\r\n"), PATIENCE)
        return cls(reader, writer), int(status.split()[1])

    async def body(self) -> Any:
        """Return the JSON body of a refusal."""
        return json.loads(await asyncio.wait_for(self.reader.read(), PATIENCE))

    # Saying

    def frame(self, payload: bytes, opcode: int = TEXT, fin: bool = True) -> None:
        """Write one frame, masked with zeros."""
        self.writer.write(masked(payload, opcode, fin))

    def text(self, text: str) -> None:
        self.frame(text.encode())

    def send(self, topic: str, data: Any = None, answered: bool = True, **more: Any) -> int:
        """Publish without waiting; returns the packet's number."""
        number = next(self._numbers)
        event = {"topic": topic, "data": {} if data is None else data, "source": {"id": "raw"}, **more}
        packet = json.dumps({"name": "ftrack.event", "args": [event]})
        self.text(f"5:{number}+::{packet}" if answered else f"5:::{packet}")
        return number

    async def ask(self, topic: str, data: Any = None, **more: Any) -> Any:
        """Publish and return the answer."""
        number = self.send(topic, data, **more)
        await self.until(lambda: number in self.answers)
        return self.answers[number]

    async def publish(self, topic: str, data: Any = None, **more: Any) -> None:
        answer = await self.ask(topic, data, **more)
        assert answer["success"], answer

    async def subscribe(self, expression: str, name: str = "raw", **subscriber: Any) -> Any:
        """Subscribe and return the answer."""
        wish = {"subscription": expression, "subscriber": {"id": name, **subscriber}}
        return await self.ask("ftrack.meta.subscribe", wish)

    def reply(self, event: dict[str, Any], subscriber: str, data: Any = True) -> None:
        """Reply as the official clients do."""
        target = f"id={event['source']['id']}"
        more = {"target": target, "inReplyToEvent": event["id"], "source": {"id": subscriber}}
        self.send("ftrack.meta.reply", data, **more)

    # Hearing

    async def until(self, condition: Callable[[], Any], patience: float = PATIENCE) -> None:
        """Read frames until `condition` is true; fails when the socket closes before that."""
        async with asyncio.timeout(patience):
            while not condition():
                assert await self.read(), f"closed; was told {self.told[-3:]}"

    async def until_closed(self, patience: float = PATIENCE) -> None:
        """Read until the socket is closed."""
        async with asyncio.timeout(patience):
            while await self.read():
                pass

    async def read(self) -> bool:
        """Read one frame; False at the end."""
        try:
            first, second = await self.reader.readexactly(2)
            size = second & 127
            if size > 125:
                width, code = (2, "!H") if size == 126 else (8, "!Q")
                (size,) = struct.unpack(code, await self.reader.readexactly(width))
            payload = await self.reader.readexactly(size)
        except (asyncio.IncompleteReadError, ConnectionError):
            self.closed = True
            self.abort()
            return False
        self._take(first & 15, payload)
        return True

    def _take(self, opcode: int, payload: bytes) -> None:
        if opcode == PING and self.ponging:
            self.frame(payload, PONG)
        elif opcode == CLOSE:
            assert self.goodbye, "a close frame without 0:: before it"
            self.frame(payload, CLOSE)
        elif opcode == TEXT:
            self._take_text(payload.decode())

    def _take_text(self, text: str) -> None:
        if text.startswith("5:::"):
            event = json.loads(text[4:])["args"][0]
            self.heard.append(event)
            self.on_event(event)
        elif text.startswith("6:::"):
            number, _, body = text[4:].partition("+")
            self.answers[int(number)] = json.loads(body)[0]
        else:
            self.told.append(text)
            self.goodbye = self.goodbye or text == "0::"
            if text == "2::":
                self.text("2::")

    def abort(self) -> None:
        """Drop the connection as a power cut would."""
        self.writer.transport.abort()

    @property
    def numbers(self) -> list[Any]:
        """The data of what was heard."""
        return [event["data"] for event in self.heard]


def masked(payload: bytes, opcode: int = TEXT, fin: bool = True, claims: int | None = None) -> bytes:
    """Return one frame of a client, masked with zeros; `claims` is the size it says it has."""
    size = len(payload) if claims is None else claims
    head = bytes([(0x80 if fin else 0) | opcode])
    if size < 126:
        head += bytes([0x80 | size])
    elif size < 65536:
        head += struct.pack("!BH", 0x80 | 126, size)
    else:
        head += struct.pack("!BQ", 0x80 | 127, size)
    return head + bytes(4) + payload


__all__ = ["BINARY", "CLOSE", "PING", "PONG", "Raw", "admin", "hang_up", "masked", "serving_here", "shake"]
