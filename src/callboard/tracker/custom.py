"""Custom attributes: what a studio adds to contexts, each with a configuration and a value where one was set.

Values are stored as text and read by the type of their configuration. A context has a value for every
configuration that applies to it, as the official clients want it: the default where none was set.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from sqlalchemy import Connection, select

from callboard.tracker.ledger import Row
from callboard.tracker.model import Model
from callboard.tracker.seeding import CUSTOM_TYPES, fixed_id
from callboard.tracker.tables import KIND, Tables

VALUE = "ContextCustomAttributeValue"
TABLE = "context_custom_attribute_value"
CONFIGURATION = "CustomAttributeConfiguration"

_NAMES = {fixed_id("CustomAttributeType", name): name for name in CUSTOM_TYPES}


def typed(configuration: Mapping[str, Any] | None, text: str | None) -> Any:
    """Return a stored value as its configuration's type has it; text that is none of it stays text."""
    if text is None or configuration is None:
        return text
    match _NAMES.get(configuration["type_id"]):
        case "number":
            try:
                return float(text)
            except ValueError:
                return text
        case "boolean":
            return text.lower() in ("true", "1")
        case _:
            return text


def configurations(connection: Connection, model: Model, tables: Tables) -> dict[str, Mapping[str, Any]]:
    """Return all configurations by id."""
    table = tables.of(model[CONFIGURATION])
    rows = connection.execute(select(table).order_by(table.c.sort, table.c.key, table.c.id)).mappings()
    return {row["id"]: dict(row) for row in rows}


def unset(
    known: Iterable[Mapping[str, Any]], context: Row, members: Sequence[Mapping[str, Any]]
) -> Iterator[dict[str, Any]]:
    """Yield the values that a context has by default: of configurations that apply, and were not set."""
    there = {each["configuration_id"] for each in members}
    for each in known:
        if each["id"] not in there and _applies(each, context):
            yield {
                "__entity_type__": VALUE,
                "configuration_id": each["id"],
                "entity_id": context["id"],
                "key": each["key"],
                "value": typed(each, each["default"]),
            }


def _applies(configuration: Mapping[str, Any], context: Row) -> bool:
    is_project = context[KIND] == "Project"
    project = context["id"] if is_project else context["project_id"]
    if configuration["project_id"] not in (None, project):
        return False
    if configuration["is_hierarchical"]:
        return True
    if is_project:
        return bool(configuration["entity_type"] == "show")
    wanted = ("task", context["object_type_id"])
    return (configuration["entity_type"], configuration["object_type_id"]) == wanted
