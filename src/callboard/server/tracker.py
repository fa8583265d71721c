"""`POST /api`: the official clients' own way in, and the only door of the tracker.

Errors have the form that those clients read: `{"exception", "content", "error_code"}`. The tracker is
imported only where the configuration has it: it needs the extra `studio`.
"""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Final, Protocol

import msgspec
import structlog
from msgspec import Meta, Struct
from starlette.responses import Response

from callboard.bus import Bus
from callboard.config.settings import Tracker as Settings
from callboard.errors import CallboardError, MissingExtra, StorageFailed
from callboard.event import Event, encode_json
from callboard.logs.lock import Lock
from callboard.server.body import decode
from callboard.server.handshake import allowing, cross_origin
from callboard.server.operation import JSON, Call, Operation, Outcome, json
from callboard.server.problems import BAD_REQUEST, NOBODY, TRACKERS, Problem

log = structlog.get_logger("callboard.http")

RIGHT: Final = "tracker"
PATH: Final = "/api"

_MISSING = "The tracker needs the extra `studio`: pip install 'callboard[studio]', or take `tracker:` out."
_ALONE = "other nodes on this log don't share this tracker: `tracker.url` with a PostgreSQL does that"
_ALLOWED = (
    "ftrack-user, ftrack-api-key, ftrack-clienttoken, ftrack-pushtoken, ftrack-api-options, "
    "ftrack-strict-api, callboard-trace, content-type, accept"
)
_LONGEST_TOKEN = 200
_LARGEST = 64 << 20
"""Bytes of a batch: a shot list of 10,000 rows is one."""
_LONGEST_TRACE = 1000
_BAD_TRACE = (
    "The header callboard-trace is JSON with the texts `correlation` and `cause` and the number `hops`, "
    "as a hook's command finds it in CALLBOARD_HOOK_TRACE: send that, or no such header."
)


class Trace(Struct, frozen=True):
    """What led to a commit, as `source.trace` of its event tells it; more keys than these are dropped."""

    correlation: Annotated[str, Meta(min_length=1, max_length=200)]
    cause: Annotated[str, Meta(min_length=1, max_length=200)]
    hops: Annotated[int, Meta(ge=0, le=1_000_000)]


class Answering(Protocol):
    """What the door needs of the tracker."""

    async def __call__(
        self,
        batch: Sequence[Mapping[str, Any]],
        user: str,
        client: str | None,
        push: str | None,
        trace: Mapping[str, Any] | None = None,
        also: Sequence[Event] = (),
    ) -> list[Any]:
        """Return the results of a batch; its events have that `source.trace`, and `also` is told with them.

        Raises CallboardError, with `kind` for what clients call it.
        """


Freeing = Callable[[Collection[str]], Awaitable[None]]


class Granting(Protocol):
    """What the door needs of who takes uploads in: the tracker does not know where they go."""

    def check(self, batch: Sequence[Mapping[str, Any]]) -> None:
        """Raise Problem for a batch that asks to upload what can't be."""

    def complete(self, call: Call, results: Sequence[Any]) -> list[Any]:
        """Return the results of a batch, with where uploads go."""


@contextlib.asynccontextmanager
async def tracker_opened(
    bus: Bus, settings: Settings, data: Path, shared: bool, free: Freeing | None = None
) -> AsyncIterator[Answering | None]:
    """Open the tracker if the configuration has it, and give what answers batches.

    `shared` says whether other nodes may be on the log; `free` is told whose bytes nobody needs. Raises
    MissingExtra, or an error of the tracker's that says why its database can't be opened.
    """
    if not settings.enabled:
        yield None
        return
    try:
        from callboard.tracker.engines import file_of
        from callboard.tracker.room import Caller, open_tracker
    except ImportError as error:
        raise MissingExtra(_MISSING) from error
    async with contextlib.AsyncExitStack() as stack:
        file = file_of(settings.database, data)
        if file is not None and settings.database is not None:
            stack.callback(_locked(file).release)
        if file is not None and shared:
            log.warning(_ALONE, file=str(file))
        tracker = await stack.enter_async_context(open_tracker(bus, settings.database, data, free))

        async def answer(
            batch: Sequence[Mapping[str, Any]],
            user: str,
            client: str | None,
            push: str | None,
            trace: Mapping[str, Any] | None = None,
            also: Sequence[Event] = (),
        ) -> list[Any]:
            return await tracker.answer(batch, Caller(user, client, push, trace), also)

        yield answer


def _locked(file: Path) -> Lock:
    """Return the lock of a SQLite file that is not in the data folder, which the board has locked."""
    try:
        return Lock(file, f"the tracker's database {file}")
    except OSError as error:
        raise StorageFailed(
            f"The tracker's database can't be opened: {file.parent} can't be written ({error.strerror})."
        ) from None


def tracker_operations(answer: Answering | None, uploads: Granting) -> tuple[Operation, ...]:
    """Return the operations at /api; none without a tracker."""
    if answer is None:
        return ()
    door = TrackerDoor(answer, uploads)
    return (
        Operation(
            method="POST",
            path=PATH,
            answer=door.do_batch,
            group="Tracker",
            public=True,  # who has no key is told so in the clients' own words
            body={JSON: list[dict[str, Any]]},
            outcomes=(Outcome(200, "One result for each operation, in their order.", list[Any]),),
            example="""-d '[{"action": "query", "expression": "select name from Project"}]'""",
        ),
        Operation(
            method="OPTIONS",
            path=PATH,
            answer=door.allow_batch,
            group="Tracker",
            public=True,
            outcomes=(Outcome(204, "It may."),),
        ),
    )


class TrackerDoor:
    """Answers batches on behalf of who has the right `tracker`."""

    def __init__(self, answer: Answering, uploads: Granting) -> None:
        self._answer, self._uploads = answer, uploads

    async def do_batch(self, call: Call) -> Response:
        """Do a batch of the tracker's operations.

        query_server_information, query_schemas, query, create, update, delete: all of them, or none.
        `get_upload_metadata` answers with the address that a component's file is put to. Needs the right
        `tracker`. The official clients' `Session` is what speaks here. What led to the batch, if anything,
        is in the header `callboard-trace`: the JSON of a hook's CALLBOARD_HOOK_TRACE.
        """
        headers = cross_origin(call.request.headers, call.house.origins)
        if call.caller is None:
            return _refused("FTAuthenticationError", NOBODY, headers)
        if not call.caller.may(RIGHT):
            said = f"This needs a key with the right `{RIGHT}`: ask an administrator for one."
            return _refused("PermissionError", said, headers)
        try:
            async with call.house.bodies.read(call.request, max(call.house.bodies.most, _LARGEST)) as body:
                batch = decode(body, list[dict[str, Any]])
                if b"\\u0000" in body and has_nul(batch):
                    raise Problem(
                        BAD_REQUEST, "A text here holds the character NUL, which no database stores."
                    )
            self._uploads.check(batch)
            client, push = _token(call, "ftrack-clienttoken"), _token(call, "ftrack-pushtoken")
            results = await self._answer(
                batch, call.caller.name, client, push, trace_of(call.request.headers)
            )
            results = self._uploads.complete(call, results)
        except Problem as problem:
            return _refused("ValidationError", problem.detail, headers, problem.kind.status)
        except CallboardError as error:
            return _refused(getattr(error, "kind", "ServerError"), str(error), headers)
        return json(results, headers=headers)

    async def allow_batch(self, call: Call) -> Response:
        """Answer a browser that asks whether it may send a batch."""
        return allowing(call, "POST, OPTIONS", _ALLOWED)


def has_nul(value: Any) -> bool:
    """Return whether a text in a JSON value holds the character NUL."""
    left = [value]
    while left:
        match left.pop():
            case str() as text:
                if "\0" in text:
                    return True
            case dict() as found:
                left += [*found.keys(), *found.values()]
            case list() as found:
                left += found
    return False


def _token(call: Call, name: str) -> str | None:
    """Return a client's token; JavaScript says `undefined` for none (facts, section 5)."""
    found = call.request.headers.get(name, "")[:_LONGEST_TOKEN]
    return None if found in ("", "undefined", "null") else found


def trace_of(headers: Mapping[str, str]) -> Mapping[str, Any] | None:
    """Return the trace in a request's headers, None without one; raises Problem for what is none."""
    text = headers.get("callboard-trace", "")
    if not text:
        return None
    try:
        if len(text) > _LONGEST_TRACE:
            raise Problem(BAD_REQUEST, _BAD_TRACE)
        found = msgspec.json.decode(text.encode("latin-1"), type=Trace)  # HTTP's text is bytes in disguise
        return msgspec.structs.asdict(found)
    except (msgspec.MsgspecError, UnicodeEncodeError):
        raise Problem(BAD_REQUEST, _BAD_TRACE) from None


def _refused(exception: str, said: str, headers: Mapping[str, str], status: int = 0) -> Response:
    body = {"exception": exception, "content": said, "error_code": None}
    sent = {"Cache-Control": "no-store", **headers}
    return Response(encode_json(body), status or TRACKERS.get(exception, BAD_REQUEST).status, sent, JSON)
