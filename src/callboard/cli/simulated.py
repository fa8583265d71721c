"""The options of `callboard virtual-printer`, each group with what it makes of the printer's settings."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

from cyclopts import Parameter
from msgspec import Struct

from callboard.cli.outcome import WrongUse
from callboard.printing.virtual.faulting import BadFault, faults
from callboard.printing.virtual.settings import Identity, Wire

_MOST = 500
_REMEMBERED = 100_000


class Address(Struct, frozen=True):
    """Where to listen."""

    host: str
    port: int

    def counted_up(self, number: int) -> Address:
        """Return the address of another of several printers; a free port stays a free port."""
        return Address(self.host, self.port + number if self.port else 0)


class Place(Struct, frozen=True):
    """Where one of the printers is reached, and where it writes down what it accepted."""

    link: Path | None
    tcp: Address | None
    camera: Address | None
    baudrate: int | None
    wire: Wire | None
    accepted: Path | None


@Parameter(name="*")
@dataclass(frozen=True)
class Body:
    """What the printer is made of."""

    firmware: Annotated[Identity, Parameter(help="Whose name and habits it has.")] = Identity.MARLIN
    speed: Annotated[float, Parameter(help="How many times faster than life it moves and heats.")] = 1.0
    size: Annotated[str, Parameter(help="Width, depth and height in mm.")] = "250x210x210"
    hotends: Annotated[int, Parameter(help="How many there are.")] = 1
    shared_nozzle: Annotated[bool, Parameter(negative="", help="They share one nozzle.")] = False
    no_bed: Annotated[bool, Parameter(negative="", help="The bed has no heater.")] = False
    chamber: Annotated[bool, Parameter(negative="", help="There is a heated chamber.")] = False
    ambient: Annotated[float, Parameter(help="Degrees Celsius around it.")] = 21.3
    min_extrude: Annotated[float, Parameter(help="No extrusion below so many degrees; Marlin: 170.")] = 0.0
    user: Annotated[
        float | None, Parameter(help="Seconds until somebody answers M0 or M600. [default: nobody does]")
    ] = None
    sd: Annotated[Path | None, Parameter(help="Folder of the SD card. [default: in memory]")] = None
    no_sd: Annotated[bool, Parameter(negative="", help="It has no SD card.")] = False

    @property
    def settings(self) -> dict[str, Any]:
        """What a Virtual takes of it; raises WrongUse."""
        _check("speed", self.speed, 0.001, 1e6)
        _check("hotends", self.hotends, 1, 16)
        if self.sd is not None and not self.sd.is_dir():
            raise WrongUse(f"{self.sd} is no folder: make it, or name another for --sd.")
        return {
            "firmware": self.firmware,
            "speed": self.speed,
            "size": _size(self.size),
            "hotends": self.hotends,
            "shared_nozzle": self.shared_nozzle,
            "bed": not self.no_bed,
            "chamber": self.chamber,
            "ambient": self.ambient,
            "min_extrude": self.min_extrude,
            "user": self.user,
            "sd": self.sd,
            "has_sd": not self.no_sd,
        }


@Parameter(name="*")
@dataclass(frozen=True)
class Conversation:
    """How it talks, and over what wire."""

    baudrate: Annotated[
        int | None, Parameter(help="Its own speed: at any other there is garbage. [default: any will do]")
    ] = None
    wire_speed: Annotated[
        bool, Parameter(negative="", help="Bytes take their time, at --baudrate or 115200.")
    ] = False
    turn_around: Annotated[float, Parameter(help="Milliseconds before an answer.")] = 0.0
    rx_buffer: Annotated[int, Parameter(help="Bytes of the receive buffer.")] = 128
    command_buffer: Annotated[int, Parameter(help="Commands that wait.")] = 4
    planner_buffer: Annotated[int, Parameter(help="Moves that wait.")] = 16
    busy: Annotated[float, Parameter(help="Seconds between `busy`; 0 is never.")] = 2.0
    wait: Annotated[
        float | None, Parameter(help="Seconds between `wait`; 0 is never. [default: as the firmware]")
    ] = None
    advanced_ok: Annotated[bool, Parameter(negative="", help="`ok N12 P15 B4` instead of `ok`.")] = False
    force_numbers: Annotated[
        bool, Parameter(negative="", help="Refuse lines without number and checksum.")
    ] = False
    no_emergency_parser: Annotated[bool, Parameter(negative="", help="M108, M112, M410 wait their turn.")] = (
        False
    )
    no_greeting: Annotated[bool, Parameter(negative="", help="Opening it does not reset it.")] = False
    capability: Annotated[
        Sequence[str], Parameter(negative="", help="NAME=0 or NAME=1 of M115; may be repeated.")
    ] = ()

    @property
    def settings(self) -> dict[str, Any]:
        """What a Virtual takes of it; raises WrongUse."""
        _check("rx-buffer", self.rx_buffer, 16, 1 << 20)
        _check("command-buffer", self.command_buffer, 1, 1024)
        _check("planner-buffer", self.planner_buffer, 2, 1024)
        return {
            "rx_buffer": self.rx_buffer,
            "command_buffer": self.command_buffer,
            "planner_buffer": self.planner_buffer,
            "busy": self.busy,
            "wait": self.wait,
            "advanced_ok": self.advanced_ok,
            "force_numbers": self.force_numbers,
            "emergency_parser": not self.no_emergency_parser,
            "greeting": not self.no_greeting,
            "capabilities": dict(map(_capability, self.capability)),
        }

    @property
    def wire(self) -> Wire | None:
        """The wire, where bytes take their time; raises WrongUse."""
        speed = self.baudrate or 115200
        _check("baudrate", speed, 300, 4_000_000)
        _check("turn-around", self.turn_around, 0, 10_000)
        if not (self.wire_speed or self.turn_around):
            return None
        return Wire(baudrate=speed if self.wire_speed else 0, turn_around=self.turn_around / 1000)


@Parameter(name="*")
@dataclass(frozen=True)
class Troubles:
    """What goes wrong with it."""

    fault: Annotated[
        Sequence[str],
        Parameter(negative="", help="corrupt=0.01, 'at line 120: reset', ...; may be repeated."),
    ] = ()
    script: Annotated[Path | None, Parameter(help="A file of faults, one a line.")] = None
    seed: Annotated[int, Parameter(help="The same seed, the same faults.")] = 0
    no_debug: Annotated[bool, Parameter(negative="", help="It does not listen to !!DEBUG:.")] = False
    troubles: Annotated[
        bool, Parameter(negative="", help="List the words of --script and !!DEBUG:, and end.")
    ] = False

    @property
    def settings(self) -> dict[str, Any]:
        """What a Virtual takes of it; raises WrongUse."""
        return {"faults": _faults(self.fault, self.script), "seed": self.seed, "debug": not self.no_debug}


@Parameter(name="*")
@dataclass(frozen=True)
class Reached:
    """Where it is reached."""

    link: Annotated[Path | None, Parameter(help="A stable name for its pseudo terminal.")] = None
    tcp: Annotated[str | None, Parameter(help="HOST:PORT to be reached at instead of a terminal.")] = None
    camera: Annotated[str | None, Parameter(help="HOST:PORT of its camera: /snapshot.jpg, /stream.")] = None
    accepted: Annotated[Path | None, Parameter(help="File for the commands that it has accepted.")] = None
    count: Annotated[int, Parameter(help="So many printers: PATH0, PATH1 ...; ports count up.")] = 1

    @property
    def remembered(self) -> int:
        """How many accepted commands are kept until they are written down."""
        return _REMEMBERED if self.accepted else 0

    def places(self, conversation: Conversation) -> list[Place]:
        """Return where each of the printers is reached; raises WrongUse."""
        _check("count", self.count, 1, _MOST)
        tcp, camera = _address(self.tcp, "--tcp"), _address(self.camera, "--camera")
        place = Place(self.link, tcp, camera, conversation.baudrate, conversation.wire, self.accepted)
        return [place] if self.count == 1 else [_numbered(place, number) for number in range(self.count)]


def _numbered(place: Place, number: int) -> Place:
    """Return the place of one of several printers."""

    def path(one: Path | None) -> Path | None:
        return one.with_name(f"{one.name}{number}") if one else None

    return Place(
        path(place.link),
        place.tcp and place.tcp.counted_up(number),
        place.camera and place.camera.counted_up(number),
        place.baudrate,
        place.wire,
        path(place.accepted),
    )


def _check(name: str, value: float, least: float, most: float) -> None:
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
