"""Appended and acknowledged: our logs, Redis and JetStream, 100 publishers with 10 events in flight each.

Ours are called in this process, as the hub calls them; Redis and JetStream are reached through
sockets, Redis by its own redis-benchmark, JetStream by plain sockets that count acknowledgements.
Beside the clock stands what a server's CPU second does, which sockets and generators blur less.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import shutil
import subprocess
import sys
import tempfile
import time
from asyncio import Future
from collections.abc import Awaitable, Callable, Iterator, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks.load import cpu_seconds
from benchmarks.peers import BODY, free_port, process, wait_for
from callboard.event import Draft, Entry, open_envelope
from callboard.hub.log import Log
from callboard.logs import open_log

PUBLISHERS, IN_FLIGHT = 100, 10

Rates = tuple[float, float]
"""Events a second by the clock, and by the server's CPU."""


class Publishers:
    """Keep 1,000 appends of one event under way until all are acknowledged."""

    def __init__(self, log: Log, count: int) -> None:
        self._log = log
        drafts = [Draft("bench", open_envelope(BODY)) for _ in range(count)]
        for draft in drafts:
            _ = draft.envelope.json  # the hub has it by then: it checks its size
        self._drafts = iter(drafts)
        self._left = count
        self.done: Future[None] = asyncio.get_running_loop().create_future()

    def start(self) -> None:
        for _ in range(PUBLISHERS * IN_FLIGHT):
            self._next()

    def _next(self) -> None:
        draft = next(self._drafts, None)
        if draft is not None:
            self._log.append((draft,)).add_done_callback(self._acknowledged)

    def _acknowledged(self, future: Future[Sequence[Entry]]) -> None:
        future.result()
        self._left -= 1
        if self._left:
            self._next()
        else:
            self.done.set_result(None)


async def _load(log: Log, count: int) -> Rates:
    publishers = Publishers(log, count)
    gc.collect()
    gc.freeze()  # the drafts that wait are the generator's: a collector that walks them measures it
    clock, cpu = time.perf_counter(), time.process_time()
    publishers.start()
    await publishers.done
    clock, cpu = time.perf_counter() - clock, time.process_time() - cpu
    gc.unfreeze()
    return count / clock, count / cpu


async def _ours(where: str, sync: str, count: int) -> Rates:
    log = await open_log(where, sync="full" if sync == "full" else "normal")
    await _load(log, 2_000)
    rates = await _load(log, count)
    await log.close()
    return rates


def _run(work: Awaitable[Rates]) -> Rates:
    import uvloop

    async def run() -> Rates:
        return await work

    return uvloop.run(run())


def memory(count: int) -> Rates:
    return _run(_ours("memory:", "normal", count))


def sqlite(sync: str) -> Callable[[int], Rates]:
    def measure(count: int) -> Rates:
        with tempfile.TemporaryDirectory() as folder:
            return _run(_ours(str(Path(folder, "events.db")), sync, count))

    return measure


def redis(fsync: str) -> Callable[[int], Rates]:
    """Redis with an append-only file: XADD of the same bytes, by redis-benchmark."""

    def measure(count: int) -> Rates:
        port = free_port()
        options = ("--save", "", "--appendonly", "yes", "--appendfsync", fsync, "--port", str(port))
        with (
            tempfile.TemporaryDirectory() as folder,
            process("redis-server", *options, "--dir", folder, "--bind", "127.0.0.1") as pid,
        ):
            wait_for(port)
            command = ["redis-benchmark", "-p", str(port), "-n", str(count), "-q"]
            command += [
                "-c",
                str(PUBLISHERS),
                "-P",
                str(IN_FLIGHT),
                "XADD",
                "log",
                "*",
                "event",
                BODY.decode(),
            ]
            cpu, clock = cpu_seconds(pid), time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            clock, cpu = time.perf_counter() - clock, cpu_seconds(pid) - cpu
        return count / clock, count / max(cpu, 0.01)

    return measure


class JetStreamPublisher(asyncio.Protocol):
    """One connection with ten publishes in flight; an acknowledgement is a message of two lines."""

    def __init__(self, number: int, count: int) -> None:
        inbox = b"_INBOX.bench%d" % number
        self._hello = b'CONNECT {"verbose":false}\r\nSUB %b 1\r\nPING\r\n' % inbox
        self._publish = b"PUB bench.events.topic %b %d\r\n%b\r\n" % (inbox, len(BODY), BODY)
        self._to_send = self._to_come = count
        self._lines = 0
        loop = asyncio.get_running_loop()
        self.ready: Future[None] = loop.create_future()
        self.done: Future[None] = loop.create_future()
        self._transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]
        self._transport.write(self._hello)

    def start(self) -> None:
        self._send(IN_FLIGHT)

    def data_received(self, data: bytes) -> None:
        if not self.ready.done():
            if b"PONG\r\n" in data:
                self.ready.set_result(None)
            return
        if b'"error"' in data:
            raise ValueError(data)
        self._lines += data.count(b"\r\n")
        acknowledged, self._lines = divmod(self._lines, 2)
        self._to_come -= acknowledged
        self._send(acknowledged)
        if not self._to_come:
            self.done.set_result(None)
            self._transport.close()

    def _send(self, count: int) -> None:
        count = min(count, self._to_send)
        self._to_send -= count
        self._transport.write(self._publish * count)


async def _jetstream(port: int, pid: int, count: int) -> Rates:
    import nats

    loop = asyncio.get_running_loop()
    connection = await nats.connect(f"nats://127.0.0.1:{port}")
    await connection.jetstream().add_stream(name="bench", subjects=["bench.events.>"])
    publishers: list[JetStreamPublisher] = []
    for number in range(PUBLISHERS):
        one = JetStreamPublisher(number, count // PUBLISHERS)
        await loop.create_connection(lambda one=one: one, "127.0.0.1", port)  # type: ignore[misc]
        publishers.append(one)
    await asyncio.gather(*[one.ready for one in publishers])
    cpu, clock = cpu_seconds(pid), time.perf_counter()
    for one in publishers:
        one.start()
    await asyncio.gather(*[one.done for one in publishers])
    clock, cpu = time.perf_counter() - clock, cpu_seconds(pid) - cpu
    await connection.close()
    return count / clock, count / max(cpu, 0.01)


@contextlib.contextmanager
def nats_server(sync: str) -> Iterator[tuple[int, int]]:
    """A nats-server with JetStream; `sync` is its sync_interval, empty for its own default."""
    program = Path(sys.executable).with_name("nats-server")
    port = free_port()
    with tempfile.TemporaryDirectory() as folder:
        config = Path(folder, "server.conf")
        interval = f"sync_interval: {sync}" if sync else ""
        config.write_text(f'listen: 127.0.0.1:{port}\njetstream {{\nstore_dir: "{folder}"\n{interval}\n}}\n')
        with process(str(program), "-c", str(config)) as pid:
            wait_for(port)
            yield port, pid


def jetstream(sync: str) -> Callable[[int], Rates]:
    def measure(count: int) -> Rates:
        with nats_server(sync) as (port, pid):
            return _run(_jetstream(port, pid, count))

    return measure


def ours_on_jetstream(count: int) -> Rates:
    with nats_server("") as (port, _):
        return _run(_ours(f"nats://127.0.0.1:{port}", "", count))


def _rates(name: str, measure: Callable[[int], Rates], count: int, repeats: int) -> list[Rates]:
    found = [measure(count) for _ in range(repeats)]
    print(f"  {name}: " + ", ".join(f"{clock:,.0f}/s ({cpu:,.0f} per CPU second)" for clock, cpu in found))
    return found


def _row(name: str, ours: list[Rates], peer_name: str, peer: list[Rates], goal: str) -> dict[str, Any]:
    """Compare two runs: the ratio is of the medians, the spread of the ratios of the repeats."""
    clock, cpu = (median(rates[n] for rates in ours) for n in (0, 1))
    ratios = [one[0] / other[0] for one, other in zip(ours, peer, strict=True)]
    note = f"ours {cpu:,.0f} per CPU second, publishers in the process"
    if peer_name:
        note += f"; {peer_name} {median(rates[1] for rates in peer):,.0f} per server CPU second"
    return {
        "name": f"append, acknowledged, 100 x 10 in flight, {name}",
        "ours": clock,
        "peer": f"{peer_name} {median(rates[0] for rates in peer):,.0f}" if peer_name else "-",
        "ratio": median(ratios) if peer_name else "-",
        "spread": f"{min(ratios):.2f} - {max(ratios):.2f}"
        if peer_name
        else f"{min(rates[0] for rates in ours):,.0f} - {max(rates[0] for rates in ours):,.0f}",
        "goal": goal,
        "unit": "events/s by the clock",
        "note": note,
    }


def run(quick: bool) -> list[dict[str, Any]]:
    """Run everything; `quick` only shows that it works."""
    count, repeats = (4_000, 1) if quick else (200_000, 3)

    def rates(name: str, measure: Callable[[int], Rates], share: int = 1) -> list[Rates]:
        return _rates(name, measure, count // share, repeats)

    found = [_row("in memory", rates("memory", memory), "", [(1, 1)] * repeats, "-")]
    for sync, goal, fsync, interval in [
        ("normal", "150,000/s", "everysec", ""),
        ("full", "100,000/s", "always", "always"),
    ]:
        ours = rates(f"SQLite {sync}", sqlite(sync))
        if shutil.which("redis-server") and shutil.which("redis-benchmark"):
            peer = rates(f"Redis {fsync}", redis(fsync))
            found.append(_row(f"SQLite {sync}", ours, f"Redis AOF {fsync}", peer, goal))
        name = f"JetStream{' sync_interval ' + interval if interval else ''}"
        peer = rates(name, jetstream(interval), 10 if interval else 2)
        found.append(_row(f"SQLite {sync}", ours, name, peer, goal))
    through = rates("our log on JetStream", ours_on_jetstream, 8)
    found.append(
        _row("our log on JetStream", through, "JetStream", rates("JetStream", jetstream(""), 8), "-")
    )
    return found


if __name__ == "__main__":
    for row in run("--quick" in sys.argv):
        print(row)
