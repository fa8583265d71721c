"""A hub in memory, a store in a folder, and hooks between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from callboard.event import Event
from callboard.hooks.model import HookSet
from callboard.hooks.reading import read_hooks
from callboard.hooks.room import Hooks
from callboard.hooks.run import Run
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.store import Store, open_store


class At(NamedTuple):
    """A configuration's part and its line."""

    value: Any
    line: int = 1


def hook_set(*hooks: Mapping[str, Any] | Any) -> HookSet:
    """Read hooks as a configuration would give them, one a line."""
    return read_hooks([At(hook, line) for line, hook in enumerate(hooks, 1)], "callboard.yaml")


async def until(met: Callable[[], Awaitable[bool] | bool], seconds: float = 30) -> None:
    """Wait until a condition is met."""
    async with asyncio.timeout(seconds):
        while True:
            told = met()
            if told if isinstance(told, bool) else await told:
                return
            await asyncio.sleep(0.005)


class Shop:
    """A hub with a bus, a store and a folder, to run hooks in."""

    def __init__(self, bus: HubBus, store: Store, folder: Path) -> None:
        self.bus, self.store, self.folder = bus, store, folder

    @asynccontextmanager
    async def running(self, *hooks: Mapping[str, Any], **options: Any) -> AsyncIterator[Hooks]:
        """Run these hooks; all of them must be right."""
        read = hook_set(*hooks)
        assert not read.faults, read.faults
        async with Hooks(self.bus, self.store, read, **options) as room:
            await room.caught_up()
            yield room

    async def publish(self, topic: str, data: Any = None, **source: Any) -> str:
        """Publish an event and return its position."""
        return await self.bus.publish(Event(topic, {} if data is None else data, source))

    async def ended(self, room: Hooks, count: int, *states: str, hook: str = "") -> list[Run]:
        """Wait for so many ended runs and return them, oldest first."""
        wanted = states or ("done", "dead", "refused", "skipped", "cancelled", "merged", "unknown")

        async def have() -> bool:
            return await self._count(room, hook, wanted) >= count

        await until(have)
        found = await room.runs.latest(hook, wanted, limit=100_000)
        assert len(found) == count, [(run.state, run.reason) for run in found]
        return found[::-1]

    async def _count(self, room: Hooks, hook: str, states: tuple[str, ...]) -> int:
        counts = await room.runs.counts()
        return sum(
            many
            for name, by_state in counts.items()
            for state, many in by_state.items()
            if hook in {"", name} and state in states
        )


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(tmp_path / "callboard.db") as store:
        yield store


@pytest.fixture
async def shop(tmp_path: Path, store: Store) -> AsyncIterator[Shop]:
    async with Hub(MemoryLog()) as hub:
        bus = HubBus(hub, Principal("admin"))
        yield Shop(bus, store, tmp_path)
        await bus.close()


@pytest.fixture
def probe(tmp_path: Path) -> Callable[[], str]:
    """A program that appends its arguments to a file, as one JSON line."""
    script = tmp_path / "probe.py"
    script.write_text(
        "#!/usr/bin/env python3\nimport json, os, sys\n"
        "line = json.dumps([os.fsencode(a).decode('latin-1') for a in sys.argv[1:]]) + '\\n'\n"
        "os.write(os.open(sys.argv[0] + '.log', os.O_WRONLY | os.O_APPEND | os.O_CREAT), line.encode())\n"
    )
    script.chmod(0o755)
    return lambda: str(script)
