"""Fetching: the file of a version's component is copied to the files that are sliced and printed.

task | version | component -> the newest component of a type -> a location of ours -> the file store
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from msgspec import UNSET
from structlog import get_logger

from callboard.catalog.versions import FetchRequest
from callboard.errors import CallboardError
from callboard.files.names import EXTENSIONS, Kind, clean, safe
from callboard.files.room import Files
from callboard.files.stored import StoredFile
from callboard.files.telling import Cause
from callboard.studio.locations import NotThere
from callboard.studio.places import Held, Places
from callboard.studio.planning import BadRequest
from callboard.studio.production import NoSuchEntity, Production, Row

log = get_logger("callboard.studio")

_BLOCK: Final = 1 << 20
_SHOWN: Final = "id, name, file_type, version.id, version.version, version.task_id, version.asset.name"
_ATTRIBUTES: Final = {"task": "version.task_id", "version": "version_id", "component": "id"}
_NEWEST: Final = "version.date desc, version.version desc"


class Fetching:
    """Brings files of components to the file store."""

    def __init__(self, files: Files, places: Places) -> None:
        self._files, self._places = files, places

    async def fetch(self, wish: FetchRequest, production: Production, by: Cause) -> Mapping[str, Any]:
        """Return where the file is now. Raises a CallboardError with the reason why it is not."""
        found = await self._component(wish, production)
        held = await self._held(found)
        path = wish.to if wish.to is not UNSET else _path(found)
        stored = await self._copied(held, clean(path), by)
        version, label = found["version"], _label(found)
        return {
            "message": f"{label} is {stored.path} now.",
            "path": stored.path,
            "component": found["id"],
            "version": version["id"],
            "number": version["version"],
            "asset": version["asset"]["name"],
            "task": version["task_id"],
            "location": held.location.name,
            "sha256": stored.sha256,
        }

    async def _component(self, wish: FetchRequest, production: Production) -> Row:
        attribute, id_, what = _meant(wish)
        for types in _types(wish):
            where = {attribute: id_, "file_type": types}
            found = await production.first("FileComponent", _SHOWN, where, order=_NEWEST)
            if found is not None:
                return found
        wanted = "a file that can be printed" if wish.file_type is UNSET else f"a {wish.file_type} file"
        raise NoSuchEntity(f"There is no version of {what} with {wanted}: publish one first.")

    async def _held(self, found: Row) -> Held:
        held = await self._places.holding(found["id"])
        for each in held:
            if await self._files.threads.do(each.location.holds, each.resource):
                return each
        where = ", ".join(each.location.name for each in held)
        if where:
            raise NotThere(
                f"{_label(found)} should be in {where}, and is not: see whether its disk is mounted."
            )
        here = self._places.named().name
        raise NotThere(f"{_label(found)} is in no location that this hub can read: add it to {here}.")

    async def _copied(self, held: Held, path: str, by: Cause) -> StoredFile:
        do = self._files.threads.do
        source = await do(held.location.open, held.resource)
        try:
            if (same := await do(self._same, source, path)) is not None:
                return same
            async with self._files.receive(path, overwrite=True) as incoming:
                while block := await do(source.read, _BLOCK):
                    await incoming.feed(block)
                stored, _ = await self._files.finish(incoming, by=by)
        finally:
            source.close()
        return stored

    def _same(self, source: BinaryIO, path: str) -> StoredFile | None:
        """Return what is at the path if it has these bytes already: who slices it must not lose it."""
        try:
            stored = self._files.store.file(path)
        except CallboardError:
            return None
        if not stored.sha256:
            return None
        hashed = hashlib.sha256()
        while block := source.read(_BLOCK):
            hashed.update(block)
        source.seek(0)
        return stored if hashed.hexdigest() == stored.sha256 else None


def _meant(wish: FetchRequest) -> tuple[str, str, str]:
    """Return by which attribute and id a component is looked for, and a name of it for people."""
    said = {"task": wish.task, "version": wish.version, "component": wish.component}
    given = {what: str(id_) for what, id_ in said.items() if id_ is not UNSET}
    if len(given) != 1:
        raise BadRequest("Say one of task, version and component, and only one.")
    ((what, id_),) = given.items()
    return _ATTRIBUTES[what], id_, f"{what} {id_}"


def _types(wish: FetchRequest) -> list[list[str]]:
    """Return the types of file to look for, the best first, each in all its spellings."""
    if wish.file_type is not UNSET:
        return [_spelled([wish.file_type.lstrip(".")])]
    kinds = (Kind.MODEL, Kind.GCODE)
    return [_spelled([each for each, kind in EXTENSIONS.items() if kind is one]) for one in kinds]


def _spelled(types: list[str]) -> list[str]:
    return [f".{each}" for one in types for each in dict.fromkeys((one, one.lower(), one.upper()))]


def _label(found: Row) -> str:
    version = found["version"]
    return f"{version['asset']['name']} v{version['version'] or 0:03d}"


def _path(found: Row) -> str:
    version = found["version"]
    name = f"{version['asset']['name']}_v{version['version'] or 0:03d}_{found['name']}{found['file_type']}"
    plain = safe(name.replace("/", "_").replace("\\", "_")) or f"main{found['file_type']}"
    return f"studio/{version['task_id'] or version['id']}/{plain}"
