"""A printer that is not there: Marlin's behaviour, and its faults, to try a print host on.

The core does no I/O and has no clock: bytes and the time go in, bytes come out. fronts.py gives it a
pseudo terminal, a TCP port and a camera.
"""

from callboard.printing.virtual.printer import VirtualPrinter
from callboard.printing.virtual.settings import (
    Doubled,
    Faults,
    Identity,
    Noise,
    Planned,
    ResendOk,
    Virtual,
    Wire,
)

__all__ = [
    "Doubled",
    "Faults",
    "Identity",
    "Noise",
    "Planned",
    "ResendOk",
    "Virtual",
    "VirtualPrinter",
    "Wire",
]
