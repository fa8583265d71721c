"""Custom attributes: what a studio adds, each with a configuration, and a value where one was set.

Values are stored as text and read by the type of their configuration. An entity shows a value for every
configuration that applies to it, as the official clients want it: where none was set, a hierarchical one
shows that of the nearest context above that has one, and every one its default in the end.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Connection, select

from callboard.tracker.lookups import CUSTOM_VALUE
from callboard.tracker.model import Model
from callboard.tracker.seeding import CUSTOM_TYPES, fixed_id
from callboard.tracker.tables import Tables

TABLE = "custom_attribute_value"
CONFIGURATION = "CustomAttributeConfiguration"

_NAMES = {fixed_id("CustomAttributeType", name): name for name in CUSTOM_TYPES}
_ENTITY_TYPES = {"asset": "asset", "asset_version": "assetversion", "user": "user", "list": "list"}
"""What configurations call the types of a table; contexts are `show` and `task`."""
_INHERITING = frozenset({"asset", "assetversion", "show", "task"})
"""Whom the official clients take hierarchical attributes to be for."""


@dataclass(frozen=True, slots=True)
class Subject:
    """An entity with custom attributes: what its configurations say of it, and the contexts above it."""

    id: str
    entity_type: str
    project: str | None = None
    object_type: str | None = None
    above: tuple[str, ...] = ()
    """Ids of contexts, the nearest first."""

    def has(self, configuration: Mapping[str, Any]) -> bool:
        """Tell whether a configuration is for this entity."""
        if configuration["project_id"] not in (None, self.project):
            return False
        if configuration["is_hierarchical"] and self.entity_type in _INHERITING:
            return True
        wanted = (self.entity_type, self.object_type)
        return (configuration["entity_type"], configuration["object_type_id"]) == wanted


def is_value(name: str) -> bool:
    """Tell whether a type is one of the values of custom attributes."""
    return name.endswith(CUSTOM_VALUE)


def entity_type(table: str, *, project: bool) -> str:
    """Return what configurations call the entities of a table."""
    return _ENTITY_TYPES.get(table, "show" if project else "task")


def owner_type(name: str) -> str:
    """Return the type that a type of values is for."""
    return name.removesuffix(CUSTOM_VALUE)


def owner_of(configuration: Mapping[str, Any]) -> str:
    """Return the type of values that a configuration is for."""
    named = {"assetversion": "AssetVersion", "asset": "Asset", "user": "User", "list": "List"}
    return f"{named.get(str(configuration['entity_type']), 'Context')}{CUSTOM_VALUE}"


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
        case "enumerator" | "dynamic enumerator" if text.startswith('["'):
            return _several(text)
        case _:
            return text


def _several(text: str) -> Any:
    """Return the chosen values of an enumerator that takes several."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return text


def configurations(connection: Connection, model: Model, tables: Tables) -> dict[str, Mapping[str, Any]]:
    """Return all configurations by id."""
    table = tables.of(model[CONFIGURATION])
    rows = connection.execute(
        select(table).order_by(table.c.sort.nulls_first(), table.c.key, table.c.id)
    ).mappings()
    return {row["id"]: dict(row) for row in rows}


def unset(
    known: Iterable[Mapping[str, Any]],
    subject: Subject,
    members: Sequence[Mapping[str, Any]],
    kind: str,
    inherited: Mapping[tuple[str, str], str | None],
) -> Iterator[dict[str, Any]]:
    """Yield the values of configurations that apply, and were not set: what is inherited, or the default.

    `inherited` has the values that are set above, by configuration and context.
    """
    there = {each["configuration_id"] for each in members}
    for each in known:
        if each["id"] not in there and subject.has(each):
            above = ((each["id"], context) for context in subject.above)
            found = next((inherited[key] for key in above if key in inherited), each["default"])
            yield {
                "__entity_type__": kind,
                "configuration_id": each["id"],
                "entity_id": subject.id,
                "key": each["key"],
                "value": typed(each, found),
            }
