"""Which statuses and types a project has for what: the types that `ProjectSchema.get_statuses` reads.

Source: the schema list of the official JavaScript client's tests; entity/project_schema.py of the Python one.
"""

from __future__ import annotations

from callboard.tracker.lookups import ID, NAME, SORT, STATUS_CHANGE, pair, to
from callboard.tracker.model import (
    Collection,
    Default,
    EntityType,
    Fate,
    Kind,
    Reference,
    Scalar,
    Through,
    attributes,
)

WORKFLOWS = (
    EntityType(
        "ProjectSchema",
        "project_schema",
        attributes(
            ID,
            NAME,
            to("_task_workflow", "WorkflowSchema", by="task_workflow_schema_id"),
            to("_version_workflow", "WorkflowSchema", by="asset_version_workflow_schema_id"),
            to("_task_type_schema", "TaskTypeSchema", by="task_type_schema_id"),
            Collection("_overrides", "ProjectSchemaOverride", "project_schema_id"),
            Collection("_schemas", "Schema", "project_schema_id"),
            Through("object_types", "ObjectType", "Schema", "project_schema_id", "type_id"),
        ),
        projections=("id", "name"),
    ),
    EntityType(
        "WorkflowSchema",
        "workflow_schema",
        attributes(
            ID,
            NAME,
            Through("statuses", "Status", "WorkflowSchemaStatus", "workflow_schema_id", "status_id"),
        ),
        projections=("id", "name"),
    ),
    pair("WorkflowSchemaStatus", ("workflow_schema", "WorkflowSchema"), ("status", "Status")),
    EntityType(
        "TaskTypeSchema",
        "task_type_schema",
        attributes(
            ID, NAME, Through("types", "Type", "TaskTypeSchemaType", "task_type_schema_id", "type_id")
        ),
        projections=("id", "name"),
    ),
    pair("TaskTypeSchemaType", ("task_type_schema", "TaskTypeSchema"), ("type", "Type")),
    EntityType(
        "ProjectSchemaOverride",
        "project_schema_override",
        attributes(
            ID,
            to("project_schema", "ProjectSchema", Fate.GOES, required=True),
            to("type", "Type", Fate.GOES, required=True),
            to("workflow_schema", "WorkflowSchema", required=True),
        ),
        projections=("id", "project_schema_id", "type_id", "workflow_schema_id"),
        unique=(("project_schema_id", "type_id"),),
    ),
    EntityType(
        "Schema",
        "schema",
        attributes(
            ID,
            to("project_schema", "ProjectSchema", Fate.GOES, required=True),
            to("object_type", "ObjectType", by="type_id", required=True),
            Collection("statuses", "SchemaStatus", "schema_id"),
            Collection("types", "SchemaType", "schema_id"),
        ),
        projections=("id", "project_schema_id", "type_id"),
        unique=(("project_schema_id", "type_id"),),
    ),
    pair("SchemaStatus", ("schema", "Schema"), ("task_status", "Status"), SORT, by="status_id"),
    EntityType(
        STATUS_CHANGE,
        "status_change",
        attributes(
            ID,
            Scalar("parent_id", required=True, computed=True),
            Scalar("parent_type", computed=True),
            Scalar("date", Kind.TIME, default=Default.NOW, computed=True),
            Reference("parent", "", "parent_id", Fate.GOES, ("Context", "AssetVersion")),
            to("status", "Status", Fate.GOES, computed=True),
            to("from_status", "Status", Fate.CLEARS, computed=True),
            to("user", "User", Fate.CLEARS, default=Default.USER, computed=True),
        ),
        projections=("id", "date", "parent_id", "status_id", "from_status_id", "user_id"),
        up="parent_id",
    ),
    pair("SchemaType", ("schema", "Schema"), ("task_type", "Type"), SORT, by="type_id"),
)
