"""What well-behaved clients notice of bad neighbours: the delay of 500 events a second beside each of them.

Each neighbour is a process of its own, so that it does not hold up the end that measures.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import multiprocessing
import socket
import statistics
import sys
from collections.abc import Callable, Iterator
from typing import Any

from benchmarks.load import Publisher, resident
from benchmarks.peers import Peer, callboard
from benchmarks.serving import connect, greeting, latency, uvloop_run

RATE = 500
IN_FLIGHT = 2000
BIG = 1_000_000


def alone(peer: Peer) -> None:
    """No neighbour: what the machine does by itself."""


def flood(peer: Peer) -> None:
    """Small events without end, always 2,000 of them in flight."""
    uvloop_run(_flood(peer, peer.frame, IN_FLIGHT))


def flood_big(peer: Peer) -> None:
    """Events of 1 MB without end, 20 of them in flight."""
    event = {"topic": "bench.big", "data": {"pad": "p" * BIG}, "source": {"id": "x"}, "id": "b" * 32}
    text = b'5:1+::{"name":"ftrack.event","args":[%s]}' % json.dumps(event).encode()
    uvloop_run(_flood(peer, _long(text), 20))


def _long(text: bytes) -> bytes:
    return b"\x81\xff" + len(text).to_bytes(8, "big") + b"\0\0\0\0" + text


async def _flood(peer: Peer, frame: bytes, window: int) -> None:
    steps = await asyncio.to_thread(greeting, peer, peer.publish, peer.ready)
    publisher = await connect(peer, lambda: Publisher(steps, frame, peer.acknowledgement(1)))
    publisher.start(1 << 60, window)
    await publisher.done


def deaf(peer: Peer) -> None:
    """Subscribes to all of it and never reads."""
    with socket.create_connection(("127.0.0.1", peer.port)) as line:
        for words, answer in greeting(peer, peer.subscribe, peer.subscribed):
            line.sendall(words)
            heard = b""
            while answer not in heard:
                heard += line.recv(4096)
        multiprocessing.Event().wait()


def knock(peer: Peer) -> None:
    """Shakes hands and goes away, 10,000 times, and then again."""
    while True:
        assert peer.greet is not None
        words = peer.greet()
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", peer.port)) as line:
            line.sendall(words)


NEIGHBOURS: tuple[tuple[str, Callable[[Peer], None]], ...] = (
    ("nobody", alone),
    ("a flood of small events, 2,000 in flight", flood),
    ("a flood of 1 MB events, 20 in flight", flood_big),
    ("a subscriber that never reads", deaf),
    ("handshakes that go away, without end", knock),
)


def beside(neighbour: Callable[[Peer], None], seconds: float) -> tuple[float, float, float]:
    """Return p50 and p99 in milliseconds, and by how many MiB the hub grew."""
    with callboard() as peer:
        child = multiprocessing.get_context("fork").Process(target=neighbour, args=(peer,), daemon=True)
        child.start()
        try:
            uvloop_run(latency(peer, RATE, 1))
            before = resident(peer.pid)
            late = uvloop_run(latency(peer, RATE, seconds))
            grown = (resident(peer.pid) - before) / 2**20
        finally:
            child.kill()
            child.join()
    return late[len(late) // 2] * 1e3, late[int(len(late) * 0.99)] * 1e3, grown


def rows(quick: bool) -> Iterator[dict[str, Any]]:
    for name, neighbour in NEIGHBOURS:
        runs = [beside(neighbour, 1 if quick else 5) for _ in range(1 if quick else 3)]
        p50, p99 = (sorted(run[i] for run in runs) for i in (0, 1))
        grown = max(run[2] for run in runs)
        print(f"  beside {name}: p50 {statistics.median(p50):.1f} ms, p99 {p99} ms, grown {grown:.0f} MiB")
        yield {
            "name": f"publish to delivery beside {name}, p99",
            "ours": statistics.median(p99),
            "peer": "-",
            "ratio": statistics.median(p99) / 50,
            "spread": f"{p99[0]:.1f} - {p99[-1]:.1f} ms",
            "goal": "under 50 ms",
            "unit": "ms",
            "note": f"p50 {statistics.median(p50):.1f} ms; the hub grew by at most {grown:.0f} MiB meanwhile",
        }


def run(quick: bool) -> list[dict[str, Any]]:
    """Measure beside each neighbour; `quick` only shows that it works."""
    return list(rows(quick))


if __name__ == "__main__":
    run("--quick" in sys.argv)
