"""What was published and the hub has not answered: kept, in order, over lost connections; bounded.

An event whose answer was lost with the connection is sent again, with the same id: at least once.
"""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import Callable

from callboard.errors import CallboardError, Gone

MOST = 10_000
MOST_BYTES = 64 << 20

Send = Callable[[bytes, Callable[[bool, str], None]], None]
"""Sends an envelope; the callback gets the hub's answer (success, message)."""


class Refused(CallboardError):
    """The hub refused this; its message says why."""


class Outbox:
    """Events on their way to the hub, each with the future that its publisher holds."""

    def __init__(self) -> None:
        self._waiting: dict[int, tuple[bytes, Future[str]]] = {}
        self._bytes = 0
        self._next = 0
        self._send: Send | None = None
        self._empty = asyncio.Event()
        self._empty.set()
        self._closed: CallboardError | None = None

    def __len__(self) -> int:
        return len(self._waiting)

    def put(self, envelope: bytes, done: Future[str]) -> None:
        """Send an event now, or once there is a connection; `done` gets its outcome."""
        if self._closed is not None:
            done.set_exception(self._closed)
        elif len(self._waiting) >= MOST or self._bytes + len(envelope) > MOST_BYTES:
            done.set_exception(
                Gone(
                    f"{len(self._waiting)} events wait for the hub's answer, no more are taken: "
                    "await what publish returned, or wait for the connection to come back."
                )
            )
        else:
            self._keep(envelope, done)

    def _keep(self, envelope: bytes, done: Future[str]) -> None:
        number = self._next
        self._next += 1
        self._waiting[number] = (envelope, done)
        self._bytes += len(envelope)
        self._empty.clear()
        self._pass_on(number, envelope)

    def _pass_on(self, number: int, envelope: bytes) -> None:
        if self._send is not None:
            self._send(envelope, lambda success, message: self._answered(number, success, message))

    def _answered(self, number: int, success: bool, message: str) -> None:
        envelope, done = self._waiting.pop(number)
        self._bytes -= len(envelope)
        if not self._waiting:
            self._empty.set()
        if done.done():
            return
        if success:
            done.set_result(message)
        else:
            done.set_exception(Refused(message or None))

    def attach(self, send: Send) -> None:
        """There is a connection: send what waits on it, in order, and what comes."""
        self._send = send
        for number, (envelope, _) in list(self._waiting.items()):
            self._pass_on(number, envelope)

    def detach(self) -> None:
        """The connection is lost: keep what comes."""
        self._send = None

    async def drained(self, patience: float) -> bool:
        """Wait at most `patience` seconds until all is answered; return whether it is."""
        try:
            await asyncio.wait_for(self._empty.wait(), patience)
        except TimeoutError:
            return False
        return True

    def close(self, error: CallboardError) -> None:
        """Fail what waits, and all that comes."""
        self._closed = error
        waiting, self._waiting = self._waiting, {}
        self._bytes = 0
        self._empty.set()
        for _, done in waiting.values():
            if not done.done():
                done.set_exception(error)
