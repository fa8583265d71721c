"""The face of the virtual printer: bytes and the time in, bytes out."""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence

from callboard.printing.virtual.settings import Virtual


class VirtualPrinter:
    """A printer without wire and clock: `now` is monotonic seconds, and never goes back.

    Call `outgoing` when something was received and whenever `due` has come.
    """

    accepted: Sequence[str]
    """The commands that came over the wire and were taken, in order, without number and checksum."""
    due: float
    """When it will have something to say or to do."""
    plugged: bool
    """False after `unplug`, until `open`."""

    def __init__(self, settings: Virtual = Virtual()) -> None:
        self.settings = settings
        self.accepted = deque(maxlen=settings.remember)
        self.due = float("inf")
        self.plugged = True

    def open(self, now: float) -> None:
        """Somebody opened the port: a printer resets on that and greets."""

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host."""

    def outgoing(self, now: float) -> bytes:
        """Return what the printer has said until now."""
        return b""

    def reset(self, now: float) -> None:
        """Start anew as after pressing the reset button."""

    def unplug(self) -> None:
        """Pull the cable: nothing comes in or out any more; the front closes its end."""

    def picture(self, now: float, size: tuple[int, int] = (640, 480)) -> bytes:
        """Return a JPEG of the print so far."""
        return b""
