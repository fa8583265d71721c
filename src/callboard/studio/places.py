"""The configured locations as the tracker knows them, and who asks where a component lies.

    ftrack.location.request-resolve -> Places -> {path}, or {path: null, success: false, message}

A location that is not ours is answered by whoever has it: we keep silent. Source: seed,
"ftrack.location.request-resolve"; facts 4.1.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

import structlog
from msgspec import Struct, structs

from callboard.errors import CallboardError
from callboard.event import Event
from callboard.expression import quote
from callboard.files.threads import Threads
from callboard.studio.locations import FileLocation, NotThere, here, platform_of
from callboard.studio.production import Answering, Production, created

log = structlog.get_logger("callboard.studio")

RESOLVE: Final = "ftrack.location.request-resolve"
HOUSE: Final = "callboard"
"""The tracker's user for what the house itself looks up and makes."""
UNMANAGED: Final = "cb268ecc-8809-11e3-a7e2-20c9d081909b"
"""The built-in location that official clients take unless told otherwise: it holds absolute paths."""
_LONGEST: Final = 200
_SHOWN: Final = "location_id, resource_identifier"


class NoLocation(CallboardError):
    """There is no such file location: see studio.locations in the configuration."""


class Held(Struct, frozen=True):
    """A component in one of our locations."""

    location: FileLocation
    resource: str


class Places:
    """Our locations, the first of which is meant where none is named."""

    def __init__(
        self,
        locations: Sequence[FileLocation],
        answer: Answering | None,
        threads: Threads,
        uploads: FileLocation | None = None,
    ) -> None:
        self._locations, self._uploads = tuple(locations), uploads
        self._production = Production(answer, HOUSE)
        self._threads = threads

    async def begin(self) -> None:
        """Make those that the tracker does not know, and learn the ids of the others."""
        if not self._locations:
            return
        known = await self._known()
        for one in self._locations:
            if one.name not in known:
                await self._make(one)
            await self._look_at(one)
        known = await self._known()
        self._locations = tuple(structs.replace(one, id=known[one.name]) for one in self._locations)

    async def _look_at(self, one: FileLocation) -> None:
        """Say so if a folder is not there, and clear away what crashes left in it."""
        if not await self._threads.do(one.folder.is_dir):
            log.warning("the folder of a location is not there", location=one.name, folder=str(one.folder))
        elif swept := await self._threads.do(one.sweep):
            log.info("copies that a crash left were removed", location=one.name, files=swept)

    async def _known(self) -> dict[str, str]:
        names = [one.name for one in self._locations]
        rows = await self._production.find("Location", "id, name", {"name": names})
        return {str(row["name"]): str(row["id"]) for row in rows}

    async def _make(self, one: FileLocation) -> None:
        try:
            await self._production.do([created("Location", id=one.new_id, name=one.name)])
        except CallboardError:
            if one.name not in await self._known():  # else another hub was quicker
                raise

    @property
    def any(self) -> bool:
        """Whether there is one."""
        return bool(self._locations)

    def named(self, name: str = "") -> FileLocation:
        """Return a location, the first one unless it is named; raises NoLocation."""
        found = next((one for one in self._locations if one.name == name or not name), None)
        if found is not None:
            return found
        if not self._locations:
            raise NoLocation("There is no file location: name one under `studio.locations`, with its folder.")
        names = ", ".join(one.name for one in self._locations)
        raise NoLocation(f"There is no file location {name[:80]!r} here: there are {names}.")

    async def holding(self, component: str) -> list[Held]:
        """Return where a component lies among our locations, in their order.

        One that the clients left where it was counts too, if that is inside of one of them.
        """
        return await self._holding(component, self._locations) if self._locations else []

    async def readable(self, component: str) -> list[Held]:
        """Return where the hub itself may read a component: in our locations, last among the uploads."""
        uploads = (self._uploads,) if self._uploads is not None else ()
        return await self._holding(component, (*self._locations, *uploads))

    async def _holding(self, component: str, locations: Sequence[FileLocation]) -> list[Held]:
        wanted = {"component_id": component, "location_id": [UNMANAGED, *(one.id for one in locations)]}
        rows = await self._production.find("ComponentLocation", _SHOWN, wanted)
        where = {row["location_id"]: row["resource_identifier"] for row in rows}
        elsewhere = where.pop(UNMANAGED, None) or ""
        found = [Held(one, where.get(one.id) or one.inside(elsewhere) or "") for one in locations]
        return [each for each in found if each.resource]

    @property
    def asked(self) -> str:
        """The expression of what is asked of us: paths in our locations, and in whichever has a component."""
        named = [f"data.locationName={quote(one.name)}" for one in self._locations]
        anywhere = 'not data.locationName>" "'  # no text, or an empty one
        return f"topic={RESOLVE} and ({' or '.join((anywhere, *named))})"

    async def resolve(self, event: Event) -> Mapping[str, Any] | None:
        """Answer a request for the path of a component, if it is in one of our locations."""
        said = event.data if isinstance(event.data, dict) else {}
        component, name = said.get("componentId", said.get("component_id")), said.get("locationName")
        if not isinstance(component, str) or not 0 < len(component) <= _LONGEST:
            return None
        if name and not any(one.name == name for one in self._locations):
            return None
        try:
            return await self._resolved(component, name, said.get("platform"))
        except CallboardError as error:
            if name:
                return {"path": None, "success": False, "message": str(error)}
            log.info("a path could not be resolved", component=component, reason=str(error))
            return None

    async def _resolved(self, component: str, name: Any, platform: Any) -> Mapping[str, Any] | None:
        held = [each for each in await self.holding(component) if not name or each.location.name == name]
        if not held:
            if name:
                raise NotThere(f"The component {component} is not in the location {name!r}.")
            return None
        meant = platform_of(platform) if isinstance(platform, str) and platform else here()
        found = await self._best(held)
        return {"path": await self._threads.do(found.location.path, found.resource, meant)}

    async def _best(self, held: Sequence[Held]) -> Held:
        """Return the first that is really there; where the hub sees none of them, the first."""
        for each in held if len(held) > 1 else ():
            if await self._threads.do(each.location.holds, each.resource):
                return each
        return held[0]
