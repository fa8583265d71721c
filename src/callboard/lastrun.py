"""What the last run of the hub used: a start knows by it which settings it is the first to use, and tells.

digests of the settings in use -> settings.json in the data folder -> the next start compares
-> octoprint.SettingsUpdated
"""

from __future__ import annotations

import json
from asyncio import Future
from pathlib import Path

import structlog

from callboard.bus import Bus
from callboard.config import Config
from callboard.config.difference import Changes, differing, digests
from callboard.event import Event

log = structlog.get_logger("callboard.board")


class LastRun:
    """Keeps what is in use, in a file; of values only digests, for they may be secrets."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def differs(self, config: Config) -> tuple[str, ...]:
        """Return the names of the settings that were otherwise in the last run; none when there was none."""
        try:
            before = json.loads(self.path.read_bytes())
        except (OSError, ValueError):
            return ()
        return differing(before, digests(config)) if isinstance(before, dict) else ()

    def keep(self, config: Config) -> None:
        """Remember what is in use now; when that can't be written, only the next start's news is lost."""
        part = self.path.with_suffix(".part")
        try:
            part.touch(0o600)
            part.write_text(json.dumps(digests(config)), "utf-8")
            part.replace(self.path)
        except OSError as error:
            log.warning("what is in use can't be remembered", file=str(self.path), reason=error.strerror)


class Updates:
    """Tells of settings once they are in use: hooks at once, all else at the next start."""

    def __init__(self, bus: Bus, last: LastRun) -> None:
        self._bus, self._last = bus, last

    async def begin(self, running: Config) -> None:
        """Tell which settings this start is the first to use."""
        if names := self._last.differs(running):
            await self._bus.publish(_event(Changes(names)))
        self._last.keep(running)

    def say(self, changes: Changes, running: Config) -> None:
        """Tell what was taken into use just now, and what still waits."""
        self._bus.publish(_event(changes)).add_done_callback(_look)
        self._last.keep(running)


def _event(changes: Changes) -> Event:
    data = {"changed": list(changes.changed), "restart": list(changes.restart)}
    return Event("octoprint.SettingsUpdated", data)


def _look(done: Future[str]) -> None:
    if not done.cancelled() and done.exception() is not None:
        log.warning("a change of settings was not stored", error=str(done.exception()))
