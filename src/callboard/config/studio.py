"""`studio:`: deadlines of questions, and the file locations.

studio: {locations: [{name: london, folder: /mnt/london, paths: {Darwin: /Volumes/london}}]}
"""

from __future__ import annotations

import re
from typing import Any, Final

import msgspec

from callboard.config.document import Faults, Item
from callboard.config.settings import Location, Studio, read, unknown

PLATFORMS: Final = ("Linux", "Windows", "Darwin")
MOST: Final = 100
_LOCATIONS: Final = "locations"
_KEYS: Final = ("name", "folder", "paths")
_LONGEST: Final = 1000
_NAME: Final = re.compile(r"""[^\x00-\x1f\x7f\ud800-\udfff"']*(?<!\*)""")
"""What an expression can say, and a terminal show."""


def studio(section: Item, faults: Faults) -> Studio:
    """Return the section; what is wrong is noted in `faults`."""
    if not isinstance(section.value, dict):
        return read(Studio, "studio", section, faults)
    rest = {key: value for key, value in section.value.items() if key != _LOCATIONS}
    found = read(Studio, "studio", Item(rest, section.line), faults) if rest else Studio()
    listed = section.value.get(_LOCATIONS)
    if listed is None or listed.value is None:
        return found
    if not isinstance(listed.value, tuple) or len(listed.value) > MOST:
        faults.add(
            listed.line, f"studio.locations: expected a list of at most {MOST}; begin each with a dash."
        )
        return found
    locations: dict[str, Location] = {}
    for each in listed.value:
        one = _location(each, faults)
        if one is not None and one.name in locations:
            faults.add(each.line, f"studio.locations: {one.name!r} stands here twice.")
        elif one is not None:
            locations[one.name] = one
    return msgspec.structs.replace(found, locations=tuple(locations.values()))


def _location(said: Item, faults: Faults) -> Location | None:
    if not isinstance(said.value, dict):
        faults.add(said.line, "studio.locations: each is a mapping with name and folder.")
        return None
    for key, value in said.value.items():
        if key not in _KEYS:
            faults.add(value.line, f"studio.locations: {unknown(key, _KEYS)}")
            return None
    plain = said.plain()
    reason = _wrong_name(plain.get("name")) or _wrong_folder(plain.get("folder"))
    reason = reason or _wrong_paths(plain.get("paths", {}))
    if reason:
        faults.add(said.line, f"studio.locations: {reason}")
        return None
    return Location(name=plain["name"], folder=plain["folder"], paths=plain.get("paths") or {})


def _wrong_name(name: Any) -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > 200:
        return "`name` is text that the tracker's Location is called by."
    if not _NAME.fullmatch(name):
        return f"{name!r} can't be a name: write it without quotes and line breaks, and no * at its end."
    if name.startswith("ftrack."):
        return f"{name!r} is a location that clients build in: choose another name."
    return ""


def _wrong_folder(folder: Any) -> str:
    if not isinstance(folder, str) or not folder or len(folder) > _LONGEST or "\0" in folder:
        return "`folder` is the path of the location's folder on this machine."
    return ""


def _wrong_paths(paths: Any) -> str:
    if paths is None:
        return ""
    if not isinstance(paths, dict) or not all(isinstance(each, str) and each for each in paths.values()):
        return "`paths` has, for a platform, the path of the folder there."
    strange = next((each for each in paths if each not in PLATFORMS), None)
    return f"`paths`: {unknown(str(strange), PLATFORMS)}" if strange is not None else ""
