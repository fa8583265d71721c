"""The face of the virtual printer: bytes and the time in, bytes out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from callboard.printing.virtual.card import Card
from callboard.printing.virtual.firmware import Firmware
from callboard.printing.virtual.settings import Virtual

if TYPE_CHECKING:
    from callboard.printing.virtual.picture import Painter

_MARLIN = Virtual()


class VirtualPrinter:
    """A printer without wire and clock: `now` is monotonic seconds, and never goes back.

    Call `outgoing` when something was received and whenever `due` has come. It is ready when it is made;
    `open` is what a serial port does to most boards: a reset, and a greeting.
    """

    def __init__(self, settings: Virtual = _MARLIN) -> None:
        self.settings = settings
        self._firmware = Firmware(settings)
        self._painter: Painter | None = None
        self._begun = False

    @property
    def accepted(self) -> Sequence[str]:
        """The commands that came over the wire and ran, in order, without number and checksum."""
        return self._firmware.accepted

    @property
    def ran(self) -> Sequence[str]:
        """The commands that ran from the SD card."""
        return self._firmware.ran

    @property
    def card(self) -> Card:
        """The SD card; `card.put` lays a file on it."""
        return self._firmware.card

    @property
    def firmware(self) -> Firmware:
        """What runs inside, to look at in tests."""
        return self._firmware

    @property
    def due(self) -> float:
        """When it will have something to say or to do; -inf is now."""
        return min(self._firmware.due(), self._firmware.out.due())

    @property
    def plugged(self) -> bool:
        """False after `unplug`, until `open`."""
        return not self._firmware.troubles.unplugged

    @property
    def room(self) -> int:
        """Bytes that the receive buffer can still hold: more are lost on a line without flow control."""
        return self._firmware.intake.room

    @property
    def lost(self) -> int:
        """Bytes that were lost because the receive buffer was full."""
        return self._firmware.intake.lost

    def open(self, now: float) -> None:
        """Somebody opened the port: most boards reset on that and greet."""
        firmware = self._begin(now)
        firmware.troubles.unplugged = False
        firmware.troubles.opened(now)
        if self.settings.greeting:
            firmware.out.clear()
            firmware.reset()

    def receive(self, data: bytes, now: float) -> None:
        """Take bytes from the host."""
        firmware = self._begin(now)
        if self.plugged:
            firmware.troubles.opened(now)
            firmware.receive(data)

    def outgoing(self, now: float) -> bytes:
        """Return what the printer has said until now."""
        out = self._begin(now).out.take(now)
        return out if self.plugged else b""

    def reset(self, now: float) -> None:
        """Start anew, as after pressing the reset button."""
        self._begin(now).reset()

    def unplug(self, back_after: float | None = None, renamed: bool = False) -> None:
        """Pull the cable: nothing comes in or out any more; the front closes its end.

        After `back_after` seconds the front plugs it in again, under another name if `renamed`.
        """
        self._firmware.troubles.unplug(back_after, renamed)

    @property
    def comes_back(self) -> tuple[float | None, bool]:
        """In how many seconds an unplugged printer is plugged in again, and whether under a new name."""
        return self._firmware.troubles.comes_back

    def trouble(self, text: str, now: float) -> bool:
        """Make trouble, in the words of `!!DEBUG:`; false if there is no such word."""
        firmware = self._begin(now)
        return firmware.troubles.do(firmware, text)

    def picture(self, now: float, size: tuple[int, int] = (640, 480), caption: str = "") -> bytes:
        """Return a JPEG of the print so far, with `caption` in its corner. Raises MissingExtra."""
        if self._painter is None:
            from callboard.printing.virtual.picture import painter

            self._painter = painter()
        return self._painter.picture(self._begin(now), size, caption)

    def _begin(self, now: float) -> Firmware:
        """Bring the firmware to `now`."""
        firmware = self._firmware
        if not self._begun:
            self._begun = True
            firmware.start(now)
        firmware.run(now)
        return firmware
