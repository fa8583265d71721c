"""The pseudo terminal, the TCP port and the camera, from the host's side."""

import asyncio
import contextlib
import os
import socket
import time
import urllib.request
from collections.abc import AsyncIterator, Callable
from io import BytesIO
from pathlib import Path
from typing import Any

import pytest
import serial
from PIL import Image

from callboard.printing.virtual import Virtual, VirtualPrinter, Wire
from callboard.printing.virtual.camera import serve_camera
from callboard.printing.virtual.fronts import PtyFront, serve_pty, serve_tcp

Serve = Callable[..., Any]
PATIENCE = 5.0


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    fronts: list[PtyFront] = []

    async def serve(**how: Any) -> PtyFront:
        front = await serve_pty(VirtualPrinter(Virtual(speed=1e4)), **how)
        fronts.append(front)
        return front

    yield serve
    for front in fronts:
        await front.close()


def talked(name: str, *lines: bytes, baud: int = 115200) -> list[bytes]:
    """Open a port as hosts do, say lines, and return the greeting and each answer's last line."""
    with serial.Serial(name, baud, timeout=PATIENCE) as port:
        heard = [port.read_until(b"SD card ok\n")]
        for line in lines:
            port.write(line + b"\n")
            heard.append(port.readline())
        return heard


async def test_a_host_opens_it_and_is_greeted_and_answered(serve: Serve) -> None:
    front = await serve()
    greeting, ok, temperature = await asyncio.to_thread(talked, front.name, b"G90", b"M105")
    assert greeting.startswith(b"start\n")
    assert (ok, temperature[:5]) == (b"ok\n", b"ok T:")


async def test_each_opening_resets_it(serve: Serve) -> None:
    front = await serve()
    for _ in range(3):
        answer = await asyncio.to_thread(talked, front.name, b"G91", b"G1 X10", b"M114")
        assert answer[0].startswith(b"start")
        assert answer[3].startswith(b"X:10.00")


async def test_the_link_is_stable_and_goes_when_it_ends(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "ttyUSB0"
    front = await serve(link=link)
    assert (await asyncio.to_thread(talked, str(link), b"G90"))[1] == b"ok\n"
    await front.close()
    assert not os.path.lexists(link)


async def test_a_file_in_the_links_place_is_left_alone(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "precious"
    link.write_text("mine")
    with pytest.raises(FileExistsError):
        await serve(link=link)
    assert link.read_text() == "mine"


@pytest.mark.parametrize("speed", [115200, 250000])
async def test_only_its_own_speed_is_understood(serve: Serve, speed: int) -> None:
    front = await serve(baudrate=speed)
    for baud in (57600, 115200, 250000):
        heard = await asyncio.to_thread(tried, front.name, baud)
        assert (b"ok" in heard and b"start" in heard) == (baud == speed)
        assert heard


def tried(name: str, baud: int) -> bytes:
    with serial.Serial(name, baud, timeout=0.15) as port:
        port.write(b"G90\n")
        heard = b""
        while block := port.read(1000):
            heard += block
        return heard


async def test_a_wire_takes_its_time(serve: Serve) -> None:
    """240 bytes at 9600 baud are a quarter of a second, and each of 8 answers takes 3 ms and 20 ms more."""
    front = await serve(baudrate=9600, wire=Wire(baudrate=9600, turn_around=0.02))
    began = asyncio.get_running_loop().time()
    answers = await asyncio.to_thread(talked, front.name, *[b"G1 X" + b"1" * 25] * 8, baud=9600)
    assert answers[1:] == [b"ok\n"] * 8
    assert asyncio.get_running_loop().time() - began > 0.24 + 8 * 0.023


async def test_an_unplugged_printer_is_an_error_for_the_host_and_comes_back(
    serve: Serve, tmp_path: Path
) -> None:
    link = tmp_path / "ttyUSB0"
    front = await serve(link=link)
    ended = await asyncio.to_thread(unplugged, str(link), b"!!DEBUG:unplug 0.05 renamed\n")
    assert isinstance(ended, OSError)
    other = tmp_path / "ttyUSB1"
    async with asyncio.timeout(PATIENCE):
        while not other.exists():
            await asyncio.sleep(0.01)
    assert not os.path.lexists(link)
    assert front.link == other
    assert (await asyncio.to_thread(talked, str(other), b"G90"))[1] == b"ok\n"


def unplugged(name: str, says: bytes) -> OSError | None:
    with serial.Serial(name, 115200, timeout=0.1) as port:
        port.read_until(b"SD card ok\n")
        port.write(says)
        end = time.monotonic() + PATIENCE
        try:
            while time.monotonic() < end:
                port.read(100)
        except OSError as error:  # SerialException is one
            return error
    return None


async def test_a_printer_that_is_unplugged_for_good_ends_its_front(serve: Serve, tmp_path: Path) -> None:
    link = tmp_path / "ttyUSB0"
    front = await serve(link=link)
    await asyncio.to_thread(unplugged, str(link), b"!!DEBUG:unplug\n")
    async with asyncio.timeout(PATIENCE):
        await front.serve()
    assert not os.path.lexists(link)


async def test_a_host_that_reads_nothing_harms_nobody(serve: Serve) -> None:
    front = await serve()
    host = os.open(front.name, os.O_RDWR | os.O_NOCTTY | os.O_NONBLOCK)
    try:
        for _ in range(300):
            try:
                os.write(host, b"M115\n" * 10)
            except BlockingIOError:
                break
            await asyncio.sleep(0.001)
    finally:
        os.close(host)
    async with asyncio.timeout(PATIENCE):
        while front.in_use:
            await asyncio.sleep(0.01)
    assert (await asyncio.to_thread(talked, front.name, b"G90"))[1] == b"ok\n"


async def test_tcp_loses_nothing_although_a_host_waits_for_no_ok() -> None:
    printer = VirtualPrinter(Virtual(speed=1e4))
    server = await serve_tcp(printer)
    async with server:
        reader, writer = await asyncio.open_connection(*server.sockets[0].getsockname()[:2])
        writer.write(b"".join(b"G1 X%d F6000\n" % (n % 100) for n in range(1000)) + b"M400\n")
        async with asyncio.timeout(30):
            oks = [await reader.readline() for _ in range(1001)]
        writer.close()
    assert set(oks) == {b"ok\n"}
    assert len(printer.accepted) == 1001
    assert printer.lost == 0


async def test_tcp_takes_one_host_at_a_time() -> None:
    server = await serve_tcp(VirtualPrinter())
    async with server:
        address = server.sockets[0].getsockname()[:2]
        first = await asyncio.open_connection(*address)
        first[1].write(b"G90\n")
        assert await first[0].readline() == b"ok\n"
        second = await asyncio.open_connection(*address)
        assert await second[0].read() == b""
        for _, writer in (first, second):
            writer.close()


async def test_a_cable_of_tcp_that_is_pulled_is_plugged_in_again() -> None:
    async with await serve_tcp(VirtualPrinter()) as server:
        address = server.sockets[0].getsockname()[:2]
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"!!DEBUG:unplug 0.1\n")
        async with asyncio.timeout(PATIENCE):
            assert await reader.read() == b""
            writer.close()
            said = b""
            while not said:  # until then whoever comes is sent away
                reader, writer = await asyncio.open_connection(*address)
                with contextlib.suppress(OSError):
                    said = await reader.read(100)
                writer.close()
                await asyncio.sleep(0.01)
    assert said.startswith(b"start")


async def test_the_camera_takes_pictures_of_the_print() -> None:
    printer = VirtualPrinter(Virtual(speed=1e6))
    now = asyncio.get_running_loop().time()
    empty = Image.open(BytesIO(printer.picture(now, (960, 720))))
    for n, line in enumerate([b"G1 X100 Y100 Z.2 F6000", b"G1 X150 E1", b"G1 Y150 E2", b"G1 X100 E3"]):
        printer.receive(line + b"\n", now + n / 1000)
    async with await serve_camera(printer) as camera:
        port = camera.sockets[0].getsockname()[1]
        for target in ("/snapshot.jpg", "/?action=snapshot"):
            got = await asyncio.to_thread(fetched, f"http://127.0.0.1:{port}{target}")
            picture = Image.open(BytesIO(got))
            assert (picture.format, picture.size) == ("JPEG", empty.size)
            assert picture.tobytes() != empty.tobytes()


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=PATIENCE) as answer:
        content: bytes = answer.read()
        return content


async def test_the_camera_streams() -> None:
    async with await serve_camera(VirtualPrinter(), size=(160, 120)) as camera:
        reader, writer = await asyncio.open_connection(*camera.sockets[0].getsockname()[:2])
        writer.write(b"GET /stream HTTP/1.1\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert b"multipart/x-mixed-replace; boundary=picture" in await reader.readuntil(b"\r\n\r\n")
            for _ in range(2):
                head = await reader.readuntil(b"\r\n\r\n")
                length = int(head.split(b"Content-Length: ")[1].split()[0])
                assert (await reader.readexactly(length))[:2] == b"\xff\xd8"
                await reader.readexactly(2)
        writer.close()


@pytest.mark.parametrize(
    ("asked", "status"),
    [(b"GET /other HTTP/1.1", b"404"), (b"POST /snapshot.jpg HTTP/1.1", b"405"), (b"\xff\x00", b"405")],
)
async def test_the_camera_refuses_the_rest(asked: bytes, status: bytes) -> None:
    async with await serve_camera(VirtualPrinter()) as camera:
        reader, writer = await asyncio.open_connection(*camera.sockets[0].getsockname()[:2])
        writer.write(asked + b"\r\n\r\n")
        async with asyncio.timeout(PATIENCE):
            assert (await reader.readline()).split()[1] == status
        writer.close()


def test_many_printers_cost_little() -> None:
    """A line costs some microseconds; the bound here is ten times that, for slow and busy machines."""
    printers = [VirtualPrinter(Virtual(speed=100, remember=10)) for _ in range(100)]
    began = time.process_time()
    for line in range(40):
        for printer in printers:
            printer.receive(b"G1 X%d.5 Y%d.25 E%d.125 F6000\n" % (line, line, line), 1 + line / 40)
            printer.outgoing(1 + line / 40)
    assert (time.process_time() - began) / 4000 < 200e-6


def test_a_port_that_is_taken_is_one_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken, pytest.raises(OSError, match="in use"):
        asyncio.run(serve_tcp(VirtualPrinter(), "127.0.0.1", taken.getsockname()[1]))
