"""The OpenAPI 3.1 document, made from the list of operations."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from callboard import __version__
from callboard.server.operation import Operation, Outcome, Parameter
from callboard.server.problems import MEDIA
from callboard.server.shapes import ProblemDocument

_ABOUT = (
    "Every event goes into one log, and whoever listens follows that log through an expression. "
    "Errors are RFC 9457 problem documents. Prove yourself with the headers `ftrack-user` and "
    "`ftrack-api-key`, or with `Authorization: Bearer KEY`."
)
_REF = "#/components/schemas/{name}"

Schemas = Mapping[int, Mapping[str, Any]]


def document(operations: Iterable[Operation]) -> dict[str, Any]:
    """Return the OpenAPI document of `operations`."""
    listed = list(operations)
    types = [kind for one in listed for kind in one.schema_types] + [ProblemDocument]
    schemas, components = msgspec.json.schema_components(types, ref_template=_REF)
    by_type = {id(kind): schema for kind, schema in zip(types, schemas, strict=True)}
    paths: dict[str, dict[str, Any]] = {}
    for one in listed:
        path = paths.setdefault(re.sub(r":\w+}", "}", one.path), {})
        path[one.method.lower()] = _operation(one, by_type)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Callboard", "version": __version__, "description": _ABOUT},
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {"schemas": components, "securitySchemes": _SECURITY},
    }


_SECURITY = {
    "bearer": {"type": "http", "scheme": "bearer"},
    "user": {"type": "apiKey", "in": "header", "name": "ftrack-user"},
    "key": {"type": "apiKey", "in": "header", "name": "ftrack-api-key"},
}


def summary(one: Operation) -> tuple[str, str]:
    """Return an operation's first line and the rest of what it says of itself."""
    first, _, rest = (inspect.getdoc(one.answer) or "").partition("\n")
    return first.rstrip("."), rest.strip()


def _operation(one: Operation, schemas: Schemas) -> dict[str, Any]:
    first, rest = summary(one)
    right = f"\n\nNeeds the {one.right_words}." if one.rights else ""
    described: dict[str, Any] = {
        "operationId": one.answer.__name__,
        "tags": [one.group],
        "summary": first,
        "description": (rest + right).strip(),
        "responses": _responses(one, schemas),
        "security": [] if one.public else [{"bearer": []}, {"user": [], "key": []}],
    }
    if one.parameters:
        described["parameters"] = [_parameter(each) for each in one.parameters]
    if one.body:
        content = {media: {"schema": schemas[id(kind)]} for media, kind in one.body.items()}
        described["requestBody"] = {"required": True, "content": content}
    return described


def _parameter(one: Parameter) -> dict[str, Any]:
    described: dict[str, Any] = {
        "name": one.name,
        "in": one.where,
        "required": one.where == "path",
        "description": one.description,
        "schema": one.schema,
    }
    return described if one.example is None else {**described, "example": one.example}


def _responses(one: Operation, schemas: Schemas) -> dict[str, Any]:
    problem = {MEDIA: {"schema": schemas[id(ProblemDocument)]}}
    responses: dict[str, Any] = {}
    for outcome in one.outcomes:
        _add(responses, outcome, schemas)
    for status, description in _problems(one):
        responses.setdefault(str(status), {"description": description, "content": problem})
    return {**responses, "default": {"description": "Any other problem.", "content": problem}}


def _add(responses: dict[str, Any], outcome: Outcome, schemas: Schemas) -> None:
    described = responses.setdefault(str(outcome.status), {"description": outcome.description})
    if outcome.type is not None:
        content = described.setdefault("content", {})
        content[outcome.media] = {"schema": schemas[id(outcome.type)]}


def _problems(one: Operation) -> Iterable[tuple[int, str]]:
    if one.parameters or one.body:
        yield 400, "This can't be understood; `detail` says why."
    if not one.public:
        yield 401, "No key, or not the right one."
        yield 403, "This key may not do that."
    if one.body:
        yield 413, "More than the hub takes."
        yield 503, "The log could not store it, or the hub has too much to do."
