"""`slicing:`: which slicers there are, how long they may take, and profiles.

slicing: {default: prusaslicer, profiles: [{slicer: prusaslicer, name: draft, settings: {...}}]}
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta, Struct

from callboard.config.document import Faults, Item
from callboard.config.quantity import Bytes, Seconds
from callboard.config.settings import read, says, unknown

SlicerName = Literal["prusaslicer", "curaengine", "slic3r"]
SLICERS: Final = ("prusaslicer", "curaengine", "slic3r")
_PROFILES: Final = "profiles"
_PROFILE_KEYS: Final = ("slicer", "name", "description", "default", "settings")


class SlicingProfile(Struct, frozen=True, kw_only=True):
    """A profile as the configuration has it; `settings` in the slicer's own words."""

    slicer: str
    name: str
    description: str = ""
    default: bool = False
    settings: Mapping[str, str] = {}


class Slicing(Struct, frozen=True, kw_only=True):
    """`slicing:`: which slicers there are, and how models are sliced."""

    default: Annotated[
        SlicerName | None, says("The slicer that is meant when none is named; null: the first that is there.")
    ] = None
    prusaslicer: Annotated[str | None, says("Path of PrusaSlicer; null: the one on PATH.")] = None
    curaengine: Annotated[str | None, says("Path of CuraEngine; null: the one on PATH.")] = None
    slic3r: Annotated[str | None, says("Path of Slic3r; null: the one on PATH.")] = None
    cura_resources: Annotated[
        str | None, says("Folder with Cura's `definitions`; null: where Cura usually has them.")
    ] = None
    timeout: Annotated[Seconds, says("How long the slicing of a model may take.")] = Seconds(3600)
    parallel: Annotated[
        int, Meta(ge=0, le=64), says("Models that are sliced at once; 0: one for every two cores.")
    ] = 0
    memory: Annotated[Bytes | None, says("Memory that a slicer may use; null: 3/4 of this machine's.")] = None
    folder: Annotated[str | None, says("Folder of profiles and pictures; null: `slicing` with the data.")] = (
        None
    )
    profiles: Annotated[
        tuple[SlicingProfile, ...],
        says("Profiles: each with slicer, name, settings, and maybe description and default."),
    ] = ()

    def program(self, slicer: str) -> str | None:
        """Return the path that is set for a slicer."""
        found: str | None = getattr(self, slicer)
        return found


def slicing(section: Item, faults: Faults) -> Slicing:
    """Return the section; what is wrong is noted in `faults`."""
    if not isinstance(section.value, dict):
        return read(Slicing, "slicing", section, faults)
    rest = {key: value for key, value in section.value.items() if key != _PROFILES}
    found = read(Slicing, "slicing", Item(rest, section.line), faults) if rest else Slicing()
    listed = section.value.get(_PROFILES)
    if listed is None or listed.value is None:
        return found
    if not isinstance(listed.value, tuple):
        faults.add(listed.line, "slicing.profiles: expected a list; begin each with a dash.")
        return found
    profiles = tuple(one for each in listed.value if (one := _profile(each, faults)) is not None)
    return msgspec.structs.replace(found, profiles=profiles)


def _profile(said: Item, faults: Faults) -> SlicingProfile | None:
    if not isinstance(said.value, dict):
        faults.add(said.line, "slicing.profiles: each is a mapping with slicer, name and settings.")
        return None
    for key, value in said.value.items():
        if key not in _PROFILE_KEYS:
            faults.add(value.line, unknown(key, _PROFILE_KEYS))
            return None
    plain = said.plain()
    if plain.get("slicer") not in SLICERS:
        faults.add(said.line, f"slicing.profiles: slicer is one of {', '.join(SLICERS)}.")
        return None
    settings = plain.get("settings") or {}
    if not isinstance(settings, dict):
        faults.add(said.line, "slicing.profiles: settings is a mapping of the slicer's own keys.")
        return None
    plain["settings"] = {str(key): _text(value) for key, value in settings.items()}
    try:
        return msgspec.convert(plain, SlicingProfile)
    except msgspec.ValidationError as error:
        faults.add(said.line, f"slicing.profiles: {str(error)[:200]}.")
        return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "1" if value else "0"
    return str(value)
