"""Fetching: the file of a version's component is copied to the files that are sliced and printed.

task | version | component -> the newest component of a type -> a location of ours -> the file store
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from typing import Any, BinaryIO, Final

from msgspec import UNSET, Struct

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

_BLOCK: Final = 1 << 20
_SHOWN: Final = "id, name, file_type, version.id, version.version, version.task_id, version.asset.name"
_ATTRIBUTES: Final = {"task": "version.task_id", "version": "version_id", "component": "id"}
_NEWEST: Final = "version.date desc, version.version desc"


class Component(Struct, frozen=True):
    """A component, and the version that it belongs to, if it does."""

    id: str
    name: str
    file_type: str
    version: str | None = None
    number: int | None = None
    asset: str = ""
    task: str | None = None

    @classmethod
    def of(cls, row: Row) -> Component:
        """Return what a query found."""
        about = (str(row["id"]), str(row["name"]), str(row["file_type"] or ""))
        version = row["version"]
        if version is None:
            return cls(*about)
        asset = str(version["asset"]["name"])
        return cls(*about, version["id"], version["version"], asset, version["task_id"])

    @property
    def label(self) -> str:
        """What people call it."""
        return f"{self.asset} v{self.number or 0:03d}" if self.version else self.name

    @property
    def path(self) -> str:
        """Its path among the files: below its task, so that what comes of it can be told there."""
        version = f"{self.asset}_v{self.number or 0:03d}_" if self.version else ""
        name = f"{version}{self.name}{self.file_type}".replace("/", "_").replace("\\", "_")
        return f"studio/{self.task or self.version or self.id}/{safe(name) or f'main{self.file_type}'}"


class Fetching:
    """Brings files of components to the file store."""

    def __init__(self, files: Files, places: Places) -> None:
        self._files, self._places = files, places

    async def fetch(self, wish: FetchRequest, production: Production, by: Cause) -> Mapping[str, Any]:
        """Return where the file is now. Raises a CallboardError with the reason why it is not."""
        found = await self._component(wish, production)
        held = await self._held(found)
        stored = await self._copied(held, clean(wish.to if wish.to is not UNSET else found.path), by)
        of_version = {"version": found.version, "number": found.number, "asset": found.asset}
        return {
            "message": f"{found.label} is {stored.path} now.",
            "path": stored.path,
            "component": found.id,
            **(of_version if found.version else {}),
            "task": found.task,
            "location": held.location.name,
            "sha256": stored.sha256,
        }

    async def _component(self, wish: FetchRequest, production: Production) -> Component:
        attribute, id_, what = _meant(wish)
        for types in _types(wish):
            where = {attribute: id_, "file_type": types}
            found = await production.first("FileComponent", _SHOWN, where, order=_NEWEST)
            if found is not None:
                return Component.of(found)
        wanted = "a file that can be printed" if wish.file_type is UNSET else f"a {wish.file_type} file"
        raise NoSuchEntity(f"There is no version of {what} with {wanted}: publish one first.")

    async def _held(self, found: Component) -> Held:
        held = await self._places.readable(found.id)
        for each in held:
            if await self._files.threads.do(each.location.holds, each.resource):
                return each
        where = ", ".join(each.location.name for each in held)
        if where:
            raise NotThere(
                f"{found.label} should be in {where}, and is not: see whether its disk is mounted."
            )
        here = self._places.named().name
        raise NotThere(f"{found.label} is in no location that this hub can read: add it to {here}.")

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
