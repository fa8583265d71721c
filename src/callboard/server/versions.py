"""Versions over HTTP: files and films that become versions, and components that become files.

request -> VersionsDoor -> studio.room.Studio -> tracker, location, files

Everything here needs the right `tracker`, and `printers`, whose files and films it reads and writes: else
the tracker would be a way around that right.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from callboard.catalog.versions import FetchOutcome, FetchRequest, PublishOutcome, PublishRequest
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.files.telling import Cause
from callboard.server.body import decode
from callboard.server.files import RIGHT as FILES
from callboard.server.operation import JSON, Call, Operation, Outcome, json
from callboard.server.problems import (
    BAD_REQUEST,
    NO_TRACKER,
    NOT_FOUND,
    Kind,
    Problem,
    of,
)
from callboard.server.tracker import RIGHT, Answering, trace_of
from callboard.studio import production
from callboard.studio.locations import BadPath, NotThere
from callboard.studio.places import NoLocation
from callboard.studio.planning import BadRequest
from callboard.studio.room import Studio

GROUP: Final = "Studio"

_KINDS: Final[Mapping[type[CallboardError], Kind]] = {
    production.NoTracker: NO_TRACKER,
    production.NoSuchEntity: NOT_FOUND,
    NoLocation: NOT_FOUND,
    NotThere: NOT_FOUND,
    BadPath: BAD_REQUEST,
    BadRequest: BAD_REQUEST,
}


class PublishWanted(PublishRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish to make a new version of an asset out of a file: say task or parent, and file or film."""


class FetchWanted(FetchRequest, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A wish to have a component's file among the files: say one of task, version, component."""


def in_house(tracker: Answering | None) -> production.Answering | None:
    """Return the tracker as the studio room uses it, None where there is none."""
    if tracker is None:
        return None

    async def answer(
        batch: Sequence[Mapping[str, Any]],
        user: str,
        trace: Mapping[str, Any] | None,
        also: Sequence[Event] = (),
    ) -> list[Any]:
        return await tracker(batch, user, None, None, trace, also)

    return answer


def version_operations(room: Studio) -> tuple[Operation, ...]:
    """Return the operations under /v1/versions."""
    door = VersionsDoor(room)
    return (
        Operation(
            method="POST",
            path="/v1/versions",
            answer=door.publish_version,
            group=GROUP,
            rights=(RIGHT, FILES),
            body={JSON: PublishWanted},
            outcomes=(
                Outcome(201, "The version.", PublishOutcome),
                Outcome(404, "There is no such task, file, film or location, or no tracker."),
            ),
            example="""-d '{"task": "eb16970c", "file": "parts/arm.gcode", "note": "Ready."}'""",
        ),
        Operation(
            method="POST",
            path="/v1/versions/fetch",
            answer=door.fetch_component,
            group=GROUP,
            rights=(RIGHT, FILES),
            body={JSON: FetchWanted},
            outcomes=(
                Outcome(200, "Where the file is.", FetchOutcome),
                Outcome(404, "There is no such component, or not in a location that the hub sees."),
            ),
            example="""-d '{"task": "eb16970c", "file_type": ".stl"}'""",
        ),
    )


class VersionsDoor:
    """Answers on behalf of who has the rights `tracker` and `printers`."""

    def __init__(self, room: Studio) -> None:
        self._room = room

    async def publish_version(self, call: Call) -> Response:
        """Make a version of a file or a film.

        Its bytes are copied into a file location; asset, version, component and note are made in one
        transaction; `ftrack.location.component-added` is published. The same as the request
        `callboard.studio.publish`.
        """
        wish = await _read(call, PublishWanted)
        try:
            made = await self._room.publish(wish, _cause(call))
        except CallboardError as error:
            raise _problem(error) from None
        return json({"success": True, **made}, 201)

    async def fetch_component(self, call: Call) -> Response:
        """Copy the file of a version's component to the files.

        The newest version of a task, unless a version or a component is named. The same as the request
        `callboard.studio.fetch`.
        """
        wish = await _read(call, FetchWanted)
        try:
            found = await self._room.fetch(wish, _cause(call))
        except CallboardError as error:
            raise _problem(error) from None
        return json({"success": True, **found})


async def _read(call: Call, kind: type[Any]) -> Any:
    async with call.house.bodies.read(call.request) as body:
        return decode(body, kind)


def _cause(call: Call) -> Cause:
    """Return who asks, and what led to it, as a hook's command may say in a header."""
    return Cause(call.principal.name, trace_of(call.request.headers) or {})


def _problem(error: CallboardError) -> Problem:
    kind = _KINDS.get(type(error))
    return Problem(kind, str(error)) if kind is not None else of(error)
