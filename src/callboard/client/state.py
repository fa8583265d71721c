"""What is true now, over the wire: set the newest value of a key, watch what changes.

set --> newest value of each key --> one sender --> PUT       (a value that was replaced is never sent)
watch <-- stream; after a lost connection all values again, and None for the keys that are gone
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any
from urllib.parse import quote

import msgspec

from callboard.client.http import Http
from callboard.errors import CallboardError, Gone

log = logging.getLogger("callboard.client")

MOST_KEYS = 10_000
_PAUSE = 1.0
_NULL = msgspec.Raw(b"null")


class State:
    """The state of one hub, as one user may see and set it."""

    def __init__(self, http: Http) -> None:
        self._http = http
        self._values: dict[str, Any] = {}
        self._sender: asyncio.Task[None] | None = None
        self._closed = False

    def set(self, key: str, value: Any) -> None:
        """Keep `value` as what is true now; raises Gone when too many keys wait for the hub."""
        if self._closed or (key not in self._values and len(self._values) >= MOST_KEYS):
            raise Gone("No more state is taken: the hub is not there.")
        self._values[key] = value
        if self._sender is None or self._sender.done():
            self._sender = asyncio.create_task(self._send(), name="callboard state")

    async def _send(self) -> None:
        while self._values:
            key = next(iter(self._values))
            value = self._values.pop(key)
            try:
                await self._http.ask("PUT", f"/v1/state/{quote(key)}", _NULL if value is None else value)
            except Gone:
                self._values.setdefault(key, value)
                await asyncio.sleep(_PAUSE)
            except CallboardError as error:
                log.warning("The state %s was not set: %s", key, error)

    async def watch(self, prefix: str) -> AsyncGenerator[Mapping[str, Any], None]:
        """Yield the values of keys that start with `prefix`, then what changes; None: the key is gone."""
        known: set[str] = set()
        while not self._closed:
            first = True
            try:
                async with aclosing(self._http.stream("GET", "/v1/state/stream", prefix=prefix)) as messages:
                    async for message in messages:
                        values: dict[str, Any] = msgspec.json.decode(message.data)
                        gone = dict.fromkeys(known - values.keys()) if first else {}
                        first = False
                        known = {key for key in known | values.keys() if values.get(key, key) is not None}
                        known -= gone.keys()
                        yield gone | values
            except Gone as error:
                log.info("Watching %s was interrupted: %s", prefix, error)
            await asyncio.sleep(_PAUSE)

    async def close(self, patience: float) -> None:
        """Send what waits, for at most `patience` seconds; end all watching."""
        self._closed = True
        if self._sender is not None and not self._sender.done():
            await asyncio.wait([self._sender], timeout=patience)
            self._sender.cancel()
