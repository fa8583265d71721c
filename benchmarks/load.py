"""A load generator that is not the bottleneck: raw sockets, frames made once, arrivals counted by bytes.

All frames of a run have one size, so a subscriber's count is its bytes divided by that size.
"""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import dataclass
from pathlib import Path

HEARTBEAT, ANSWER = b"\x81\x032::", b"\x81\x83\0\0\0\x002::"
"""Ours drops who never answers; a heartbeat's few bytes are counted as if they were an event's."""
PATIENCE = 60.0
TICKS = os.sysconf("SC_CLK_TCK")


def cpu_seconds(pid: int) -> float:
    """CPU time of a process and its threads, user and system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / TICKS


def resident(pid: int) -> int:
    """Resident memory of a process in bytes."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


class Subscriber(asyncio.Protocol):
    """Sends each part of its greeting when the one before was answered, then counts bytes."""

    def __init__(self, greeting: list[tuple[bytes, bytes]]) -> None:
        self._greeting = greeting
        self._head = b""
        self.bytes = 0
        self.greeted: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]
        self.transport.write(self._greeting[0][0])

    def data_received(self, data: bytes) -> None:
        if self.greeted.done():
            if data.endswith(HEARTBEAT):
                self.transport.write(ANSWER)
            self.count(data)
            return
        self._head += data
        if self._greeting[0][1] not in self._head:
            return
        self._head = b""
        del self._greeting[0]
        if self._greeting:
            self.transport.write(self._greeting[0][0])
        else:
            self.greeted.set_result(None)

    def count(self, data: bytes) -> None:
        self.bytes += len(data)

    def connection_lost(self, error: Exception | None) -> None:
        if not self.greeted.done():
            self.greeted.set_exception(ConnectionError(f"lost after {self._head[:300]!r}"))


class Publisher(Subscriber):
    """Keeps `window` events in flight until `total` are acknowledged."""

    def __init__(self, greeting: list[tuple[bytes, bytes]], frame: bytes, ack_size: int) -> None:
        super().__init__(greeting)
        self._frame, self._ack_size = frame, ack_size
        self._owed = self._left = self._pending = 0
        self.done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def start(self, total: int, window: int) -> None:
        self.done = asyncio.get_running_loop().create_future()
        self._left, self._owed, self._pending = total, total, 0
        self._send(min(window, total))

    def _send(self, count: int) -> None:
        count = min(count, self._left)
        if count:
            self._left -= count
            self.transport.write(self._frame * count)

    def count(self, data: bytes) -> None:
        self._pending += len(data)
        acked, self._pending = divmod(self._pending, self._ack_size)
        self._owed -= acked
        self._send(acked)
        if self._owed <= 0 and not self.done.done():
            self.done.set_result(None)


@dataclass(frozen=True)
class Run:
    """What one run took: seconds by the clock, CPU seconds of the server and of this generator."""

    deliveries: int
    wall: float
    server: float
    load: float

    @property
    def per_cpu_second(self) -> float:
        return self.deliveries / max(self.server, 1e-9)

    @property
    def load_share(self) -> float:
        """How busy the generator's one core was."""
        return self.load / self.wall


async def measure(
    pid: int, publisher: Publisher, subscribers: list[Subscriber], size: int, total: int, window: int
) -> Run:
    """Publish `total` events and wait until each subscriber has them all."""
    before = [one.bytes for one in subscribers]
    server, load, clock = cpu_seconds(pid), time.process_time(), time.perf_counter()
    publisher.start(total, window)
    end = time.monotonic() + PATIENCE
    await asyncio.wait_for(publisher.done, PATIENCE)
    while any(one.bytes - start < total * size for one, start in zip(subscribers, before, strict=True)):
        if time.monotonic() > end:
            raise TimeoutError(f"not everything came within {PATIENCE:g} s")
        await asyncio.sleep(0.005)
    return Run(
        total * len(subscribers),
        time.perf_counter() - clock,
        cpu_seconds(pid) - server,
        time.process_time() - load,
    )
