"""The keeper: keeps a line to the hub, and brings a new one when it breaks, for ever.

    dial --> attach --> run ... breaks --> detach --> pause --> dial

Only a hub that answers "no such key" ends it: that is an answer, not an outage.
"""

from __future__ import annotations

import asyncio
import logging
import random
from typing import Protocol

from callboard.client.http import Http
from callboard.client.line import Line, dial
from callboard.errors import CallboardError, Gone, Unauthenticated
from callboard.event import Envelope, Stamp

log = logging.getLogger("callboard.client")

_LONGEST_PAUSE = 10.0


class User(Protocol):
    """Who uses the line."""

    def attach(self, line: Line) -> None:
        """There is a line."""

    def detach(self) -> None:
        """The line is broken."""

    def deliver(self, envelope: Envelope, stamp: Stamp) -> None:
        """An event came."""

    def refused(self, error: CallboardError) -> None:
        """There will be no line any more."""


class Keeper:
    """One task around the lines of one client; the first line is waited for at most `patience` seconds."""

    def __init__(self, http: Http, user: User, patience: float) -> None:
        self._http = http
        self._user = user
        self._patience = patience
        self._line: Line | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; raises Unauthenticated, or Gone once the patience is over."""
        line = await self._first()
        self._take(line)
        self._task = asyncio.create_task(self._keep(line), name="callboard client")

    async def ended(self) -> None:
        """Wait for `stop`; raises Unauthenticated when the hub lets us in no more."""
        if self._task is not None:
            await asyncio.wait([self._task])
            if not self._task.cancelled():
                self._task.result()

    async def stop(self) -> None:
        """Hang up, once what waits is written."""
        if self._line is not None:
            await self._line.close()
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait([self._task])

    async def _first(self) -> Line:
        loop = asyncio.get_running_loop()
        end = loop.time() + self._patience
        attempt = 0
        while True:
            try:
                return await dial(self._http)
            except Gone:
                pause = _pause(attempt)
                if loop.time() + pause > end:
                    raise
            await asyncio.sleep(pause)
            attempt += 1

    async def _keep(self, line: Line) -> None:
        url = self._http.credentials.url
        try:
            while True:
                log.warning("Disconnected from %s: %s", url, await self._use(line))
                line = await self._again()
                log.warning("Connected to %s again.", url)
                self._take(line)
        except Unauthenticated as error:
            log.error("%s lets us in no more: %s", url, error)
            self._user.refused(error)
            raise

    def _take(self, line: Line) -> None:
        self._line = line
        self._user.attach(line)

    async def _use(self, line: Line) -> CallboardError:
        """Read from a line until it breaks; returns why."""
        try:
            await line.run(self._user.deliver)
        except CallboardError as error:
            return error
        finally:
            self._line = None
            self._user.detach()
            await line.close()

    async def _again(self) -> Line:
        """Connect again, with pauses that grow and differ: a thousand clients don't come at once."""
        attempt = 0
        while True:
            await asyncio.sleep(_pause(attempt))
            try:
                return await dial(self._http)
            except Gone as error:
                log.info("%s", error)
            attempt += 1


def _pause(attempt: int) -> float:
    """Return the seconds to wait before an attempt: half a second at most, then more and more, up to ten."""
    longest: float = min(0.5 * 2 ** min(attempt, 10), _LONGEST_PAUSE)
    return longest * (random.uniform(0.5, 1.0) if attempt else random.random())
