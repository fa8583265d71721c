"""CloudEvents 1.0, both ways: JSON as one or many, and the binary form of HTTP.

| CloudEvents | event |
|---|---|
| `type` | `topic` |
| `id` | `id` |
| `source` | `source.id` |
| `data` | `data` when it is JSON; text stays text, `data_base64` becomes `{"base64": ...}` |
| extension `target` | `target` |
| extension `inreplyto` | `inReplyToEvent` |
| extension `user` | `source.user.username` |
| `subject`, `time`, `dataschema`, `datacontenttype`, other extensions | `source.cloudevent.<name>` |
| extensions `position`, `publisher` | written from the log's entry, ignored when read |

What an event says of itself in other keys of `source` has no place in CloudEvents and is left
out. Source: the CloudEvents 1.0.2 specification, its JSON format and its HTTP binding.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote, unquote

import msgspec
from msgspec import Raw

from callboard.errors import BadEvent
from callboard.event import Envelope, Stamp, decode_json, encode_json

ONE = "application/cloudevents+json"
MANY = "application/cloudevents-batch+json"

_NEEDED = ("specversion", "type", "source", "id")
_OURS = frozenset({*_NEEDED, "data", "data_base64", "target", "inreplyto", "user", "position", "publisher"})
_NAME = re.compile(r"[a-z0-9]{1,64}")
_MOST = 100
_documents = msgspec.json.Decoder(dict[str, Raw])

Attributes = Mapping[str, Any]


def read(text: bytes) -> bytes:
    """Return the JSON of the event that a CloudEvent in JSON describes; raises BadEvent."""
    try:
        document = _documents.decode(text)
        attributes = {
            name: msgspec.json.decode(value, type=str | int | bool | None)
            for name, value in document.items()
            if name != "data"
        }
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise BadEvent(f"This is no CloudEvent in JSON: {error}.") from None
    data = document.get("data")
    if data is None and attributes.get("data_base64") is not None:
        data = Raw(encode_json({"base64": str(attributes["data_base64"])}))
    return _event(attributes, data)


def read_binary(headers: Iterable[tuple[str, str]], body: bytes) -> bytes:
    """Return the JSON of the event in `ce-*` headers and a body; raises BadEvent."""
    named = [(name.lower(), value) for name, value in headers]
    attributes: dict[str, Any] = {name[3:]: unquote(value) for name, value in named if name.startswith("ce-")}
    kind = dict(named).get("content-type", "application/json")
    attributes["datacontenttype"] = kind
    return _event(attributes, _data(kind.partition(";")[0].strip().lower(), body))


def write(envelope: Envelope, stamp: Stamp, time: str) -> bytes:
    """Return a stored event as a CloudEvent in JSON; `time` is the entry's, in ISO 8601."""
    source = decode_json(envelope.source)
    known = source if isinstance(source, dict) else {}
    extra = known.get("cloudevent")
    username = _mapping(known.get("user")).get("username")
    document: dict[str, Any] = {
        "time": time,
        **{name: value for name, value in _mapping(extra).items() if _may_stand(name, value)},
        "specversion": "1.0",
        "type": envelope.topic,
        "id": envelope.id,
        "source": quote(str(known.get("id") or "callboard"), safe="/:#?@!$&'()*+,;=~-._%"),
        "user": username if isinstance(username, str) else None,
        "target": envelope.target or None,
        "inreplyto": envelope.in_reply_to_event,
        "position": stamp.position,
        "publisher": stamp.publisher,
        "data": envelope.data,
    }
    return encode_json({name: value for name, value in document.items() if value is not None})


def _event(attributes: Attributes, data: Raw | None) -> bytes:
    _check(attributes)
    source: dict[str, Any] = {"id": attributes["source"]}
    if attributes.get("user") is not None:
        source["user"] = {"username": attributes["user"]}
    extra = {name: value for name, value in attributes.items() if name not in _OURS and value is not None}
    if extra:
        source["cloudevent"] = extra
    event: dict[str, Any] = {
        "topic": attributes["type"],
        "id": attributes["id"],
        "source": source,
        "data": data if data is not None else {},
        "target": attributes.get("target") or "",
        "inReplyToEvent": attributes.get("inreplyto"),
    }
    return encode_json(event)


def _check(attributes: Attributes) -> None:
    for name in _NEEDED:
        if not isinstance(attributes.get(name), str) or not attributes[name]:
            raise BadEvent(f"This is no CloudEvent: `{name}` is missing, or no text.")
    if attributes["specversion"] != "1.0":
        raise BadEvent("This CloudEvent is of another version: this hub speaks specversion 1.0.")
    if len(attributes) > _MOST:
        raise BadEvent(f"This CloudEvent has more than {_MOST} attributes.")
    for name in attributes:
        if name != "data_base64" and not _NAME.fullmatch(name):
            raise BadEvent(
                f"{name[:64]!r} is no attribute of a CloudEvent: lower case letters and digits only."
            )


def _data(kind: str, body: bytes) -> Raw | None:
    """Return a binary CloudEvent's body as JSON: as it is, as text, or as base64."""
    if not body:
        return None
    if kind == "application/json" or kind.endswith("+json"):
        return Raw(body)
    try:
        return Raw(encode_json(body.decode()))
    except UnicodeDecodeError:
        return Raw(encode_json({"base64": base64.b64encode(body).decode()}))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _may_stand(name: str, value: Any) -> bool:
    return bool(_NAME.fullmatch(name)) and name not in _OURS and isinstance(value, str | int | bool)
