"""An operation: one method of one address, what it takes, what it gives, and who answers it.

Routes (app.py) and the OpenAPI document (openapi.py) are both made from the same list of
operations, so neither can say what the other doesn't. Each is answered by a function of one shape:

    async def answer(call: Call) -> Response
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from msgspec import Struct, field
from starlette.requests import Request
from starlette.responses import Response

from callboard.event import encode_json
from callboard.hub.hub import Hub
from callboard.hub.principal import Keys, Principal
from callboard.server.auth import authenticate, credentials, is_loopback, remote_address
from callboard.server.body import Bodies
from callboard.server.counts import Counts
from callboard.server.problems import BAD_REQUEST, Problem
from callboard.server.sessions import Sessions
from callboard.server.sse import Streams

JSON = "application/json"
EVENT_STREAM = "text/event-stream"


class House(Struct, frozen=True, kw_only=True):
    """What the doors open to; made once, by `app`."""

    hub: Hub
    keys: Keys
    sessions: Sessions
    streams: Streams
    bodies: Bodies
    counts: Counts = field(default_factory=Counts)
    connections: Callable[[], int] = lambda: 0
    trusted_proxies: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    most_behind: int = 10_000


class Call(Struct, frozen=True):
    """One request, and on whose behalf; a public operation may be called by nobody."""

    house: House
    request: Request
    caller: Principal | None

    @property
    def principal(self) -> Principal:
        """Who calls; only for operations that are not public."""
        assert self.caller is not None
        return self.caller

    @property
    def remote(self) -> str:
        """The client's address, behind trusted proxies too."""
        client = self.request.client
        forwarded = self.request.headers.getlist("x-forwarded-for")
        return remote_address(client.host if client else "", forwarded, self.house.trusted_proxies)

    @property
    def local(self) -> bool:
        """True when this machine itself asks: a proxy here that speaks for others says so in a header."""
        headers = self.request.headers
        return is_loopback(self.remote) and not ("x-forwarded-for" in headers or "forwarded" in headers)

    def still(self) -> bool:
        """Return whether the key that this call came with is still good: one may be revoked meanwhile."""
        return authenticate(self.house.keys, *credentials(self.request.headers)) is not None

    def text(self, name: str, default: str = "") -> str:
        """Return a query parameter."""
        return self.request.query_params.get(name, default)

    def number(self, name: str, default: int, most: int) -> int:
        """Return a query parameter that is a whole number from 1; more than `most` means `most`."""
        text = self.text(name)
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or not text.strip("0"):
            raise Problem(BAD_REQUEST, f"{name} is a whole number from 1 to {most}, not {text[:40]!r}.")
        return min(int(text[:20]), most)


Answer = Callable[[Call], Awaitable[Response]]


class Parameter(Struct, frozen=True):
    """One parameter in the query, a header or the path."""

    name: str
    description: str
    schema: Mapping[str, Any] = field(default_factory=lambda: {"type": "string"})
    where: str = "query"
    example: Any = None


class Outcome(Struct, frozen=True):
    """What an operation gives: a status, and a body of `type` by media type."""

    status: int
    description: str
    type: Any = None
    media: str = JSON
    headers: Mapping[str, str] = {}


class Operation(Struct, frozen=True, kw_only=True):
    """One method of one address.

    The first line of the answer's docstring is the summary, the rest the description. `public`
    needs no key; `rights` are what the key must have been given. `body` is a type by media type.
    """

    method: str
    path: str
    answer: Answer
    group: str
    outcomes: tuple[Outcome, ...]
    parameters: tuple[Parameter, ...] = ()
    body: Mapping[str, Any] = {}
    public: bool = False
    rights: tuple[str, ...] = ()
    example: str = ""

    @property
    def right_words(self) -> str:
        """The rights in words, for messages and documents; empty where none is needed."""
        word = "right" if len(self.rights) == 1 else "rights"
        return f"{word} {' and '.join(f'`{each}`' for each in self.rights)}" if self.rights else ""

    @property
    def schema_types(self) -> Collection[Any]:
        """The types that the schema of this operation needs."""
        bodies = [kind for kind in self.body.values() if kind is not None]
        return [*bodies, *(one.type for one in self.outcomes if one.type is not None)]


def json(value: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Return a JSON response; `value` may be bytes that are JSON already."""
    body = value if isinstance(value, bytes) else encode_json(value)
    return Response(body, status, {"Cache-Control": "no-store", **(headers or {})}, JSON)
