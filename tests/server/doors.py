"""The HTTP doors, open in this process on a port that is free: a real hub, real keys, a real server."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import uvicorn

from callboard.client.http import Message, Parser
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.log import Log
from callboard.hub.principal import ADMIN, RIGHTS, Keys, Principal
from callboard.logs.memory import MemoryLog
from callboard.server.app import app
from callboard.server.sessions import Sessions
from callboard.server.sse import Streams
from callboard.store import open_store


@dataclass
class Doors:
    """Where the doors are, what is behind them, and a client with the admin's key."""

    url: str
    hub: Hub
    keys: Keys
    sessions: Sessions
    streams: Streams
    http: aiohttp.ClientSession
    admin: Mapping[str, str]
    bus: HubBus = field(init=False)

    def __post_init__(self) -> None:
        self.bus = HubBus(self.hub, Principal("tester"))

    def headers(self, user: str, **limits: Any) -> dict[str, str]:
        """Return the credentials of a fresh key."""
        return {"ftrack-user": user, "ftrack-api-key": self.keys.create(user, **limits)}

    async def ask(
        self, method: str, path: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> tuple[int, Any]:
        """Return the status and the decoded body."""
        async with self.http.request(
            method, self.url + path, headers={**(self.admin if headers is None else headers)}, **more
        ) as response:
            text = await response.text()
            return response.status, json.loads(text) if "json" in response.content_type else text

    async def publish(self, *events: Mapping[str, Any]) -> list[str]:
        """Publish events over HTTP; return their positions."""
        status, body = await self.ask("POST", "/v1/events", json=list(events))
        assert status == 201, body
        positions: list[str] = body["positions"]
        return positions

    @contextlib.asynccontextmanager
    async def stream(
        self,
        path: str,
        headers: Mapping[str, str] | None = None,
        *,
        method: str = "GET",
        last: str = "",
        **more: Any,
    ) -> AsyncIterator[AsyncGenerator[Message]]:
        """Open a stream, behind the position `last`; gives its messages."""
        asked = {**(self.admin if headers is None else headers), "Accept": "text/event-stream"}
        if last:
            asked["Last-Event-ID"] = last
        async with self.http.request(method, self.url + path, headers=asked, **more) as response:
            assert response.status == 200, await response.text()
            async with contextlib.aclosing(_messages(response)) as messages:
                yield messages


async def _messages(response: aiohttp.ClientResponse) -> AsyncGenerator[Message]:
    parser = Parser()
    async for chunk in response.content.iter_any():
        for message in parser.feed(chunk):
            yield message


def _listening() -> socket.socket:
    """Return a socket that listens; without IPPROTO_TCP asyncio leaves Nagle on: 40 ms a request."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    sock.bind(("127.0.0.1", 0))
    sock.listen(1000)
    return sock


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Any:
        yield


@contextlib.asynccontextmanager
async def open_doors(folder: Path, log: Log | None = None, **settings: Any) -> AsyncIterator[Doors]:
    """Open the doors to a hub on `log`; closed in the order in which the board does it."""
    keep = settings.pop("keepalive", 10.0)
    with (
        contextlib.closing(_listening()) as sock,
        open_store(folder / "c.db") as store,
    ):
        keys, sessions, streams = Keys(store), Sessions(), Streams(keepalive=keep)
        admin = {"ftrack-user": ADMIN, "ftrack-api-key": keys.create(ADMIN, publish="", rights=RIGHTS)}
        async with Hub(log or MemoryLog()) as hub, aiohttp.ClientSession() as http:
            made = app(hub, keys, sessions, streams=streams, **settings)
            config = uvicorn.Config(
                made,
                lifespan="off",
                log_config=None,
                access_log=False,
                proxy_headers=False,
                timeout_graceful_shutdown=3,
            )
            server = _Server(config)
            serving = asyncio.create_task(server.serve(sockets=[sock]))
            try:
                yield Doors(
                    f"http://127.0.0.1:{sock.getsockname()[1]}", hub, keys, sessions, streams, http, admin
                )
            finally:
                streams.close()
                server.should_exit = True
                await serving
