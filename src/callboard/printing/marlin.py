"""The Marlin protocol, sans-IO: bytes and the time in, reports and bytes out."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from callboard.printing.quirks import UNKNOWN, Quirks
from callboard.printing.reports import (
    Acknowledged,
    ActionAsked,
    Busy,
    CapabilitiesAre,
    Consequence,
    Fault,
    FirmwareIs,
    Kind,
    Line,
    PositionIs,
    Ready,
    Reason,
    Report,
    ResendRatioHigh,
    Restarted,
    Said,
    SdDeleted,
    SdDone,
    SdEntry,
    SdFailed,
    SdFiles,
    SdInserted,
    SdNotPrinting,
    SdOpened,
    SdProgress,
    SdRemoved,
    SdSaved,
    SdSelected,
    SdWriting,
    Sent,
    Temperatures,
    Wrote,
)
from callboard.printing.settings import Marlin
from callboard.printing.timeouts import Timeouts

__all__ = [
    "Acknowledged",
    "ActionAsked",
    "Busy",
    "CapabilitiesAre",
    "Consequence",
    "Fault",
    "FirmwareIs",
    "Kind",
    "Line",
    "Marlin",
    "PositionIs",
    "Protocol",
    "Quirks",
    "Ready",
    "Reason",
    "Report",
    "ResendRatioHigh",
    "Restarted",
    "Said",
    "SdDeleted",
    "SdDone",
    "SdEntry",
    "SdFailed",
    "SdFiles",
    "SdInserted",
    "SdNotPrinting",
    "SdOpened",
    "SdProgress",
    "SdRemoved",
    "SdSaved",
    "SdSelected",
    "SdWriting",
    "Sent",
    "State",
    "Temperatures",
    "Timeouts",
    "Wrote",
]


class State(Enum):
    """Where the conversation with the printer is."""

    CLOSED = "closed"
    GREETING = "greeting"
    READY = "ready"
    FAILED = "failed"


class Protocol:
    """One conversation with one printer. Reports come from `receive` and `tick` only."""

    state: State
    firmware: Mapping[str, str]
    """What M115 reported, by key; empty until then."""
    capabilities: Mapping[str, bool]
    quirks: Quirks
    due: float
    """When `tick` wants to be called; monotonic seconds."""
    waiting: str
    """The long command at work ("M109", "M400"), or ""."""
    storing: bool
    """True between M28 and M29: what is sent is stored on the card."""
    resends: int
    """Lines that had to be sent again since `open`."""

    def __init__(self, settings: Marlin = Marlin()) -> None:  # noqa: B008 - frozen
        self._settings = settings
        self.state = State.CLOSED
        self.firmware, self.capabilities, self.quirks = {}, {}, UNKNOWN
        self.due = float("inf")
        self.waiting, self.storing, self.resends = "", False, 0

    def open(self, now: float) -> None:
        """The link is open: greet."""

    def close(self) -> None:
        """The link is gone: everything queued or unacknowledged is forgotten."""

    def receive(self, data: bytes, now: float) -> list[Report]:
        """Take what the printer said."""
        return []

    def tick(self, now: float) -> list[Report]:
        """Do what is due."""
        return []

    def outgoing(self, now: float) -> bytes:
        """Take what may be written now; ask after each send, receive and tick.

        `Sent` and `Wrote` for it come with the next `receive` or `tick`, before all else; soon.
        """
        return b""

    def send(self, line: Line) -> None:
        """Queue a line."""

    def urgent(self, text: str) -> None:
        """Queue M112, M108 or M410 past all others, raw where the firmware looks for it."""

    def room(self) -> bool:
        """Return whether a FILE line that is handed over now could be written soon."""
        return False

    def begin(self, numbered: bool) -> None:
        """A job or transfer begins (numbers start anew) or ends."""

    def drop(self, kind: Kind) -> int:
        """Forget queued lines of a kind that are not yet written; return how many."""
        return 0

    def idle(self, kind: Kind | None = None) -> bool:
        """Return whether nothing (of that kind) is queued or unacknowledged."""
        return True
