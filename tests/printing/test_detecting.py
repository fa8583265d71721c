"""Detecting, over real pseudo terminals: a virtual printer that reads garbage at any speed but its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest

from callboard.printing.detecting import detect, is_greeting
from callboard.printing.link import CantOpen
from callboard.printing.virtual import Virtual, VirtualPrinter
from callboard.printing.virtual.fronts import PtyFront, serve_pty, serve_tcp

QUICK = 0.2
"""Seconds for each answer: these printers think fast."""

Plug = Callable[..., Awaitable[Path]]


@pytest.fixture
async def plug(tmp_path: Path) -> AsyncIterator[Plug]:
    """Plug a virtual printer in, and say where."""
    fronts: list[PtyFront] = []

    async def plugged(name: str, baudrate: int | None = None) -> Path:
        link = tmp_path / name
        fronts.append(await serve_pty(VirtualPrinter(Virtual(speed=100.0)), link, baudrate=baudrate))
        return link

    yield plugged
    for front in fronts:
        await front.close()


@pytest.mark.parametrize("baudrate", [115_200, 250_000, 57_600])
async def test_the_speed_of_a_printer_is_found(plug: Plug, baudrate: int) -> None:
    port = await plug("tty0", baudrate)
    found = await detect([str(port)], [115_200, 250_000, 57_600], patience=QUICK)
    assert (found.link.port, found.baudrate, found.link.baudrate) == (str(port), baudrate, baudrate)
    found.link.close()


async def test_the_port_of_a_printer_is_found_among_others(plug: Plug, tmp_path: Path) -> None:
    silent = await plug("tty0", 9600)
    there = await plug("tty1", 250_000)
    found = await detect(
        [str(tmp_path / "gone"), str(silent), str(there)], [115_200, 250_000], patience=QUICK
    )
    assert (found.link.port, found.baudrate) == (str(there), 250_000)
    found.link.close()


async def test_a_printer_on_a_socket_has_no_speed() -> None:
    server = await serve_tcp(VirtualPrinter(Virtual()))
    async with server:
        port = f"socket://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        found = await detect([port], [115_200, 250_000], patience=QUICK)
        assert (found.link.port, found.baudrate) == (port, 0)
        found.link.close()


async def test_where_no_printer_answers_it_is_said_what_was_tried(plug: Plug) -> None:
    port = await plug("tty0", 9600)
    with pytest.raises(CantOpen) as caught:
        await detect([str(port)], [115_200, 250_000], patience=0.05)
    assert str(caught.value) == f"No printer answers on {port} at 115200, 250000 baud."
    with pytest.raises(CantOpen, match="None of its ports is there"):
        await detect([], [115_200])


@pytest.mark.parametrize(
    ("line", "meant"),
    [
        (b"ok", True),
        (b"ok T:20 B:20", True),
        (b"start", True),
        (b"\x80start", True),
        (b"OK", True),
        (b"okay", False),
        (b"echo:SD card ok", False),
        (b"restarting", False),
        (b"", False),
        (b"\xff\xfe", False),
    ],
)
def test_what_only_a_printer_says_is_a_greeting(line: bytes, meant: bool) -> None:
    assert is_greeting(line) is meant
