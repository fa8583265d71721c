"""The doors: all that answers on the one port, opened together, closed one after the other."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Final

import uvicorn

from callboard.config.settings import Hub as Settings
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Keys
from callboard.server.app import app
from callboard.server.gateways import Gateways
from callboard.server.operation import Operation
from callboard.server.sessions import Sessions
from callboard.server.sse import Streams
from callboard.server.upgrade import Door, Gate, upgrade

_PATIENCE: Final = 3
"""Seconds that open HTTP requests get when the server stops."""


@contextlib.asynccontextmanager
async def doors_open(
    settings: Settings, hub: Hub, keys: Keys, bus: HubBus, sock: socket.socket, rooms: Sequence[Operation]
) -> AsyncIterator[Gateways]:
    """Answer on the socket: HTTP by uvicorn, the hub's WebSockets by picows behind it."""
    sessions, streams = Sessions(), Streams()
    gateways = Gateways(hub, bus, keys)
    gate = Gate(gateways, sessions, settings.trusted_proxies, settings.origins)
    asgi = app(
        hub,
        keys,
        sessions,
        streams=streams,
        connections=lambda: len(gateways.open),
        trusted_proxies=settings.trusted_proxies,
        origins=settings.origins,
        operations=rooms,
    )
    server = _Server(
        uvicorn.Config(
            asgi,
            http=Door,
            ws=upgrade(gate),
            ws_per_message_deflate=False,
            proxy_headers=False,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=_PATIENCE,
        )
    )
    tasks = [asyncio.create_task(server.serve(sockets=[sock])), asyncio.create_task(gateways.beat())]
    try:
        yield gateways
    finally:
        for listening in server.servers if server.started else ():
            listening.close()  # who is told to come back later must not come back to this process
        streams.close()
        await gateways.close()
        server.should_exit = True
        tasks[1].cancel()
        await asyncio.wait(tasks)


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers: the board decides when to stop."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave signals alone."""
        yield
