"""Links over real ptys and sockets: what arrives, what waits, and when a link is given up."""

from __future__ import annotations

import asyncio
import os
import pty
import socket
import termios
import tty
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from callboard.config.printer import Printer
from callboard.printing import link as links
from callboard.printing.link import CantOpen, DescriptorLink, open_link
from callboard.printing.ports import allows, candidates


class Ears:
    """Notes what a link tells."""

    def __init__(self) -> None:
        self.data = bytearray()
        self.drains = 0
        self.reasons: list[str] = []
        self._changed = asyncio.Event()

    def heard(self, data: bytes) -> None:
        self.data += data
        self._changed.set()

    def drained(self) -> None:
        self.drains += 1
        self._changed.set()

    def lost(self, reason: str) -> None:
        self.reasons.append(reason)
        self._changed.set()

    async def until(self, ready: Any) -> None:
        async with asyncio.timeout(20):
            while not ready(self):
                self._changed.clear()
                await self._changed.wait()


class Terminal:
    """A pseudo terminal: what stands behind a serial port."""

    def __init__(self) -> None:
        self.master, self.slave = pty.openpty()
        tty.setraw(self.slave)
        self.path = os.ttyname(self.slave)

    def unplug(self) -> None:
        for fd in (self.master, self.slave):
            if fd >= 0:
                os.close(fd)
        self.master = self.slave = -1


@pytest.fixture
def terminal() -> Iterator[Terminal]:
    made = Terminal()
    yield made
    made.unplug()


async def read(fd: int, count: int) -> bytes:
    """Read so many bytes without blocking the loop."""
    found = b""
    while len(found) < count:
        found += await asyncio.to_thread(os.read, fd, count - len(found))
    return found


async def test_bytes_go_both_ways_over_a_serial_port(terminal: Terminal) -> None:
    ears = Ears()
    link = await open_link(terminal.path, 250_000, ears)
    link.write(b"M105\n")
    assert await read(terminal.master, 5) == b"M105\n"
    os.write(terminal.master, b"ok T:20\n")
    await ears.until(lambda ears: ears.data == b"ok T:20\n")
    assert link.baudrate == 250_000
    link.close()
    link.close()
    assert not ears.reasons


async def test_a_port_is_opened_by_one_program_at_a_time(terminal: Terminal) -> None:
    link = await open_link(terminal.path, 115_200, Ears())
    with pytest.raises(CantOpen, match="another program has it open"):
        await open_link(terminal.path, 115_200, Ears())
    link.close()


async def test_a_cable_pulled_while_its_port_opens_is_a_reason_and_no_crash(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise termios.error(5, "Input/output error")  # which is no OSError

    monkeypatch.setattr("serial.Serial", gone)
    with pytest.raises(CantOpen, match="Input/output error"):
        await open_link("/dev/ttyUSB0", 115_200, Ears())


async def test_a_pulled_cable_is_told_once(terminal: Terminal) -> None:
    ears = Ears()
    link = await open_link(terminal.path, 115_200, ears)
    terminal.unplug()
    await ears.until(lambda ears: ears.reasons)
    link.write(b"M105\n")
    link.close()
    assert len(ears.reasons) == 1
    assert "is gone" in ears.reasons[0]


async def test_another_speed_is_taken_while_the_port_stays_open(terminal: Terminal) -> None:
    link = await open_link(terminal.path, 115_200, Ears())
    assert termios.tcgetattr(terminal.slave)[4] == termios.B115200
    link.retune(9600)
    assert termios.tcgetattr(terminal.slave)[4] == termios.B9600
    assert link.baudrate == 9600
    link.close()


async def test_what_is_no_port_says_why(tmp_path: Path) -> None:
    with pytest.raises(CantOpen, match="No such file"):
        await open_link(str(tmp_path / "ttyUSB7"), 115_200, Ears())
    plain = tmp_path / "plain"
    plain.touch()
    with pytest.raises(CantOpen, match="can't be opened"):
        await open_link(str(plain), 115_200, Ears())


@pytest.fixture
async def listener() -> AsyncIterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


async def test_bytes_go_both_ways_over_a_socket(listener: socket.socket) -> None:
    ears = Ears()
    link = await open_link(f"socket://127.0.0.1:{listener.getsockname()[1]}", 0, ears)
    other, _ = await asyncio.to_thread(listener.accept)
    with other:
        link.write(b"M105\n")
        assert await read(other.fileno(), 5) == b"M105\n"
        other.sendall(b"ok\n")
        await ears.until(lambda ears: ears.data == b"ok\n")
    await ears.until(lambda ears: ears.reasons)
    assert "closed it" in ears.reasons[0]


async def test_a_socket_that_refuses_says_why() -> None:
    with socket.create_server(("127.0.0.1", 0)) as made:
        port = made.getsockname()[1]
    with pytest.raises(CantOpen, match="refused"):
        await open_link(f"socket://127.0.0.1:{port}", 0, Ears())


def joined() -> tuple[socket.socket, socket.socket]:
    """Two ends of a wire that holds little."""
    near, far = socket.socketpair()
    for one in (near, far):
        one.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 4096)
        one.setblocking(False)
    return near, far


async def test_what_a_link_does_not_take_at_once_waits_and_goes_in_order() -> None:
    near, far = joined()
    ears = Ears()
    link = DescriptorLink(near.fileno(), "wire", 0, ears, near)
    sent = bytes(range(256)) * 200
    link.write(sent[:50_000])
    waiting = not link.has_room
    assert waiting
    link.write(sent[50_000:])
    far.setblocking(True)
    assert await read(far.fileno(), len(sent)) == sent
    await ears.until(lambda ears: ears.drains == 1)
    assert link.has_room
    link.close()
    far.close()


async def test_a_link_that_takes_nothing_is_dead() -> None:
    near, far = joined()
    ears = Ears()
    link = DescriptorLink(near.fileno(), "wire", 0, ears, near, dead=0.05)
    link.write(b"x" * 50_000)
    await ears.until(lambda ears: ears.reasons)
    assert ears.reasons == ["wire took no byte for 0.05 s."]
    far.close()


async def test_no_more_than_a_bound_waits_to_be_written() -> None:
    near, far = joined()
    ears = Ears()
    link = DescriptorLink(near.fileno(), "wire", 0, ears, near)
    for _ in range(links.MOST_PENDING // 1000 + 100):
        link.write(b"x" * 1000)
    assert len(ears.reasons) == 1
    assert "takes no bytes" in ears.reasons[0]
    far.close()


def test_only_ports_that_the_configuration_names_are_looked_at(terminal: Terminal, tmp_path: Path) -> None:
    named = tmp_path / "mk3"
    named.symlink_to(terminal.path)
    printer = Printer(name="mk3", ports=(str(tmp_path / "mk*"), str(tmp_path / "gone")))
    assert candidates(printer) == [str(named)]
    assert candidates(printer, taken=[terminal.path]) == []
    assert allows(printer, str(named))
    assert not allows(printer, terminal.path)
    assert candidates(Printer(name="b", port="socket://there:1", ports=(terminal.path,)), terminal.path) == [
        terminal.path,
        "socket://there:1",
    ]
