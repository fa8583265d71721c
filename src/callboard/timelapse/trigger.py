"""When a picture is taken: pure, time comes in. Source: facts 5.1 and 5.3."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from callboard.config import Timelapse
from callboard.config.webcam import LEAST_INTERVAL

_ZCHANGE_DELAY: Final = 5.0


class Trigger:
    """Decides for each change of height, or layer, of one print."""

    def __init__(self, plan: Timelapse) -> None:
        self._plan = plan
        self._last: float | None = None
        said = plan.min_delay
        self._delay = said if said is not None else _ZCHANGE_DELAY if plan.mode == "zchange" else 0.0

    @property
    def interval(self) -> float:
        """Seconds between two pictures of `timed`; an OctoPrint's configuration may ask for less."""
        return max(self._plan.interval, LEAST_INTERVAL)

    def hears(self, name: str, data: Any, now: float) -> bool:
        """Return whether an event is to be filmed; `now` is monotonic seconds."""
        if not self._means(name, data):
            return False
        if self._last is not None and now - self._last < self._delay:
            return False
        self._last = now
        return True

    def _means(self, name: str, data: Any) -> bool:
        if self._plan.mode == "layer":
            return name == "LayerChange"
        return self._plan.mode == "zchange" and name == "ZChange" and not self._is_hop(data)

    def _is_hop(self, data: Any) -> bool:
        said = data if isinstance(data, Mapping) else {}
        new, old = said.get("new"), said.get("old")
        if (
            not self._plan.retraction_zhop
            or not isinstance(new, int | float)
            or not isinstance(old, int | float)
        ):
            return False
        return round(abs(new - old), 3) == round(self._plan.retraction_zhop, 3)
