"""What a virtual printer is and what goes wrong with it: frozen values.

Sources: facts 3.11 (firmwares) and 7 (what a virtual printer must be able to do wrong).
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path

from msgspec import Struct, field


class Identity(StrEnum):
    """The firmware that the printer says it is, and whose habits it has."""

    MARLIN = "marlin"
    MARLIN1 = "marlin1"
    PRUSA = "prusa"
    REPETIER = "repetier"
    KLIPPER = "klipper"
    SMOOTHIE = "smoothie"
    REPRAP = "reprap"
    TEACUP = "teacup"
    MALYAN = "malyan"
    CREALITY = "creality"
    ULTIMAKER2 = "ultimaker2"


class ResendOk(StrEnum):
    """Where the `ok` that belongs to a `Resend` stands."""

    AFTER = "after"
    BEFORE = "before"
    MISSING = "missing"


class Doubled(StrEnum):
    """What happens to a line whose number was had already."""

    DROP = "drop"
    """Nothing, not even an ok: Marlin 2.0.9 and newer."""
    REFUSE = "refuse"
    """It is an error and the next line is asked for: Marlin 1."""
    ACCEPT = "accept"
    """It runs again."""


class Noise(Struct, frozen=True, kw_only=True):
    """What happens to lines on their way, each as the share of lines (0 to 1) that it hits."""

    corrupt: float = 0.0
    """One byte is another one."""
    drop: float = 0.0
    """One byte is missing."""
    duplicate: float = 0.0
    """One byte comes twice."""
    merge: float = 0.0
    """The line end is missing: two lines become one."""
    split: float = 0.0
    """A line end stands in the middle: one line becomes two."""
    lose: float = 0.0
    """The whole line is missing."""
    garbage: float = 0.0
    """Bytes that are no UTF-8 stand before the line."""


class Planned(Struct, frozen=True, kw_only=True):
    """One trouble and when it comes: at a line number, at a time, or on a command."""

    trouble: str
    """A word of troubles.py with its argument, as after `!!DEBUG:`."""
    line: int | None = None
    """On the first arrival of the line with this number."""
    time: float | None = None
    """Seconds after the printer was first opened."""
    command: str = ""
    """On a command with this code ("G28") ..."""
    nth: int = 1
    """... counted from one; 0 is each of them."""


class Faults(Struct, frozen=True, kw_only=True):
    """What goes wrong: rates are shares (0 to 1), drawn from the printer's seed."""

    incoming: Noise = Noise()
    outgoing: Noise = Noise()
    lost_ok: float = 0.0
    double_ok: float = 0.0
    late_ok: float = 0.0
    late_by: float = 5.0
    """Seconds that a late ok is late."""
    wrong_resend: float = 0.0
    """Resend requests that name some other line."""
    short_resend: float = 0.0
    """Resend requests whose number lacks its first digit."""
    needless_resend: float = 0.0
    """Good lines that are refused all the same."""
    resend_ok: ResendOk = ResendOk.AFTER
    doubled: Doubled | None = None
    """None: as the firmware does."""
    stray_reports: bool = False
    """Temperature reports stand inside file lists and other answers."""
    saved_ok: bool = True
    """Whether M29 is answered with an ok."""
    ok_first: bool = False
    """Whether the ok comes before what a command says, and before it is done."""
    ok_text: str = ""
    """Another ok: `ok N{number} B{buffer}`; {planner} too."""
    greeting_garbage: bool = False
    """Whether a byte that is no text stands in the greeting."""
    line_end: str = "\n"
    slow_heaters: float = 1.0
    """Heaters take so many times as long."""
    planned: tuple[Planned, ...] = ()


class Wire(Struct, frozen=True, kw_only=True):
    """A serial line that takes its time."""

    baudrate: int = 115200
    """Ten bits a byte; 0: bytes take no time."""
    turn_around: float = 0.0
    """Seconds between the last byte of a line and the first of its answer."""


class Virtual(Struct, frozen=True, kw_only=True):
    """A virtual printer's settings; the defaults are a Marlin 2 on an 8-bit board."""

    firmware: Identity = Identity.MARLIN
    speed: float = 1.0
    """How much faster than real it moves, dwells, heats and cools. Reports keep the time of the wire."""
    seed: int = 0
    """The same seed and the same input give the same faults."""
    faults: Faults = Faults()

    rx_buffer: int = 128
    """Bytes; what comes while it is full is lost."""
    command_buffer: int = 4
    planner_buffer: int = 16
    line_length: int = 96
    """Characters of a command that are kept, one for the end included."""
    busy: float = 2.0
    """Seconds between `echo:busy: ...`; 0 is never."""
    wait: float | None = None
    """Seconds between `wait` while there is nothing to do; 0 is never; None: as the firmware does."""
    advanced_ok: bool = False
    """`ok N12 P15 B3` instead of `ok`."""
    force_numbers: bool = False
    """Lines without number and checksum are refused."""
    emergency_parser: bool = True
    greeting: bool = True
    """Whether it resets and greets when it is opened."""
    capabilities: Mapping[str, bool] = field(default_factory=dict)
    """Capabilities of M115 that differ from the firmware's."""
    debug: bool = True
    """Whether it listens to `!!DEBUG:`."""

    size: tuple[float, float, float] = (250.0, 210.0, 210.0)
    """Millimetres."""
    acceleration: float = 1250.0
    jerk: float = 10.0
    hotends: int = 1
    shared_nozzle: bool = False
    bed: bool = True
    chamber: bool = False
    ambient: float = 21.3
    """Degrees Celsius."""
    user: float | None = None
    """Seconds (of the printer) after which somebody presses the button that M0, M1 and M600 wait for."""
    min_extrude: float = 0.0
    """Below this temperature nothing is extruded; Marlin has 170; 0 is no such limit."""

    sd: Path | None = None
    """The folder that is the SD card; None: the card is in memory."""
    has_sd: bool = True
    remember: int = 200_000
    """How many of the latest commands `accepted` keeps."""
    draw: bool = True
    """Whether extrusions are kept for `picture`."""
