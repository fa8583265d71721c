"""What a new tracker has: statuses, types, priorities, and the locations that official clients build in."""

from __future__ import annotations

import uuid
from typing import Any

from sqlalchemy import Connection, insert, select

from callboard.tracker.model import Model, Reference
from callboard.tracker.tables import Tables

_SPACE = uuid.UUID("5b3e2f0a-6f4e-4f0f-9a53-0f6f2c1d7c11")


def fixed_id(kind: str, name: str) -> str:
    """Return the id of something that every tracker has, the same in each."""
    return str(uuid.uuid5(_SPACE, f"{kind}/{name}"))


def object_type(name: str) -> str:
    """Return the id of an object type."""
    return fixed_id("ObjectType", name)


LOCATIONS = {
    "ftrack.origin": "ce9b348f-8809-11e3-821c-20c9d081909b",
    "ftrack.unmanaged": "cb268ecc-8809-11e3-a7e2-20c9d081909b",
    "ftrack.review": "cd41be70-8809-11e3-b98a-20c9d081909b",
    "ftrack.connect": "07b82a97-8cf9-11e3-9383-20c9d081909b",
    "ftrack.server": "3a372bde-05bc-11e4-8908-20c9d081909b",
}
"""The built-in locations, with the ids that the official clients know them by."""

_STATES = {
    "Not started": "NOT_STARTED",
    "In progress": "IN_PROGRESS",
    "Done": "DONE",
    "Blocked": "BLOCKED",
}
_STATUSES = (
    ("Not started", "#808080", "Not started"),
    ("Ready to start", "#9ecae1", "Not started"),
    ("In progress", "#3182bd", "In progress"),
    ("Pending review", "#fdae6b", "In progress"),
    ("Ready to print", "#756bb1", "In progress"),
    ("On hold", "#bdbdbd", "Blocked"),
    ("Approved", "#31a354", "Done"),
    ("Omitted", "#636363", "Blocked"),
)
_TYPES = (
    *("Generic", "Modeling", "Sculpting", "Rigging", "Texture", "Animation", "FX", "Layout"),
    *("Lighting", "Rendering", "Compositing", "Previz", "Editing", "Printing", "Character", "Prop"),
)
_NOTE_LABELS = (("Internal", "#808080"), ("Client feedback", "#fdae6b"), ("Supervisor", "#3182bd"))
_PRIORITIES = ("None", "Low", "Medium", "High", "Urgent")
_OBJECT_TYPES = ("Folder", "Episode", "Sequence", "Shot", "AssetBuild", "Milestone", "Task")
_ASSET_TYPES = {
    "Upload": "upload",
    "Model": "geo",
    "Scene": "scene",
    "Image sequence": "img",
    "Film": "mov",
    "Print": "print",
}

CUSTOM_TYPES = ("text", "number", "boolean", "date", "enumerator", "dynamic enumerator")
"""What the value of a custom attribute can be."""


def seed(connection: Connection, model: Model, tables: Tables) -> None:
    """Put in what a new tracker has; a table that has something is left alone."""
    for name, rows in _rows().items():
        table = tables.of(model[name])
        if connection.execute(select(table).limit(1)).first() is None:
            standing = _standing(connection, model, tables, name, rows)
            if standing:
                connection.execute(insert(table), standing)


def _standing(
    connection: Connection, model: Model, tables: Tables, name: str, rows: list[dict[str, Any]]
) -> list[dict[str, Any]]:
    """Return the rows that point to nothing that a studio has deleted since."""
    for found in model[name].attributes.values():
        if isinstance(found, Reference) and found.target and found.by in rows[0]:
            there = set(connection.execute(select(tables.of(model[found.target]).c.id)).scalars())
            rows = [row for row in rows if row[found.by] in there]
        if not rows:
            break
    return rows


def _rows() -> dict[str, list[dict[str, Any]]]:
    return {
        "Location": [{"id": id_, "name": name} for name, id_ in LOCATIONS.items()],
        "State": [_row("State", name, short=short) for name, short in _STATES.items()],
        "Status": [
            _row("Status", name, color=color, sort=sort, state_id=fixed_id("State", state))
            for sort, (name, color, state) in enumerate(_STATUSES)
        ],
        "Type": [_row("Type", name, sort=sort) for sort, name in enumerate(_TYPES)],
        "Priority": [
            _row("Priority", name, sort=sort, value=float(sort)) for sort, name in enumerate(_PRIORITIES)
        ],
        "ObjectType": [_row("ObjectType", name, sort=sort) for sort, name in enumerate(_OBJECT_TYPES)],
        **_workflows(),
        "NoteLabel": [
            _row("NoteLabel", name, color=color, sort=float(sort))
            for sort, (name, color) in enumerate(_NOTE_LABELS)
        ],
        "CustomAttributeType": [
            _row("CustomAttributeType", name, sort=sort) for sort, name in enumerate(CUSTOM_TYPES)
        ],
        "AssetType": [_row("AssetType", name, short=short) for name, short in _ASSET_TYPES.items()],
    }


def _workflows() -> dict[str, list[dict[str, Any]]]:
    """Return one workflow with all statuses, and all types, for everything."""
    return {
        "WorkflowSchema": [_row("WorkflowSchema", "Default")],
        "WorkflowSchemaStatus": [
            {
                "workflow_schema_id": fixed_id("WorkflowSchema", "Default"),
                "status_id": fixed_id("Status", each),
            }
            for each, _, _ in _STATUSES
        ],
        "TaskTypeSchema": [_row("TaskTypeSchema", "Default")],
        "TaskTypeSchemaType": [
            {"task_type_schema_id": fixed_id("TaskTypeSchema", "Default"), "type_id": fixed_id("Type", each)}
            for each in _TYPES
        ],
        "ProjectSchema": [
            _row(
                "ProjectSchema",
                "Default",
                task_workflow_schema_id=fixed_id("WorkflowSchema", "Default"),
                asset_version_workflow_schema_id=fixed_id("WorkflowSchema", "Default"),
                task_type_schema_id=fixed_id("TaskTypeSchema", "Default"),
            )
        ],
        "Schema": [_schema(name) for name in _OBJECT_TYPES[:-1]],
        "SchemaStatus": [
            {"schema_id": _schema(name)["id"], "status_id": fixed_id("Status", each), "sort": float(sort)}
            for name in _OBJECT_TYPES[:-1]
            for sort, (each, _, _) in enumerate(_STATUSES)
        ],
        "SchemaType": [
            {"schema_id": _schema(name)["id"], "type_id": fixed_id("Type", each), "sort": float(sort)}
            for name in _OBJECT_TYPES[:-1]
            for sort, each in enumerate(_TYPES)
        ],
    }


def _row(kind: str, name: str, **more: Any) -> dict[str, Any]:
    return {"id": fixed_id(kind, name), "name": name, **more}


def _schema(name: str) -> dict[str, Any]:
    """Return the row that says which statuses and types an object type has; a task has its workflow."""
    schema = fixed_id("ProjectSchema", "Default")
    return {"id": fixed_id("Schema", name), "project_schema_id": schema, "type_id": object_type(name)}
