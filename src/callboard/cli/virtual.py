"""`callboard virtual-printer`: a printer that is not there, for any print host."""

from __future__ import annotations

import asyncio
import re
import selectors
import signal
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter
from msgspec import Struct, structs

from callboard.cli.outcome import WrongUse
from callboard.cli.output import note, say
from callboard.errors import CallboardError
from callboard.printing.virtual.faulting import BadFault, faults
from callboard.printing.virtual.mishaps import TROUBLES
from callboard.printing.virtual.settings import Identity, Virtual, Wire

if TYPE_CHECKING:
    from callboard.printing.virtual import VirtualPrinter

_MOST = 500
_REMEMBERED = 100_000
_WRITTEN = 0.1


class CantServe(CallboardError):
    """The virtual printer has no place to be reached at: choose another."""


class Address(Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int


class Place(Struct, frozen=True):
    """Where one of the printers is reached, and where it writes down what it accepted."""

    link: Path | None
    tcp: Address | None
    camera: Address | None
    baudrate: int | None
    wire: Wire | None
    accepted: Path | None


def virtual_printer(
    *,
    link: Annotated[Path | None, Parameter(help="A stable name for its pseudo terminal.")] = None,
    tcp: Annotated[str | None, Parameter(help="HOST:PORT to be reached at instead of a terminal.")] = None,
    camera: Annotated[str | None, Parameter(help="HOST:PORT of its camera: /snapshot.jpg, /stream.")] = None,
    firmware: Annotated[Identity, Parameter(help="Whose name and habits it has.")] = Identity.MARLIN,
    speed: Annotated[float, Parameter(help="How many times faster than life it moves and heats.")] = 1.0,
    seed: Annotated[int, Parameter(help="The same seed, the same faults.")] = 0,
    fault: Annotated[
        Sequence[str],
        Parameter(negative="", help="corrupt=0.01, 'at line 120: reset', ...; may be repeated."),
    ] = (),
    script: Annotated[Path | None, Parameter(help="A file of faults, one a line.")] = None,
    troubles: Annotated[
        bool, Parameter(negative="", help="List the words of --script and !!DEBUG:, and end.")
    ] = False,
    sd: Annotated[Path | None, Parameter(help="Folder of the SD card. [default: in memory]")] = None,
    no_sd: Annotated[bool, Parameter(negative="", help="It has no SD card.")] = False,
    baudrate: Annotated[
        int | None, Parameter(help="Its own speed: at any other there is garbage. [default: any will do]")
    ] = None,
    wire_speed: Annotated[
        bool, Parameter(negative="", help="Bytes take their time, at --baudrate or 115200.")
    ] = False,
    turn_around: Annotated[float, Parameter(help="Milliseconds before an answer.")] = 0.0,
    rx_buffer: Annotated[int, Parameter(help="Bytes of the receive buffer.")] = 128,
    command_buffer: Annotated[int, Parameter(help="Commands that wait.")] = 4,
    planner_buffer: Annotated[int, Parameter(help="Moves that wait.")] = 16,
    busy: Annotated[float, Parameter(help="Seconds between `busy`; 0 is never.")] = 2.0,
    wait: Annotated[
        float | None, Parameter(help="Seconds between `wait`; 0 is never. [default: as the firmware]")
    ] = None,
    advanced_ok: Annotated[bool, Parameter(negative="", help="`ok N12 P15 B4` instead of `ok`.")] = False,
    force_numbers: Annotated[
        bool, Parameter(negative="", help="Refuse lines without number and checksum.")
    ] = False,
    no_emergency_parser: Annotated[
        bool, Parameter(negative="", help="M108, M112, M410 wait their turn.")
    ] = False,
    no_greeting: Annotated[bool, Parameter(negative="", help="Opening it does not reset it.")] = False,
    accepted: Annotated[Path | None, Parameter(help="File for the commands that it has accepted.")] = None,
    no_debug: Annotated[bool, Parameter(negative="", help="It does not listen to !!DEBUG:.")] = False,
    capability: Annotated[
        Sequence[str], Parameter(negative="", help="NAME=0 or NAME=1 of M115; may be repeated.")
    ] = (),
    size: Annotated[str, Parameter(help="Width, depth and height in mm.")] = "250x210x210",
    hotends: Annotated[int, Parameter(help="How many there are.")] = 1,
    shared_nozzle: Annotated[bool, Parameter(negative="", help="They share one nozzle.")] = False,
    no_bed: Annotated[bool, Parameter(negative="", help="The bed has no heater.")] = False,
    chamber: Annotated[bool, Parameter(negative="", help="There is a heated chamber.")] = False,
    ambient: Annotated[float, Parameter(help="Degrees Celsius around it.")] = 21.3,
    user: Annotated[
        float | None, Parameter(help="Seconds until somebody answers M0 or M600. [default: nobody does]")
    ] = None,
    min_extrude: Annotated[float, Parameter(help="No extrusion below so many degrees; Marlin: 170.")] = 0.0,
    count: Annotated[int, Parameter(help="So many printers: PATH0, PATH1 ...; ports count up.")] = 1,
) -> None:
    """Be a printer for any print host, on a pseudo terminal or a TCP port, until Ctrl-C."""
    if troubles:
        for word in sorted(TROUBLES):
            say(word.replace("_", "-"))
        return
    _check(
        ("speed", speed, 0.001, 1e6),
        ("rx-buffer", rx_buffer, 16, 1 << 20),
        ("command-buffer", command_buffer, 1, 1024),
        ("planner-buffer", planner_buffer, 2, 1024),
        ("hotends", hotends, 1, 16),
        ("turn-around", turn_around, 0, 10_000),
        ("count", count, 1, _MOST),
        ("baudrate", baudrate or 115200, 300, 4_000_000),
    )
    if sd is not None and not sd.is_dir():
        raise WrongUse(f"{sd} is no folder: make it, or name another for --sd.")
    settings = Virtual(
        firmware=firmware,
        speed=speed,
        seed=seed,
        faults=_faults(fault, script),
        rx_buffer=rx_buffer,
        command_buffer=command_buffer,
        planner_buffer=planner_buffer,
        busy=busy,
        wait=wait,
        advanced_ok=advanced_ok,
        force_numbers=force_numbers,
        emergency_parser=not no_emergency_parser,
        greeting=not no_greeting,
        debug=not no_debug,
        capabilities=dict(map(_capability, capability)),
        size=_size(size),
        hotends=hotends,
        shared_nozzle=shared_nozzle,
        bed=not no_bed,
        chamber=chamber,
        ambient=ambient,
        user=user,
        min_extrude=min_extrude,
        sd=sd,
        has_sd=not no_sd,
        draw=camera is not None,
        remember=_REMEMBERED if accepted else 0,
    )
    wire = _wire(baudrate or 115200 if wire_speed else 0, turn_around / 1000)
    place = Place(link, _address(tcp, "--tcp"), _address(camera, "--camera"), baudrate, wire, accepted)
    _run(_serve(settings, [_numbered(place, number, count) for number in range(count)]))


def _wire(baudrate: int, turn_around: float) -> Wire | None:
    return Wire(baudrate=baudrate, turn_around=turn_around) if baudrate or turn_around else None


def _check(*bounds: tuple[str, float, float, float]) -> None:
    for name, value, least, most in bounds:
        if not least <= value <= most:
            raise WrongUse(f"--{name} must be from {least:g} to {most:g}, and {value:g} is not.")


def _faults(texts: Sequence[str], script: Path | None) -> Any:
    lines: list[str] = []
    if script is not None:
        try:
            lines = script.read_text().splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise WrongUse(f"--script {script} can't be read: {error}.") from None
    try:
        return faults([*texts, *lines])
    except BadFault as error:
        raise WrongUse(str(error)) from None


def _capability(text: str) -> tuple[str, bool]:
    found = re.fullmatch(r"([A-Z0-9_]{1,40})=([01])", text)
    if not found:
        raise WrongUse(f"--capability is NAME=0 or NAME=1, as AUTOREPORT_TEMP=0; {text[:60]!r} is not.")
    return found[1], found[2] == "1"


def _size(text: str) -> tuple[float, float, float]:
    found = re.fullmatch(r"(\d{1,5})x(\d{1,5})x(\d{1,5})", text)
    if not found or "0" in found.groups():
        raise WrongUse(f"--size is three lengths in mm, as 250x210x210; {text[:60]!r} is not.")
    return float(found[1]), float(found[2]), float(found[3])


def _address(text: str | None, option: str) -> Address | None:
    if text is None:
        return None
    host, _, port = text.rpartition(":")
    if not port.isdigit() or len(port) > 5 or int(port) > 65535:
        raise WrongUse(f"{option} is HOST:PORT, as 127.0.0.1:8080; {text[:60]!r} is not.")
    return Address(host.strip("[]") or "127.0.0.1", int(port))


def _numbered(place: Place, number: int, count: int) -> Place:
    """Return the place of one of several printers."""
    if count == 1:
        return place

    def next_port(address: Address | None) -> Address | None:
        port = address.port + number if address and address.port else 0
        return Address(address.host, port) if address else None

    def next_path(path: Path | None) -> Path | None:
        return path.with_name(f"{path.name}{number}") if path else None

    return structs.replace(
        place,
        link=next_path(place.link),
        tcp=next_port(place.tcp),
        camera=next_port(place.camera),
        accepted=next_path(place.accepted),
    )


# --- running ----------------------------------------------------------------------------------------


async def _serve(settings: Virtual, places: list[Place]) -> None:
    from callboard.printing.virtual import VirtualPrinter

    ended = asyncio.Event()
    for sign in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(sign, ended.set)
    closing: list[Callable[[], Coroutine[Any, Any, None]]] = []
    try:
        for number, place in enumerate(places):
            own = structs.replace(settings, seed=settings.seed + number)
            await _open(VirtualPrinter(own), place, closing)
        note("Ctrl-C ends it." if len(places) == 1 else f"{len(places)} printers. Ctrl-C ends them.")
        await ended.wait()
    finally:
        for close in closing:
            await close()


async def _open(
    printer: VirtualPrinter, place: Place, closing: list[Callable[[], Coroutine[Any, Any, None]]]
) -> None:
    """Open what a printer is reached at, and say where that is: one line on stdout each."""
    from callboard.printing.virtual.camera import serve_camera
    from callboard.printing.virtual.fronts import PtyFront, serve_tcp

    def close(server: asyncio.Server) -> Callable[[], Coroutine[Any, Any, None]]:
        async def closed() -> None:
            server.close()

        return closed

    try:
        if place.tcp:
            server = await serve_tcp(printer, place.tcp.host, place.tcp.port, wire=place.wire)
            closing.append(close(server))
            say(f"socket://{place.tcp.host}:{server.sockets[0].getsockname()[1]}")
        if place.link or not place.tcp:
            front = PtyFront(printer, place.link, baudrate=place.baudrate, wire=place.wire, renamed=note)
            closing.append(front.close)
            say(str(front.link or front.name))
        if place.camera:
            server = await serve_camera(printer, place.camera.host, place.camera.port)
            closing.append(close(server))
            port = server.sockets[0].getsockname()[1]
            say(f"http://{place.camera.host}:{port}/snapshot.jpg")
        if place.accepted:
            closing.append(_writing_down(printer, place.accepted))
    except OSError as error:
        raise CantServe(f"The virtual printer can't be reached there: {error}.") from None


def _writing_down(printer: VirtualPrinter, path: Path) -> Callable[[], Coroutine[Any, Any, None]]:
    """Write what a printer accepts to a file, a line each, ten times a second; returns what ends that."""
    file = path.open("w", encoding="latin-1", newline="\n")
    taken = printer.firmware.accepted

    def write() -> None:
        file.writelines(f"{taken.popleft()}\n" for _ in range(len(taken)))
        file.flush()

    async def writing() -> None:
        while True:
            await asyncio.sleep(_WRITTEN)
            write()

    task = asyncio.get_running_loop().create_task(writing())

    async def close() -> None:
        task.cancel()
        write()
        file.close()

    return close


def _run(serving: Coroutine[Any, Any, None]) -> None:
    """Run on a loop whose timers are exact to microseconds: epoll's, which are not, would slow a wire."""
    with asyncio.Runner(loop_factory=_exact_loop) as runner:
        runner.run(serving)


def _exact_loop() -> asyncio.AbstractEventLoop:
    return asyncio.SelectorEventLoop(selectors.SelectSelector())
