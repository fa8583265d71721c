"""The connection to NATS: opened from an address, and kept for as long as the log is open."""

from __future__ import annotations

import re
from collections.abc import Callable
from logging import DEBUG, WARNING
from urllib.parse import urlsplit

import structlog
from nats.aio.client import Client
from nats.errors import Error

from callboard.errors import BadConfig

STREAM = "callboard"
"""The stream's name unless the address has one."""

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
log_ = structlog.get_logger("callboard.logs")


class Line:
    """The connection, and who is told when it goes and comes back."""

    def __init__(self) -> None:
        self.connection = Client()
        self.gone: Callable[[], None] = lambda: None
        self.back: Callable[[], None] = lambda: None
        self.error = ""
        """The last that the server said against us, or else the network."""

    async def open(self, servers: list[str]) -> None:
        """Connect, and stay so: it never gives up a server that was there once."""
        await self.connection.connect(
            servers=servers,
            name="callboard",
            no_echo=True,
            allow_reconnect=True,
            max_reconnect_attempts=-1,
            reconnect_time_wait=0.5,  # type: ignore[arg-type]  # it sleeps for it, whatever its annotation
            ping_interval=5,
            pending_size=8 << 20,
            skip_subject_validation=True,  # ours are valid by construction
            error_cb=self._error,
            disconnected_cb=self._disconnected,
            reconnected_cb=self._reconnected,
        )

    async def _error(self, error: Exception) -> None:
        known = isinstance(error, Error | OSError)
        if isinstance(error, Error) or not self.error:
            self.error = str(error) or type(error).__name__
        log_.log(DEBUG if known else WARNING, "an error from NATS", error=repr(error))

    async def _disconnected(self) -> None:
        self.gone()

    async def _reconnected(self) -> None:
        self.back()


def parts_of(address: str) -> tuple[list[str], str]:
    """Return the servers and the stream that an address names; raises BadConfig."""
    parts = urlsplit(address)
    name = parts.path.strip("/") or STREAM
    if not _NAME.fullmatch(name) or not parts.netloc:
        raise BadConfig(f"{shown(address)!r} is no log: write nats://HOST:PORT, or nats://HOST:PORT/STREAM.")
    return [f"{parts.scheme}://{server}" for server in parts.netloc.split(",")], name


def refusal(address: str, reason: str) -> str:
    """Return one sentence that says why there is no log at an address, and the way out."""
    way = "start `nats-server -js` there, or name another log"
    if "authoriz" in reason.lower():
        way = "write its user and password as nats://USER:PASSWORD@HOST:PORT"
    return f"No JetStream answers at {shown(address)} ({reason or 'nobody is there'}): {way}."


def shown(address: str) -> str:
    """Return an address without its password."""
    return re.sub(r"//[^/]*@", "//", address)
