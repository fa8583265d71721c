"""Which jobs run, on disk: so that each that a crash ended is told to have failed at the next start."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from callboard.files.telling import Cause
from callboard.slicing.job import Job, Order, is_id

_MOST: Final = 1000


class _Noted(Struct, frozen=True):
    order: Order
    began: float
    by: Cause


class Journal:
    """One small file for each job that runs, in `folder`. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def note(self, job: Job) -> None:
        """Note a job that begins. A disk that is full keeps no job from being tried."""
        noted = _Noted(msgspec.structs.replace(job.order, settings={}), job.began, job.by)
        with contextlib.suppress(OSError):
            self._folder.mkdir(parents=True, exist_ok=True)
            self._path(job).write_bytes(msgspec.json.encode(noted))

    def forget(self, job: Job) -> None:
        """Forget a job that has ended."""
        with contextlib.suppress(OSError):
            self._path(job).unlink(missing_ok=True)

    def left(self) -> list[Job]:
        """Return the jobs that did not end."""
        found = []
        noted_here = (path for path in self._folder.glob("*.json") if is_id(path.stem))
        for path in sorted(noted_here)[:_MOST]:
            try:
                noted = msgspec.json.decode(path.read_bytes(), type=_Noted)
            except (OSError, msgspec.MsgspecError):
                path.unlink(missing_ok=True)
                continue
            found.append(Job(id=path.stem, order=noted.order, by=noted.by, began=noted.began))
        return found

    def _path(self, job: Job) -> Path:
        return self._folder / f"{job.id}.json"
