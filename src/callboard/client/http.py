"""The hub's HTTP interface, as one user: questions, and streams of Server-Sent Events.

Problems come back as the errors that they were made of, so a caller sees the same whether it
sits in the hub or far away. Source: contract.md, "One port"; RFC 9457.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, AsyncIterator, Mapping
from contextlib import asynccontextmanager
from errno import ECONNREFUSED
from types import TracebackType
from typing import Any, Self

import aiohttp
import msgspec
from msgspec import Struct

from callboard import errors
from callboard.client.credentials import HOW, Credentials
from callboard.event import encode_json

CONNECT = 10.0
PATIENCE = 60.0
SILENCE = 35.0
"""Seconds that a stream may be silent: the hub says something every ten."""
LONGEST = 64 << 20

_MOST_CONNECTIONS = 1000
"""A request holds one while it waits for replies; aiohttp's 100 would make the next wait for those."""

_ERRORS: Mapping[str, type[errors.CallboardError]] = {
    "bad-event": errors.BadEvent,
    "bad-expression": errors.BadExpression,
    "bad-position": errors.BadPosition,
    "bad-key": errors.BadKey,
    "unauthenticated": errors.Unauthenticated,
    "denied": errors.Denied,
    "too-big": errors.EventTooBig,
    "storage-failed": errors.StorageFailed,
    "busy": errors.Gone,
    "not-ready": errors.Gone,
    "stopping": errors.Gone,
    "timed-out": errors.TimedOut,
}


class Problem(Struct, frozen=True):
    """What a problem document says, as far as we use it."""

    type: str = ""
    title: str = ""
    detail: str = ""
    content: str = ""
    """What the tracker says, in the official clients' form."""


class Message(Struct, frozen=True):
    """One message of a stream: its kind, its position, its data (JSON)."""

    event: str
    position: str
    data: bytes


class Http:
    """`async with Http(credentials) as http`: one pool of connections."""

    def __init__(self, credentials: Credentials) -> None:
        self.credentials = credentials
        self._session: aiohttp.ClientSession | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the pool."""
        if self._session is not None:
            await self._session.close()

    @property
    def session(self) -> aiohttp.ClientSession:
        """The pool, made when it is first needed: it belongs to the loop that runs then."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_MOST_CONNECTIONS),
                headers=_shown(self.credentials),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=PATIENCE),
            )
        return self._session

    async def ask(
        self, method: str, path: str, body: Any = None, shape: Any = Any, **query: str | int | None
    ) -> Any:
        """Return what the hub answers, decoded as `shape`; None for an empty body.

        Raises the error that the hub names, or Gone when no hub answers.
        """
        async with self._asked(method, path, body, query, PATIENCE) as response:
            answer = await _body(response)
        return self._decoded(answer, shape)

    async def send(
        self, path: str, pieces: AsyncIterator[bytes], size: int, **query: str | int | None
    ) -> Any:
        """PUT `size` bytes as they come and return what the hub answers; raises as `ask` does.

        The hub may refuse before the first byte is sent.
        """
        headers = {"Content-Length": str(size), "Expect": "100-continue"}
        async with self._asked("PUT", path, pieces, query, PATIENCE, headers) as response:
            answer = await _body(response)
        return self._decoded(answer, Any)

    @asynccontextmanager
    async def fetch(
        self, path: str, **query: str | int | None
    ) -> AsyncIterator[tuple[int, AsyncIterator[bytes]]]:
        """Give the size of a file and its bytes as they come; raises as `ask` does."""
        async with self._asked("GET", path, None, query, PATIENCE) as response:
            yield response.content_length or 0, response.content.iter_any()

    def _decoded(self, answer: bytes, shape: Any) -> Any:
        try:
            return msgspec.json.decode(answer, type=shape) if answer else None
        except msgspec.MsgspecError as error:
            raise errors.Gone(
                f"What answers at {self.credentials.url} is no Callboard hub, or a newer one: {error}."
            ) from None

    async def stream(
        self, method: str, path: str, body: Any = None, **query: str | int | None
    ) -> AsyncGenerator[Message, None]:
        """Yield the messages of a stream until the hub ends it; raises as `ask` does."""
        headers = {"Accept": "text/event-stream"}
        async with self._asked(method, path, body, query, SILENCE, headers) as response:
            parser = Parser()
            async for chunk in response.content.iter_any():
                for message in parser.feed(chunk):
                    yield message

    @asynccontextmanager
    async def _asked(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, str | int | None],
        silence: float,
        headers: Mapping[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        sent, data = _sendable(body)
        try:
            async with self.session.request(
                method,
                self.credentials.url + path,
                params={name: str(value) for name, value in query.items() if value is not None},
                data=data,
                headers={**sent, **(headers or {})},
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=CONNECT, sock_read=silence),
            ) as response:
                if response.status >= 400:
                    raise _error(response.status, await _body(response), self.credentials.url)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            raise unreachable(self.credentials.url, error) from error


def _sendable(body: Any) -> tuple[dict[str, str], Any]:
    """Return the headers and the bytes of a body: nothing, JSON, or pieces that come one by one."""
    if body is None:
        return {}, None
    if isinstance(body, AsyncIterator):
        return {"Content-Type": "application/octet-stream"}, body
    return {"Content-Type": "application/json"}, encode_json(body)


def _shown(credentials: Credentials) -> dict[str, str]:
    """Return the headers that say who asks."""
    if not credentials.user:
        return {"Authorization": f"Bearer {credentials.key}"}
    return {"ftrack-user": credentials.user, "ftrack-api-key": credentials.key}


async def _body(response: aiohttp.ClientResponse) -> bytes:
    parts: list[bytes] = []
    size = 0
    async for part in response.content.iter_any():
        size += len(part)
        if size > LONGEST:
            raise errors.Gone(f"The hub answers with more than {LONGEST} bytes: ask for less at once.")
        parts.append(part)
    return b"".join(parts)


def _error(status: int, body: bytes, url: str) -> errors.CallboardError:
    """Return the error that a problem document names."""
    try:
        problem = msgspec.json.decode(body, type=Problem)
    except msgspec.MsgspecError:
        return errors.Gone(f"{url} answers with status {status}, and not as a Callboard hub does.")
    kind = _ERRORS.get(problem.type.rpartition("#")[2], errors.CallboardError)
    if kind is errors.Unauthenticated:
        return unknown_key()
    return kind(
        problem.detail or problem.content or problem.title or f"The hub answers with status {status}."
    )


def unreachable(url: str, error: BaseException) -> errors.Gone:
    """Return the error for a hub that can't be reached, with the reason in a few words."""
    if isinstance(error, TimeoutError):
        reason = "it does not answer in time"
    elif isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = "its certificate is not trusted"
    elif isinstance(error, aiohttp.ClientConnectorError):
        fault = error.os_error
        named = os.strerror(fault.errno) if fault.errno and fault.errno > 0 else fault.strerror
        reason = (named or str(fault)).lower()
    else:
        reason = str(error) or type(error).__name__
    return errors.Gone(
        f"No hub answers at {url} ({reason}): start one with `callboard serve`, or pass {HOW}."
    )


def unknown_key() -> errors.Unauthenticated:
    """Return the error for a user and key that the hub does not know."""
    return errors.Unauthenticated(
        f"No such user and key: pass {HOW}, or set CALLBOARD_API_USER and CALLBOARD_API_KEY."
    )


def nobody_there(error: errors.Gone) -> bool:
    """Tell whether nothing at all listens at the address, so that no hub runs there."""
    cause = error.__cause__
    return isinstance(cause, aiohttp.ClientConnectorError) and cause.os_error.errno == ECONNREFUSED


class Parser:
    """Server-Sent Events out of chunks of bytes. Source: the HTML standard, "Parsing an event stream"."""

    def __init__(self) -> None:
        self._rest: list[bytes] = []
        self._waiting = 0
        self._fields: dict[str, bytes] = {}
        self._size = 0

    def feed(self, chunk: bytes) -> list[Message]:
        """Return the messages that are complete with `chunk`; raises Gone for one that is too long."""
        self._rest.append(chunk)
        self._waiting += len(chunk)
        if b"\n" not in chunk:
            self._bound(self._waiting)
            return []
        *lines, rest = b"".join(self._rest).split(b"\n")
        self._rest, self._waiting = [rest], len(rest)
        return [message for line in lines if (message := self._line(line.rstrip(b"\r"))) is not None]

    def _line(self, line: bytes) -> Message | None:
        if not line:
            fields, self._fields, self._size = self._fields, {}, 0
            if "data" not in fields:
                return None
            return Message(_text(fields.get("event", b"")), _text(fields.get("id", b"")), fields["data"])
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        self._bound(self._size + len(value))
        if name == b"data" and "data" in self._fields:
            value = self._fields["data"] + b"\n" + value
        if name in (b"data", b"event", b"id"):
            self._fields[_text(name)] = value
            self._size += len(value)
        return None

    def _bound(self, size: int) -> None:
        if size > LONGEST:
            raise errors.Gone(f"The hub sent a message of more than {LONGEST} bytes.")


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
