"""Questions over HTTP: entries of menus, new projects, paths of components, users' workstations.

request -> QuestionsDoor -> studio.questions, studio.projects -> Bus.request -> listeners -> JSON
"""

from __future__ import annotations

from typing import Any, Final

from msgspec import UNSET
from starlette.responses import Response

from callboard.errors import CallboardError
from callboard.hub.principal import HOUSE
from callboard.server import studioshapes as shapes
from callboard.server.body import decode
from callboard.server.operation import Call, json
from callboard.server.problems import (
    BAD_REQUEST,
    CONFLICT,
    DENIED,
    INVALID,
    NO_TRACKER,
    NOT_FOUND,
    Problem,
    of,
)
from callboard.server.studiohouse import StudioHouse, bus_of, read, seconds, timeout_of
from callboard.studio import questions
from callboard.studio.locations import Platform, UnknownPlatform, here, platform_of

FOR_OTHERS: Final = "keys"
"""The right to act on another user's workstation: who has it could make a key of that user anyway."""

_LONGEST: Final = 256
_REFUSED: Final = ("ValidationError", "IntegrityError", "NotFoundError")
"""What clients call it when the tracker refuses a value, one that points to nothing included."""


class QuestionsDoor:
    """Answers what listeners are asked, actions aside."""

    def __init__(self, house: StudioHouse) -> None:
        self._house, self._settings = house, house.settings

    async def list_entries(self, call: Call) -> Response:
        """Ask for the entries of a menu in a form.

        Publishes `ftrack.dynamic-enumerator` with these six keys. Several listeners may answer: their
        entries are joined in the order in which they came, and of equal values the first one stays.
        """
        wanted, given = await read(call, shapes.Enumerating)
        asked = {
            "attributeName": wanted.attribute_name,
            "recordData": {"entity": given["recordData"]["entity"], "changes": wanted.record_data.changes},
            "query": wanted.query,
            "sorters": wanted.sorters,
            "groupers": wanted.groupers,
            "filters": wanted.filters,
        }
        deadline = seconds(wanted.timeout, self._settings.enumerator)
        found = await questions.entries(bus_of(call), await self._house.asker(call), asked, deadline)
        return json({"items": found.items, "faults": found.faults})

    async def connect_user(self, call: Call) -> Response:
        """Wish that something happens on a user's workstation.

        Publishes `ftrack.connect` with that user as its source, which desktop helpers listen to. Yours
        needs no right; that of others needs the right `keys`. Nobody replies.
        """
        wanted, given = await read(call, shapes.Connecting)
        mine = call.principal.name
        user = mine if wanted.user is UNSET else wanted.user
        if user != mine and not call.principal.may(FOR_OTHERS):
            raise Problem(
                DENIED,
                f"This key may act on the workstation of {mine} alone: leave `user` out, or use a key "
                f"with the right `{FOR_OTHERS}`.",
            )
        asker = await self._house.asker(call, user)
        wish = (wanted.action, wanted.plugin, given["entity"])
        position = await questions.connect(bus_of(call), asker, *wish)
        return json({"position": position, "asked": await _asked(call, position)})

    async def create_project(self, call: Call) -> Response:
        """Create a project.

        Publishes `ftrack.validate` with its fields, by the names that events have for them, and waits
        for who has rules for it: what they change is changed, what they refuse is told by field and
        nothing is created. Else it is created by this key's user.
        """
        if self._house.tracker is None:
            said = "There is no tracker here: put `tracker:` into callboard.yaml, and start the hub again."
            raise Problem(NO_TRACKER, said)
        from callboard.studio import projects

        async with call.house.bodies.read(call.request) as body:
            given = decode(body, dict[str, Any])
        deadline = seconds(timeout_of(call), self._settings.validate)
        asker = await self._house.asker(call)
        try:
            made = await projects.create(bus_of(call), asker, self._house.tracker, given, deadline)
        except projects.NotValid as error:
            raise Problem(
                INVALID, str(error), errors=error.errors, changes=error.changes, faults=error.faults
            ) from None
        except CallboardError as error:
            raise _problem(error) from None
        return json(made, 201)

    async def resolve_path(self, call: Call) -> Response:
        """Ask where a component is.

        Publishes `ftrack.location.request-resolve`; the first path that comes is the answer. For the hub's
        own locations it is the hub's, if it knows one.
        """
        component, location = call.request.path_params["id"], call.text("location")
        if max(len(component), len(location)) > _LONGEST:
            raise Problem(BAD_REQUEST, f"Ids and names have at most {_LONGEST} characters here.")
        found = await questions.resolved(
            bus_of(call),
            await self._house.asker(call),
            component,
            location or None,
            _platform(call.text("platform")),
            self._house.url,
            seconds(timeout_of(call), self._settings.resolve),
            HOUSE if any(location == one.name for one in self._settings.locations) else "",
        )
        if found.path is None:
            where = f"in {location!r}" if location else "anywhere"
            said = f"Nobody who listens knows a path of the component {component!r} {where}."
            raise Problem(NOT_FOUND, said, faults=found.faults)
        return json(found)


def _problem(error: CallboardError) -> Problem:
    """Return what the tracker refuses, told by the field where that is known."""
    kind = getattr(error, "kind", "")
    if kind == "DuplicateEntryError":
        return Problem(CONFLICT, str(error), errors={"name": str(error)})
    return Problem(INVALID, str(error), errors={}) if kind in _REFUSED else of(error)


def _platform(text: str) -> Platform:
    try:
        return platform_of(text) if text else here()
    except UnknownPlatform as error:
        raise Problem(BAD_REQUEST, str(error)) from None


async def _asked(call: Call, position: str) -> int:
    """Return how many subscribers of this node a stored event went to."""
    hub = call.house.hub
    number = hub.log.number(position)
    await hub.router.reached(number)
    entries = await hub.log.read(number - 1, 1)
    return len(hub.router.asked(entries[0])) if entries else 0
