"""When to ask for temperatures, and what heats. Pure. Source: facts/print-host-facts.md 3.5, 3.6."""

from __future__ import annotations

from math import inf

from callboard.printing.readings import Readings, by_tool
from callboard.printing.settings import Marlin

_REPORTS_MISSED = 5
"""Autoreports that may stay away (long commands are silent) before it is asked after all."""


class Polling:
    """Told of each reading; says when M105 is due."""

    __slots__ = ("_asked_at", "_heard_at", "_latest", "_settings", "heated", "reported", "tool")

    def __init__(self, settings: Marlin) -> None:
        self._settings = settings
        self.clear(0.0)

    def clear(self, now: float) -> None:
        """Begin anew."""
        self._asked_at = self._heard_at = now
        self.reported = False
        """Whether the firmware reports by itself."""
        self.heated = False
        self.tool = 0
        self._latest: Readings = {}

    def read(self, readings: Readings, now: float) -> Readings:
        """Take readings; returns them by tool."""
        self._heard_at = now
        named = by_tool(readings, self.tool)
        self.heated = any(target for _, target in named.values())
        self._latest = named
        return named

    def target(self, name: str, target: float) -> Readings:
        """Take a target that was said by itself; returns the reading that it belongs to, if there was one."""
        self.heated = self.heated or target > 0
        latest = self._latest.get(name)
        return {} if latest is None else {name: (latest[0], target)}

    def asked(self, now: float) -> None:
        """M105 was written."""
        self._asked_at = now

    @property
    def due(self) -> float:
        """When M105 is due."""
        settings = self._settings
        if self.reported:
            wait = max(_REPORTS_MISSED * settings.temperature_autoreport, settings.timeouts.communication)
        else:
            wait = settings.temperature_poll_heated if self.heated else settings.temperature_poll
        return max(self._asked_at, self._heard_at) + wait if wait else inf
