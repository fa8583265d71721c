"""What the nodes on a stream keep together in its key-value bucket: the log's id, and the cursors.

id              <log id>                 made by the first node
cursor.<digest> ["<name>", <position>]   written only over a smaller position
"""

from __future__ import annotations

import asyncio
import secrets
from collections.abc import Mapping

import msgspec
from nats.errors import Error
from nats.js import JetStreamContext
from nats.js.api import KeyValueConfig
from nats.js.errors import BucketNotFoundError, KeyNotFoundError, KeyWrongLastSequenceError
from nats.js.kv import KeyValue

from callboard.logs.cursors import Written
from callboard.logs.subjects import cursor_key

_AT_ONCE = 64
"""Writings under way at the same time."""

_decode = msgspec.json.Decoder(tuple[str, int]).decode


class Bucket:
    """The bucket `<stream>_state`; made if there is none."""

    def __init__(self, keys: KeyValue) -> None:
        self._keys = keys
        self._revisions: dict[str, int] = {}
        self._gate = asyncio.Semaphore(_AT_ONCE)
        self._tasks: set[asyncio.Task[None]] = set()

    @classmethod
    async def open(cls, js: JetStreamContext, stream: str, replicas: int) -> Bucket:
        """Open the stream's bucket, as often replicated as the stream."""
        name = f"{stream}_state"
        try:
            return cls(await js.key_value(name))
        except BucketNotFoundError:
            return cls(await js.create_key_value(KeyValueConfig(bucket=name, replicas=replicas)))

    async def id(self) -> str:
        """Return the log's id; the first node that asks makes it."""
        try:
            made = secrets.token_hex(4)
            await self._keys.create("id", made.encode())
        except KeyWrongLastSequenceError:
            return ((await self._keys.get("id")).value or b"").decode()
        return made

    async def cursors(self) -> dict[str, int]:
        """Return all cursors as they are written."""
        watcher = await self._keys.watch("cursor.*", ignore_deletes=True)
        found: dict[str, int] = {}
        while entry := await watcher.updates():  # type: ignore[no-untyped-call]
            if entry.value:
                name, position = _decode(entry.value)
                found[name] = position
                self._revisions[entry.key] = entry.revision
        await watcher.stop()  # type: ignore[no-untyped-call]
        return found

    def write(self, moved: Mapping[str, int], done: Written) -> None:
        """Write moved cursors, never back."""
        task = asyncio.get_running_loop().create_task(self._write_all(moved, done))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def drop(self, cursor: str) -> None:
        """Forget a cursor."""
        await self.close()  # what is being written would bring it back
        key = cursor_key(cursor)
        self._revisions.pop(key, None)
        await self._keys.purge(key)

    async def close(self) -> None:
        """Wait until what is being written is written."""
        if self._tasks:
            await asyncio.wait(self._tasks)

    async def _write_all(self, moved: Mapping[str, int], done: Written) -> None:
        try:
            await asyncio.gather(*[self._write_one(name, position) for name, position in moved.items()])
        except (Error, TimeoutError) as error:
            done(None, error)
        else:
            done(None, None)

    async def _write_one(self, name: str, position: int) -> None:
        """Write one cursor unless another node has moved it further; each try is on what stands there."""
        key, value = cursor_key(name), msgspec.json.encode((name, position))
        async with self._gate:
            while True:
                try:
                    last = self._revisions.get(key, 0)
                    self._revisions[key] = await self._keys.update(key, value, last=last)
                    return
                except KeyWrongLastSequenceError:
                    if await self._stands(key) >= position:
                        return

    async def _stands(self, key: str) -> int:
        """Return the position that stands at a key, and remember its revision."""
        try:
            entry = await self._keys.get(key)
        except KeyNotFoundError as error:  # a dropped one leaves a mark with a revision of its own
            self._revisions[key] = getattr(getattr(error, "entry", None), "revision", None) or 0
            return -1
        self._revisions[key] = entry.revision or 0
        return _decode(entry.value or b"")[1]
