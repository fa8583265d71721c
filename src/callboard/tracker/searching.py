"""The operation `search` of the official JavaScript client: entities by what people call them.

    {action: "search", expression, entity_type, terms: [...], context_id?, object_type_ids?}

Every term stands somewhere in one of the names of an entity; `context_id` is a project, or what they are in.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

from callboard.tracker.language import (
    Comparison,
    Condition,
    Inner,
    Junction,
    Path,
    Query,
    Step,
    Within,
    parse,
)
from callboard.tracker.refusals import Invalid, Unsupported

MOST_TERMS = 20

_NAMES: Mapping[str, tuple[str, ...]] = {
    "AssetVersion": ("asset.name",),
    "User": ("username", "first_name", "last_name", "email"),
    "Project": ("name", "full_name"),
}
"""What an entity is called, where that is not only its name."""
_INSIDE: Mapping[str, tuple[str, str]] = {
    "AssetVersion": ("asset.parent.project_id", "asset.parent.ancestors"),
    "Asset": ("parent.project_id", "parent.ancestors"),
}
"""Where an entity is, if it is no context: its project, and what is above it."""


def searched(operation: Mapping[str, Any]) -> Query:
    """Return the query that a search means; raises Invalid for what is no search."""
    expression, entity = operation.get("expression"), operation.get("entity_type")
    if not isinstance(expression, str) or not isinstance(entity, str):
        raise Invalid("A search has an `expression` and an `entity_type`, as text.")
    query = parse(expression)
    if query.entity != entity:
        raise Invalid(f"This search is for {entity[:80]}, and its expression for {query.entity[:80]}.")
    conditions = tuple(_conditions(operation, entity))
    if query.where is not None:
        conditions = (query.where, *conditions)
    return replace(query, where=Junction(True, conditions)) if conditions else query


def _conditions(operation: Mapping[str, Any], entity: str) -> Iterator[Condition]:
    for term in _texts(operation, "terms"):
        escaped = term.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
        names = _NAMES.get(entity, ("name",))
        yield Junction(False, tuple(Comparison(_path(name), "like", f"%{escaped}%") for name in names))
    types = _texts(operation, "object_type_ids")
    if types:
        yield Within(_path("object_type_id"), types, False)
    context = operation.get("context_id")
    if isinstance(context, str):
        yield _within(context, entity)


def _within(context: str, entity: str) -> Condition:
    if entity == "Project":
        return Comparison(_path("id"), "=", context)
    if entity in ("User", "Status", "Type"):
        raise Unsupported(f"A {entity} is in no context: search without `context_id`.")
    project, above = _INSIDE.get(entity, ("project_id", "ancestors"))
    is_it = Comparison(_path("id"), "=", context)
    ways: list[Condition] = [Comparison(_path(project), "=", context), Inner(_path(above), is_it)]
    if entity in _INSIDE:
        ways.append(Comparison(_path(project.replace("project_id", "id")), "=", context))
    return Junction(False, tuple(ways))


def _texts(operation: Mapping[str, Any], name: str) -> tuple[str, ...]:
    found = operation.get(name) or []
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Invalid(f"`{name}` of a search is a list of texts.")
    if len(found) > MOST_TERMS:
        raise Invalid(f"`{name}` of a search has at most {MOST_TERMS} texts.")
    return tuple(found)


def _path(name: str) -> Path:
    return tuple(Step(each) for each in name.split("."))
