"""What a command that takes time waits for."""

from __future__ import annotations

from collections.abc import Iterator
from enum import StrEnum
from math import inf

from msgspec import Struct


class Busy(StrEnum):
    """What the keep-alive message says."""

    PROCESSING = "processing"
    USER = "paused for user"
    INPUT = "paused for input"


class Wait(Struct, frozen=True):
    """Until a time, or until somebody wakes the command (`inf`)."""

    until: float = inf
    busy: Busy = Busy.PROCESSING


Task = Iterator[Wait]
"""A command that is not over at once: it says what it waits for and is resumed then."""
