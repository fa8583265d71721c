"""The handshake of Socket.IO 0.9: credentials in, a session id out.

Official Python clients send headers, JavaScript ones the query, raw ones any mix (facts 1.1). The answer
has exactly status 200 and no line break, or the Python client refuses it (facts 1.2).
"""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse, Response

from callboard.server.auth import authenticate, credentials, origin_allowed
from callboard.server.operation import Call
from callboard.server.problems import BAD_REQUEST, DENIED, NOBODY, UNAUTHENTICATED, Problem
from callboard.wire.handshake import handshake_body

_ALLOWED = "ftrack-user, ftrack-api-user, ftrack-api-key, authorization, content-type"


async def handshake(call: Call) -> Response:
    """Shake hands.

    For the official studio clients: returns `<session>:15:25:websocket`. The session is good for one
    WebSocket at `/socket.io/1/websocket/<session>`, within 45 seconds. Here, and only here,
    credentials may also stand in the query.
    """
    request = call.request
    cors = cross_origin(request.headers, call.house.origins)
    principal = authenticate(call.house.keys, *credentials(request.headers, request.query_params))
    if principal is None:
        raise Problem(UNAUTHENTICATED, NOBODY, cors)
    request.scope["callboard.user"] = principal.name
    body = handshake_body(call.house.sessions.issue(principal))
    return PlainTextResponse(body, headers={**cors, "Cache-Control": "no-store"})


async def preflight(call: Call) -> Response:
    """Answer a browser that asks whether it may shake hands."""
    return allowing(call, "GET, OPTIONS", _ALLOWED)


async def polling(_: Call) -> Response:
    """Modern Socket.IO without WebSocket: not spoken here, and said so."""
    raise Problem(
        BAD_REQUEST,
        "This hub speaks Socket.IO over WebSocket only: set the client's transports to websocket.",
    )


def allowing(call: Call, methods: str, names: str) -> Response:
    """Return the answer to a browser that asks whether it may; `names` are the headers if it names none."""
    return Response(
        status_code=204,
        headers={
            **cross_origin(call.request.headers, call.house.origins),
            "Access-Control-Allow-Methods": methods,
            "Access-Control-Allow-Headers": call.request.headers.get("access-control-request-headers", names),
            "Access-Control-Max-Age": "600",
        },
    )


def cross_origin(headers: Headers, origins: tuple[str, ...]) -> dict[str, str]:
    """Return the headers that let a page of another origin read the answer: that origin, never `*`.

    Raises Problem for an origin that is not among `origins`, when there are any.
    """
    origin = headers.get("origin")
    if origin is None:
        return {}
    if not origin_allowed(origin, headers.get("host", ""), origins):
        raise Problem(DENIED, f"The origin {origin[:200]} is not one of this hub's origins.")
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Credentials": "true",
        "Vary": "Origin",
    }
