"""What passes between the protocol and the machine: lines in, reports out. Frozen values.

Reports come in the order in which things happened. Source: facts/print-host-facts.md 3.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from typing import Any, TypeAlias

from msgspec import Struct


class Kind(Enum):
    """Where a line comes from. When several wait: a resend, then urgent, MANUAL, HOST, SCRIPT, FILE."""

    FILE = "file"
    SCRIPT = "script"
    MANUAL = "manual"
    HOST = "host"


class Line(Struct, frozen=True, gc=False):
    """A line for the printer: one command without comment, number and line end.

    `position` is the count of the file's bytes read after it; `mark` is given back unchanged.
    """

    text: str
    kind: Kind
    position: int = 0
    mark: Any = None


class Reason(Enum):
    """What kind of fault: the words of the catalog's Error.reason."""

    FIRMWARE = "firmware"
    RESEND = "resend"
    RESEND_LOOP = "resend_loop"
    TIMEOUT = "timeout"
    CONNECTION = "connection"


class Consequence(Enum):
    """What the host does about a fault: the words of the catalog's Error.consequence, or nothing."""

    EMERGENCY = "emergency"
    """M112 and heaters off, then close."""
    DISCONNECT = "disconnect"
    """Close; there is nobody to send anything to, or it is too late."""
    CANCEL = "cancel"
    """Cancel the job and stay connected."""
    NONE = ""
    """Tell it and go on."""


class Ready(Struct, frozen=True):
    """The printer has answered; it can be used."""


class Sent(Struct, frozen=True, gc=False):
    """A line is on the wire for the first time."""

    line: Line


class Acknowledged(Struct, frozen=True, gc=False):
    """The firmware has taken a line: exactly once for each line that was sent, in the order of `Sent`."""

    line: Line


class Said(Struct, frozen=True, gc=False):
    """The printer said a line, whatever it means."""

    text: str


class Wrote(Struct, frozen=True, gc=False):
    """A line was written as it stands here, numbers included."""

    text: str


class Temperatures(Struct, frozen=True):
    """What the sensors read: {name: (actual, target or None)}, °C; names are T0, T1, B, C and others.

    `waiting` is true for the lines that firmware prints by itself while it heats up.
    """

    readings: Mapping[str, tuple[float, float | None]]
    waiting: bool = False


class PositionIs(Struct, frozen=True):
    """Where the printer says its tool is, in mm."""

    x: float | None
    y: float | None
    z: float | None
    e: float | None


class FirmwareIs(Struct, frozen=True):
    """What M115 said: a name, and all it reported by key."""

    name: str
    data: Mapping[str, str]


class CapabilitiesAre(Struct, frozen=True):
    """What the firmware can do, {name: whether}; said once all were listed."""

    data: Mapping[str, bool]


class SdInserted(Struct, frozen=True):
    """There is a card."""


class SdRemoved(Struct, frozen=True):
    """There is no card, or no longer."""


class SdEntry(Struct, frozen=True):
    """A file on the card: the name as the firmware uses it, bytes, seconds since 1970, and its long name."""

    name: str
    size: int | None = None
    time: int | None = None
    long: str | None = None


class SdFiles(Struct, frozen=True):
    """The card's files, as far as they can be printed."""

    entries: tuple[SdEntry, ...]


class SdOpened(Struct, frozen=True):
    """A file on the card was opened; some firmware doesn't say which."""

    name: str
    size: int | None


class SdSelected(Struct, frozen=True):
    """The opened file is the selected one."""


class SdProgress(Struct, frozen=True):
    """Bytes of the card's file that are printed, of all; 0 of 0 says nothing."""

    done: int
    total: int


class SdNotPrinting(Struct, frozen=True):
    """Nothing is printed from the card."""


class SdDone(Struct, frozen=True):
    """The card's file is printed."""


class SdWriting(Struct, frozen=True):
    """What is sent now is stored on the card."""

    name: str


class SdSaved(Struct, frozen=True):
    """What was sent is stored."""


class SdDeleted(Struct, frozen=True):
    """A file on the card was deleted."""

    name: str


class SdFailed(Struct, frozen=True):
    """The card or a file on it can't be used: the printer's own words."""

    error: str


class ActionAsked(Struct, frozen=True):
    """The printer asks the host for something: `// action:name params`."""

    name: str
    params: str


class Busy(Struct, frozen=True):
    """The firmware is at it: "processing", "paused for user", ..."""

    reason: str


class Restarted(Struct, frozen=True):
    """The printer has started anew: what was queued and unacknowledged is gone; `Ready` follows."""


class Fault(Struct, frozen=True):
    """Something went wrong. `fatal` ends the connection; the protocol is FAILED then."""

    error: str
    reason: str
    fatal: bool
    consequence: str


class ResendRatioHigh(Struct, frozen=True):
    """Many lines have to be sent again: share of all (0 to 1); said once. Look at cable and power supply."""

    ratio: float


Report: TypeAlias = (
    Ready
    | Sent
    | Acknowledged
    | Said
    | Wrote
    | Temperatures
    | PositionIs
    | FirmwareIs
    | CapabilitiesAre
    | SdInserted
    | SdRemoved
    | SdFiles
    | SdOpened
    | SdSelected
    | SdProgress
    | SdNotPrinting
    | SdDone
    | SdWriting
    | SdSaved
    | SdDeleted
    | SdFailed
    | ActionAsked
    | Busy
    | Restarted
    | Fault
    | ResendRatioHigh
)
"""Everything that the protocol reports."""
