"""What Alembic runs for each of its commands: on the connection that it was given, in its transaction."""

from __future__ import annotations

from typing import Any, Literal

from alembic import context
from alembic.autogenerate.api import AutogenContext
from sqlalchemy import Boolean, DateTime, Float, Integer, Text

from callboard.tracker.entities import MODEL
from callboard.tracker.migrations import TABLE
from callboard.tracker.tables import tables_of

_TYPES = {Text: "TEXT", Integer: "WHOLE", Float: "NUMBER", Boolean: "YES_OR_NO", DateTime: "TIME"}


def spelled(kind: str, item: Any, about: AutogenContext) -> str | Literal[False]:
    """Return the name of a column's type in migrations/columns.py; False where Alembic shall spell it."""
    name = _TYPES.get(type(item)) if kind == "type" else None
    if name is None:
        return False
    about.imports.add(f"from callboard.tracker.migrations.columns import {name}")
    return name


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables_of(MODEL).metadata,
    version_table=TABLE,
    render_item=spelled,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=True,  # the transaction is the caller's, and SQLite's holds for tables too
    include_name=lambda name, kind, _: kind != "table" or name in tables_of(MODEL).metadata.tables,
)
with context.begin_transaction():
    context.run_migrations()
