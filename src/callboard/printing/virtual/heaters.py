"""Heaters that take their time: up at a steady rate, down towards the room's temperature."""

from __future__ import annotations

from math import exp, inf

_WINDOW = 1.0
_RESIDENCY = 3.0
"""Degrees around the target, and the seconds to stay there, before a wait for it is over."""


class Heater:
    """One heater; `seconds` are those of the printer, which may run faster than the wall's."""

    __slots__ = ("_near", "_rate", "_tau", "ambient", "name", "stuck", "target", "temperature")

    def __init__(self, name: str, ambient: float, rate: float, tau: float) -> None:
        self.name, self.ambient = name, ambient
        self.temperature = ambient
        self.target = 0.0
        self.stuck: float | None = None
        """What its sensor says instead of the truth."""
        self._rate, self._tau = rate, tau
        self._near = 0.0

    def run(self, seconds: float) -> None:
        """Heat or cool for so long."""
        resting = max(self.target, self.ambient)
        if self.target > self.temperature:
            self.temperature = min(self.target, self.temperature + self._rate * seconds)
        elif self.temperature > resting:
            fallen = (self.temperature - self.ambient) * exp(-seconds / self._tau)
            self.temperature = max(resting, self.ambient + fallen)
        elif self.temperature < resting:
            self.temperature = min(resting, self.temperature + self._rate * seconds / 10)
        self._near = self._near + seconds if abs(self.temperature - self.target) < _WINDOW else 0.0

    def set(self, target: float) -> None:
        """Give it another target."""
        self.target = max(target, 0.0)
        self._near = 0.0

    @property
    def reading(self) -> float:
        """What the sensor says."""
        return self.temperature if self.stuck is None else self.stuck

    @property
    def power(self) -> int:
        """The share of its power that is on, of 127."""
        if self.target <= self.ambient:
            return 0
        return 127 if self.target - self.temperature > 5 else 40

    def left(self, cooling: bool) -> float | None:
        """Return the seconds that a wait has still to last: 0 is over, None not yet known."""
        if self.target <= 0 or (self.temperature > self.target + _WINDOW and not cooling):
            return 0.0
        if self._near:
            return max(_RESIDENCY - self._near, 0.0)
        return None


class Heaters:
    """All heaters of a printer, on one clock."""

    __slots__ = ("_at", "_scale", "bed", "chamber", "hotends")

    def __init__(
        self, hotends: int, bed: bool, chamber: bool, ambient: float, scale: float, slow: float
    ) -> None:
        slow = max(slow, 1e-3)
        self._at = -inf
        self._scale = scale
        self.hotends = [Heater(f"T{n}", ambient, 3.0 / slow, 90.0) for n in range(hotends)]
        self.bed = Heater("B", ambient, 0.7 / slow, 400.0) if bed else None
        self.chamber = Heater("C", ambient, 0.15 / slow, 900.0) if chamber else None

    def all(self) -> list[Heater]:
        """Return every heater there is."""
        return [*self.hotends, *(heater for heater in (self.bed, self.chamber) if heater)]

    def run(self, now: float) -> None:
        """Bring them to `now`."""
        passed = (now - self._at) * self._scale
        if passed <= 0:
            return
        self._at = now
        if passed == inf:  # the first time
            return
        for heater in self.all():
            heater.run(passed)

    def off(self) -> None:
        """Switch all off."""
        for heater in self.all():
            heater.set(0.0)

    def ambient(self, degrees: float) -> None:
        """Give the room another temperature."""
        for heater in self.all():
            heater.ambient = degrees
