"""Publishing: a file becomes a component of a new version, in a location, with a note, in one transaction.

    bytes -> location (whole, hashed) -> asset, version, component, note: one commit, one ftrack.update,
                                         and ftrack.location.component-added behind it

What can't be committed leaves no bytes behind; where nobody knows whether it was, the bytes stay: a file
that belongs to nothing is better than a version without one.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any, BinaryIO, Final

import structlog
from msgspec import UNSET, Struct

from callboard.catalog.versions import PublishRequest
from callboard.errors import CallboardError
from callboard.event import Event
from callboard.files.refusals import Taken
from callboard.files.room import Files
from callboard.studio.locations import FileLocation, Part
from callboard.studio.noting import changes_of, once_id
from callboard.studio.places import Places
from callboard.studio.planning import BadRequest, Plan, planned
from callboard.studio.production import Production, created, updated

log = structlog.get_logger("callboard.studio")

ADDED: Final = "ftrack.location.component-added"
_ATTEMPTS: Final = 20
"""How often a version gets another number, because somebody else was quicker with the same one."""
_TAKEN: Final = "DuplicateEntryError"
_ABSENT: Final = "NotFoundError"
_UNKNOWN: Final = "UnknownOutcomeError"
"""What the tracker calls its refusals."""

OpenFilm = Callable[[str], BinaryIO]
"""Returns a film by its name, open to read. Blocking; raises a CallboardError."""


class Made(Struct, frozen=True):
    """A version that was made: its plan, and where its file lies."""

    plan: Plan
    location: FileLocation
    resource: str
    part: Part


class Publishing:
    """Makes versions of files and films."""

    def __init__(self, files: Files, films: OpenFilm, places: Places) -> None:
        self._files, self._films, self._places = files, films, places
        self._turn = asyncio.Lock()

    async def publish(self, wish: PublishRequest, production: Production) -> Mapping[str, Any]:
        """Return the version that was made. Raises a CallboardError with the reason why none was."""
        location = self._places.named(wish.location if wish.location is not UNSET else "")
        name, source = await self._source(wish)
        do = self._files.threads.do
        try:
            part = await do(location.take, source)
        finally:
            source.close()
        try:
            async with self._turn:  # versions of one asset get their numbers one after the other
                if (before := await self._before(wish, production)) is not None:
                    return before
                made = await self._made(wish, production, name, location, part)
        finally:
            await asyncio.shield(do(location.drop, part))  # one that has its place is none any more
        return _told(made)

    async def _source(self, wish: PublishRequest) -> tuple[str, BinaryIO]:
        """Return the name of what is published, and its bytes."""
        do = self._files.threads.do
        if wish.film is not UNSET and wish.file is UNSET:
            name = wish.film.replace("\\", "/").rpartition("/")[2]
            return name, await do(self._films, name)
        if wish.file is UNSET or wish.film is not UNSET:
            raise BadRequest("Say what is published: a `file` among the files, or a `film`, and only one.")
        return wish.file.rpartition("/")[2], await do(self._files.store.open, wish.file)

    async def _before(self, wish: PublishRequest, production: Production) -> Mapping[str, Any] | None:
        """Return what was made of the same wish before."""
        if wish.once is UNSET:
            return None
        shown, id_ = "id, version, asset_id, asset.name, components.id", once_id(wish.once, "version")
        found = await production.first("AssetVersion", shown, {"id": id_})
        if found is None:
            return None
        told = {"version": found["id"], "number": found["version"], "asset": found["asset_id"]}
        for component in found["components"][:1]:
            told["component"] = component["id"]
            for held in (await self._places.holding(component["id"]))[:1]:
                told |= {"location": held.location.name, "path": held.resource}
        label = f"{found['asset']['name']} v{found['version']:03d}"
        return {"message": f"{label} was made of this before; nothing was done.", **told}

    async def _made(
        self,
        wish: PublishRequest,
        production: Production,
        name: str,
        location: FileLocation,
        part: Part,
        attempts: int = _ATTEMPTS,
    ) -> Made:
        plan = await planned(wish, production, name)
        made = Made(plan, location, await self._place(plan, location, part), part)
        try:
            await self._commit(wish, made, production)
        except CallboardError as error:
            if _kind(error) == _UNKNOWN and await _is_there(made, production):
                return made
            await self._files.threads.do(location.take_back, part, made.resource)
            if _kind(error) != _TAKEN or attempts <= 1:
                raise
            return await self._made(wish, production, name, location, part, attempts - 1)
        return made

    async def _place(self, plan: Plan, location: FileLocation, part: Part) -> str:
        do = self._files.threads.do
        try:
            await do(location.place, part, plan.resource)
        except Taken:
            await do(location.place, part, plan.apart)
            return plan.apart
        return plan.resource

    async def _commit(self, wish: PublishRequest, made: Made, production: Production) -> None:
        on = ("AssetVersion", made.plan.version)
        about = await changes_of(made.plan.task, wish, production, on)
        await production.do([*_operations(wish, made), *about], [_added(made)])


async def _is_there(made: Made, production: Production) -> bool:
    """Return whether a version was committed after all; raises what the tracker says if nobody can tell.

    This writes, though it changes nothing: a write waits for the one before, whose end is not known.
    """
    try:
        await production.do([updated("AssetVersion", made.plan.version, version=made.plan.number)])
    except CallboardError as error:
        if _kind(error) != _ABSENT:
            log.warning(
                "a file stays in its place, since nobody knows whether its version was made",
                location=made.location.name,
                path=made.resource,
            )
            raise
        return False
    return True


def _kind(error: CallboardError) -> str:
    return str(getattr(error, "kind", ""))


def _added(made: Made) -> Event:
    component, location = made.plan.component, made.location.id
    camel = {"componentId": component, "locationId": location}
    return Event(ADDED, {"component_id": component, "location_id": location, **camel})


def _operations(wish: PublishRequest, made: Made) -> list[dict[str, Any]]:
    plan, asset = made.plan, made.plan.asset
    version, component = plan.version, plan.component
    task = plan.task["id"] if plan.task is not None else None
    comment = wish.comment if wish.comment is not UNSET else None
    size, kind = made.part.size, plan.file_type
    return [
        *(
            [created("Asset", id=asset.id, name=asset.name, context_id=asset.context, type_id=asset.type_id)]
            if asset.new
            else []
        ),
        created(
            "AssetVersion", id=version, asset_id=asset.id, version=plan.number, task_id=task, comment=comment
        ),
        created("FileComponent", id=component, name=plan.name, file_type=kind, size=size, version_id=version),
        created(
            "ComponentLocation",
            component_id=component,
            location_id=made.location.id,
            resource_identifier=made.resource,
        ),
        created(
            "Metadata",
            parent_id=component,
            parent_type="FileComponent",
            key="sha256",
            value=made.part.sha256,
        ),
    ]


def _told(made: Made) -> dict[str, Any]:
    plan, location = made.plan, made.location.name
    return {
        "message": f"{plan.asset.name} v{plan.number:03d} is {made.resource} in {location}.",
        "version": plan.version,
        "number": plan.number,
        "asset": plan.asset.id,
        "component": plan.component,
        "location": location,
        "path": made.resource,
        "size": made.part.size,
        "sha256": made.part.sha256,
    }
