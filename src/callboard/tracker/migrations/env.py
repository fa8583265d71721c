"""What Alembic runs for each of its commands: on the connection that it was given, in its transaction."""

from __future__ import annotations

from alembic import context

from callboard.tracker.entities import MODEL
from callboard.tracker.migrations import TABLE
from callboard.tracker.tables import tables_of

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=tables_of(MODEL).metadata,
    version_table=TABLE,
    render_as_batch=True,  # SQLite changes a table by making it anew
    transactional_ddl=True,  # the transaction is the caller's, and SQLite's holds for tables too
    include_name=lambda name, kind, _: kind != "table" or name in tables_of(MODEL).metadata.tables,
)
with context.begin_transaction():
    context.run_migrations()
