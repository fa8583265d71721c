"""The schema list, from which the official clients make their classes. Source: facts, section 5."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from callboard.tracker.model import (
    Attribute,
    Collection,
    Default,
    EntityType,
    Kind,
    Line,
    Model,
    Newest,
    Reference,
    Scalar,
    Through,
)
from callboard.tracker.seeding import object_type


def schemas_of(model: Model) -> list[dict[str, Any]]:
    """Return one schema for each type."""
    return [_schema(one) for one in model.types.values()]


def hash_of(schemas: list[dict[str, Any]]) -> str:
    """Return the hash by which clients know whether the list they kept is still good."""
    text = json.dumps(schemas, sort_keys=True)
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _schema(one: EntityType) -> dict[str, Any]:
    scalars = [each for each in one.attributes.values() if isinstance(each, Scalar)]
    schema: dict[str, Any] = {
        "id": one.name,
        "type": "object",
        "properties": {name: _property(found) for name, found in one.attributes.items()},
        "primary_key": list(one.key),
        "default_projections": list(one.projections),
        "required": [each.name for each in scalars if each.required or each.name in one.key],
        "immutable": [each.name for each in scalars if each.fixed or each.computed],
        "computed": [each.name for each in scalars if each.computed],
        "system_projections": list(one.key),
    }
    if one.object_type:
        schema["properties"]["object_type_id"]["default"] = object_type(one.object_type)
        schema["alias_for"] = {
            "id": "Task",
            "classifiers": {"object_typeid": object_type(one.object_type)},
        }
    return schema


def _property(found: Attribute) -> dict[str, Any]:
    match found:
        case Collection(target=target, mapped=True):
            return {"type": "mapped_array", "items": {"$ref": target}}
        case Collection(target=target) | Through(target=target) | Line(target=target):
            return {"type": "array", "items": {"$ref": target}}
        case Reference():
            return {"$ref": found.targets[0] if found.targets else "Context"}
        case Newest(target=target):
            return {"$ref": target}
        case Scalar() as scalar:
            return _scalar(scalar)


def _scalar(scalar: Scalar) -> dict[str, Any]:
    if scalar.kind is Kind.TIME:
        return {"type": "string", "format": "date-time"}
    described: dict[str, Any] = {"type": str(scalar.kind)}
    if scalar.default is Default.ID:
        described["default"] = "{uid}"
    return described
