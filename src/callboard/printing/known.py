"""What is known of a printer: firmware, capabilities, habits; and what to ask of it because of them.

Source: facts/print-host-facts.md 3.2, 3.11.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from callboard.printing.quirks import UNKNOWN, Quirks, quirks
from callboard.printing.replies import Capability
from callboard.printing.reports import CapabilitiesAre, FirmwareIs
from callboard.printing.settings import Marlin

_MANY: Final = 256
"""Capabilities that are remembered."""


class Known:
    """Fills up as the printer says who it is."""

    __slots__ = ("_listing", "_settings", "capabilities", "firmware", "quirks")

    def __init__(self, settings: Marlin) -> None:
        self._settings = settings
        self.clear()

    def clear(self) -> None:
        """Know nothing."""
        self.firmware: Mapping[str, str] = {}
        self.capabilities: Mapping[str, bool] = {}
        self.quirks: Quirks = UNKNOWN
        self._listing: dict[str, bool] | None = None

    @property
    def listing(self) -> bool:
        """Whether capabilities are being listed."""
        return self._listing is not None

    def learn(self, said: FirmwareIs) -> None:
        """Take the answer to M115."""
        self.firmware = said.data
        self.quirks = quirks(said.name)
        self._listing = {}

    def can(self, said: Capability) -> str | None:
        """Take one capability; returns the command that makes use of it, if there is one."""
        if self._listing is None or len(self._listing) > _MANY:
            return None
        self._listing[said.name] = said.has
        settings = self._settings
        wanted = {
            "AUTOREPORT_TEMP": ("M155", settings.temperature_autoreport),
            "AUTOREPORT_SD_STATUS": ("M27", settings.sd_autoreport),
            "AUTOREPORT_POS": ("M154", settings.position_autoreport),
        }
        command, seconds = wanted.get(said.name, ("", 0))
        return f"{command} S{seconds}" if said.has and seconds else None

    def listed(self) -> CapabilitiesAre | None:
        """Return the capabilities once they were all listed."""
        if self._listing is None:
            return None
        self.capabilities, self._listing = self._listing, None
        return CapabilitiesAre(self.capabilities)

    def emergency(self, text: str) -> bool:
        """Return whether the firmware looks for this command as soon as it arrives."""
        return text.startswith("M112") or self.capabilities.get("EMERGENCY_PARSER", False)
