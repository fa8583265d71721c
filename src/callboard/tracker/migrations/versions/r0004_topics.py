"""Events of other topics in the outbox: what is told beside a change is in its transaction."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column

from callboard.tracker.migrations.columns import TEXT

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Add the topic; what waits there is of changes."""
    op.add_column("outbox", Column("topic", TEXT, nullable=False, server_default="ftrack.update"))
