"""What a job is, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum
from typing import Any, Final, Protocol

from msgspec import Struct

from callboard.errors import CallboardError

MOST_ATTEMPTS: Final = 5
"""How often a job is given to a worker before it counts as failed."""


class State(StrEnum):
    """Where a job stands."""

    WAITING = "waiting"
    TAKEN = "taken"
    DONE = "done"
    FAILED = "failed"


class Heard(StrEnum):
    """What the room that put a job has heard of it, so that it tells nothing twice, nor two ends."""

    NOTHING = ""
    BEGUN = "begun"
    END = "ended"


class Job(Struct, frozen=True, kw_only=True):
    """A job: its kind says who can do it, `payload` what is to be done, `source` which events it goes with.

    `lease` proves who has it; `attempts` counts how often it was taken. `result` is what came of it.
    """

    id: str
    kind: str
    payload: Mapping[str, Any] = {}
    source: Mapping[str, Any] = {}
    state: State = State.WAITING
    attempts: int = 0
    worker: str = ""
    lease: str = ""
    result: Mapping[str, Any] = {}
    created: float = 0.0
    heard: Heard = Heard.NOTHING


class Follower(Protocol):
    """The room that puts jobs of a kind: it hears what becomes of them."""

    async def taken(self, job: Job) -> None:
        """Hear that a worker begins with a job; not again when another one begins anew."""

    async def settle(self, job: Job) -> Job:
        """Do what the end of a job asks for, and return how it ended after all; again if that raises."""

    async def tell(self, job: Job) -> None:
        """Tell how a job ended, as `settle` said; again if that raises, or we were killed over it."""


class Desk(Protocol):
    """Where a worker gets its jobs: the room itself, or a hub far away."""

    async def take(self, worker: str, kinds: tuple[str, ...]) -> Job | None:
        """Give the oldest job of these kinds under a lease; None when there is none."""

    async def wait(self) -> None:
        """Return when there may be something to take."""

    async def renew(self, job: Job, percent: float | None) -> bool:
        """Keep a job, and say how far it is; False when it belongs to somebody else by now."""

    async def finish(self, job: Job, result: Mapping[str, Any]) -> bool:
        """Say that a job is done; False when it belongs to somebody else by now."""

    async def fail(self, job: Job, result: Mapping[str, Any]) -> bool:
        """Say that a job can't be done; False when it belongs to somebody else by now."""

    async def give_back(self, job: Job) -> bool:
        """Let somebody else do a job; it does not count as an attempt."""


class WorkFailed(CallboardError):
    """The job can't be done; `result` says why, in the words of its kind."""

    def __init__(self, message: str, result: Mapping[str, Any]) -> None:
        super().__init__(message)
        self.result = result


class Unfit(WorkFailed):
    """This machine can't do the job, for a reason of its own; another one may."""
