"""A tracker as one writes it in an afternoon: SQLAlchemy's ORM behind Starlette, events by python-socketio.

The peer of benchmarks/production.py. It answers the same official client over the same `/api`, writes the
same rows into the same tables, keeps the same event in the same transaction and sends it to who joined. It
checks nothing, has contexts alone, and knows no query language: the one that is measured is written by hand.
"""

from __future__ import annotations

import asyncio
import json
import sys
import threading
import uuid
from datetime import UTC, datetime
from typing import Any

import socketio
import uvicorn
from sqlalchemy import create_engine, event, select
from sqlalchemy.orm import DeclarativeBase, Session, relationship, selectinload
from starlette.applications import Starlette
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from callboard.tracker.entities import MODEL
from callboard.tracker.schemas import hash_of, schemas_of
from callboard.tracker.seeding import seed
from callboard.tracker.tables import tables_of

TABLES = tables_of(MODEL)
ROOM = "updates"


class Base(DeclarativeBase):
    """Mapped onto the tables of the tracker itself."""

    metadata = TABLES.metadata


class Status(Base):
    """A status."""

    __table__ = TABLES.metadata.tables["status"]


class Context(Base):
    """A project, or what is in one."""

    __table__ = TABLES.metadata.tables["context"]
    status = relationship(Status)
    parent = relationship("Context", remote_side="Context.id", foreign_keys="Context.parent_id")


class Outbox(Base):
    """An event that is kept."""

    __table__ = TABLES.outbox


COLUMNS = tuple(column.key for column in Context.__table__.columns)
TOLD = {
    scalar.stored: scalar.told
    for name in ("Project", "Sequence", "Shot", "Task")
    for scalar in MODEL[name].scalars
}


class Tracker:
    """The rows, behind the few operations that the benchmark's client sends."""

    def __init__(self, path: str) -> None:
        self._engine = create_engine(f"sqlite:///{path}")
        event.listen(self._engine, "connect", _prepare)
        self._writing = threading.Lock()
        TABLES.metadata.create_all(self._engine)
        with self._engine.begin() as connection:
            seed(connection, MODEL, TABLES)
            first = {
                name: connection.execute(select(table.c.id).order_by(table.c.sort)).scalar()
                for name, table in TABLES.metadata.tables.items()
                if name in ("status", "type", "priority")
            }
        self._firsts = {f"{name}_id": id_ for name, id_ in first.items()}
        self._schemas = schemas_of(MODEL)

    def answer(self, batch: list[dict[str, Any]]) -> tuple[bytes, dict[str, Any] | None]:
        """Return the answer to a batch, and the event that tells of it."""
        with self._writing, Session(self._engine, expire_on_commit=False) as session:
            entries: list[dict[str, Any]] = []
            results = [self._do(session, one, entries) for one in batch]
            told = _told(entries) if entries else None
            if told is not None:
                session.add(Outbox(event=told["id"], data=json.dumps(told["data"]), source="{}"))
            session.commit()
        return json.dumps(results).encode(), told

    def _do(self, session: Session, one: dict[str, Any], entries: list[dict[str, Any]]) -> Any:
        match one["action"]:
            case "query_server_information":
                return {"version": "25.6.0", "schema_hash": hash_of(self._schemas), "storage_scenario": None}
            case "query_schemas":
                return self._schemas
            case "query":
                return _query(session, one["expression"])
            case "create":
                row = self._create(session, one)
                entries.append(_entry(session, row, "add", dict.fromkeys(COLUMNS)))
            case _:
                found = session.get(Context, one["entity_key"][0])
                assert found is not None
                row = found
                sent = _columns(one["entity_data"])
                before = {name: getattr(row, name) for name in sent}
                for name, value in sent.items():
                    setattr(row, name, value)
                entries.append(_entry(session, row, "update", before))
        return {"action": one["action"], "data": _shown(row, one["entity_data"])}

    def _create(self, session: Session, one: dict[str, Any]) -> Context:
        kind, data = one["entity_type"], _columns(one["entity_data"])
        parent = session.get(Context, data["parent_id"]) if data.get("parent_id") else None
        typed = kind != "Project"
        more = {
            "kind": kind,
            "context_type": MODEL[kind].told,
            "created_at": datetime.now(UTC).replace(tzinfo=None),
            "project_id": (parent.project_id or parent.id) if parent is not None else None,
            **(self._firsts if typed else {}),
        }
        row = Context(**{**more, **data})
        session.add(row)
        return row


def _columns(data: dict[str, Any]) -> dict[str, Any]:
    """Return what a client sent by column."""
    plain = {name: value for name, value in data.items() if name in COLUMNS}
    related = {f"{name}_id": value["id"] for name, value in data.items() if isinstance(value, dict)}
    return plain | related


def _text(value: Any) -> Any:
    return value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value


def _shown(row: Context, sent: dict[str, Any]) -> dict[str, Any]:
    shown = {name: getattr(row, name) for name in COLUMNS if name != "kind"}
    if shown["created_at"] is not None:
        shown["created_at"] = {"__type__": "datetime", "value": _text(shown["created_at"])}
    attributes = MODEL[row.kind].attributes
    related = {name: value for name, value in sent.items() if isinstance(value, dict)}
    mine = {name: shown[name] for name in shown if name in attributes}
    return {"__entity_type__": row.kind, **mine, **related}


def _entry(session: Session, row: Context, action: str, before: dict[str, Any]) -> dict[str, Any]:
    changes = {
        TOLD[name]: {"old": _text(old), "new": _text(getattr(row, name))}
        for name, old in before.items()
        if name in TOLD and old != getattr(row, name) and name not in ("id", "context_type", "created_at")
    }
    way, at = [], row
    while True:
        told = MODEL[at.kind].told
        above = {"entityId": at.id, "entityType": told, "entity_type": at.kind, "parentId": at.parent_id}
        way.append(above)
        higher = session.get(Context, at.parent_id) if at.parent_id is not None else None
        if higher is None:
            break
        at = higher
    return {
        "action": action,
        **{name: value for name, value in way[0].items() if name != "parentId"},
        "objectTypeId": row.object_type_id,
        "keys": list(changes),
        "changes": changes,
        "parentId": row.parent_id,
        "parents": way,
    }


def _told(entries: list[dict[str, Any]]) -> dict[str, Any]:
    data = {
        "entities": entries,
        "parents": list(dict.fromkeys(each["entityId"] for one in entries for each in one["parents"][1:])),
        "user": {"userid": None, "name": "admin"},
    }
    return {"topic": "ftrack.update", "id": uuid.uuid4().hex, "data": data, "source": {}, "target": ""}


def _query(session: Session, expression: str) -> dict[str, Any]:
    """Answer `Status`, and tasks with the names of their status and parent: nothing else."""
    if "from Status" in expression:
        rows = session.scalars(select(Status))
        data = [{"__entity_type__": "Status", "id": each.id, "name": each.name} for each in rows]
    else:
        wish = select(Context).where(Context.kind == "Task").order_by(Context.id).limit(1000)
        found = session.scalars(wish.options(selectinload(Context.status), selectinload(Context.parent)))
        data = [_task(each) for each in found]
    return {"action": "query", "data": data, "metadata": {"next": {"offset": None}}}


def _task(row: Context) -> dict[str, Any]:
    status, parent = row.status, row.parent
    return {
        "__entity_type__": "Task",
        "id": row.id,
        "name": row.name,
        "status": {"__entity_type__": "Status", "id": status.id, "name": status.name},
        "parent": {"__entity_type__": parent.kind, "id": parent.id, "name": parent.name},
    }


def _prepare(connection: Any, _: object) -> None:
    """As ours has it."""
    for pragma in ("foreign_keys=ON", "journal_mode=WAL", "synchronous=NORMAL"):
        connection.execute(f"PRAGMA {pragma}")


def app(path: str) -> socketio.ASGIApp:
    """Return the server: `/api`, and sockets that get each event once they said `join`."""
    tracker, sockets = Tracker(path), socketio.AsyncServer(async_mode="asgi", ping_interval=600)
    telling = asyncio.Lock()

    async def api(request: Request) -> Response:
        batch = json.loads(await request.body())
        async with telling:  # in the order of the commits
            body, told = await run_in_threadpool(tracker.answer, batch)
            if told is not None:
                await sockets.emit("ftrack.event", told, room=ROOM)
        return Response(body, media_type="application/json")

    async def join(sid: str) -> bool:
        await sockets.enter_room(sid, ROOM)
        return True

    sockets.on("join", join)
    return socketio.ASGIApp(sockets, Starlette(routes=[Route("/api", api, methods=["POST"])]))


if __name__ == "__main__":
    uvicorn.run(
        app(sys.argv[2]),
        port=int(sys.argv[1]),
        log_level="critical",
        ws="websockets-sansio",
        ws_ping_interval=None,
    )
