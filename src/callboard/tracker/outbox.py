"""The outbox: events that stand in the same transaction as what they tell, until the log has them.

    transaction: rows + outbox -> commit -> drain: publish, wait for the log, delete

A crash in between publishes an event again, under the same id; none is lost, none is made up.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import Iterable, Sequence
from typing import Any

import structlog
from msgspec.json import decode
from sqlalchemy import Connection, RowMapping, Table, delete, insert, select

from callboard.bus import Bus
from callboard.errors import BadEvent, EventTooBig
from callboard.event import Event, encode_json
from callboard.tracker.database import Database
from callboard.tracker.telling import parents_of

log = structlog.get_logger("callboard.tracker")

_AT_ONCE = 100
_AGAIN = 1.0
"""Seconds until an event that the log did not take is tried again."""
_ROUND = 20.0
"""Seconds for which one node tells alone: PostgreSQL takes who is silent for a minute for one that hangs."""
_LONG = 1000
"""Characters that are left of a text where an event of one entity is too big."""
_LOOK = 2.0
"""Seconds between two looks at what nodes that died have left."""


def put(connection: Connection, outbox: Table, events: Iterable[Event]) -> None:
    """Put events into the outbox, in their order, inside the caller's transaction."""
    if rows := [_row(event) for event in events]:
        connection.execute(insert(outbox), rows)


def _row(event: Event) -> dict[str, str]:
    data, source = encode_json(event.data).decode(), encode_json(event.source).decode()
    return {"event": event.id, "topic": event.topic, "data": data, "source": source}


class Drain:
    """Publishes what is in the outbox, in order, for as long as it runs; of several nodes one at a time."""

    def __init__(self, database: Database, outbox: Table, bus: Bus) -> None:
        self._database, self._outbox, self._bus = database, outbox, bus
        self._news = asyncio.Event()
        self._news.set()  # a crash may have left some
        self._ending = False

    def wake(self) -> None:
        """There is something in the outbox."""
        self._news.set()

    def finish(self) -> None:
        """Have `run` end once all is told, or as soon as that can't be done."""
        self._ending = True
        self._news.set()

    async def run(self) -> None:
        """Drain until all is told after `finish`."""
        while True:
            self._news.clear()
            try:
                while await self._some():
                    pass
            except Exception as error:  # whatever it is, changes must not wait in silence
                log.warning("changes of the tracker wait to be told", error=str(error))
                if self._ending:
                    return
                await self._wait(_AGAIN)
                self._news.set()
            if self._ending and not self._news.is_set():
                return
            await self._wait(_LOOK if self._database.is_shared else None)

    async def _wait(self, seconds: float | None) -> None:
        """Wait for news; other nodes, which may have died, tell none."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._news.wait()

    async def _some(self) -> bool:
        """Publish the oldest events; returns whether there may be more by now."""
        if self._database.is_shared and not await self._oldest(1):
            return False  # the lock is for those who have something to tell
        async with self._database.alone():
            rows = await self._oldest(_AT_ONCE)
            published: list[int] = []
            until = asyncio.get_running_loop().time() + _ROUND
            try:
                for row in rows:
                    if asyncio.get_running_loop().time() > until:
                        return True
                    data, source = decode(row["data"]), decode(row["source"])
                    await self._publish(Event(row["topic"], data, source, id=row["event"]))
                    published.append(row["id"])
            finally:
                await self._forget(published)
        return len(rows) == _AT_ONCE

    async def _oldest(self, limit: int) -> Sequence[RowMapping]:
        statement = select(self._outbox).order_by(self._outbox.c.id).limit(limit)
        return await self._database.read(lambda connection: connection.execute(statement).mappings().all())

    async def _publish(self, event: Event) -> None:
        try:
            await self._bus.publish(event)
        except EventTooBig as error:
            parts = _halves(event) or _short(event)
            if not parts:
                log.error("a change of the tracker is too big to be told", id=event.id, error=str(error))
            for part in parts:
                await self._publish(part)
        except BadEvent as error:
            # The log will never take it: it must not hold up those behind it.
            log.error("a change of the tracker could not be told", id=event.id, error=str(error))

    async def _forget(self, ids: list[int]) -> None:
        if ids:
            statement = delete(self._outbox).where(self._outbox.c.id.in_(ids))
            await self._database.write(lambda connection: connection.execute(statement))


def _halves(event: Event) -> tuple[Event, ...]:
    """Return an event in two, with ids that are the same whenever it is told; () for one entity at most."""
    entities = event.data.get("entities", ())
    middle = len(entities) // 2
    parts = (entities[:middle], entities[middle:]) if middle else ()
    return tuple(
        Event(
            event.topic,
            {**event.data, "entities": part, "parents": parents_of(part)},
            event.source,
            id=_half_id(event.id, number),
        )
        for number, part in enumerate(parts)
    )


def _short(event: Event) -> tuple[Event, ...]:
    """Return an event of one entity with its long texts cut, for it must be told; () where none is long."""
    if not event.data.get("entities"):
        return ()
    (entity,) = event.data["entities"]
    changes = {
        key: {when: _cut(value) for when, value in change.items()}
        for key, change in entity["changes"].items()
    }
    if changes == entity["changes"]:
        return ()
    data = {**event.data, "entities": [{**entity, "changes": changes}]}
    return (Event(event.topic, data, event.source, id=event.id),)


def _cut(value: Any) -> Any:
    return f"{value[:_LONG]}…" if isinstance(value, str) and len(value) > _LONG + 1 else value


def _half_id(whole: str, number: int) -> str:
    return uuid.uuid5(uuid.NAMESPACE_OID, f"{whole}/{number}").hex
