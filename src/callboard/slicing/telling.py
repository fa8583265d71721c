"""The events of slicing, and its state. Source: facts 1.1, 1.4 and 6."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import structlog

from callboard.bus import Bus
from callboard.errors import CallboardError
from callboard.event import Event, caused_by
from callboard.files.telling import Cause
from callboard.slicing.job import Job

log = structlog.get_logger("callboard.slicing")


class Telling:
    """Publishes; what is told in a row stands on the log in that order."""

    def __init__(self, bus: Bus) -> None:
        self._bus = bus

    def started(self, job: Job, progress_available: bool) -> None:
        """A job was taken; what comes of it is told to come of this, if nothing else led to it."""
        data = {**job.payload, "progressAvailable": progress_available}
        event = self._say("SlicingStarted", data, job.by)
        if not job.by.trace:
            job.by = Cause(job.by.user, caused_by(event))
        self.show(job)

    def done(self, job: Job) -> None:
        """A job's result is stored."""
        more = {"warnings": list(job.warnings)} if job.warnings else {}
        self._say("SlicingDone", {**job.payload, "time": job.seconds, **more}, job.by)
        self._hide(job)

    def failed(self, job: Job) -> None:
        """A job came to nothing."""
        self._say("SlicingFailed", {**job.payload, "reason": job.reason}, job.by)
        self._hide(job)

    def cancelled(self, job: Job) -> None:
        """A job was called off."""
        self._say("SlicingCancelled", job.payload, job.by)
        self._hide(job)

    def profile(self, what: str, slicer: str, key: str, by: Cause) -> None:
        """A profile was Added, Modified or Deleted."""
        self._say(f"SlicingProfile{what}", {"slicer": slicer, "profile": key}, by)

    def show(self, job: Job) -> None:
        """Set the state of a job."""
        self._set(job, job.shown)

    def _hide(self, job: Job) -> None:
        self._set(job, None)

    def _set(self, job: Job, value: Any) -> None:
        try:
            self._bus.set(f"slicingProgress/{job.id}", value)
        except CallboardError as error:
            log.warning("a slicing job's state can't be kept", job=job.id, error=str(error))

    def _say(self, name: str, data: Mapping[str, Any], by: Cause) -> Event:
        event = Event(f"octoprint.{name}", dict(data), by.source)
        self._bus.publish(event).add_done_callback(_look)
        return event


def _look(done: asyncio.Future[str]) -> None:
    if not done.cancelled() and (error := done.exception()) is not None:
        log.error("an event of slicing could not be published", error=str(error))
