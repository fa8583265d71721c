"""Hooks on a log that several nodes share: one of them runs them, another takes over when it is gone.

Lease.take -> Hooks (from where the last holder's claim says) -> Lease.lost -> Lease.take ...
"""

from __future__ import annotations

import asyncio
from types import TracebackType
from typing import Self

import structlog

from callboard.bus import Bus
from callboard.hooks.lease import Lease
from callboard.hooks.model import HookSet
from callboard.hooks.room import Hooks
from callboard.store import Store

log_ = structlog.get_logger("callboard.hooks")


class SharedHooks:
    """Runs the hooks while this node holds the lease; `async with`. `room` is None while another does."""

    def __init__(self, bus: Bus, store: Store, hooks: HookSet, lease: Lease, *, grace: float = 5.0) -> None:
        self.hook_set = hooks
        self.room: Hooks | None = None
        self._bus, self._store, self._lease, self._grace = bus, store, lease, grace
        self._task: asyncio.Task[None] | None = None
        self._closing = asyncio.Event()
        self._began = asyncio.Event()

    async def __aenter__(self) -> Self:
        self._task = asyncio.create_task(self._serve())
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._closing.set()
        if self._task is not None:
            if self.room is None:
                self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        await self._lease.release()

    async def running(self) -> Hooks:
        """Wait until this node runs the hooks, and return its room."""
        await self._began.wait()
        assert self.room is not None
        return self.room

    async def reload(self, hooks: HookSet) -> None:
        """Take other hooks in place of these, on this node; see `Hooks.reload`."""
        if self.room is not None:
            await self.room.reload(hooks)
        if not hooks.faults:
            self.hook_set = hooks

    async def _serve(self) -> None:
        while not self._closing.is_set():
            taken = await self._lease.take()
            log_.info("this node runs the hooks", node=self._lease.node)
            grace = self._grace
            async with Hooks(self._bus, self._store, self.hook_set, grace=grace, taken=taken) as room:
                self.room = room
                self._began.set()
                self._lease.keep(lambda: room.low_water)
                await self._until_over()
                room.hurry = not self._closing.is_set()
            self.room = None
            self._began.clear()

    async def _until_over(self) -> None:
        waits = [asyncio.create_task(event.wait()) for event in (self._closing, self._lease.lost)]
        await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        for wait in waits:
            wait.cancel()
