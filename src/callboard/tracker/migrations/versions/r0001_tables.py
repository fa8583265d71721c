"""The tables of the first tracker: the last that were made without migrations."""

from __future__ import annotations

from alembic import op
from sqlalchemy import Column, MetaData, Table, UniqueConstraint

from callboard.tracker.migrations.columns import (
    NAMES,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    YES_OR_NO,
    keys,
    kind,
    loose,
    plain,
    pointing,
)

revision = "0001"
down_revision = None

TABLES = MetaData(naming_convention=NAMES)
Table(
    "context",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name", "context_type"),
    *pointing("component", "thumbnail_id"),
    *plain(TIME, "created_at"),
    *pointing("user", "created_by_id"),
    *pointing("context", "parent_id"),
    *plain(TEXT, "full_name", "root", "project_status", "color"),
    *plain(YES_OR_NO, "is_private"),
    *plain(TIME, "start_date", "end_date"),
    *pointing("project_schema", "project_schema_id"),
    *plain(TEXT, "description"),
    *plain(NUMBER, "sort", "bid"),
    *pointing("context", "project_id"),
    *pointing("object_type", "object_type_id"),
    *pointing("status", "status_id"),
    *pointing("type", "type_id"),
    *pointing("priority", "priority_id"),
    kind(),
    UniqueConstraint("parent_id", "name", "kind"),
)
Table(
    "appointment",
    TABLES,
    *keys("id"),
    *plain(TEXT, "type"),
    *plain(TIME, "start_date", "end_date"),
    *pointing("context", "context_id"),
    *pointing("user", "resource_id"),
    UniqueConstraint("context_id", "resource_id", "type"),
)
Table(
    "asset",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name"),
    *pointing("asset_type", "type_id"),
    *pointing("context", "context_id"),
    UniqueConstraint("context_id", "name", "type_id"),
)
Table(
    "asset_version",
    TABLES,
    *keys("id"),
    *plain(WHOLE, "version"),
    *plain(TEXT, "comment"),
    *plain(TIME, "date"),
    *plain(YES_OR_NO, "is_published"),
    *pointing("asset", "asset_id"),
    *pointing("context", "task_id"),
    *pointing("user", "user_id"),
    *pointing("status", "status_id"),
    *pointing("component", "thumbnail_id"),
    UniqueConstraint("asset_id", "version"),
)
Table(
    "component",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name", "file_type"),
    *plain(NUMBER, "size"),
    *plain(TEXT, "system_type"),
    *pointing("asset_version", "version_id"),
    *pointing("component", "container_id"),
    *plain(WHOLE, "padding"),
    kind(),
)
Table(
    "component_location",
    TABLES,
    *keys("id"),
    *plain(TEXT, "resource_identifier"),
    *pointing("component", "component_id"),
    *pointing("location", "location_id"),
    UniqueConstraint("component_id", "location_id"),
)
Table(
    "user",
    TABLES,
    *keys("id"),
    *plain(TEXT, "username", "first_name", "last_name", "email"),
    *plain(YES_OR_NO, "is_active"),
    *plain(TIME, "created_at"),
    UniqueConstraint("username"),
)
Table("location", TABLES, *keys("id"), *plain(TEXT, "name", "label", "description"))
Table("state", TABLES, *keys("id"), *plain(TEXT, "name", "short"))
Table(
    "status",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name", "color"),
    *plain(NUMBER, "sort"),
    *pointing("state", "state_id"),
)
Table("type", TABLES, *keys("id"), *plain(TEXT, "name", "color"), *plain(NUMBER, "sort"))
Table("priority", TABLES, *keys("id"), *plain(TEXT, "name", "color"), *plain(NUMBER, "sort", "value"))
Table("object_type", TABLES, *keys("id"), *plain(TEXT, "name"), *plain(NUMBER, "sort"))
Table("project_schema", TABLES, *keys("id"), *plain(TEXT, "name"))
Table("asset_type", TABLES, *keys("id"), *plain(TEXT, "name", "short"))
Table("custom_attribute_type", TABLES, *keys("id"), *plain(TEXT, "name"), *plain(NUMBER, "sort"))
Table(
    "note",
    TABLES,
    *keys("id"),
    *plain(TEXT, "content"),
    *plain(TIME, "date"),
    *loose("parent_id"),
    *plain(TEXT, "parent_type"),
    *pointing("user", "user_id"),
    *pointing("note", "in_reply_to_id"),
)
Table(
    "list",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name"),
    *plain(YES_OR_NO, "is_open"),
    *plain(TIME, "date"),
    *plain(NUMBER, "sort"),
    *pointing("context", "project_id"),
    *pointing("user", "owner_id"),
    kind(),
)
Table(
    "list_object",
    TABLES,
    *keys("id"),
    *pointing("list", "list_id"),
    *loose("entity_id"),
    *plain(TIME, "created_at"),
    UniqueConstraint("list_id", "entity_id"),
)
Table("metadata", TABLES, *keys("parent_id", "key"), *plain(TEXT, "parent_type", "value"))
Table(
    "custom_attribute_configuration",
    TABLES,
    *keys("id"),
    *plain(TEXT, "key", "label", "entity_type"),
    *plain(YES_OR_NO, "is_hierarchical"),
    *plain(TEXT, "default"),
    *plain(NUMBER, "sort"),
    *pointing("custom_attribute_type", "type_id"),
    *pointing("context", "project_id"),
    *pointing("object_type", "object_type_id"),
    UniqueConstraint("key", "entity_type", "project_id", "object_type_id"),
)
Table(
    "context_custom_attribute_value",
    TABLES,
    *keys("configuration_id", "entity_id"),
    *plain(TEXT, "key", "value"),
)
Table(
    "outbox",
    TABLES,
    Column("id", WHOLE, primary_key=True, autoincrement=True),
    Column("event", TEXT, nullable=False, unique=True),
    Column("data", TEXT, nullable=False),
    Column("source", TEXT, nullable=False),
    sqlite_autoincrement=True,
)


def upgrade() -> None:
    """Make the tables in an empty database."""
    TABLES.create_all(op.get_bind(), checkfirst=False)
