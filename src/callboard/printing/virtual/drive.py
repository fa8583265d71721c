"""What a front does with a printer: bytes in, bytes out, at their times, on the running loop."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from callboard.printing.virtual.printer import VirtualPrinter
from callboard.printing.virtual.settings import Wire

_SOONEST = 0.0005
_LOOK = 0.05


class Drive:
    """Joins a printer to something that writes; with a `Wire`, bytes take their time both ways.

    A wire needs one timer for each answer, not three: when a line comes, the time at which its last
    byte arrives is known, so the printer is told the line for then, and its answer leaves at a known
    time too. The loop's rounding of timers therefore does not add up.
    """

    def __init__(
        self,
        printer: VirtualPrinter,
        write: Callable[[bytes], None],
        wire: Wire | None,
        unplugged: Callable[[], None],
    ) -> None:
        """`unplugged` is called when the printer's cable is pulled."""
        self.printer = printer
        self._write, self._unplugged = write, unplugged
        self._loop = asyncio.get_running_loop()
        self._byte = 10 / wire.baudrate if wire and wire.baudrate else 0.0
        self._turn = wire.turn_around if wire else 0.0
        self._in_free = self._out_free = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._closed = False

    @property
    def backlog(self) -> float:
        """Seconds until all bytes that were fed have arrived."""
        return max(self._in_free - self._loop.time(), 0.0)

    def feed(self, data: bytes) -> None:
        """Take bytes from the host."""
        now = self._loop.time()
        if not self._byte:
            self.printer.receive(data, now)
        else:
            for line in data.splitlines(keepends=True):
                self._in_free = max(self._in_free, now) + len(line) * self._byte
                self.printer.receive(line, self._in_free)
                self._leave(self.printer.outgoing(self._in_free), self._in_free)
        self.flush()

    def flush(self) -> None:
        """Write what the printer says, and come again when it will say more."""
        now = self._loop.time()
        self._leave(self.printer.outgoing(now), now)
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        due = self.printer.due
        if not self.printer.plugged:
            self._unplugged()
        elif not self._closed and due != float("inf"):
            self._timer = self._loop.call_at(max(due, now + _SOONEST), self.flush)

    def _leave(self, data: bytes, at: float) -> None:
        if not data:
            return
        if not self._byte and not self._turn:
            self._write(data)
            return
        self._out_free = max(self._out_free, at + self._turn) + len(data) * self._byte
        self._loop.call_at(self._out_free, self._written, data)

    def _written(self, data: bytes) -> None:
        if not self._closed:
            self._write(data)

    def close(self) -> None:
        """Let go of the printer; it keeps what it has."""
        self._closed = True
        if self._timer is not None:
            self._timer.cancel()

    async def room(self) -> int:
        """Wait until the receive buffer has room; returns how much."""
        while not self.printer.room or self.backlog > 0.002:
            wait = max(self.printer.due - self._loop.time(), self.backlog)
            await asyncio.sleep(min(max(wait, _SOONEST), _LOOK))
        return self.printer.room
