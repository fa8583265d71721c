"""Who gave a status when, and which one was there before."""

from __future__ import annotations

from alembic import op
from sqlalchemy import MetaData, Table

from callboard.tracker.migrations.columns import NAMES, TEXT, TIME, keys, loose, plain, pointing

revision = "0003"
down_revision = "0002"

THERE = ("status", "user")
"""Tables of before that the new one points to."""
TABLES = MetaData(naming_convention=NAMES)
for name in THERE:
    Table(name, TABLES, *keys("id"))
NEW = Table(
    "status_change",
    TABLES,
    *keys("id"),
    *loose("parent_id"),
    *plain(TEXT, "parent_type"),
    *plain(TIME, "date"),
    *pointing("status", "status_id", "from_status_id"),
    *pointing("user", "user_id"),
)


def upgrade() -> None:
    """Make the new table; what was before it is not known."""
    NEW.create(op.get_bind(), checkfirst=False)
