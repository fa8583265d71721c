"""Appending through the bus, and reading a filtered history: in one process, by the clock and by CPU."""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.peers import EVENT
from callboard.event import Draft, Entry, Envelope, encode_json, open_envelope
from callboard.hub.hub import Hub
from callboard.hub.principal import Principal
from callboard.logs import open_log

ADMIN = Principal("admin")
WANTED = "topic=bench.7 and source.user.username=bench"


class Publisher:
    """Keeps ten events in flight, as a busy client does."""

    def __init__(self, hub: Hub, envelopes: list[Envelope], done: asyncio.Future[None]) -> None:
        self._hub, self._envelopes, self._done = hub, envelopes, done
        self._open = 0
        for _ in range(10):
            self._next()

    def _next(self) -> None:
        if self._envelopes:
            self._open += 1
            self._hub.accept(ADMIN, self._envelopes.pop(), self, None)
        elif not self._open and not self._done.done():
            self._done.set_result(None)

    def stored(self, ack: Any, entry: Entry) -> None:
        self._open -= 1
        self._next()

    def failed(self, ack: Any, error: Exception) -> None:
        raise error


async def _append(sync: str, each: int) -> tuple[float, float]:
    text = encode_json(EVENT)
    with tempfile.TemporaryDirectory() as folder:
        log = await open_log(str(Path(folder, "events.db")), sync=sync)  # type: ignore[arg-type]
        async with Hub(log) as hub:
            work = [[open_envelope(text) for _ in range(each)] for _ in range(100)]
            futures = [asyncio.get_running_loop().create_future() for _ in work]
            clock, cpu = time.perf_counter(), time.process_time()
            keep = [Publisher(hub, *pair) for pair in zip(work, futures, strict=True)]
            await asyncio.gather(*futures)
            clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
            del keep
        await log.close()
    return 100 * each / clock, 100 * each / cpu


async def _history(count: int) -> tuple[float, int]:
    text = encode_json(EVENT)
    with tempfile.TemporaryDirectory() as folder:
        log = await open_log(str(Path(folder, "events.db")))
        for start in range(0, count, 1000):
            drafts = [
                Draft("bench", open_envelope(text.replace(b"bench.topic", b"bench.%d" % (n % 100))))
                for n in range(start, start + 1000)
            ]
            await log.append(drafts)
        async with Hub(log) as hub:
            found, after, clock = 0, 0, time.perf_counter()
            while True:
                entries, reached = await hub.history(ADMIN, WANTED, after, 1000)
                found += len(entries)
                if reached == after:
                    break
                after = reached
            clock = time.perf_counter() - clock
        await log.close()
    return count / clock, found


def run(quick: bool) -> list[dict[str, Any]]:
    """Run everything; `quick` only shows that it works."""
    import uvloop

    found: list[dict[str, Any]] = []
    repeats = 1 if quick else 3
    for sync, goal in [("normal", 150_000), ("full", 100_000)]:
        rates = sorted(uvloop.run(_append(sync, 200 if quick else 3000)) for _ in range(repeats))
        middle = rates[len(rates) // 2]
        print(f"  append, {sync}: {middle[0]:,.0f}/s by the clock, {middle[1]:,.0f} per CPU second")
        found.append(
            {
                "name": f"append through the hub, 100 publishers x 10 in flight, sync {sync}",
                "ours": middle[0],
                "peer": "-",
                "ratio": middle[0] / goal,
                "spread": f"{rates[0][0]:,.0f} - {rates[-1][0]:,.0f}",
                "goal": f"{goal:,}/s",
                "unit": "events/s by the clock",
                "note": f"{middle[1]:,.0f} per CPU second; publishers in the same process and thread",
            }
        )
    rates2 = sorted(uvloop.run(_history(20_000 if quick else 1_000_000)) for _ in range(repeats))
    rate = statistics.median(one[0] for one in rates2)
    print(f"  filtered history: {rate:,.0f} events/s read, {rates2[0][1]:,} found")
    found.append(
        {
            "name": "filtered history, 1,000,000 events",
            "ours": rate,
            "peer": "-",
            "ratio": rate / 200_000,
            "spread": f"{rates2[0][0]:,.0f} - {rates2[-1][0]:,.0f}",
            "goal": "200,000 events/s read",
            "unit": "events/s by the clock",
            "note": "1 in 100 found, by topic and a key in source",
        }
    )
    return found


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
