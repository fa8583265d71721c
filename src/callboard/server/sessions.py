"""Sessions: what a handshake gives out and an upgrade takes back, once.

The id is the credential of the socket (facts 1.3), so it is random, single use and short-lived.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Callable

from callboard.hub.principal import Principal

LIFE = 45.0
"""Seconds in which a session must be used: the slowest official client waits 10 s between its tries."""


class Sessions:
    """Sessions that wait for their socket; bounded in number, the oldest go first."""

    def __init__(
        self, most: int = 20_000, life: float = LIFE, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._most, self._life, self._clock = most, life, clock
        self._waiting: dict[str, tuple[float, Principal]] = {}

    def __len__(self) -> int:
        return len(self._waiting)

    def issue(self, principal: Principal) -> str:
        """Return a fresh session id for `principal`: random, good for a URL's path, without a colon."""
        now = self._clock()
        self._forget(now)
        name = secrets.token_urlsafe(24)
        self._waiting[name] = (now + self._life, principal)
        return name

    def take(self, name: str) -> Principal | None:
        """Return whose session this is, and end it; None for one unknown, used or too old."""
        end, principal = self._waiting.pop(name, (0.0, None))
        return principal if self._clock() < end else None

    def _forget(self, now: float) -> None:
        """Drop from the old end what is over, and what is too many; each session is dropped once."""
        while self._waiting:
            oldest = next(iter(self._waiting))
            if len(self._waiting) < self._most and now < self._waiting[oldest][0]:
                return
            del self._waiting[oldest]
