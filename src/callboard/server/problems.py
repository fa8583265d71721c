"""Problems: every error that leaves over HTTP is one RFC 9457 document.

`type` points at the line of `/v1/docs` that explains it. Which error gets which status is said in
one table, here.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus
from typing import Any

import structlog
from msgspec import Struct
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from callboard import errors
from callboard.event import encode_json
from callboard.files import refusals
from callboard.hub.state import StateTooBig
from callboard.slicing import refusals as slicing
from callboard.studio.actions import BadItem
from callboard.studio.shelf import WrongBytes
from callboard.timelapse import refusals as filming

log = structlog.get_logger("callboard.http")

DOCS = "/v1/docs"
MEDIA = "application/problem+json"


class Kind(Struct, frozen=True):
    """One kind of problem: its status, its name behind `/v1/docs#`, its title."""

    status: int
    name: str
    title: str


class Problem(Exception):
    """A problem that a door itself finds; `more` are further keys of the document."""

    def __init__(
        self, kind: Kind, detail: str, headers: Mapping[str, str] | None = None, **more: Any
    ) -> None:
        super().__init__(detail)
        self.kind, self.detail, self.headers, self.more = kind, detail, headers, more


BAD_REQUEST = Kind(400, "bad-request", "This request can't be understood")
BAD_EVENT = Kind(400, "bad-event", "This is no event that the hub takes")
BAD_EXPRESSION = Kind(400, "bad-expression", "This expression does not parse")
BAD_POSITION = Kind(400, "bad-position", "This is no position of this log")
BAD_KEY = Kind(400, "bad-key", "Such a key can't be made")
UNAUTHENTICATED = Kind(401, "unauthenticated", "No such user and key")
DENIED = Kind(403, "denied", "This key may not do that")
NOT_FOUND = Kind(404, "not-found", "There is nothing here")
NO_TRACKER = Kind(404, "no-tracker", "There is no tracker here")
NOT_ALLOWED = Kind(405, "method-not-allowed", "This address does not take this method")
TOO_SLOW = Kind(408, "too-slow", "The body took too long")
CONFLICT = Kind(409, "conflict", "This is taken")
CHANGED = Kind(412, "changed", "This has changed meanwhile")
TOO_BIG = Kind(413, "too-big", "This is larger than the hub takes")
WRONG_TYPE = Kind(415, "wrong-type", "Files of this type are not taken")
BAD_RANGE = Kind(416, "bad-range", "This part of the file is not there")
INVALID = Kind(422, "invalid", "These values are refused")
INTERNAL = Kind(500, "internal", "The hub made a mistake")
STORAGE = Kind(503, "storage-failed", "The log could not store the event")
TRACKER_AWAY = Kind(503, "tracker-away", "The tracker's database can't do it now")
BUSY = Kind(503, "busy", "The hub has as much to do as it takes")
NOT_READY = Kind(503, "not-ready", "The hub is up, and not ready")
STOPPING = Kind(503, "stopping", "The hub stops")
TIMED_OUT = Kind(504, "timed-out", "Nothing came in time")
DISK_FULL = Kind(507, "disk-full", "The disk is full")

KINDS: Mapping[type[errors.CallboardError], Kind] = {
    errors.EventTooBig: TOO_BIG,
    errors.BadEvent: BAD_EVENT,
    errors.BadExpression: BAD_EXPRESSION,
    errors.BadPosition: BAD_POSITION,
    errors.BadKey: BAD_KEY,
    errors.Unauthenticated: UNAUTHENTICATED,
    errors.Denied: DENIED,
    errors.StorageFailed: STORAGE,
    errors.Gone: BUSY,
    errors.TimedOut: TIMED_OUT,
    StateTooBig: TOO_BIG,
    refusals.BadName: BAD_REQUEST,
    refusals.NoSuchFile: NOT_FOUND,
    refusals.TooLarge: TOO_BIG,
    refusals.WrongType: WRONG_TYPE,
    refusals.DiskFull: DISK_FULL,
    refusals.DiskFailed: STORAGE,
    refusals.Refused: CONFLICT,
    filming.NoSuchFilm: NOT_FOUND,
    filming.Refused: CONFLICT,
    slicing.NoSuchSlicer: NOT_FOUND,
    slicing.NoSuchProfile: NOT_FOUND,
    slicing.NoSuchJob: NOT_FOUND,
    slicing.BadProfile: BAD_REQUEST,
    slicing.BadPlace: BAD_REQUEST,
    slicing.NotAModel: WRONG_TYPE,
    slicing.Refused: CONFLICT,
    BadItem: BAD_REQUEST,
    WrongBytes: BAD_REQUEST,
    errors.CallboardError: INTERNAL,
}
"""The status of each error; a class that is not here has that of its nearest parent."""

TRACKERS: Mapping[str, Kind] = {
    "ValidationError": BAD_REQUEST,
    "FTAuthenticationError": UNAUTHENTICATED,
    "PermissionError": DENIED,
    "NotFoundError": NOT_FOUND,
    "DuplicateEntryError": CONFLICT,
    "IntegrityError": CONFLICT,
    "ServiceUnavailableError": TRACKER_AWAY,
    "UnknownOutcomeError": TRACKER_AWAY,
}
"""The same for what the tracker refuses, by what its clients call it: the tracker is not imported here."""

_STATUSES = {404: NOT_FOUND, 405: NOT_ALLOWED, 413: TOO_BIG}


NOBODY = (
    "No such user and key: send `Authorization: Bearer KEY`, or the headers ftrack-user and ftrack-api-key."
)
"""What is said over HTTP for Unauthenticated, whose own words are for clients."""


def kind_of(error: errors.CallboardError) -> Kind:
    """Return the kind of problem that an error is."""
    refused = TRACKERS.get(getattr(error, "kind", ""))
    return refused or next(KINDS[known] for known in type(error).__mro__ if known in KINDS)


def document(kind: Kind, detail: str, headers: Mapping[str, str] | None = None, **more: Any) -> Response:
    """Return the response with a problem document."""
    body = {
        "type": f"{DOCS}#{kind.name}",
        "title": kind.title,
        "status": kind.status,
        "detail": detail,
        **more,
    }
    sent = {"Cache-Control": "no-store", **(headers or {})}
    if kind.status == HTTPStatus.UNAUTHORIZED:
        sent["WWW-Authenticate"] = 'Bearer realm="callboard"'
    if kind.status == HTTPStatus.SERVICE_UNAVAILABLE:
        sent["Retry-After"] = "5"
    return Response(encode_json(body), kind.status, sent, MEDIA)


def of(error: errors.CallboardError, **more: Any) -> Problem:
    """Return an error as a problem; one in an expression has `position`, where the fault is."""
    if isinstance(error, errors.BadExpression):
        more["position"] = error.position
    said = NOBODY if isinstance(error, errors.Unauthenticated) else str(error)
    return Problem(kind_of(error), said, **more)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return document(error.kind, error.detail, error.headers, **error.more)


async def _callboard_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, errors.CallboardError)
    return await _problem(request, of(error))


async def _http_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    kind = _STATUSES.get(error.status_code) or Kind(error.status_code, "bad-request", error.detail)
    detail = {
        404: f"There is nothing at this address: {DOCS} lists what there is.",
        405: "This address takes other methods: the header Allow names them.",
    }.get(error.status_code, error.detail)
    return document(kind, detail, error.headers)


async def _left(_: Request, __: Exception) -> Response:
    """The client went in the middle of its request: nobody reads this."""
    return Response(status_code=400)


async def _mistake(request: Request, error: Exception) -> Response:
    log.error("a request failed", path=request.url.path[:500], error=repr(error))
    return document(INTERNAL, "The hub could not do this; its log says why.")


Handler = Callable[[Request, Exception], Awaitable[Response]]
HANDLERS: Mapping[type[Exception], Handler] = {
    Problem: _problem,
    errors.CallboardError: _callboard_error,
    HTTPException: _http_error,
    ClientDisconnect: _left,
    Exception: _mistake,
}
"""What Starlette calls for an exception that a door lets through."""
