"""The tracker's room: a batch of operations in, their results out, one transaction and one event."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import structlog
from msgspec import structs
from sqlalchemy import Connection, select
from sqlalchemy.util import await_only

from callboard.bus import Bus
from callboard.event import Event
from callboard.tracker import outbox
from callboard.tracker.absent import absent
from callboard.tracker.custom import CONFIGURATION, is_value, typed
from callboard.tracker.database import Database
from callboard.tracker.engines import engine_of
from callboard.tracker.entities import MODEL
from callboard.tracker.language import parse
from callboard.tracker.ledger import Ledger, Values
from callboard.tracker.mentions import mentioned
from callboard.tracker.model import Collection as Members
from callboard.tracker.model import EntityType, Kind, Reference, Scalar, Through
from callboard.tracker.operations import Operations
from callboard.tracker.refusals import Invalid
from callboard.tracker.schemas import hash_of, schemas_of
from callboard.tracker.searching import searched
from callboard.tracker.selecting import Selection
from callboard.tracker.tables import TOPIC, tables_of
from callboard.tracker.telling import Account, payloads
from callboard.tracker.upkeep import keep_up
from callboard.tracker.uploading import ACTION, freed, upload_asked
from callboard.tracker.values import now, shown

log = structlog.get_logger("callboard.tracker")

VERSION = "25.6.0"
"""The version that official clients are told: they look whether it is new enough for them."""
MOST_OPERATIONS = 100_000
MOST_QUESTIONS = 1_000
"""Operations of a batch that only read; the entities that they find are bounded together."""
MOST_SCHEMAS = 10
"""Times that a batch may ask for the schemas: each answer is 50 KB."""
_READING = frozenset({"query", "search", "query_schemas", "query_server_information"})
_WRITING = frozenset({"create", "update", "delete"})
_ASKING = _READING | {ACTION}
_GOODBYE = 2.0
_AT_ONCE = 50
"""Operations between two looks at what else there is to do."""


Freeing = Callable[[Collection[str]], Awaitable[None]]
"""Is told, once it is committed, of components that are gone, or out of `ftrack.server`."""


@dataclass(frozen=True)
class Caller:
    """Who sends a batch: the user of the key, the tokens of the client, and what led to it, if anything."""

    user: str
    client: str | None = None
    push: str | None = None
    trace: Mapping[str, Any] | None = None
    """The `source.trace` of the events that the batch leads to: {correlation, cause, hops}."""


class Tracker:
    """The entities, behind the operations of the official clients."""

    def __init__(self, database: Database, bus: Bus, free: Freeing | None = None) -> None:
        self._database, self._tables, self._free = database, tables_of(MODEL), free
        self._drain = outbox.Drain(database, self._tables.outbox, bus)
        self._schemas = schemas_of(MODEL)
        self._hash = hash_of(self._schemas)
        self._known: set[str] = set()

    async def __aenter__(self) -> Tracker:
        """Begin to tell what is in the outbox."""
        self._task = asyncio.create_task(self._drain.run())
        return self

    async def __aexit__(self, *_: object) -> None:
        """Tell what is left, if the log takes it."""
        self._drain.finish()
        await asyncio.wait([self._task], timeout=_GOODBYE)
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    async def answer(
        self, batch: Sequence[Mapping[str, Any]], caller: Caller, also: Sequence[Event] = ()
    ) -> list[Any]:
        """Return the results of operations in their order; all of them are done, or none.

        Once they are, `also` is told behind what changed, with the same source; where the batch only reads,
        nothing is. Raises Refused with the reason why none is done.
        """
        _check(batch)
        await self._greet(caller)
        if all(_action(one) in _READING for one in batch):
            return await self._database.read(lambda connection: self._read(connection, batch))
        results, gone = await self._database.write(
            lambda connection: self._work(connection, batch, caller, also)
        )
        self._drain.wake()
        if any(one.get("entity_type") == "User" for one in batch if _action(one) == "delete"):
            self._known.clear()  # whoever it was: they are welcomed again
        if gone and self._free is not None:
            await self._free(gone)
        return results

    async def _greet(self, caller: Caller) -> None:
        """See to it that who asks is a user of the tracker."""
        if caller.user not in self._known:
            await self._database.write(lambda connection: self._welcome(connection, caller))
            self._drain.wake()
            self._known.add(caller.user)

    def _read(self, connection: Connection, batch: Sequence[Mapping[str, Any]]) -> list[Any]:
        selection = Selection(connection, MODEL, self._tables)
        return [self._answer(selection, one) for one in batch]

    def _answer(self, selection: Selection, one: Mapping[str, Any]) -> Any:
        match _action(one):
            case "query_server_information":
                return self._information()
            case "query_schemas":
                return self._schemas
            case "search":
                return {**selection.answer(searched(one)), "action": "search"}
            case _:
                return selection.answer(parse(_text(one, "expression")))

    def _information(self) -> dict[str, Any]:
        return {
            "version": VERSION,
            "product": "Callboard",
            "schema_hash": self._hash,
            "storage_scenario": None,
            "is_timezone_support_enabled": True,
        }

    def _work(
        self,
        connection: Connection,
        batch: Sequence[Mapping[str, Any]],
        caller: Caller,
        also: Sequence[Event],
    ) -> tuple[list[Any], Collection[str]]:
        user = self._welcome(connection, caller)
        ledger = Ledger(connection, MODEL, self._tables, now())
        ledger.read(mentioned(MODEL, batch))
        operations = Operations(ledger, user["id"])
        results: list[Any] = []
        for number, one in enumerate(batch):
            if number % _AT_ONCE == _AT_ONCE - 1:
                await_only(asyncio.sleep(0))  # the hub has others to serve
            results.append(self._do(connection, ledger, operations, one))
        ledger.flush()
        self._tell(connection, ledger, user, caller, also)
        return results, freed(ledger)

    def _do(
        self, connection: Connection, ledger: Ledger, operations: Operations, one: Mapping[str, Any]
    ) -> Any:
        action = _action(one)
        if action in _READING:
            ledger.flush()
            return self._answer(Selection(connection, MODEL, self._tables), one)
        if action == ACTION:
            return upload_asked(ledger, one)
        if action not in _WRITING:
            raise absent(action)
        entity = _text(one, "entity_type")
        if action == "delete":
            operations.delete(entity, _key(one))
            return {"action": action, "data": True}
        data = one.get("entity_data")
        if not isinstance(data, Mapping):
            raise Invalid(f"`entity_data` of {action} is a JSON object.")
        if action == "create":
            return {"action": action, "data": self._entity(ledger, data, *operations.create(entity, data))}
        done = operations.update(entity, _key(one), data)
        return {"action": action, "data": self._entity(ledger, data, *done)}

    def _entity(
        self, ledger: Ledger, data: Mapping[str, Any], one: EntityType, row: Values
    ) -> dict[str, Any]:
        """Return a row as clients merge it: its values, and the relations that were sent, as they now are."""
        made: dict[str, Any] = {"__entity_type__": one.name}
        for name, found in one.attributes.items():
            match found:
                case Scalar():
                    if not found.derived:
                        made[name] = _shown(ledger, found, row)
                case Reference() if found.target and (name in data or found.by in data):
                    made[name] = _reference(ledger, MODEL[found.target], row[found.by])
                case Members() if name in data and not is_value(found.target):
                    target = MODEL[found.target]
                    members = ledger.find(target, found.by, [row["id"]])
                    sent = [[each.get(key) for key in target.key] for each in data[name] or ()]
                    made[name] = [
                        _named(ledger.kind(target, each), each)
                        for each in members
                        if list(ledger.key(target, each)) in sent  # others may go later in this batch
                    ]
                case Through() if name in data:
                    made[name] = [
                        reference
                        for each in data[name] or ()
                        if (reference := _reference(ledger, MODEL[found.target], each.get("id"))) is not None
                    ]
        return made

    def _user(self, connection: Connection, username: str) -> Values | None:
        users = self._tables.of(MODEL["User"])
        found = connection.execute(select(users).where(users.c.username == username)).mappings().first()
        return dict(found) if found is not None else None

    def _welcome(self, connection: Connection, caller: Caller) -> Values:
        """Return the user of who asks; one whose key is new, or whose User was deleted, is made."""
        if (there := self._user(connection, caller.user)) is not None:
            return there
        ledger = Ledger(connection, MODEL, self._tables, now())
        _, row = Operations(ledger, None).create("User", {"username": caller.user})
        ledger.flush()
        self._tell(connection, ledger, row, caller, ())
        return row

    def _tell(
        self,
        connection: Connection,
        ledger: Ledger,
        user: Mapping[str, Any],
        caller: Caller,
        also: Sequence[Event],
    ) -> None:
        source: dict[str, Any] = {"user": {"id": user["id"], "username": user["username"]}}
        if caller.trace is not None:
            source["trace"] = dict(caller.trace)
        changes = payloads(Account(ledger).entries(), user, caller.client, caller.push)
        told = [Event(TOPIC, data, source) for data in changes]
        told += [structs.replace(event, source=source) for event in also]
        outbox.put(connection, self._tables.outbox, told)


def _shown(ledger: Ledger, scalar: Scalar, row: Values) -> Any:
    value = row[scalar.stored]
    if scalar.kind is Kind.ANY and "configuration_id" in row:
        return typed(ledger.load(MODEL[CONFIGURATION], (row["configuration_id"],)), value)
    return shown(value)


def _named(one: EntityType, row: Values) -> dict[str, Any]:
    """Return a row as others refer to it."""
    return {"__entity_type__": one.name, **{key: row[key] for key in one.key}}


def _reference(ledger: Ledger, target: EntityType, given: str | None) -> dict[str, Any] | None:
    row = ledger.load(target, (given,)) if given is not None else None
    return _named(ledger.kind(target, row), row) if row is not None else None


def _check(batch: Sequence[Mapping[str, Any]]) -> None:
    """Raise Invalid for a batch that asks for too much at once."""
    asked = [action for one in batch if (action := _action(one)) in _ASKING]
    if len(batch) > MOST_OPERATIONS:
        raise Invalid(f"A batch has at most {MOST_OPERATIONS} operations: send several.")
    if len(asked) > MOST_QUESTIONS or asked.count("query_schemas") > MOST_SCHEMAS:
        raise Invalid(
            f"A batch asks at most {MOST_QUESTIONS} questions, and {MOST_SCHEMAS} times for the schemas: "
            "send several."
        )


def _action(one: Mapping[str, Any]) -> str:
    return str(one.get("action"))


def _text(one: Mapping[str, Any], name: str) -> str:
    found = one.get(name)
    if not isinstance(found, str):
        raise Invalid(f"`{name}` of an operation is text.")
    return found


def _key(one: Mapping[str, Any]) -> list[Any]:
    found = one.get("entity_key")
    if isinstance(found, str):
        return [found]
    if not isinstance(found, list):
        raise Invalid("`entity_key` of an operation is a list of texts.")
    return found


@contextlib.asynccontextmanager
async def open_tracker(
    bus: Bus, url: str | None, data: Path, free: Freeing | None = None
) -> AsyncIterator[Tracker]:
    """Open the database, tracker.db in the data folder unless `url` names another, and the room.

    `free` may remove the bytes of components, and never raises. Raises CantOpen.
    """
    await keep_up(url, data)
    engine = engine_of(url, data)
    try:
        async with Tracker(Database(engine), bus, free) as tracker:
            yield tracker
    finally:
        await engine.dispose()
