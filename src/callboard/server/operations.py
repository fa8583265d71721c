"""The list of operations: every address of the hub's own HTTP, in the order in which the docs show them."""

from __future__ import annotations

from typing import Any

from callboard.server import shapes
from callboard.server.asyncapi import asyncapi_document
from callboard.server.handshake import handshake, polling, preflight
from callboard.server.health import healthz, readyz
from callboard.server.history import history, stream
from callboard.server.keys import create_key, list_keys, revoke_key
from callboard.server.log import forget, log_info, prune
from callboard.server.metrics import MEDIA, metrics
from callboard.server.operation import EVENT_STREAM, JSON, Operation, Outcome, Parameter
from callboard.server.publish import publish
from callboard.server.requests import request
from callboard.server.state import set_state, state, state_stream
from callboard.wire import cloudevents

TEXT = "text/plain"

_EXPRESSION = Parameter(
    "expression", "An expression over events; empty matches everything.", example="topic=render.*"
)
_AFTER = Parameter("after", "A position, or an ISO 8601 time, behind which to begin.")
_PREFIX = Parameter("prefix", "What keys begin with; empty is all.", example="printer.")
_NUMBER = {"type": "integer", "minimum": 1}

EVENTS = (
    Operation(
        method="POST",
        path="/v1/events",
        answer=publish,
        group="Events",
        body={
            JSON: shapes.PublishedEvent | list[shapes.PublishedEvent],
            cloudevents.ONE: dict[str, Any],
            cloudevents.MANY: list[dict[str, Any]],
        },
        outcomes=(Outcome(201, "Stored.", shapes.Positions),),
        example="""-d '{"topic": "render.done", "data": {"shot": "sh010"}}'""",
    ),
    Operation(
        method="GET",
        path="/v1/events",
        answer=history,
        group="Events",
        parameters=(
            _EXPRESSION,
            _AFTER,
            Parameter("limit", "At most so many events; 100 unless said, 1000 at most.", _NUMBER),
        ),
        outcomes=(
            Outcome(200, "Part of the log.", shapes.Page),
            Outcome(200, "The same as CloudEvents.", list[dict[str, Any]], cloudevents.MANY),
        ),
        example="-G --data-urlencode 'expression=topic=render.*' -d limit=10",
    ),
    Operation(
        method="GET",
        path="/v1/events/stream",
        answer=stream,
        group="Events",
        parameters=(
            _EXPRESSION,
            _AFTER,
            Parameter("Last-Event-ID", "The position of the last message that was read.", where="header"),
        ),
        outcomes=(Outcome(200, "Messages as they come.", str, EVENT_STREAM),),
        example="-N -G --data-urlencode 'expression=topic=render.*'",
    ),
    Operation(
        method="POST",
        path="/v1/requests",
        answer=request,
        group="Events",
        body={JSON: shapes.Asking},
        outcomes=(
            Outcome(200, "What was replied.", shapes.Replies),
            Outcome(200, "Each reply as it comes.", str, EVENT_STREAM),
        ),
        example="""-d '{"event": {"topic": "ask.weather"}, "timeout": 5}'""",
    ),
)

STATE = (
    Operation(
        method="GET",
        path="/v1/state",
        answer=state,
        group="State",
        parameters=(_PREFIX,),
        outcomes=(Outcome(200, "The values.", shapes.Values),),
    ),
    Operation(
        method="GET",
        path="/v1/state/stream",
        answer=state_stream,
        group="State",
        parameters=(_PREFIX,),
        outcomes=(Outcome(200, "Messages as they come.", str, EVENT_STREAM),),
        example="-N",
    ),
    Operation(
        method="PUT",
        path="/v1/state/{key:path}",
        answer=set_state,
        group="State",
        parameters=(Parameter("key", "The key, at most 512 characters.", where="path", example="mill.load"),),
        body={JSON: Any},
        outcomes=(Outcome(204, "Kept."),),
        example="-d 0.7",
    ),
)

KEYS = (
    Operation(
        method="GET",
        path="/v1/keys",
        answer=list_keys,
        group="Keys",
        rights=("keys",),
        outcomes=(Outcome(200, "All keys.", shapes.KeyList),),
    ),
    Operation(
        method="POST",
        path="/v1/keys",
        answer=create_key,
        group="Keys",
        rights=("keys",),
        body={JSON: shapes.NewKey},
        outcomes=(Outcome(201, "Made.", shapes.MadeKey),),
        example="""-d '{"user": "wall-screen", "publish": "topic=none", "receive": "topic=render.*"}'""",
    ),
    Operation(
        method="DELETE",
        path="/v1/keys/{id:int}",
        answer=revoke_key,
        group="Keys",
        rights=("keys",),
        parameters=(Parameter("id", "The key's number.", _NUMBER, "path", 2),),
        outcomes=(Outcome(204, "Revoked."),),
    ),
)

LOG = (
    Operation(
        method="GET",
        path="/v1/log",
        answer=log_info,
        group="Log",
        rights=("settings",),
        outcomes=(Outcome(200, "How it is.", shapes.LogInfo),),
    ),
    Operation(
        method="POST",
        path="/v1/log/prune",
        answer=prune,
        group="Log",
        rights=("settings",),
        body={JSON: shapes.Before},
        outcomes=(Outcome(200, "Done.", shapes.Pruned),),
        example="""-d '{"before": "2026-01-01"}'""",
    ),
    Operation(
        method="DELETE",
        path="/v1/log/cursors/{name:path}",
        answer=forget,
        group="Log",
        rights=("settings",),
        parameters=(
            Parameter("name", "User and name, with a slash.", where="path", example="admin/nightly-sync"),
        ),
        outcomes=(Outcome(204, "Forgotten."),),
    ),
)

NODE = (
    Operation(
        method="GET",
        path="/healthz",
        answer=healthz,
        group="Operations",
        public=True,
        outcomes=(Outcome(200, "It is.", shapes.Health),),
    ),
    Operation(
        method="GET",
        path="/readyz",
        answer=readyz,
        group="Operations",
        public=True,
        outcomes=(
            Outcome(200, "It is.", shapes.Health),
            Outcome(503, "It is not.", shapes.ProblemDocument, "application/problem+json"),
        ),
    ),
    Operation(
        method="GET",
        path="/metrics",
        answer=metrics,
        group="Operations",
        public=True,
        outcomes=(Outcome(200, "The metrics.", str, MEDIA.partition(";")[0]),),
    ),
    Operation(
        method="GET",
        path="/v1/asyncapi.json",
        answer=asyncapi_document,
        group="Documents",
        outcomes=(Outcome(200, "AsyncAPI 3.0.", dict[str, Any]),),
    ),
)

SOCKETS = (
    Operation(
        method="GET",
        path="/socket.io/1/",
        answer=handshake,
        group="Sockets",
        public=True,
        outcomes=(Outcome(200, "The session.", str, TEXT),),
    ),
    Operation(
        method="OPTIONS",
        path="/socket.io/1/",
        answer=preflight,
        group="Sockets",
        public=True,
        outcomes=(Outcome(204, "It may."),),
    ),
    Operation(
        method="GET",
        path="/socket.io/",
        answer=polling,
        group="Sockets",
        public=True,
        outcomes=(),
    ),
)

OPERATIONS = (*EVENTS, *STATE, *KEYS, *LOG, *NODE, *SOCKETS)
