"""What is different with which firmware. Source: facts/print-host-facts.md 3.11."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from msgspec import Struct


class Quirks(Struct, frozen=True, kw_only=True):
    """The habits of one firmware."""

    name: str = ""
    """The key in `FIRMWARES`; "" is unknown or usual."""
    pipelining: bool = True
    """Several lines in flight: its receive buffer is known, and an ok means a line."""
    always_checksums: bool = False
    checks_numbers: bool = True
    """False: it strips numbers and looks at none of them, so nothing may ever be sent twice."""
    number_all: bool = True
    """Lines without a G, M or T code are numbered and acknowledged like others."""
    blocks_in_dwell: bool = False
    """G4 holds up everything, also answers."""
    reports_own_targets: bool = False
    external_heat_up: bool = True
    """A temperature line by itself means that something heats up, also when we didn't ask for it."""
    sd_always: bool = False
    sd_relative: bool = False
    """Names on the card without the leading slash."""
    sd_lower_case: bool = False
    detects_sd_prints: bool = True
    errors_repeat: bool = False
    """`!!` errors come again for each command."""


USUAL: Final = Quirks()
UNKNOWN: Final = Quirks(pipelining=False)

FIRMWARES: Final[Mapping[str, Quirks]] = MappingProxyType(
    {
        "repetier": Quirks(
            name="repetier",
            pipelining=False,
            always_checksums=True,
            blocks_in_dwell=True,
            reports_own_targets=True,
            external_heat_up=False,
        ),
        "anet_a8": Quirks(
            name="anet_a8",
            pipelining=False,
            always_checksums=True,
            blocks_in_dwell=True,
            reports_own_targets=True,
            external_heat_up=False,
        ),
        "malyan": Quirks(name="malyan", pipelining=False, always_checksums=True, sd_always=True),
        "reprapfirmware": Quirks(name="reprapfirmware", pipelining=False, sd_relative=True),
        "teacup": Quirks(name="teacup", pipelining=False, external_heat_up=False),
        "klipper": Quirks(name="klipper", checks_numbers=False, errors_repeat=True),
        "ultimaker2": Quirks(name="ultimaker2", pipelining=False, detects_sd_prints=False),
        "smoothie": Quirks(name="smoothie", pipelining=False),
        "prusa-firmware": Quirks(name="prusa-firmware", sd_lower_case=True),
        "marlin": Quirks(name="marlin"),
    }
)
"""By a part of the name that M115 reports, in lower case; the first that fits counts."""


def quirks(firmware_name: str) -> Quirks:
    """Return the habits of the firmware with this name (M115); unknown ones are taken slowly."""
    name = firmware_name.lower()
    return next((habits for part, habits in FIRMWARES.items() if part in name), UNKNOWN)
