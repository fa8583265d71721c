"""What can be set for one printer's protocol: frozen values."""

from __future__ import annotations

from typing import Final, Literal

from msgspec import Struct

from callboard.printing.timeouts import Timeouts

_DEFAULTS: Final = Timeouts()


class Marlin(Struct, frozen=True, kw_only=True):
    """How to speak with a printer; the defaults suit all firmware that is known."""

    rx_buffer: int = 127
    """Bytes that the firmware's receive buffer holds."""
    ping_pong: bool | None = None
    """True: one line, then its ok. None: as the firmware allows, and so until it is known."""
    checksums: Literal["print", "always", "never"] = "print"
    """When lines are numbered: during jobs, always, or never."""
    timeouts: Timeouts = _DEFAULTS
    on_error: Literal["disconnect", "cancel", "ignore"] = "disconnect"
    """What follows from an error of the firmware that is neither harmless nor always fatal."""
    temperature_autoreport: int = 2
    """Seconds between the temperatures that the firmware reports by itself, if it can; 0 is never."""
    temperature_poll: float = 5.0
    """Seconds between M105 where it can't; 0 is never."""
    temperature_poll_heated: float = 2.0
    """The same while something has a target."""
    sd_autoreport: int = 0
    """Seconds between reports of a print from the card; 0: the machine asks."""
    position_autoreport: int = 0
    """Seconds between reports of the position; 0 is never."""
    max_resends: int = 10
    """How often in a row the same line may be asked for."""
    history: int = 50
    """Numbered lines that are kept for resends. A request for an older one means that the firmware has lost
    count; more lines would only let it print some of them twice."""
    max_line: int = 96
    """Bytes of a line that the firmware's command buffer holds; a longer one is sent alone."""
    wait_for_start: bool = False
    """Say nothing before the printer has said `start`."""
