"""Planning a version: of which asset it is, its number, and where its file will lie.

Paths inside of a location are those of the official Python client's StandardStructure: project / what lies in
between / asset / v001 / name.type, in plain small letters.
"""

from __future__ import annotations

import re
import unicodedata
import uuid
from typing import Final

from msgspec import UNSET, Struct

from callboard.catalog.versions import PublishRequest
from callboard.errors import CallboardError
from callboard.studio.noting import once_id
from callboard.studio.production import NoSuchEntity, Production, Row

_ILLEGAL: Final = re.compile(r"[^\w.\-]", re.ASCII)
_TYPES: Final = {
    **dict.fromkeys((".stl", ".3mf", ".obj"), "Model"),
    **dict.fromkeys((".gcode", ".gco", ".g"), "Print"),
    **dict.fromkeys((".mp4", ".mpg", ".mov"), "Film"),
}
_OTHER: Final = "Upload"


class BadRequest(CallboardError):
    """This wish can't be understood: see docs/locations.md."""


class Asset(Struct, frozen=True):
    """The asset that a version is of, `context` has it; `new` when it has to be made first."""

    id: str
    name: str
    context: str
    type_id: str
    new: bool


class Plan(Struct, frozen=True, kw_only=True):
    """A version to be made: of which asset, for which task, its ids and its number."""

    asset: Asset
    way: tuple[str, ...]
    task: Row | None
    version: str
    number: int
    component: str
    name: str
    file_type: str

    @property
    def resource(self) -> str:
        """The path in a location."""
        return self._path(self.name)

    @property
    def apart(self) -> str:
        """The path if that one is taken, by what a crash left."""
        return self._path(f"{self.name}_{self.component[:8]}")

    def _path(self, name: str) -> str:
        parts = (*self.way, self.asset.name, f"v{self.number:03d}", f"{name}{self.file_type}")
        return "/".join(map(plain, parts))


async def planned(wish: PublishRequest, production: Production, file: str) -> Plan:
    """Return the plan of a version made of a file with this name; raises BadRequest or NoSuchEntity."""
    task = await _task(wish, production)
    above = await _above(wish, task, production)
    stem, dot, suffix = file.rpartition(".")
    file_type = f".{suffix.lower()}" if dot and stem else ""
    asset = await _asset(wish, task, str(above["id"]), file_type, production)
    return Plan(
        asset=asset,
        way=tuple(str(each["name"]) for each in above["link"]),
        task=task,
        version=once_id(wish.once, "version") if wish.once is not UNSET else str(uuid.uuid4()),
        number=1 if asset.new else await _next(asset, production),
        component=str(uuid.uuid4()),
        name=wish.name if wish.name is not UNSET else "main",
        file_type=file_type,
    )


async def _task(wish: PublishRequest, production: Production) -> Row | None:
    if wish.task is UNSET:
        return None
    found = await production.first("Task", "id, name, parent_id", {"id": wish.task})
    if found is None:
        raise NoSuchEntity(f"There is no task {wish.task}.")
    return found


async def _above(wish: PublishRequest, task: Row | None, production: Production) -> Row:
    """Return the context that has the asset."""
    if wish.parent is UNSET and task is None:
        raise BadRequest("Say what the version is for: a `task`, or the `parent` that has the asset.")
    parent = str(wish.parent) if wish.parent is not UNSET or task is None else str(task["parent_id"])
    found = await production.first("Context", "id, name, link", {"id": parent})
    if found is None:
        raise NoSuchEntity(f"There is no shot, project or the like {parent}.")
    return found


async def _asset(
    wish: PublishRequest, task: Row | None, context: str, file_type: str, production: Production
) -> Asset:
    """Return the asset that gets the version: found by its name and type, or to be made."""
    if wish.asset is UNSET and task is None:
        raise BadRequest("Say what the `asset` is called: there is no task to name it after.")
    name = str(task["name"]) if wish.asset is UNSET and task is not None else str(wish.asset)
    type_name = wish.type if wish.type is not UNSET else _TYPES.get(file_type, _OTHER)
    kind = await production.first("AssetType", "id", {"name": type_name})
    if kind is None:
        names = ", ".join(
            str(each["name"]) for each in await production.find("AssetType", "name", {}, order="name")
        )
        raise NoSuchEntity(f"There is no asset type {type_name!r}: there are {names}.")
    where = {"context_id": context, "name": name, "type_id": str(kind["id"])}
    found = await production.first("Asset", "id", where)
    id_ = str(found["id"]) if found is not None else str(uuid.uuid4())
    return Asset(id_, name, context, str(kind["id"]), found is None)


async def _next(asset: Asset, production: Production) -> int:
    last = await production.first("AssetVersion", "version", {"asset_id": asset.id}, order="version desc")
    return (last["version"] or 0) + 1 if last is not None else 1


def plain(name: str) -> str:
    """Return a name as StandardStructure writes it: ASCII, small letters, `_` for what is odd."""
    ascii_only = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    made = _ILLEGAL.sub("_", ascii_only).strip().lower()
    return made if made.strip(".") else "_"
