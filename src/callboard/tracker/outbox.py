"""The outbox: events that stand in the same transaction as what they tell, until the log has them.

    transaction: rows + outbox -> commit -> drain: publish, wait for the log, delete

A crash in between publishes an event again, under the same id; none is lost, none is made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections.abc import Mapping
from typing import Any

import structlog
from sqlalchemy import Connection, Table, delete, insert, select
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncEngine

from callboard.bus import Bus
from callboard.errors import BadEvent, CallboardError, EventTooBig
from callboard.event import Event, new_id

log = structlog.get_logger("callboard.tracker")

_AT_ONCE = 100
_AGAIN = 1.0
"""Seconds until an event that the log did not take is tried again."""


def put(connection: Connection, outbox: Table, data: Mapping[str, Any], source: Mapping[str, Any]) -> None:
    """Put an event into the outbox, inside the caller's transaction."""
    row = {"event": new_id(), "data": json.dumps(data), "source": json.dumps(source)}
    connection.execute(insert(outbox), [row])


class Drain:
    """Publishes what is in the outbox, in order, for as long as it runs."""

    def __init__(
        self, engine: AsyncEngine, writing: asyncio.Lock, outbox: Table, bus: Bus, topic: str
    ) -> None:
        self._engine, self._writing, self._outbox = engine, writing, outbox
        self._bus, self._topic = bus, topic
        self._waiting = asyncio.Event()
        self._waiting.set()  # a crash may have left some

    def wake(self) -> None:
        """There is something in the outbox."""
        self._waiting.set()

    async def run(self) -> None:
        """Drain until cancelled."""
        while True:
            await self._waiting.wait()
            self._waiting.clear()
            try:
                while await self._some():
                    pass
            except (CallboardError, SQLAlchemyError) as error:
                log.warning("changes of the tracker wait to be told", error=str(error))
                self._waiting.set()
                await asyncio.sleep(_AGAIN)

    async def finish(self, seconds: float) -> None:
        """Publish what is left, for at most so long; what then remains is told after the next start."""
        with contextlib.suppress(TimeoutError, CallboardError, SQLAlchemyError):
            async with asyncio.timeout(seconds):
                while await self._some():
                    pass

    async def _some(self) -> bool:
        """Publish the oldest events; returns whether there were any."""
        outbox = self._outbox
        async with self._engine.connect() as connection:
            found = await connection.execute(select(outbox).order_by(outbox.c.id).limit(_AT_ONCE))
            rows = found.mappings().all()
        published: list[int] = []
        try:
            for row in rows:
                await self._publish(
                    Event(self._topic, json.loads(row["data"]), json.loads(row["source"]), id=row["event"])
                )
                published.append(row["id"])
        finally:
            if published:
                await self._forget(published)
        return bool(rows)

    async def _publish(self, event: Event) -> None:
        try:
            await self._bus.publish(event)
        except EventTooBig as error:
            halves = _halves(event)
            if not halves:
                log.error("a change of the tracker is too big to be told", event=event.id, error=str(error))
            for half in halves:
                await self._publish(half)
        except BadEvent as error:
            # The log will never take it: it must not hold up those behind it.
            log.error("a change of the tracker could not be told", event=event.id, error=str(error))

    async def _forget(self, ids: list[int]) -> None:
        async with self._writing, self._engine.execution_options(writes=True).begin() as connection:
            await connection.execute(delete(self._outbox).where(self._outbox.c.id.in_(ids)))


def _halves(event: Event) -> tuple[Event, ...]:
    """Return an event in two, with ids that are the same whenever it is told; () for one entity."""
    entities = event.data["entities"]
    middle = len(entities) // 2
    parts = (entities[:middle], entities[middle:]) if middle else ()
    return tuple(
        Event(event.topic, {**event.data, "entities": part}, event.source, id=_half_id(event.id, number))
        for number, part in enumerate(parts)
    )


def _half_id(whole: str, number: int) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{whole}/{number}").hex
