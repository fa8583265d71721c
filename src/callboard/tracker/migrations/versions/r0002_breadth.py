"""More of what studios keep: groups, time logs, jobs, links, workflows, labels of notes."""

from __future__ import annotations

from typing import Any

from alembic import op
from sqlalchemy import (
    Column,
    MetaData,
    Table,
    UniqueConstraint,
    column,
    false,
    insert,
    literal,
    select,
    table,
)

from callboard.tracker.migrations.columns import (
    NAMES,
    NUMBER,
    TEXT,
    TIME,
    WHOLE,
    YES_OR_NO,
    keys,
    kind,
    plain,
    pointing,
)
from callboard.tracker.seeding import fixed_id

revision = "0002"
down_revision = "0001"

THERE = ("asset_version", "context", "object_type", "project_schema", "type", "user")
"""Tables of before that new ones point to."""
UNIQUE = (
    *("context", "appointment", "asset", "asset_version", "component_location", "user", "list_object"),
    *("custom_attribute_configuration", "outbox"),
)
"""Tables of before with names that must differ."""
TABLES = MetaData(naming_convention=NAMES)
for name in THERE:
    Table(name, TABLES, *keys("id"))
Table("asset_version_use", TABLES, *keys("user_version_id", "used_version_id"))
Table(
    "asset_version_link",
    TABLES,
    *keys("id"),
    *plain(TEXT, "type"),
    *pointing("asset_version", "from_id", "to_id"),
    UniqueConstraint("from_id", "to_id"),
)
Table(
    "typed_context_link",
    TABLES,
    *keys("id"),
    *plain(TEXT, "type"),
    *pointing("context", "from_id", "to_id"),
    UniqueConstraint("from_id", "to_id"),
)
Table("setting", TABLES, *keys("name", "group"), *plain(TEXT, "value"))
Table("workflow_schema", TABLES, *keys("id"), *plain(TEXT, "name"))
Table("workflow_schema_status", TABLES, *keys("workflow_schema_id", "status_id"))
Table("task_type_schema", TABLES, *keys("id"), *plain(TEXT, "name"))
Table("task_type_schema_type", TABLES, *keys("task_type_schema_id", "type_id"))
Table(
    "project_schema_override",
    TABLES,
    *keys("id"),
    *pointing("project_schema", "project_schema_id"),
    *pointing("type", "type_id"),
    *pointing("workflow_schema", "workflow_schema_id"),
    UniqueConstraint("project_schema_id", "type_id"),
)
Table(
    "schema",
    TABLES,
    *keys("id"),
    *pointing("project_schema", "project_schema_id"),
    *pointing("object_type", "type_id"),
    UniqueConstraint("project_schema_id", "type_id"),
)
Table("schema_status", TABLES, *keys("schema_id", "status_id"), *plain(NUMBER, "sort"))
Table("schema_type", TABLES, *keys("schema_id", "type_id"), *plain(NUMBER, "sort"))
Table(
    "group",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name"),
    *plain(YES_OR_NO, "local"),
    *pointing("group", "parent_id"),
    UniqueConstraint("name"),
)
Table(
    "membership",
    TABLES,
    *keys("id"),
    *pointing("user", "user_id"),
    *pointing("group", "group_id"),
    UniqueConstraint("user_id", "group_id"),
)
Table(
    "timelog",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name", "comment"),
    *plain(TIME, "start"),
    *plain(NUMBER, "duration"),
    *pointing("user", "user_id"),
    *pointing("context", "context_id"),
)
Table(
    "timer",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name", "comment"),
    *plain(TIME, "start"),
    *pointing("user", "user_id"),
    *pointing("context", "context_id"),
    UniqueConstraint("user_id"),
)
Table(
    "job",
    TABLES,
    *keys("id"),
    *plain(TEXT, "type", "status", "data"),
    *plain(TIME, "created_at", "finished_at"),
    *pointing("user", "user_id"),
)
Table("job_component", TABLES, *keys("job_id", "component_id"))
Table(
    "note_label",
    TABLES,
    *keys("id"),
    *plain(TEXT, "name", "color"),
    *plain(NUMBER, "sort"),
    UniqueConstraint("name"),
)
Table("note_label_link", TABLES, *keys("note_id", "label_id"))
Table("recipient", TABLES, *keys("note_id", "resource_id"), *plain(TEXT, "text_mentioned"))
Table("custom_attribute_group", TABLES, *keys("id"), *plain(TEXT, "name"), *plain(NUMBER, "sort"))
Table(
    "custom_attribute_value",
    TABLES,
    *keys("entity_id", "configuration_id"),
    *plain(TEXT, "key", "value"),
    kind(),
)

OLD_VALUES = Table(
    "context_custom_attribute_value",
    TABLES,
    *keys("configuration_id", "entity_id"),
    *plain(TEXT, "key", "value"),
)
USERS, NOTES = table("user", column("resource_type")), table("note", column("is_todo"))
CONFIGURATIONS = table("custom_attribute_configuration", column("core"))
SCHEMAS = table(
    "project_schema",
    column("id"),
    column("task_workflow_schema_id"),
    column("asset_version_workflow_schema_id"),
    column("task_type_schema_id"),
)


def upgrade() -> None:
    """Make the new tables and columns, and give what was there what it would be made with now."""
    if op.get_bind().dialect.name == "sqlite":
        _name_constraints()
    new = [each for each in TABLES.tables.values() if each.name not in (*THERE, OLD_VALUES.name)]
    TABLES.create_all(op.get_bind(), tables=new, checkfirst=False)
    for name, added in columns().items():
        with op.batch_alter_table(name) as changed:
            for each in added:
                indexed, each.index = each.index, None  # which would be named for the table in between
                changed.add_column(each)
                if indexed:
                    changed.create_index(f"ix_{name}_{each.name}", [each.name])
    _keep_custom_values()
    op.execute(USERS.update().values(resource_type="user"))
    op.execute(NOTES.update().values(is_todo=false()))
    op.execute(CONFIGURATIONS.update().values(core=false()))
    op.execute(
        SCHEMAS.update()
        .where(SCHEMAS.c.id == fixed_id("ProjectSchema", "Default"))
        .values(
            task_workflow_schema_id=fixed_id("WorkflowSchema", "Default"),
            asset_version_workflow_schema_id=fixed_id("WorkflowSchema", "Default"),
            task_type_schema_id=fixed_id("TaskTypeSchema", "Default"),
        )
    )


def _name_constraints() -> None:
    """Name the constraints of tables made without revisions, so that later ones can speak of them."""
    for name in UNIQUE:
        also = {"sqlite_autoincrement": True} if name == "outbox" else {}
        with op.batch_alter_table(
            name, recreate="always", naming_convention={"uq": NAMES["uq"]}, table_kwargs=also
        ):
            pass


def _keep_custom_values() -> None:
    """Put the values of contexts among those of all types."""
    names = ("entity_id", "configuration_id", "key", "value")
    old = select(*(OLD_VALUES.c[name] for name in names), literal("ContextCustomAttributeValue"))
    op.execute(insert(TABLES.tables["custom_attribute_value"]).from_select([*names, "kind"], old))
    op.drop_table(OLD_VALUES.name)


def columns() -> dict[str, tuple[Column[Any], ...]]:
    """Return the new columns of tables that were there."""
    return {
        "project_schema": (
            *pointing("workflow_schema", "task_workflow_schema_id", "asset_version_workflow_schema_id"),
            *pointing("task_type_schema", "task_type_schema_id"),
        ),
        "user": (
            *plain(TEXT, "resource_type"),
            *pointing("component", "thumbnail_id"),
        ),
        "note": (
            *plain(YES_OR_NO, "is_todo"),
            *plain(TIME, "completed_at"),
            *plain(WHOLE, "frame_number"),
            *pointing("user", "completed_by_id"),
            *pointing("note_label", "category_id"),
        ),
        "custom_attribute_configuration": (
            *plain(TEXT, "config"),
            *plain(YES_OR_NO, "core"),
            *pointing("custom_attribute_group", "group_id"),
        ),
    }
