"""The app: a list of routes, made from the list of operations, and one way in for all of them.

request --> who asks, and may they --> the operation's answer --> counted and logged
"""

from __future__ import annotations

import asyncio
import re
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence

import structlog
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from callboard.errors import Denied, Unauthenticated
from callboard.hub.hub import Hub
from callboard.hub.principal import Keys, Principal
from callboard.server.auth import authenticate, credentials
from callboard.server.body import Bodies
from callboard.server.counts import Counts
from callboard.server.docs import documents
from callboard.server.operation import Call, House, Operation
from callboard.server.operations import OPERATIONS
from callboard.server.problems import DOCS, HANDLERS, STOPPING, document
from callboard.server.sessions import Sessions
from callboard.server.sse import Streams

log = structlog.get_logger("callboard.http")

_BODY_EVENTS = 2
"""A body may be so many times as large as the largest event."""


def app(
    hub: Hub,
    keys: Keys,
    sessions: Sessions,
    *,
    streams: Streams | None = None,
    connections: Callable[[], int] = lambda: 0,
    trusted_proxies: Sequence[str] = (),
    origins: Sequence[str] = (),
    operations: Sequence[Operation] = (),
    routes: Sequence[BaseRoute] = (),
) -> Starlette:
    """Return the ASGI app of the hub.

    `streams` is closed by who stops the server; `connections` counts open sockets for the metrics.
    Rooms bring `operations`, which the OpenAPI document then describes, or plain `routes`.
    """
    house = House(
        hub=hub,
        keys=keys,
        sessions=sessions,
        streams=streams or Streams(),
        bodies=Bodies(hub.log.max_event * _BODY_EVENTS),
        connections=connections,
        trusted_proxies=tuple(trusted_proxies),
        origins=tuple(origins),
    )
    described = (*OPERATIONS, *operations)
    everything = (*described, *documents(described))
    made = Starlette(
        routes=[Route("/", _front), *routes_of(house, everything), *routes],
        exception_handlers=HANDLERS,
        middleware=[Middleware(Counted, counts=house.counts)],
    )
    made.router.redirect_slashes = False
    return made


async def _front(_: Request) -> Response:
    """Show a browser the docs; relative, since a proxy may have put a path in front of us."""
    return RedirectResponse(DOCS.removeprefix("/"))


def routes_of(house: House, operations: Iterable[Operation]) -> list[Route]:
    """Return one route for each address, so that a wrong method is told all the right ones."""
    by_path: dict[str, dict[str, Operation]] = {}
    for one in operations:
        by_path.setdefault(one.path, {})[one.method] = one
    return [_route(path, _door(house, each), list(each)) for path, each in by_path.items()]


def _route(path: str, door: Callable[[Request], Awaitable[Response]], methods: list[str]) -> Route:
    """Return a route whose `{path:path}` may hold a line break too: then the operation says what is wrong."""
    route = Route(path, door, methods=methods)
    route.path_regex = re.compile(route.path_regex.pattern, re.DOTALL)
    return route


def _door(house: House, by_method: Mapping[str, Operation]) -> Callable[[Request], Awaitable[Response]]:
    """Return the function that finds out who asks, whether they may, and has the operation answer."""

    async def answer(request: Request) -> Response:
        method = "GET" if request.method == "HEAD" else request.method
        operation = by_method[method]
        return await operation.answer(Call(house, request, admitted(house.keys, operation, request)))

    return answer


def admitted(keys: Keys, operation: Operation, request: Request) -> Principal | None:
    """Return who asks; raises Unauthenticated or Denied unless the operation is public."""
    principal = authenticate(keys, *credentials(request.headers))
    if principal is None and not operation.public:
        raise Unauthenticated
    if operation.rights and (principal is None or not all(map(principal.may, operation.rights))):
        raise Denied(f"This needs a key with the {operation.right_words}: ask an administrator for one.")
    request.scope["callboard.user"] = principal.name if principal is not None else ""
    return principal


class Counted:
    """Counts and logs each request once it is answered: its path without the query, where keys may stand."""

    def __init__(self, inner: ASGIApp, counts: Counts) -> None:
        self._inner, self._counts = inner, counts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer, and note the status and the time it took."""
        if scope["type"] != "http":
            await self._inner(scope, receive, send)
            return
        statuses: list[int] = []

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                statuses.append(message["status"])
            await send(message)

        begun = time.perf_counter()
        try:
            await self._inner(scope, receive, noted)
        except asyncio.CancelledError:  # the hub stops, and has waited long enough
            if not statuses:
                await document(STOPPING, "The hub stops: ask again in a moment.")(scope, receive, noted)
        finally:
            self._note(scope, statuses[0] if statuses else 500, time.perf_counter() - begun)

    def _note(self, scope: Scope, status: int, seconds: float) -> None:
        route = getattr(scope.get("route"), "path", "other")
        self._counts.add(route, scope["method"], status, seconds)
        log.info(
            "request",
            method=scope["method"][:20],
            path=scope.get("raw_path", b"")[:500].decode("latin-1"),
            status=status,
            user=scope.get("callboard.user", ""),
            ms=round(seconds * 1000, 1),
        )
