"""All sockets of this node: heartbeats for them, an end for the dead, a goodbye for all."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from callboard.event import Entry
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Keys, Principal
from callboard.server.auth import authenticate
from callboard.wire.framing import Framing

if TYPE_CHECKING:
    from callboard.server.gateway import Gateway

log = structlog.get_logger("callboard.gateway")

_AT_ONCE = 200
GOODBYE = 3.0
"""Seconds that clients get to go by themselves after a goodbye."""


class Gateways:
    """All sockets of this node: gives them heartbeats, drops the dead, says goodbye to all."""

    def __init__(self, hub: Hub, bus: HubBus, keys: Keys, most: int = 50_000) -> None:
        self.hub = hub
        self.bus = bus
        self.keys = keys
        self.most = most
        self.open: set[Gateway] = set()
        self.now = time.monotonic()
        """The time of the last beat: near enough to say when somebody was heard."""
        self._closing = False
        self._left = asyncio.Event()
        self._closing = False
        self._framings: dict[Framing, Callable[[Entry], bytes]] = {}

    @property
    def full(self) -> bool:
        """True when no more sockets are taken: there are too many, or we are leaving."""
        return self._closing or len(self.open) >= self.most

    def authenticate(self, user: str, key: str) -> Principal | None:
        """Return who shows this key."""
        return authenticate(self.keys, user, key)

    def framing(self, framing: Framing) -> Callable[[Entry], bytes]:
        """Return the one function that frames entries in this way: recipients share frames by it."""
        if framing not in self._framings:
            self._framings[framing] = partial(_frame, self.hub, framing)
        return self._framings[framing]

    async def beat(self, period: float = 1.0) -> None:
        """Give every socket its heartbeats, for ever."""
        while True:
            await asyncio.sleep(period)
            self.now = time.monotonic()
            for number, gateway in enumerate(list(self.open), 1):
                self._tick(gateway)
                if number % _AT_ONCE == 0:
                    await asyncio.sleep(0)  # ten thousand heartbeats at once would be felt

    def _tick(self, gateway: Gateway) -> None:
        try:
            gateway.tick(self.now)
        except Exception:  # one socket's trouble must not end the heartbeats of all
            log.exception("a heartbeat failed")

    async def close(self) -> None:
        """Say goodbye to all: `0::`, then wait a little for them to go, then drop them."""
        self._closing = True
        self._closing = True
        for gateway in list(self.open):
            gateway.leave()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(GOODBYE):
                while self.open:
                    self._left.clear()
                    await self._left.wait()
        for gateway in list(self.open):
            gateway.drop()

    def forget(self, gateway: Gateway) -> None:
        """A socket is closed."""
        self.open.discard(gateway)
        self._left.set()


def _frame(hub: Hub, framing: Framing, entry: Entry) -> bytes:
    return framing.event(entry.envelope.json, hub.log.stamp(entry) if framing.stamped else None)
