"""What is true now: the last value by key, watched, conflated, never logged."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping
from typing import Any

from callboard.errors import CallboardError
from callboard.event import encode_json

MAX_KEYS = 100_000
MAX_VALUE = 64 * 1024


class StateTooBig(CallboardError):
    """This is too much state: keep values small and few, and send bytes over HTTP."""


class State:
    """Last values by key; whoever watches a prefix hears of each change, newest only."""

    def __init__(self) -> None:
        self._values: dict[str, Any] = {}
        self._watchers: set[_Watcher] = set()

    def set(self, key: str, value: Any) -> None:
        """Keep a JSON value; None forgets the key. Raises BadEvent or StateTooBig."""
        if len(encode_json(value)) > MAX_VALUE or (key not in self._values and len(self._values) >= MAX_KEYS):
            raise StateTooBig
        if value is None:
            self._values.pop(key, None)
        else:
            self._values[key] = value
        for watcher in self._watchers:
            watcher.change(key, value)

    def values(self, prefix: str) -> dict[str, Any]:
        """Return what is true now of all keys that start with `prefix`."""
        return {key: value for key, value in self._values.items() if key.startswith(prefix)}

    async def watch(self, prefix: str) -> AsyncGenerator[Mapping[str, Any]]:
        """Yield the values there are, then what changes; a slow reader sees only the newest of each key."""
        watcher = _Watcher(prefix, self.values(prefix))
        self._watchers.add(watcher)
        try:
            while True:
                yield await watcher.next()
        finally:
            self._watchers.discard(watcher)


class _Watcher:
    def __init__(self, prefix: str, values: dict[str, Any]) -> None:
        self._prefix = prefix
        self._changed = values
        self._wake = asyncio.Event()
        self._wake.set()

    def change(self, key: str, value: Any) -> None:
        if key.startswith(self._prefix):
            self._changed[key] = value
            self._wake.set()

    async def next(self) -> Mapping[str, Any]:
        await self._wake.wait()
        self._wake.clear()
        changed, self._changed = self._changed, {}
        return changed
