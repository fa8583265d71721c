"""The catalog as an AsyncAPI 3.0 document: one channel for each topic that reaches a hub.

Seen from the hub, as AsyncAPI wants it: it *sends* events to those whose expression matches, and
*receives* what clients publish. A reply travels on the channel of `ftrack.meta.reply`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import urlsplit

from callboard.catalog.payload import Topic
from callboard.catalog.schema import schemas

_REPLY = "ftrack.meta.reply"
_CONSUMED = frozenset({"ftrack.meta.subscribe", "ftrack.meta.unsubscribe"})

_EVENT = {
    "title": "Event",
    "description": "Something that happened.",
    "type": "object",
    "required": ["topic"],
    "properties": {
        "topic": {"type": "string", "description": "What kind of thing happened."},
        "id": {"type": "string", "description": "The event's own id, chosen by its publisher."},
        "data": {"description": "The payload."},
        "source": {
            "type": "object",
            "description": "Who sent it: id, applicationId, user, host, printer, job, trace.",
        },
        "target": {
            "type": ["string", "null"],
            "description": "An expression over subscribers; empty: everybody.",
        },
        "sent": {"description": "Kept as it came."},
        "inReplyToEvent": {
            "type": ["string", "null"],
            "description": "The id of the event that this one answers.",
        },
    },
}


def document(topics: Mapping[str, Topic], server_url: str, version: str) -> dict[str, Any]:
    """Return the document for the hub at `server_url` (http or https)."""
    heard = [topic for topic in topics.values() if not topic.local]
    references, parts = schemas(heard, "#/components/schemas")
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Callboard",
            "version": version,
            "description": "Events that Callboard knows. Any other topic is yours to use.",
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "servers": {"hub": _server(server_url)},
        "channels": {topic.name: _channel(topic, heard) for topic in heard},
        "operations": _operations(heard),
        "components": {
            "messages": {name: message for topic in heard for name, message in _messages(topic, references)},
            "schemas": {"Event": _EVENT, **parts},
            "securitySchemes": _SECURITY,
        },
    }


_SECURITY = {
    "key": {
        "type": "httpApiKey",
        "in": "header",
        "name": "ftrack-api-key",
        "description": "With ftrack-user.",
    },
    "bearer": {"type": "http", "scheme": "bearer", "description": "The key alone."},
}


def _server(url: str) -> dict[str, Any]:
    parts = urlsplit(url)
    return {
        "host": parts.netloc,
        "pathname": "/socket.io/1/",
        "protocol": "wss" if parts.scheme in {"https", "wss"} else "ws",
        "description": "Socket.IO 0.9 here, version 5 at /socket.io/: events have the name ftrack.event.",
        "security": [{"$ref": f"#/components/securitySchemes/{name}"} for name in _SECURITY],
    }


def _channel(topic: Topic, heard: Iterable[Topic]) -> dict[str, Any]:
    names = [topic.name]
    if topic.name == _REPLY:
        names += [_reply(asked) for asked in heard if asked.reply is not None]
    return {
        "address": topic.name,
        "description": topic.description,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in names},
    }


def _operations(heard: Iterable[Topic]) -> dict[str, Any]:
    sent = {f"hear.{topic.name}": _operation("send", topic) for topic in heard if topic.name not in _CONSUMED}
    received = {f"publish.{topic.name}": _operation("receive", topic) for topic in heard}
    return sent | received


def _operation(action: str, topic: Topic) -> dict[str, Any]:
    operation = {
        "action": action,
        "channel": {"$ref": f"#/channels/{topic.name}"},
        "summary": f"Published by {topic.published_by}.",
        "messages": [{"$ref": f"#/channels/{topic.name}/messages/{topic.name}"}],
    }
    if topic.reply is not None:
        operation["reply"] = {
            "channel": {"$ref": f"#/channels/{_REPLY}"},
            "messages": [{"$ref": f"#/channels/{_REPLY}/messages/{_reply(topic)}"}],
        }
    return operation


def _messages(topic: Topic, references: Mapping[str, Any]) -> Iterable[tuple[str, dict[str, Any]]]:
    yield (
        topic.name,
        _message(topic.name, topic.description, topic.name, references[topic.name], topic.example),
    )
    if topic.reply is not None:
        about = f"A reply to {topic.name}."
        yield (
            _reply(topic),
            _message(_REPLY, about, _reply(topic), references[f"{topic.name} reply"], topic.reply_example),
        )


def _message(topic: str, summary: str, name: str, data: Mapping[str, Any], example: Any) -> dict[str, Any]:
    told = {"topic": {"const": topic}, "data": data}
    return {
        "name": name,
        "summary": summary,
        "payload": {
            "allOf": [{"$ref": "#/components/schemas/Event"}, {"type": "object", "properties": told}]
        },
        "examples": [{"payload": {"topic": topic, "data": example}}],
    }


def _reply(topic: Topic) -> str:
    return f"{topic.name}.reply"
