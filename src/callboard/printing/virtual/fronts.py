"""The ways to reach a virtual printer: a pseudo terminal and TCP; camera.py is the third."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from pathlib import Path
from random import Random

from callboard.printing.virtual.drive import Drive
from callboard.printing.virtual.printer import VirtualPrinter
from callboard.printing.virtual.settings import Wire
from callboard.printing.virtual.terminal import Terminal, lay_link, lift_link

_LOOK = 0.02
_BOOT = 0.05
_BLOCK = 4096
_PIECE = 64
_AHEAD = 0.004
_BOUND = 65536
_GARBAGE = b"\x00\x80\xf8\xfe\xff\xc3\x86\x78"


class PtyFront:
    """A printer on a pseudo terminal; opening it resets the printer, as it does on most boards.

    `baudrate` is the printer's own speed: a host that has set another one gets garbage. None: any speed
    does, as on boards with a USB of their own.
    """

    def __init__(
        self,
        printer: VirtualPrinter,
        link: Path | None = None,
        *,
        baudrate: int | None = None,
        wire: Wire | None = None,
        renamed: Callable[[str], None] | None = None,
    ) -> None:
        self._printer, self._link, self._baudrate, self._wire = printer, link, baudrate, wire
        self._told = renamed
        self._random = Random(printer.settings.seed)
        self._loop = asyncio.get_running_loop()
        self._terminal = self._plugged_in()
        self._drive: Drive | None = None
        self._pending: deque[bytes] = deque()
        self._pending_bytes = 0
        self._gone = asyncio.Event()
        self._task = self._loop.create_task(self._serve())

    @property
    def name(self) -> str:
        """The device that a host opens."""
        return self._terminal.name

    @property
    def link(self) -> Path | None:
        """The link to it."""
        return self._link

    @property
    def in_use(self) -> bool:
        """Whether a host has it open."""
        return self._drive is not None

    async def serve(self) -> None:
        """Run until it is closed, or the printer is unplugged for good."""
        await self._task

    async def close(self) -> None:
        """Take the terminal away."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    # --- plugged in, open, closed ------------------------------------------------------------------

    def _plugged_in(self) -> Terminal:
        terminal = Terminal()
        if self._link is not None:
            lay_link(self._link, terminal.name)
        return terminal

    async def _serve(self) -> None:
        try:
            while True:
                while self._printer.plugged:
                    await self._opened()
                    await self._used()
                if not await self._replugged():
                    return
        finally:
            self._unplugged()

    async def _opened(self) -> None:
        """Wait until a host opens it; the printer lives on meanwhile."""
        drive = Drive(self._printer, _nowhere, None, _nothing)
        drive.flush()
        while self._printer.plugged and not self._terminal.is_open():  # noqa: ASYNC110 (the kernel only tells who asks)
            await asyncio.sleep(_LOOK)
        drive.close()

    async def _used(self) -> None:
        """Serve the host until it closes, or the cable is pulled."""
        if not self._printer.plugged:
            return
        self._gone.clear()
        self._drive = Drive(self._printer, self._write, self._wire, self._gone.set)
        try:
            await asyncio.sleep(_BOOT)
            self._printer.open(self._loop.time())
            self._drive.flush()
            self._listen()
            await self._gone.wait()
        finally:
            self._drive.close()
            self._drive = None
            self._loop.remove_reader(self._terminal.fd)
            self._loop.remove_writer(self._terminal.fd)
            self._pending.clear()
            self._pending_bytes = 0
            if not self._terminal.is_open():
                self._terminal.rest()

    def _unplugged(self) -> None:
        if self._link is not None:
            lift_link(self._link, self._terminal.name)
        self._terminal.close()

    async def _replugged(self) -> bool:
        """Pull the cable, and plug it in again if it is to come back."""
        after, renamed = self._printer.comes_back
        self._unplugged()
        if after is not None:
            await asyncio.sleep(after)
            if renamed and self._link is not None:
                self._link = _next_name(self._link)
        self._terminal = self._plugged_in() if after is not None else Terminal()
        if after is None:
            return False
        self._printer.open(self._loop.time())
        if self._told is not None:
            self._told(str(self._link or self.name))
        return True

    # --- bytes ---------------------------------------------------------------------------------------

    def _listen(self) -> None:
        if self._drive is not None:
            self._loop.add_reader(self._terminal.fd, self._readable)

    def _readable(self) -> None:
        drive = self._drive
        if drive is None:
            return
        data = self._terminal.read(_PIECE if self._wire and self._wire.baudrate else _BLOCK)
        if data is None:
            self._gone.set()
            self._loop.remove_reader(self._terminal.fd)
            return
        if self._is_garbled():
            self._write(data)  # what the firmware makes of wrong bytes is wrong bytes too
        elif data:
            drive.feed(data)
        self._after(drive)

    def _after(self, drive: Drive) -> None:
        """Read no more while the wire is still busy with the last bytes."""
        if self._wire and drive.backlog > _AHEAD:
            self._loop.remove_reader(self._terminal.fd)
            self._loop.call_later(drive.backlog - _AHEAD / 2, self._listen)

    def _is_garbled(self) -> bool:
        return self._baudrate is not None and self._terminal.speed() != self._baudrate

    def _write(self, data: bytes) -> None:
        if self._is_garbled():
            data = bytes(self._random.choices(_GARBAGE, k=max(len(data) // 2, 1)))
        if self._pending:
            self._keep(data)
        else:
            written = self._terminal.write(data)
            if written < len(data):
                self._keep(data[written:])
                self._loop.add_writer(self._terminal.fd, self._writable)

    def _keep(self, data: bytes) -> None:
        """Keep what the host does not read yet, up to a bound; what is past it is lost."""
        if self._pending_bytes < _BOUND:
            self._pending.append(data)
            self._pending_bytes += len(data)

    def _writable(self) -> None:
        while self._pending:
            data = self._pending[0]
            written = self._terminal.write(data)
            self._pending_bytes -= written
            if written < len(data):
                self._pending[0] = data[written:]
                return
            self._pending.popleft()
        self._loop.remove_writer(self._terminal.fd)


def _nowhere(data: bytes) -> None:
    """Nobody listens."""


def _nothing() -> None:
    """Nobody is to be told."""


def _next_name(link: Path) -> Path:
    """Return the name that a port gets when its old one is taken: ttyUSB0, ttyUSB1."""
    stem = link.name.rstrip("0123456789")
    number = link.name[len(stem) :]
    return link.with_name(f"{stem}{int(number or 0) + 1}")


async def serve_pty(
    printer: VirtualPrinter,
    link: Path | None = None,
    *,
    baudrate: int | None = None,
    wire: Wire | None = None,
) -> PtyFront:
    """Put a printer on a pseudo terminal; `link` is a stable name for it. Raises OSError."""
    return PtyFront(printer, link, baudrate=baudrate, wire=wire)


async def serve_tcp(
    printer: VirtualPrinter, host: str = "127.0.0.1", port: int = 0, *, wire: Wire | None = None
) -> asyncio.Server:
    """Put a printer on a TCP port, for one host at a time; connecting does not reset it. Raises OSError."""
    taken = asyncio.Lock()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            if not taken.locked():
                async with taken:
                    await _converse(printer, reader, writer, wire)
                    await _come_back(printer)
        except OSError:
            pass
        finally:
            writer.close()

    return await asyncio.start_server(serve, host, port, limit=_BLOCK)


async def _come_back(printer: VirtualPrinter) -> None:
    """Plug a printer in again, if its cable was pulled and it is to come back."""
    after, _ = printer.comes_back
    if not printer.plugged and after is not None:
        await asyncio.sleep(after)
        printer.open(asyncio.get_running_loop().time())


async def _converse(
    printer: VirtualPrinter, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, wire: Wire | None
) -> None:
    drive = Drive(printer, writer.write, wire, writer.close)
    try:
        drive.flush()
        while printer.plugged:
            data = await reader.read(await drive.room())
            if not data:
                return
            drive.feed(data)
            await writer.drain()
    finally:
        drive.close()
