"""Several nodes on one log: one runs the hooks, another takes over, and nothing is lost."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from callboard.bus import Handler
from callboard.event import Event
from callboard.hooks.asking import REQUEST
from callboard.hooks.lease import Lease
from callboard.hooks.shared import SharedHooks
from callboard.hub.hub import Hub
from callboard.hub.hubbus import HubBus, Listener
from callboard.hub.principal import Principal
from callboard.logs.memory import MemoryLog
from callboard.store import open_store
from tests.hooks.conftest import hook_set

TTL = 1.2


@pytest.fixture
async def hub() -> AsyncIterator[Hub]:
    async with Hub(MemoryLog()) as hub:
        yield hub


class Cable(HubBus):
    """A node's bus, which can be cut: then nothing goes out, and nothing comes in."""

    cut = False

    def publish(self, event: Event) -> asyncio.Future[str]:
        return asyncio.get_running_loop().create_future() if self.cut else super().publish(event)

    def subscribe(self, expression: str, handler: Handler, **options: Any) -> Listener:
        return super().subscribe(expression, lambda event: None if self.cut else handler(event), **options)


class Node(NamedTuple):
    """A node with a store and a bus of its own, on a log that it shares."""

    bus: Cable
    hooks: SharedHooks
    lease: Lease


@asynccontextmanager
async def node(hub: Hub, folder: Path, name: str, *hooks: Any) -> AsyncIterator[Node]:
    bus = Cable(hub, Principal("admin"))
    with open_store(folder / f"{name}.db") as store:
        lease = Lease(bus, name, ttl=TTL)
        async with SharedHooks(bus, store, hook_set(*hooks), lease, grace=0) as shared:
            yield Node(bus, shared, lease)
        await bus.close()


def counting(folder: Path, **keys: Any) -> dict[str, Any]:
    command = f"sh -c 'echo \"$1 $CALLBOARD_HOOK_REPEAT\" >> {folder}/out' _ {{n}}"
    return {"event": "a.b", "type": "system", "command": command, "name": "count", **keys}


async def lines(folder: Path, count: int) -> list[list[str]]:
    async with asyncio.timeout(30):
        while True:
            text = (folder / "out").read_text() if (folder / "out").exists() else ""
            found = [line.split() for line in text.splitlines()]
            if len({n for n, _ in found}) >= count:
                return found
            await asyncio.sleep(0.01)


async def test_one_of_two_nodes_runs_each_hook(hub: Hub, tmp_path: Path) -> None:
    hook = counting(tmp_path)
    async with node(hub, tmp_path, "one", hook) as one, node(hub, tmp_path, "two", hook) as two:
        await (await one.hooks.running()).caught_up()
        for n in range(30):
            await one.bus.publish(Event("a.b", {"n": n}))
        found = await lines(tmp_path, 30)
        assert two.hooks.room is None
    assert Counter(n for n, _ in found) == Counter(map(str, range(30)))
    assert {repeat for _, repeat in found} == {"0"}


async def test_a_node_that_is_cut_off_stands_down_and_another_loses_nothing(hub: Hub, tmp_path: Path) -> None:
    hook = counting(tmp_path)
    async with node(hub, tmp_path, "two", hook) as two:
        await two.hooks.running()
        async with node(hub, tmp_path, "one", hook) as one:
            publisher = one.bus
            for n in range(10):
                await publisher.publish(Event("a.b", {"n": n}))
            two.bus.cut = True
            room = await asyncio.wait_for(one.hooks.running(), 20)
            await room.caught_up()
            for n in range(10, 20):
                await publisher.publish(Event("a.b", {"n": n}))
            found = await lines(tmp_path, 20)
    first: set[str] = set()
    for number, repeat in found:
        assert number not in first or repeat == "1"
        first.add(number)


async def test_gcode_that_another_node_may_have_sent_is_not_sent_again(hub: Hub, tmp_path: Path) -> None:
    sent: list[Any] = []
    bus = HubBus(hub, Principal("admin"))

    def answer(event: Event) -> dict[str, bool]:
        sent.append(event.data["commands"])
        return {"success": True}

    bus.subscribe(f"topic={REQUEST}", answer)
    hook = {"event": "a.b", "type": "gcode", "command": "M117 {n}", "printer": "p", "name": "g"}
    async with node(hub, tmp_path, "two", hook) as two:
        await (await two.hooks.running()).caught_up()
        async with node(hub, tmp_path, "one", hook) as one:
            for n in range(5):
                await bus.publish(Event("a.b", {"n": n}))
            two.bus.cut = True
            room = await asyncio.wait_for(one.hooks.running(), 20)
            await room.caught_up()
            await bus.publish(Event("a.b", {"n": 5}))
            async with asyncio.timeout(20):
                while ["M117 5"] not in sent:
                    await asyncio.sleep(0.01)
            unknown = await room.runs.latest(states=("unknown",))
    assert all(count == 1 for count in Counter(map(str, sent)).values())
    assert {run.reason for run in unknown} <= {
        "another node may have sent the lines before it went; they are not sent again"
    }
    await bus.close()


async def test_only_one_of_many_holds_the_lease_at_any_time(hub: Hub) -> None:
    buses = [HubBus(hub, Principal("admin")) for _ in range(5)]
    leases = [Lease(bus, f"n{at}", ttl=TTL) for at, bus in enumerate(buses)]
    order: list[str] = []

    async def serve(lease: Lease) -> None:
        await lease.take()
        assert [other.node for other in leases if other.held] == [lease.node]
        order.append(lease.node)
        lease.keep(lambda: "")
        await asyncio.sleep(TTL)
        assert lease.held
        await lease.release()

    async with asyncio.timeout(60):
        await asyncio.gather(*map(serve, leases))
    assert sorted(order) == ["n0", "n1", "n2", "n3", "n4"]
    for bus in buses:
        await bus.close()
