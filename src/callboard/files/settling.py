"""Which files have stopped growing: what somebody still copies must not be taken."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from typing import Generic, TypeVar

K = TypeVar("K", bound=Hashable)

Signature = tuple[int, int]
"""A file's size and the time of its last change, in ns."""


class Settling(Generic[K]):
    """Told what there is now and then, it says what has not changed for `quiet` seconds."""

    def __init__(self, quiet: float) -> None:
        self.quiet = quiet
        self._since: dict[K, tuple[Signature, float]] = {}

    @property
    def waiting(self) -> bool:
        """Whether something was there that had not settled."""
        return bool(self._since)

    def settled(self, seen: Mapping[K, Signature], now: float) -> list[K]:
        """Return the keys that have settled, in their order; `now` in seconds, monotonic.

        They are forgotten, and so is what is not there any more.
        """
        self._since = {key: self._noted(key, signature, now) for key, signature in seen.items()}
        ready = [key for key, (_, since) in self._since.items() if now - since >= self.quiet]
        for key in ready:
            del self._since[key]
        return ready

    def _noted(self, key: K, signature: Signature, now: float) -> tuple[Signature, float]:
        before = self._since.get(key)
        return before if before is not None and before[0] == signature else (signature, now)
