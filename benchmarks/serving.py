"""Fan-out, one to one, latency and memory of a running hub, beside its peers in the same run."""

from __future__ import annotations

import asyncio
import contextlib
import json
import statistics
import sys
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

from benchmarks.load import Publisher, Run, Subscriber, measure, resident
from benchmarks.peers import Peer, callboard, framed, masked, nats, python_socketio, redis

PEERS: dict[str, Callable[[], contextlib.AbstractContextManager[Peer]]] = {
    "callboard": callboard,
    "nats-server": nats,
    "redis": redis,
    "python-socketio": python_socketio,
}


def greeting(peer: Peer, words: bytes, answer: bytes) -> list[tuple[bytes, bytes]]:
    if peer.greet is None:
        return [(words, answer)]
    first = peer.ready if not peer.publish else b"\r\n\r\n"
    steps = [(peer.greet(), first)]
    return [*steps, (words, answer)] if words else steps


async def connect(peer: Peer, make: Callable[[], Subscriber]) -> Any:
    _, protocol = await asyncio.get_running_loop().create_connection(make, "127.0.0.1", peer.port)
    await asyncio.wait_for(protocol.greeted, 20)
    return protocol


async def one_run(peer: Peer, subscribers: int, total: int, window: int) -> Run:
    """Warm up, then measure."""
    listening = []
    for _ in range(subscribers):
        steps = await asyncio.to_thread(greeting, peer, peer.subscribe, peer.subscribed)
        listening.append(await connect(peer, partial(Subscriber, steps)))
    steps = await asyncio.to_thread(greeting, peer, peer.publish, peer.ready)
    size = peer.acknowledgement(subscribers)
    publisher = await connect(peer, lambda: Publisher(steps, peer.frame, size))
    await measure(peer.pid, publisher, listening, peer.delivery_size, max(total // 10, window), window)
    run = await measure(peer.pid, publisher, listening, peer.delivery_size, total, window)
    for one in [*listening, publisher]:
        one.transport.abort()
    return run


def compare(
    title: str, subscribers: int, total: int, window: int, peers: list[str], repeats: int
) -> dict[str, list[Run]]:
    """Run all peers in turn, several times over, so that a noisy minute hits all of them."""
    runs: dict[str, list[Run]] = {name: [] for name in peers}
    for _ in range(repeats):
        for name in peers:
            try:
                with PEERS[name]() as peer:
                    count = total if name != "python-socketio" else max(total // 100, 40)
                    runs[name].append(uvloop_run(one_run(peer, subscribers, count, window)))
            except (FileNotFoundError, OSError, TimeoutError) as error:
                print(f"  {name}: left out: {error}", file=sys.stderr)
    for name, done in runs.items():
        if done:
            print(f"  {title:34} {name:16} {describe(done)}")
    return runs


def describe(runs: list[Run]) -> str:
    rates = sorted(run.per_cpu_second for run in runs)
    clock = statistics.median(run.deliveries / run.wall for run in runs)
    share = statistics.median(run.load_share for run in runs)
    return (
        f"{statistics.median(rates):>12,.0f} /CPU s ({rates[0]:,.0f} - {rates[-1]:,.0f})"
        f"  {clock:>12,.0f} /s  load {share:.0%} of a core"
    )


def uvloop_run(coroutine: Any) -> Any:
    import uvloop

    return uvloop.run(coroutine)


def rows(title: str, runs: dict[str, list[Run]], goals: dict[str, str]) -> Iterator[dict[str, Any]]:
    ours = runs["callboard"]
    mine = statistics.median(run.per_cpu_second for run in ours)
    for name, done in runs.items():
        if name == "callboard" or not done:
            continue
        ratios = sorted(a.per_cpu_second / b.per_cpu_second for a, b in zip(ours, done, strict=False))
        theirs = statistics.median(run.per_cpu_second for run in done)
        yield {
            "name": title,
            "ours": mine,
            "peer": f"{name} {theirs:,.0f}",
            "ratio": statistics.median(ratios),
            "spread": f"{ratios[0]:.2f} - {ratios[-1]:.2f}",
            "goal": goals.get(name, ""),
            "unit": "deliveries per server CPU second",
            "note": f"by the clock {statistics.median(run.deliveries / run.wall for run in ours):,.0f}/s; "
            f"load generator {statistics.median(run.load_share for run in ours):.0%} of a core "
            f"(peer: {statistics.median(run.load_share for run in done):.0%})",
        }


class Arrivals(Subscriber):
    """Keeps when each event came, by the time that stands in it."""

    def __init__(self, steps: list[tuple[bytes, bytes]]) -> None:
        super().__init__(steps)
        self.late: list[float] = []
        self._rest = b""

    def count(self, data: bytes) -> None:
        now = time.perf_counter()
        *whole, self._rest = (self._rest + data).split(b'"sent_at":')
        for part in [*whole[1:], *([self._rest] if len(self._rest) > 40 else [])]:
            with contextlib.suppress(ValueError):
                self.late.append(now - float(part.split(b"}", 1)[0]))
        if len(self._rest) > 40:
            self._rest = b""


async def latency(peer: Peer, rate: int, seconds: float) -> list[float]:
    """Offer `rate` events a second from one publisher to one subscriber; return the delays in seconds."""
    steps = await asyncio.to_thread(greeting, peer, peer.subscribe, peer.subscribed)
    arrivals = await connect(peer, lambda: Arrivals(steps))
    more = await asyncio.to_thread(greeting, peer, peer.publish, peer.ready)
    publisher = await connect(peer, lambda: Subscriber(more))
    event = {"topic": "bench.topic", "source": {"id": "x", "pad": "p" * 170}, "id": "i" * 32}
    begin, sent = time.perf_counter(), 0
    while (now := time.perf_counter()) < begin + seconds:
        while sent < (now - begin) * rate:
            text = json.dumps({**event, "data": {"sent_at": time.perf_counter()}})
            publisher.transport.write(masked(b'5:1+::{"name":"ftrack.event","args":[%s]}' % text.encode()))
            sent += 1
        await asyncio.sleep(0.001)
    end = time.perf_counter() + 5
    while len(arrivals.late) < sent and time.perf_counter() < end:
        await asyncio.sleep(0.01)
    arrivals.transport.abort()
    publisher.transport.abort()
    return sorted(arrivals.late[len(arrivals.late) // 10 :])


def latency_rows(quick: bool) -> Iterator[dict[str, Any]]:
    delays = []
    for _ in range(1 if quick else 3):
        with callboard() as peer:
            late = uvloop_run(latency(peer, 5000, 1 if quick else 5))
            delays.append((late[len(late) // 2] * 1e3, late[int(len(late) * 0.99)] * 1e3))
    p50, p99 = (sorted(one[i] for one in delays) for i in (0, 1))
    print(f"  latency at 5,000/s: p50 {p50[len(p50) // 2]:.2f} ms, p99 {p99[len(p99) // 2]:.2f} ms {delays}")
    yield {
        "name": "publish to delivery, 5,000/s offered, p99",
        "ours": p99[len(p99) // 2],
        "peer": "-",
        "ratio": p99[len(p99) // 2] / 5,
        "spread": f"{p99[0]:.2f} - {p99[-1]:.2f} ms",
        "goal": "p99 under 5 ms",
        "unit": "ms",
        "note": f"p50 {p50[len(p50) // 2]:.2f} ms; both ends in one Python process on the other core",
    }


async def _idle(peer: Peer, count: int) -> list[Any]:
    idle = []
    for _ in range(count):
        steps = await asyncio.to_thread(greeting, peer, peer.publish, peer.ready)
        idle.append(await connect(peer, partial(Subscriber, steps)))
    return idle


async def _memory(peer: Peer, connections: int, subscriptions: int) -> tuple[float, float]:
    warm = await _idle(peer, 50)
    before = resident(peer.pid)
    idle = await _idle(peer, connections)
    await asyncio.sleep(1)
    with_connections = resident(peer.pid)
    one = idle[0]
    have = one.bytes
    ack = len(framed(b'6:::1+[{"success":true}]'))
    for number in range(subscriptions):
        wish = {
            "subscription": f"topic=some.topic and data.id={number}",
            "subscriber": {"id": f"s{number:08}"},
        }
        event = {"topic": "ftrack.meta.subscribe", "data": wish, "source": {"id": "x"}}
        packet = json.dumps({"name": "ftrack.event", "args": [event]})
        one.transport.write(masked(b"5:1+::" + packet.encode()))
        if number % 500 == 499:
            while one.bytes - have < (number + 1) * ack:
                await asyncio.sleep(0.005)
    with_subscriptions = resident(peer.pid)
    for each in [*idle, *warm]:
        each.transport.abort()
    return (with_connections - before) / connections, (with_subscriptions - with_connections) / subscriptions


def memory_rows(quick: bool) -> Iterator[dict[str, Any]]:
    with callboard() as peer:
        connection, subscription = uvloop_run(
            _memory(peer, 200 if quick else 2000, 1000 if quick else 19_000)
        )
    print(f"  memory: connection {connection:,.0f} bytes, subscription {subscription:,.0f} bytes")
    for name, ours, goal in [
        ("memory of an idle connection", connection, 10 * 1024),
        ("memory of a subscription", subscription, 1024),
    ]:
        yield {
            "name": name,
            "ours": ours,
            "peer": "-",
            "ratio": ours / goal,
            "spread": "one run",
            "goal": f"at most {goal // 1024} KB",
            "unit": "bytes resident",
            "note": "growth of the server's resident memory",
        }


def run(quick: bool) -> list[dict[str, Any]]:
    """Run everything; `quick` only shows that it works."""
    repeats = 1 if quick else 3
    scale = 20 if quick else 1
    all_peers = list(PEERS)
    found: list[dict[str, Any]] = []
    for count, total in [(100, 40_000), (1000, 4_000)]:
        title = f"fan-out 1 to {count}"
        runs = compare(title, count, max(total // scale, 300), 64, all_peers, repeats)
        found += rows(title, runs, {"nats-server": "at least 1, then 1.5", "python-socketio": "10"})
    for window, total in [(64, 100_000), (1000, 150_000)]:
        title = f"one to one with acks, {window} in flight"
        runs = compare(title, 1, total // scale, window, all_peers, repeats)
        found += rows(title, runs, {"nats-server": "0.25; 80,000 (64) and 150,000 (1,000) per CPU second"})
    found += latency_rows(quick)
    found += memory_rows(quick)
    return found


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
