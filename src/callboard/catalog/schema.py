"""JSON Schema (2020-12) of payloads and replies, made from their types.

A schema says which keys there are and where each comes from (`x-origin`); it allows others.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import msgspec
from msgspec import Struct

from callboard.catalog.payload import ORIGIN, Topic

DIALECT = "https://json-schema.org/draft/2020-12/schema"


def payload_schema(topic: Topic | None) -> dict[str, Any]:
    """Return the schema of a topic's `data`, with its example; anything goes for an unknown topic."""
    if topic is None:
        return {"$schema": DIALECT}
    return {
        "$schema": DIALECT,
        "title": topic.name,
        "description": topic.description,
        "examples": [dict(topic.example)],
        **msgspec.json.schema(topic.payload),
    }


def reply_schema(topic: Topic) -> dict[str, Any] | None:
    """Return the schema of a reply's `data`, None when no reply is expected."""
    if topic.reply is None:
        return None
    return {"$schema": DIALECT, "examples": [topic.reply_example], **msgspec.json.schema(topic.reply)}


def schemas(topics: Iterable[Topic], where: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """Return ({topic name or its reply: reference}, {type: schema}) for schemas kept under `where`.

    A reply's reference stands under the topic's name with ` reply` behind it.
    """
    types = {topic.name: topic.payload for topic in topics}
    types |= {f"{topic.name} reply": topic.reply for topic in topics if topic.reply is not None}
    references, parts = msgspec.json.schema_components(types.values(), ref_template=where + "/{name}")
    return dict(zip(types, references, strict=True)), parts


class Key(Struct, frozen=True):
    """A key of a payload: its path as an expression writes it, what it holds, where it comes from."""

    path: str
    description: str
    origin: str
    always: bool


def listed(type_: Any) -> tuple[Key, ...]:
    """Return the keys of a payload or reply, those inside its objects and lists too, by path."""
    schema = msgspec.json.schema(type_)
    return tuple(_keys(schema, schema.get("$defs", {}), ""))


def _keys(schema: Mapping[str, Any], types: Mapping[str, Any], prefix: str) -> Iterator[Key]:
    shape = _shape(schema, types)
    for name, inner in shape.get("properties", {}).items():
        always = name in shape.get("required", ())
        yield Key(prefix + name, _description(inner), inner.get(ORIGIN, ""), always)
        yield from _keys(inner, types, f"{prefix}{name}.")
        yield from _keys(inner.get("additionalProperties", {}), types, f"{prefix}{name}.*.")


def _description(schema: Mapping[str, Any]) -> str:
    choices = f" One of {', '.join(schema['enum'])}." if "enum" in schema else ""
    return str(schema.get("description", "")) + choices


def _shape(schema: Mapping[str, Any], types: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the object that a schema describes, itself, as items of a list, or as one of several."""
    found = [schema, schema.get("items") or {}, *schema.get("anyOf", ())]
    for each in found:
        if "$ref" in each:
            shape: Mapping[str, Any] = types[each["$ref"].rpartition("/")[2]]
            return shape
    return {}
