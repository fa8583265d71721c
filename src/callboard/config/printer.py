"""`printers:`, each a printer by name; and OctoPrint's `serial:`, which is one of them.

section -> settings.read for each -> checked: names, ports -> Printer
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from callboard.config.discretion import without_secrets
from callboard.config.document import Faults, Item
from callboard.config.quantity import Seconds
from callboard.config.settings import read, says
from callboard.config.webcam import Webcam, check_addresses

VIRTUAL: Final = "virtual"
"""The port of a printer that is only simulated."""

BAUDRATES: Final = (115200, 250000, 230400, 57600, 38400, 19200, 9600)
"""What is tried, in this order, when a printer names no speed. Source: facts 3.2."""

OCTOPRINTS: Final = "printer"
"""What the one printer of an OctoPrint configuration is called."""

_NAME: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}", re.ASCII)
_USB: Final = ("/dev/ttyUSB*", "/dev/ttyACM*")

Lines = str | tuple[str, ...] | None
Baudrate = Annotated[int, Meta(ge=300, le=12_000_000)]


class Scripts(Struct, frozen=True, kw_only=True):
    """G-code that is sent at certain moments: text of several lines, or a list; null: the usual ones."""

    after_connected: Annotated[Lines, says("Once the printer has answered.")] = None
    before_disconnected: Annotated[Lines, says("Before the port is closed on request.")] = None
    before_print: Annotated[Lines, says("After PrintStarted, before the file's first line.")] = None
    after_print: Annotated[Lines, says("After PrintDone.")] = None
    after_cancelled: Annotated[
        Lines, says("After PrintCancelled; null: motors, heaters and fan off; empty: nothing.")
    ] = None
    after_paused: Annotated[Lines, says("After PrintPaused.")] = None
    before_resumed: Annotated[Lines, says("After PrintResumed, before the next line.")] = None

    def lines(self, name: str) -> tuple[str, ...] | None:
        """Return the lines of a script by name; None when the usual ones are meant."""
        said: Lines = getattr(self, name)
        return tuple(said.splitlines()) if isinstance(said, str) else said


class Limits(Struct, frozen=True, kw_only=True):
    """How hot a request may make a printer, in °C. The lines of a file and of `gcode` are not looked at."""

    tool: Annotated[float, Meta(ge=0, le=600), says("The hottest a tool may be set to, in °C.")] = 300.0
    bed: Annotated[float, Meta(ge=0, le=300), says("The hottest the bed may be set to, in °C.")] = 130.0
    chamber: Annotated[float, Meta(ge=0, le=300), says("The hottest the chamber may be set to, in °C.")] = (
        90.0
    )


Place = Annotated[str, Meta(pattern=r"^.+:\d{1,5}$")]
"""HOST:PORT."""


class Simulation(Struct, frozen=True, kw_only=True):
    """What a virtual printer is like; for any other port it says nothing."""

    speed: Annotated[float, Meta(gt=0, le=100_000), says("How many times faster than life it moves.")] = 1.0
    seed: Annotated[int, says("What its chances follow; the same seed, the same faults.")] = 0
    sd: Annotated[str | None, says("Folder of its SD card; null: a card that is empty at first.")] = None
    camera: Annotated[
        Place | None,
        says("HOST:PORT at which its camera answers, with `/snapshot.jpg`; null: it has none."),
    ] = None


class Printer(Struct, frozen=True, kw_only=True):
    """One printer: where it is, how it is spoken to, and what it has."""

    name: Annotated[str, says("Its name in events, requests and addresses; letters, digits, `_.-`.")] = ""
    port: Annotated[
        str, says("A device, `socket://host:port`, or `virtual`; left out: found among `ports`.")
    ] = ""
    ports: Annotated[
        tuple[str, ...], says("Devices it may be on, as patterns: `/dev/ttyUSB*`; no others are opened.")
    ] = ()
    baudrate: Annotated[Baudrate | None, says("Its speed; null: detected, among `baudrates`.")] = None
    baudrates: Annotated[tuple[Baudrate, ...], says("Speeds that are tried, in order.")] = BAUDRATES
    autoconnect: Annotated[bool, says("Whether to connect when the hub starts.")] = True
    reconnect: Annotated[bool, says("Whether to connect again when its port was lost and comes back.")] = True
    tags: Annotated[tuple[str, ...], says("What else it is called in expressions, such as a group.")] = ()
    extruders: Annotated[int, Meta(ge=1, le=16), says("How many tools it has.")] = 1
    heated_bed: Annotated[bool, says("Whether its bed can be heated.")] = True
    heated_chamber: Annotated[bool, says("Whether its chamber can be heated.")] = False
    limits: Annotated[Limits, says("How hot a request may make it.")] = Limits()
    scripts: Annotated[Scripts, says("G-code that is sent at certain moments.")] = Scripts()
    rx_buffer: Annotated[
        int, Meta(ge=16, le=65536), says("Bytes its firmware can hold that it has not read yet.")
    ] = 127
    ping_pong: Annotated[
        bool | None, says("Whether to wait for each answer; null: as the firmware needs it.")
    ] = None
    checksums: Annotated[
        Literal["print", "always", "never"], says("When lines are numbered and checked.")
    ] = "print"
    on_error: Annotated[
        Literal["disconnect", "cancel", "ignore"],
        says("What an error of the firmware that nobody knows leads to."),
    ] = "disconnect"
    timeout: Annotated[Seconds, says("How long it may say nothing before it is asked again.")] = Seconds(30)
    virtual: Annotated[Simulation, says("What it is like when its port is `virtual`.")] = Simulation()
    webcam: Annotated[Webcam, says("Its own camera, with the settings of `webcam`.")] = Webcam()

    @property
    def is_virtual(self) -> bool:
        """Whether it is only simulated."""
        return self.port == VIRTUAL


def printers(section: Item, faults: Faults) -> tuple[Printer, ...]:
    """Return the printers of `printers:`; what is wrong is noted in `faults`."""
    if section.value is None:
        return ()
    if not isinstance(section.value, tuple):
        faults.add(section.line, "printers: expected a list; begin each with a dash.")
        return ()
    found = [(each, read(Printer, "printers", each, faults)) for each in section.value]
    _check_different(found, faults)
    return tuple(printer for each, printer in found if _check(each, printer, faults))


def from_serial(section: Item) -> tuple[Printer, ...]:
    """Return the printer of OctoPrint's `serial:`, named `printer`; none if it says nothing of a port.

    What is no port, speed or pattern there is passed over: the file is OctoPrint's.
    """
    said = section.plain() if isinstance(section.value, dict) else {}
    port = _text(said.get("port"))
    anywhere = port.upper() == "AUTO"
    ports = _texts(said.get("additionalPorts"))
    if not port and not ports:
        return ()
    return (
        Printer(
            name=OCTOPRINTS,
            port="" if anywhere else VIRTUAL if port.upper() == "VIRTUAL" else port,
            ports=(*_USB, *ports) if anywhere else ports,
            baudrate=_speed(said.get("baudrate")),
            baudrates=(*filter(None, map(_speed, _list(said.get("additionalBaudrates")))), *BAUDRATES),
            autoconnect=said.get("autoconnect") is True,
        ),
    )


def _check(each: Item, printer: Printer, faults: Faults) -> bool:
    """Note what is wrong with a printer by itself, and return whether it can stand."""
    if not isinstance(each.value, dict):
        return False
    if "webcam" in each.value:
        check_addresses(printer.webcam, each.value["webcam"], faults)
    wrong = _wrong(printer)
    for key, fault in wrong:
        faults.add(each.value[key].line if key in each.value else each.line, fault)
    return not wrong


def _wrong(printer: Printer) -> list[tuple[str, str]]:
    if not printer.name:
        return [("name", "printers: this printer has no `name`.")]
    if not _NAME.fullmatch(printer.name):
        return [
            ("name", f"printers.name: {printer.name[:80]!r} is no name: use letters, digits, `_`, `.`, `-`.")
        ]
    if not printer.port and not printer.ports:
        said = "say its `port`, or patterns of `ports` to look among"
        return [("port", f"printers: {printer.name!r} is nowhere: {said}.")]
    if printer.port and not is_port(printer.port):
        meant = "a device such as /dev/ttyACM0, socket://host:port, or virtual"
        return [("port", f"printers.port: {without_secrets(printer.port)[:80]!r} is no port: write {meant}.")]
    return []


def is_port(text: str) -> bool:
    """Return whether `text` can be a port: `virtual`, `socket://host:port`, or a device."""
    if "\0" in text or "\n" in text:
        return False
    if "://" in text:
        return address(text) is not None
    return text == VIRTUAL or text.startswith("/") or re.fullmatch(r"COM\d{1,3}", text) is not None


def address(port: str) -> tuple[str, int] | None:
    """Return host and number of `socket://host:port`; None for what is none."""
    scheme, _, rest = port.partition("://")
    host, _, number = rest.rpartition(":")
    if scheme != "socket" or not host or not re.fullmatch(r"\d{1,5}", number, re.ASCII):
        return None
    return (host.removeprefix("[").removesuffix("]"), int(number)) if 0 < int(number) < 65536 else None


def _check_different(found: list[tuple[Item, Printer]], faults: Faults) -> None:
    names: dict[str, int] = {}
    ports: dict[str, str] = {}
    for each, printer in found:
        name = printer.name.lower()
        if name and name in names:
            faults.add(
                each.line, f"printers: {printer.name!r} stands here twice (first on line {names[name]})."
            )
        names.setdefault(name, each.line)
        if printer.port and not printer.is_virtual and printer.port in ports:
            taken = ports[printer.port]
            faults.add(each.line, f"printers: {printer.name!r} has the port of {taken!r}, {printer.port}.")
        ports.setdefault(printer.port, printer.name)


def _text(value: Any) -> str:
    return value.strip() if isinstance(value, str) else ""


def _list(value: Any) -> list[Any]:
    return value[:100] if isinstance(value, list) else []


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(each for each in map(_text, _list(value)) if each)


def _speed(value: Any) -> int | None:
    """Return OctoPrint's speed; its 0, AUTO and null are none."""
    try:
        return msgspec.convert(value, Baudrate, strict=False) if value else None
    except msgspec.ValidationError:
        return None


SETTINGS: Final[Mapping[str, type[Struct]]] = {
    "printers": Printer,
    "printers.limits": Limits,
    "printers.scripts": Scripts,
    "printers.virtual": Simulation,
}
"""The sections below `printers`, by their name in the file; docs/configuration.md has all of them."""
