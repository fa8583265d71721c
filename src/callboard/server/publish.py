"""Publishing over HTTP: a body becomes envelopes, and they are stored all or none.

body --> texts of single events --> envelopes, each checked --> hub.accept, in one turn --> positions
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

import msgspec
from msgspec import Raw, Struct
from starlette.datastructures import Headers
from starlette.responses import Response

from callboard.errors import CallboardError
from callboard.event import Entry, Envelope, decode_json, encode_json, new_id, open_envelope
from callboard.hub.hub import Hub
from callboard.hub.principal import Principal
from callboard.server.operation import Call, json
from callboard.server.problems import BAD_EVENT, TOO_BIG, Problem, of
from callboard.wire import cloudevents

MOST_EVENTS = 10_000
"""Events in one body."""

APPLICATION = "callboard.http"
"""`applicationId` of who publishes or listens over HTTP and says nothing else."""

_INDEX = re.compile(r"\$\[(\d+)\]")


async def publish(call: Call) -> Response:
    """Publish events.

    One event object, an array of them, or CloudEvents (structured, batch or binary). Answered once
    they are stored, durably. All or none: if one is refused, `index` says which, and none is stored.
    """
    hub = call.house.hub
    async with call.house.bodies.read(call.request) as body:
        envelopes = checked(hub, call.principal, texts_in(body, call.request.headers))
        del body
    return json({"positions": await Publishing(hub).store(call.principal, envelopes)}, 201)


def texts_in(body: bytes, headers: Headers) -> Iterator[bytes]:
    """Yield the JSON text of each event in a body, whatever form the headers say it has."""
    kind = headers.get("content-type", "").partition(";")[0].strip().lower()
    if "ce-specversion" in headers:
        yield cloudevents.read_binary(headers.items(), body)
    elif kind == cloudevents.ONE:
        yield cloudevents.read(body)
    elif kind == cloudevents.MANY:
        yield from map(cloudevents.read, _elements(body, _cloud_probes))
    elif body.lstrip()[:1] == b"[":
        yield from _elements(body, _probes)
    else:
        yield body


class _Probe(Struct, gc=False):
    """As little of an event as tells that it is one: elements are counted before they cost memory."""

    topic: str


class _CloudProbe(Struct, gc=False):
    type: str


_probes = msgspec.json.Decoder(list[_Probe])
_cloud_probes = msgspec.json.Decoder(list[_CloudProbe])
_raws = msgspec.json.Decoder(list[Raw])


def _elements(
    body: bytes, probes: msgspec.json.Decoder[list[_Probe]] | msgspec.json.Decoder[list[_CloudProbe]]
) -> Iterator[bytes]:
    try:
        count = len(probes.decode(body))
        if count > MOST_EVENTS:
            raise Problem(TOO_BIG, f"These are {count} events: send at most {MOST_EVENTS} at once.")
        return map(bytes, _raws.decode(body))
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        found = _INDEX.search(str(error))
        problem = Problem(BAD_EVENT, f"This is no array of events: {error}.")
        problem.more = {"index": int(found[1])} if found else {}
        raise problem from None


def checked(hub: Hub, principal: Principal, texts: Iterable[bytes]) -> list[Envelope]:
    """Return the envelopes of all texts; raises Problem with the `index` of the first that is refused."""
    envelopes: list[Envelope] = []
    try:
        for text in texts:
            envelopes.append(one_checked(hub, principal, text))  # noqa: PERF401 - counts up to the fault
    except CallboardError as error:
        hub.refused += 1
        raise of(error, index=len(envelopes)) from None
    return envelopes


def one_checked(hub: Hub, principal: Principal, text: bytes) -> Envelope:
    """Return one event, with a source that clients can live with; raises as `Hub.check` does."""
    envelope = open_envelope(text, hub.log.max_event)
    envelope = msgspec.structs.replace(envelope, source=_source(envelope.source, principal))
    return hub.check(principal, envelope)


def _source(raw: Raw, principal: Principal) -> Raw:
    """Fill in what handlers of the official clients read unguarded: `id` and `user` (facts, rule 7)."""
    given = decode_json(raw)
    known: Mapping[str, Any] = given if isinstance(given, dict) else {}
    if known.get("id") is not None and "user" in known:
        return raw
    filled = {"applicationId": APPLICATION, "user": {"username": principal.name}, **known}
    return Raw(encode_json({**filled, "id": known.get("id") or new_id()}))


class Publishing:
    """Events on their way into the log together."""

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._positions: list[str] = []
        self._done: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    async def store(self, principal: Principal, envelopes: Sequence[Envelope]) -> list[str]:
        """Return the positions once all are stored; in one turn, so that they are stored together."""
        if envelopes:
            for envelope in envelopes:
                self._hub.accept(principal, envelope, self, len(envelopes))
            await self._done
        return self._positions

    def stored(self, ack: int, entry: Entry) -> None:
        """One of them is durable."""
        self._positions.append(self._hub.log.text(entry.position))
        if len(self._positions) == ack and not self._done.done():
            self._done.set_result(None)

    def failed(self, _: int, error: Exception) -> None:
        """One of them, hence all, could not be stored."""
        if not self._done.done():
            self._done.set_exception(error)
