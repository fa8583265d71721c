"""A link: bytes to and from one printer, by a serial port, a socket, or a printer that is only simulated.

    device            pyserial opens it, alone, and sets its speed; then its descriptor is in the loop
    socket://h:p      a connected socket's descriptor is in the loop, the same way
    virtual           `VirtualPrinter`, driven by its own due time

All of them live in the streaming loop and tell an `Ears` what happens. A link never blocks, keeps at most
`MOST_PENDING` bytes unwritten, and is lost once: after `lost` nothing more is said. Descriptors in the loop
won over pyserial's own reading thread (a thread a printer) and over serialx (a task for each read).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import socket
from collections.abc import Callable
from typing import Any, Final, Protocol

from callboard.config.printer import VIRTUAL, address
from callboard.errors import CallboardError, MissingExtra
from callboard.printing.ports import plain_errors

MOST_PENDING: Final = 64 * 1024
"""Bytes that may wait to be written; a printer's window is a thousandth of that."""

BLOCK: Final = 64 * 1024
"""Bytes read at once."""

OPENING: Final = 10.0
"""Seconds that opening a port may take. Source: facts 3.5."""

DEAD: Final = 10.0
"""Seconds after which a link that takes no byte is given up."""


_TAKEN: Final = frozenset({errno.EAGAIN, errno.EBUSY})


class CantOpen(CallboardError):
    """This port can't be opened: look whether the printer is on and the port is free."""


class Ears(Protocol):
    """Who listens to a link."""

    def heard(self, data: bytes) -> None:
        """Bytes came."""

    def drained(self) -> None:
        """All that was written is on its way: there is room again."""

    def lost(self, reason: str) -> None:
        """The link is gone, and closed; nothing more comes."""


class Link(Protocol):
    """An open link."""

    @property
    def port(self) -> str:
        """Where it leads."""

    @property
    def baudrate(self) -> int:
        """Its speed; 0 where there is none."""

    @property
    def has_room(self) -> bool:
        """Whether nothing waits to be written."""

    def listen(self, ears: Ears) -> None:
        """Tell `ears` from now on what happens, and nobody else."""

    def write(self, data: bytes) -> None:
        """Send bytes, now or as soon as the link takes them; nothing once it is closed."""

    def retune(self, baudrate: int) -> None:
        """Take another speed; what was not yet read is forgotten. Raises CantOpen."""

    def close(self) -> None:
        """Let go of the port; `lost` is not called. It may be closed twice."""


class DescriptorLink:
    """A link over a descriptor that does not block: a serial port's, or a socket's."""

    def __init__(
        self, fd: int, port: str, baudrate: int, ears: Ears, owner: Any, *, dead: float = DEAD
    ) -> None:
        """Take over `fd`, which `owner` closes (`owner.close()`)."""
        self.port, self.baudrate = port, baudrate
        self._fd, self._owner, self._ears = fd, owner, ears
        self._loop = asyncio.get_running_loop()
        self._pending = bytearray()
        self._dead = dead
        self._stalled: asyncio.TimerHandle | None = None
        self._open = True
        self._loop.add_reader(fd, self._readable)

    @property
    def has_room(self) -> bool:
        """Whether nothing waits to be written."""
        return not self._pending

    def listen(self, ears: Ears) -> None:
        """Tell `ears` from now on what happens."""
        self._ears = ears

    def write(self, data: bytes) -> None:
        """Send bytes, now or as soon as the link takes them."""
        if not self._open:
            return
        if len(self._pending) + len(data) > MOST_PENDING:
            self._lose(f"{self.port} takes no bytes any more, and {MOST_PENDING} are waiting.")
            return
        waiting = bool(self._pending)
        self._pending += data
        if not waiting:
            self._write()

    def retune(self, baudrate: int) -> None:
        """Take another speed; what was not yet read is forgotten. Raises CantOpen."""
        self._pending.clear()
        try:
            with plain_errors():
                self._owner.baudrate = baudrate
                self._owner.reset_output_buffer()
                self._owner.reset_input_buffer()
        except (OSError, ValueError, AttributeError) as error:
            raise CantOpen(f"{self.port} does not take {baudrate} baud: {_said(error)}.") from None
        self.baudrate = baudrate

    def close(self) -> None:
        """Let go of the port."""
        if not self._open:
            return
        self._open = False
        self._pending.clear()
        self._loop.remove_reader(self._fd)
        self._settle()
        with contextlib.suppress(OSError):
            self._owner.close()

    def _readable(self) -> None:
        try:
            data = os.read(self._fd, BLOCK)
        except (BlockingIOError, InterruptedError):
            return
        except OSError as error:
            self._lose(f"{self.port} is gone: {_said(error)}.")
            return
        if data:
            self._ears.heard(data)
        else:
            self._lose(f"{self.port} is gone: the other side closed it.")

    def _write(self) -> None:
        """Write what goes; the rest goes when the descriptor can take it."""
        try:
            taken = os.write(self._fd, self._pending)
        except (BlockingIOError, InterruptedError):
            taken = 0
        except OSError as error:
            self._lose(f"{self.port} is gone: {_said(error)}.")
            return
        del self._pending[:taken]
        if not self._pending:
            self._settle()
        elif taken or self._stalled is None:
            self._wait()

    def _wait(self) -> None:
        """Write on when there is room; give up when there is none for too long."""
        if self._stalled is not None:
            self._stalled.cancel()
        else:
            self._loop.add_writer(self._fd, self._writable)
        self._stalled = self._loop.call_later(self._dead, self._give_up)

    def _writable(self) -> None:
        self._write()
        if self._open and not self._pending:
            self._ears.drained()

    def _settle(self) -> None:
        if self._stalled is not None:
            self._stalled.cancel()
            self._stalled = None
            self._loop.remove_writer(self._fd)

    def _give_up(self) -> None:
        self._lose(f"{self.port} took no byte for {self._dead:g} s.")

    def _lose(self, reason: str) -> None:
        if self._open:
            self.close()
            self._ears.lost(reason)


class Simulated(Protocol):
    """What a virtual printer shows to its link (`callboard.printing.virtual`)."""

    @property
    def due(self) -> float:
        """When it will have something to say."""

    @property
    def plugged(self) -> bool:
        """False once its cable was pulled."""

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host."""

    def outgoing(self, now: float) -> bytes:
        """Return what it has said by `now`."""

    def open(self, now: float) -> None:
        """Somebody opened the port: start anew and greet."""


class VirtualLink:
    """A link to a virtual printer in the same loop; it never blocks and is never full."""

    port, baudrate, has_room = VIRTUAL, 0, True

    def __init__(self, printer: Simulated, ears: Ears) -> None:
        self._printer, self._ears = printer, ears
        self._loop = asyncio.get_running_loop()
        self._open = True
        self._timer: asyncio.TimerHandle | None = None
        printer.open(self._loop.time())
        self._arm()

    def listen(self, ears: Ears) -> None:
        """Tell `ears` from now on what happens."""
        self._ears = ears

    def write(self, data: bytes) -> None:
        """Let the printer have bytes; what it answers comes in a later turn of the loop."""
        if self._open:
            self._printer.receive(data, self._loop.time())
            self._arm()

    def retune(self, baudrate: int) -> None:
        """Do nothing: there is no wire."""

    def close(self) -> None:
        """Leave the printer."""
        self._open = False
        if self._timer is not None:
            self._timer.cancel()

    def _arm(self) -> None:
        due = self._printer.due
        if self._timer is not None:
            if self._timer.when() <= due and not self._timer.cancelled():
                return  # it comes early enough, and looks again
            self._timer.cancel()
        self._timer = self._loop.call_at(min(due, self._loop.time() + 3600), self._due)

    def _due(self) -> None:
        self._timer = None
        data = self._printer.outgoing(self._loop.time())
        if data and self._open:
            self._ears.heard(data)
        if self._open and not self._printer.plugged:
            self.close()
            self._ears.lost(f"{self.port} is gone: the cable was pulled.")
        elif self._open:
            self._arm()


async def open_link(
    port: str, baudrate: int, ears: Ears, *, virtual: Callable[[], Simulated] | None = None
) -> Link:
    """Return an open link to `port`; raises CantOpen with the reason. `virtual` gives the printer there."""
    try:
        async with asyncio.timeout(OPENING):
            if port == VIRTUAL and virtual is not None:
                return VirtualLink(virtual(), ears)
            if (place := address(port)) is not None:
                return await _open_socket(*place, port, ears)
            return await _open_serial(port, baudrate, ears)
    except TimeoutError:
        raise CantOpen(f"{port} did not open within {OPENING:g} s: look whether the printer is on.") from None
    except (OSError, ValueError) as error:
        raise CantOpen(f"{port} can't be opened: {_said(error)}.") from None


async def _open_serial(port: str, baudrate: int, ears: Ears) -> Link:
    """Open a device in a thread, since a driver may take its time, then keep its descriptor in the loop."""
    opening = asyncio.get_running_loop().run_in_executor(None, _serial, port, baudrate)
    try:
        owner = await asyncio.shield(opening)
    except asyncio.CancelledError:
        opening.add_done_callback(_close_late)
        raise
    return DescriptorLink(owner.fileno(), port, baudrate, ears, owner)


def _serial(port: str, baudrate: int) -> Any:
    try:
        import serial
    except ImportError:
        raise MissingExtra("Serial ports need an extra: pip install 'callboard[print]'.") from None
    with plain_errors():
        return serial.Serial(port, baudrate, timeout=0, write_timeout=0, exclusive=True)


def _close_late(opening: asyncio.Future[Any]) -> None:
    """A port that opened when nobody waited any more is closed again."""
    if not opening.cancelled() and opening.exception() is None:
        opening.result().close()


async def _open_socket(host: str, number: int, port: str, ears: Ears) -> Link:
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, number, type=socket.SOCK_STREAM)
    error: OSError | None = None
    for family, kind, protocol, _, place in found[:8]:
        sock = socket.socket(family, kind, protocol)
        sock.setblocking(False)
        try:
            await loop.sock_connect(sock, place)
        except OSError as refused:
            error = refused
            sock.close()
            continue
        except asyncio.CancelledError:
            sock.close()
            raise
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        return DescriptorLink(sock.fileno(), port, 0, ears, sock)
    raise error or OSError("no such address")


def _said(error: Exception) -> str:
    """Return the system's own words for what is wrong."""
    number = getattr(error, "errno", None)
    if number in _TAKEN:
        return "another program has it open: stop OctoPrint, or whatever it is"
    if number == errno.EACCES:
        return "you may not: `sudo adduser $USER dialout` on Debian, then log in again"
    if isinstance(error, OSError) and number:
        return os.strerror(number)
    return str(error).rstrip(".") or type(error).__name__
