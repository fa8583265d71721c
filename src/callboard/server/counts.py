"""Counts of requests, by route, method and status: each of bounded number, for `/metrics`."""

from __future__ import annotations

from collections import Counter

METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class Counts:
    """How many requests there were, and how long they took."""

    def __init__(self) -> None:
        self.requests: Counter[tuple[str, str, int]] = Counter()
        self.seconds: Counter[tuple[str, str]] = Counter()

    def add(self, route: str, method: str, status: int, seconds: float) -> None:
        """Count one request; `route` is the pattern, never the path that was asked for."""
        method = method if method in METHODS else "other"
        self.requests[route, method, status] += 1
        self.seconds[route, method] += seconds  # type: ignore[assignment]  # a Counter counts floats too
