"""One YAML file as frozen values: our own callboard.yaml, or an OctoPrint config.yaml as it is.

    text -> document.entries -> our sections: settings.read, events -> Config
                             -> any other section: left alone, and named

A room gets plain values from here, never the file.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

from msgspec import Struct
from ruamel.yaml.nodes import Node

from callboard.config.document import Fault, Faults, Item, at, entries, item
from callboard.config.printer import Printer, from_serial, printers
from callboard.config.quantity import Bytes, Seconds, duration, size
from callboard.config.settings import Files, Hub, Log, Studio, Tracker, nearest, read, unknown
from callboard.config.slicing import Slicing, SlicingProfile, slicing
from callboard.config.studio import studio
from callboard.config.webcam import Timelapse, Webcam, classic, octoprints, timelapse, webcams

__all__ = [
    "Bytes",
    "Config",
    "Events",
    "Files",
    "Hub",
    "Located",
    "Log",
    "Printer",
    "Seconds",
    "Slicing",
    "SlicingProfile",
    "Studio",
    "Timelapse",
    "Tracker",
    "Webcam",
    "duration",
    "load",
    "size",
]


class Located(Struct, frozen=True):
    """A value as it stands in the file, and where.

    `line` is that of the value's start, from 1; `lines` those of its keys when it is a mapping.
    """

    value: Any
    line: int
    file: str = ""
    lines: Mapping[str, int] = {}

    def at(self, key: str = "") -> str:
        """Return `file:line` of a key, or of the start."""
        return f"{self.file}:{self.lines.get(key, self.line)}"


class Events(Struct, frozen=True, kw_only=True):
    """`events:`: the hooks, in OctoPrint's format and more; the hooks room reads what they mean.

    A subscription's `value` may be anything, also no mapping at all: one that is wrong must not
    keep the others from loading.
    """

    enabled: bool = True
    subscriptions: tuple[Located, ...] = ()


class Config(Struct, frozen=True, kw_only=True):
    """All that the file says; `Config()` is what holds without a file.

    `warnings` are sentences with file and line, for people; `left_alone` are the sections that
    are not ours.
    """

    hub: Hub = Hub()
    log: Log = Log()
    events: Events = Events()
    files: Files = Files()
    printers: tuple[Printer, ...] = ()
    webcam: tuple[Webcam, ...] = ()
    timelapse: Timelapse = Timelapse()
    tracker: Tracker = Tracker(enabled=False)
    studio: Studio = Studio()
    slicing: Slicing = Slicing()
    file: str = ""
    warnings: tuple[str, ...] = ()
    left_alone: tuple[str, ...] = ()


def load(text: str, file: str = "config.yaml") -> Config:
    """Return the configuration in `text`; `file` is its name in messages.

    Raises BadConfig with all faults, one a line: `config.yaml:12: unknown key ...`. Sections that
    are not ours are not looked into.
    """
    faults = Faults(file)
    try:
        config = _read(text, file, faults)
    except Fault as fault:
        faults.add(fault.line, fault.reason)
        config = Config(file=file)
    faults.raised()
    return config


def _read(text: str, file: str, faults: Faults) -> Config:
    found: dict[str, Any] = {}
    left_alone: dict[str, int] = {}
    serial: Node | None = None
    folder: Node | None = None
    nodes: dict[str, Node] = {}
    for name, line, node in entries(text):
        nodes[name] = node
        if name not in _SECTIONS:
            serial = node if name == _SERIAL else serial
            folder = node if name == _FOLDER else folder
            left_alone[name] = line
        elif name in found:
            faults.add(line, f"{name!r} stands here twice.")
        else:
            found |= _section(name, line, node, faults)
    if serial is not None and "printers" not in found and (octoprints := _octoprints(serial)):
        found["printers"] = octoprints
        del left_alone[_SERIAL]
    if folder is not None and "files" not in found and (files := _octoprints_folders(folder)) != Files():
        found["files"] = files
        del left_alone[_FOLDER]
    found |= _octoprints_films(nodes, found)
    warnings = list(_warnings(left_alone))
    for line, reason in warnings:
        faults.warn(line, reason)
    return Config(
        file=file,
        warnings=tuple(at(file, line, reason) for line, reason in warnings),
        left_alone=tuple(left_alone),
        **found,
    )


def _octoprints(serial: Node) -> tuple[Printer, ...]:
    """Return the printer in OctoPrint's section; what makes no sense in it is no fault in the file."""
    try:
        return from_serial(item(serial, 1, Faults("")))
    except Fault:
        return ()


def _octoprints_folders(folder: Node) -> Files:
    """Return where OctoPrint's section has its files; what makes no sense in it is no fault in the file."""
    try:
        found = item(folder, 1, Faults("")).plain()
    except Fault:
        return Files()
    known = found if isinstance(found, dict) else {}
    uploads, watched = (known.get(key) for key in ("uploads", "watched"))
    return Files(
        folder=uploads if isinstance(uploads, str) and uploads else None,
        watched=watched if isinstance(watched, str) and watched else None,
    )


def _octoprints_films(nodes: Mapping[str, Node], found: Mapping[str, Any]) -> dict[str, Any]:
    """Return what OctoPrint's `webcam:`, and its plugin's camera, say that our sections do not."""
    more: dict[str, Any] = {}
    if "timelapse" not in found and (films := octoprints(_plain(nodes.get("webcam")))) is not None:
        more["timelapse"] = films
    if not found.get("webcam") and (cameras := classic(_plain(nodes.get("plugins")))):
        more["webcam"] = cameras
    return more


def _plain(node: Node | None) -> Any:
    """Return what a section of OctoPrint's holds; None for what can't be read."""
    try:
        return item(node, 1, Faults("")).plain() if node is not None else None
    except Fault:
        return None


def _warnings(left_alone: Mapping[str, int]) -> Iterator[tuple[int, str]]:
    """Yield line and sentence for sections that look like one of ours."""
    for name, line in left_alone.items():
        if name not in _OCTOPRINTS and (near := nearest(name, _SECTIONS)):
            yield line, f"{name!r} is left alone: did you mean {near!r}?"


def _section(name: str, line: int, node: Node, faults: Faults) -> dict[str, Any]:
    """Return a section by name; a fault that ends its reading does not keep the others from being read."""
    try:
        return {name: _SECTIONS[name](item(node, line, faults), faults)}
    except Fault as fault:
        faults.add(fault.line, fault.reason)
        return {}


def _events(section: Item, faults: Faults) -> Events:
    if section.value is None:
        return Events()
    if not isinstance(section.value, dict):
        faults.add(section.line, "`events` must hold `enabled` and `subscriptions`.")
        return Events()
    for key, value in section.value.items():
        if key not in Events.__struct_fields__:
            faults.add(value.line, unknown(key, Events.__struct_fields__))
    return Events(
        enabled=_enabled(section.value.get("enabled"), faults),
        subscriptions=_subscriptions(section.value.get("subscriptions"), faults),
    )


def _enabled(found: Item | None, faults: Faults) -> bool:
    if found is not None and not isinstance(found.value, bool):
        faults.add(found.line, "events.enabled: expected yes or no.")
    return found is None or found.value is True


def _subscriptions(found: Item | None, faults: Faults) -> tuple[Located, ...]:
    if found is None or found.value is None:
        return ()
    if not isinstance(found.value, tuple):
        faults.add(found.line, "events.subscriptions: expected a list; begin each with a dash.")
        return ()
    return tuple(_located(each, faults.file) for each in found.value)


def _located(found: Item, file: str) -> Located:
    inner = found.value if isinstance(found.value, dict) else {}
    return Located(found.plain(), found.line, file, {key: value.line for key, value in inner.items()})


_SERIAL = "serial"
"""OctoPrint's section about its one printer."""

_FOLDER = "folder"
"""OctoPrint's section about where its files lie."""

_OCTOPRINTS = frozenset({"folder", "printerProfiles", "printerParameters"})
"""Sections of OctoPrint that only look like one of ours."""

_SECTIONS: Mapping[str, Callable[[Item, Faults], Any]] = {
    "hub": lambda section, faults: read(Hub, "hub", section, faults),
    "log": lambda section, faults: read(Log, "log", section, faults),
    "events": _events,
    "files": lambda section, faults: read(Files, "files", section, faults),
    "printers": printers,
    "webcam": webcams,
    "timelapse": timelapse,
    "tracker": lambda section, faults: read(Tracker, "tracker", section, faults),
    "studio": studio,
    "slicing": slicing,
}
