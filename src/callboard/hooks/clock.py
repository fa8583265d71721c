"""The time of day for hooks: what is due, and how long until then."""

from __future__ import annotations

import time


class Clock:
    """Seconds since 1970. At a quicker pace than the world's an hour's outage is lived through in seconds."""

    def __init__(self, pace: float = 1.0) -> None:
        self._pace = pace
        self._began, self._from = time.monotonic(), time.time()

    def now(self) -> float:
        """Return the time."""
        if self._pace == 1.0:
            return time.time()
        return self._from + (time.monotonic() - self._began) * self._pace

    def until(self, due: float) -> float:
        """Return how many seconds to wait until it is `due`, 0 when it is."""
        return max(due - self.now(), 0.0) / self._pace
