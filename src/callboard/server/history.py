"""Looking back and looking on: the log over HTTP, as pages and as a stream."""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator
from urllib.parse import urlencode

from msgspec import Struct
from starlette.responses import Response

from callboard.errors import BadPosition
from callboard.event import Entry, encode_json, new_id
from callboard.expression import parse
from callboard.hub.hub import Hub
from callboard.hub.hubbus import position_of
from callboard.hub.stream import GAP, Stream
from callboard.server.entries import entry_json, iso
from callboard.server.operation import Call, json
from callboard.server.publish import APPLICATION
from callboard.server.sse import comment, message
from callboard.wire import cloudevents

_MOST = 1000
_USUAL = 100
_FOREIGN = re.compile(r"(?!\d{4}-\d\d\Z)\w{1,64}-\d{1,19}\Z", re.ASCII)


class Start(Struct, frozen=True):
    """Where reading begins; `gap` is the JSON of what is missing when a position is of another log."""

    after: int
    gap: bytes = b""


async def history(call: Call) -> Response:
    """Look back.

    Returns the stored events that match, oldest first, and `next`: pass it as `after` to go on. One
    answer looks at 100,000 entries at most, so it may hold fewer than there are, even none: go
    on until `next` stays the same. With `Accept: application/cloudevents-batch+json` the
    events come as CloudEvents, and the way on stands in the header Link.
    """
    hub = call.house.hub
    expression = call.text("expression")
    parse(expression)
    limit = call.number("limit", _USUAL, _MOST)
    start = await start_of(hub, call.text("after"))
    gap = start.gap or await _pruned(hub, start.after)
    entries, position = await hub.history(call.principal, expression, start.after, limit)
    way_on = hub.log.text(position)
    if cloudevents.MANY in call.request.headers.get("accept", ""):
        return _batch(call, entries, way_on)
    listed = b",".join(entry_json(hub.log, entry) for entry in entries)
    missing = b',"gap":' + gap if gap else b""
    return json(b'{"events":[%b],"next":"%b"%b}' % (listed, way_on.encode(), missing))


def _batch(call: Call, entries: list[Entry], way_on: str) -> Response:
    log = call.house.hub.log
    body = b",".join(
        cloudevents.write(entry.envelope, log.stamp(entry), iso(entry.time)) for entry in entries
    )
    query = urlencode({**call.request.query_params, "after": way_on})
    headers = {"Link": f'<{call.request.url.path}?{query}>; rel="next"', "Cache-Control": "no-store"}
    return Response(b"[" + body + b"]", 200, headers, cloudevents.MANY)


async def stream(call: Call) -> Response:
    """Listen live.

    Server-Sent Events: `data` is an entry as in the history, `id` its position. Begins now, behind the
    header `Last-Event-ID`, or behind `after`; what was missed comes first. `event: gap` says
    honestly that some is gone from the log. A comment comes every ten seconds.
    """
    hub = call.house.hub
    expression = call.text("expression")
    parse(expression)
    text = call.request.headers.get("last-event-id") or call.text("after")
    start = await start_of(hub, text) if text else Start(hub.router.position)
    feed = Feed(call, expression, start)
    return call.house.streams.response(feed.pieces(), feed.beat)


class Feed:
    """What one listener gets: matching entries, gaps, and in silence how far it has come."""

    def __init__(self, call: Call, expression: str, start: Start) -> None:
        self._call, self._expression, self._start = call, expression, start
        self._hub = call.house.hub
        self._stream: Stream | None = None

    async def pieces(self) -> AsyncGenerator[bytes]:
        """Yield messages, as many as are ready at once."""
        if self._start.gap:
            yield message(self._start.gap, "gap", self._hub.log.text(self._start.after))
        principal = self._call.principal
        async with self._hub.stream(
            principal, self._expression, onlooker(principal.name), self._start.after
        ) as stream:
            self._stream = stream
            while entries := await stream.take():
                yield b"".join(map(self._message, entries))

    def beat(self) -> bytes | None:
        """Return a comment with the position up to which nothing is missing; None for a revoked key."""
        if not self._call.still():
            return None
        if self._stream is None:
            return comment("welcome", self._hub.log.text(self._start.after))
        return comment("beat", self._hub.log.text(self._hub.router.position) if self._stream.live else "")

    def _message(self, entry: Entry) -> bytes:
        log = self._hub.log
        position = log.text(entry.position)
        if entry.envelope.topic == GAP and not entry.time:  # made by the stream, not read from the log
            return message(bytes(entry.envelope.data), "gap", position)
        return message(entry_json(log, entry), "", position)


def onlooker(user: str) -> dict[str, object]:
    """Return the subscriber information of a stream: it can't reply, so nobody waits for it."""
    return {"id": new_id(), "applicationId": APPLICATION, "user": {"username": user}, "replies": False}


async def start_of(hub: Hub, text: str) -> Start:
    """Return where to read on behind a position or an ISO 8601 time.

    Nothing means the oldest entry there is. The position of another log (this one
    began anew, say) gives a gap and then all of this log. Raises BadPosition for anything else.
    """
    first = await hub.log.first()
    if not text:
        return Start(first - 1)
    try:
        return Start(await position_of(hub, text.replace(" ", "+")))
    except BadPosition:
        if not _FOREIGN.match(text):
            raise
        return Start(first - 1, _gap(text, hub.log.text(first), None))


async def _pruned(hub: Hub, after: int) -> bytes:
    """Return the gap between a position and the oldest entry, if there is one; streams find it themselves."""
    first = await hub.log.first()
    text = hub.log.text
    return _gap(text(after), text(first), first - after - 1) if after + 1 < first else b""


def _gap(after: str, before: str, missed: int | None) -> bytes:
    return encode_json({"after": after, "before": before, "missed": missed})
