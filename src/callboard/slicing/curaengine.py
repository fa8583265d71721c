"""CuraEngine (4.x), through its command line, with the definitions that come with Cura.

The engine alone knows no defaults: `fdmprinter.def.json` has them, which Debian's package `cura` brings, and
any Cura. It takes a definition's values as they are and evaluates none of its formulas, as Cura does: a
profile says all that matters, or is exported from Cura, where it is worked out.
"""

from __future__ import annotations

import io
import json
import re
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from callboard.slicing import inifile
from callboard.slicing.bed import Bed
from callboard.slicing.definitions import Definitions
from callboard.slicing.refusals import BadProfile
from callboard.slicing.slicer import Command, Position, Settings, Work, ended, first_with, tidy

DEFINITION: Final = "definition"
"""The key of a profile that names the printer's definition: fdmprinter unless said."""

PLACES: Final = (
    "/usr/share/cura/resources",
    "/usr/local/share/cura/resources",
    "/opt/cura/share/cura/resources",
    "/usr/share/cura",
)
"""Where Cura's resources lie."""

_NEEDED: Final[Settings] = {
    "roofing_layer_count": "0",
    "flooring_layer_count": "0",
    "center_object": "true",
}
"""What the engine asks for, and the definitions of 4.x compute by a formula; and that a model stands in the
middle of the bed, as the other slicers have it, not where it was drawn."""

_PROGRESS: Final = re.compile(r"Progress:[a-z_+]{1,30}:\d{1,9}:\d{1,9}\s+([\d.]{1,12})%", re.ASCII)
_DEFINITION_NAME: Final = re.compile(r"\w[\w-]{0,79}", re.ASCII)
_MOST_UNPACKED: Final = 4 << 20
_PACKED: Final = frozenset({zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED})
"""What Cura packs with; others may ask for gigabytes of memory before the first byte."""
_BROKEN: Final = (
    *(zipfile.BadZipFile, zlib.error, OSError, EOFError),
    *(RuntimeError, NotImplementedError, ValueError),
)

_KNOWN: Final[Mapping[str, str]] = {
    "Failed to load model": "CuraEngine can't read this model: export it anew as STL.",
    "Couldn't open JSON file": "CuraEngine does not find that definition: set slicing.cura_resources.",
    "No space left on device": "The disk is full: make room and slice it again.",
}
_LACKS: Final = re.compile(r"no value given: '?(\w{1,80})", re.ASCII)


class CuraEngine:
    """CuraEngine's command line; `resources` are Cura's, looked for where they usually lie."""

    name = "curaengine"
    title = "CuraEngine"
    programs: Sequence[str] = ("CuraEngine", "curaengine", "cura-engine")
    progress_available = True
    layer_mark = b"\n;LAYER:"
    asked: Sequence[str] = ()

    def __init__(self, resources: str | None = None) -> None:
        places = (resources,) if resources else PLACES
        self.resources = next((Path(place) for place in places if _has_definitions(Path(place))), None)
        self._named = resources
        self._definitions = Definitions((self.resources or Path()) / "definitions")

    def missing(self) -> str:
        """Tell when Cura's definitions are not there."""
        if self.resources is not None:
            return ""
        if self._named:
            return f"slicing.cura_resources names {self._named}, where no definitions lie."
        return "Cura's definitions are missing: install Debian's `cura`, or set slicing.cura_resources."

    def read_profile(self, text: bytes) -> dict[str, str]:
        """Return the settings of a .curaprofile, or of one .inst.cfg out of it. Raises BadProfile."""
        found: dict[str, str] = {}
        for each in _unpacked(text):
            found |= _values(each)
        if not found:
            raise BadProfile("There is no [values] section in this profile: export it from Cura.")
        self.check(found)
        return found

    def left_out(self, _text: bytes) -> list[str]:
        """Nothing: what can't be taken is refused."""
        return []

    def known(self, _told: str, settings: Settings) -> frozenset[str]:
        """Return the settings in the definitions, those of extruders, too."""
        found = self._definitions.values(settings.get(DEFINITION, "fdmprinter"))
        extruder = self._definitions.values("fdmextruder")
        return frozenset({*found, *extruder, *_NEEDED, DEFINITION}) if found else frozenset()

    def bed(self, settings: Settings) -> Bed | None:
        """Return the bed of `machine_width`, `machine_depth` and `machine_height`."""
        said = {**self._definitions.values(settings.get(DEFINITION, "fdmprinter")), **settings}
        width, depth, height = (said.get(f"machine_{side}") for side in ("width", "depth", "height"))
        if width is None or depth is None:
            return None
        high = Bed((0.0, 0.0), (_number(str(width)), _number(str(depth))), _number(str(height or 0)))
        x, y = high.middle
        centered = str(said.get("machine_center_is_zero")).lower() == "true"
        return Bed((-x, -y), (x, y), high.height) if centered else high

    def check(self, settings: Settings) -> None:
        """Refuse names of definitions that lead elsewhere, and formulas, which the engine can't work out."""
        inifile.bounded(settings)
        named = settings.get(DEFINITION, "fdmprinter")
        if not _DEFINITION_NAME.fullmatch(named):
            raise BadProfile(f"{named[:40]!r} is no definition: write its name, such as creality_ender3.")
        for key, value in settings.items():
            if value.startswith("=") and not key.endswith("gcode"):
                raise BadProfile(f"{key} is a formula ({value[:40]}): write what comes of it.")
            if value and key.endswith("_image"):  # the engine would open whatever file it names
                raise BadProfile(f"{key} names a file of this machine: take it out of the profile.")

    def command(self, work: Work) -> Command:
        """Return the command: each setting is one argument behind -s."""
        assert self.resources is not None
        settings = {**_NEEDED, **work.settings}
        definition = self.resources / "definitions" / f"{settings.pop(DEFINITION, 'fdmprinter')}.def.json"
        if work.position is not None:
            settings |= _placed(work.position, settings)
        words = [work.program, "slice", "-p", "-j", str(definition)]
        for key, value in settings.items():
            words += ["-s", f"{key}={value}"]
        search = ":".join(str(self.resources / folder) for folder in ("definitions", "extruders"))
        words += ["-o", work.out.name, "-l", work.model.name]
        return Command(words=words, environment={"CURA_ENGINE_SEARCH_PATH": search})

    def progress(self, line: str) -> float | None:
        """Return the share that a line tells; it says % and means a fraction."""
        found = _PROGRESS.search(line)
        try:
            return min(float(found[1]) * 100, 99.0) if found else None
        except ValueError:
            return None

    def reason(self, code: int, lines: Sequence[str]) -> str:
        """Return what is known of an error, else what it said of one."""
        known = first_with(lines, _KNOWN)
        lacks = next((found[1] for line in lines if (found := _LACKS.search(line))), "")
        if lacks:
            return f"The profile leaves out {lacks}, which {self.title} needs: set it."
        errors = [line for line in lines if "[ERROR]" in line]
        if known or not errors:
            return known or ended(self.title, code)
        return f"{self.title} can't slice this: {tidy(errors[-1].rpartition('[ERROR]')[2])}."


def _has_definitions(place: Path) -> bool:
    return (place / "definitions" / "fdmprinter.def.json").is_file()


def _placed(position: Position, settings: Settings) -> dict[str, str]:
    """Return the model's place, which the engine counts from the bed's middle."""
    if DEFINITION in settings and "machine_width" not in settings:
        raise BadProfile("To place a model, the profile must say machine_width and machine_depth.")
    centered = settings.get("machine_center_is_zero", "false").lower() == "true"
    width, depth = (_number(settings.get(key, "100")) for key in ("machine_width", "machine_depth"))
    x, y = (0.0, 0.0) if centered else (width / 2, depth / 2)
    return {"mesh_position_x": f"{position.x - x:.3f}", "mesh_position_y": f"{position.y - y:.3f}"}


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise BadProfile(f"{text[:40]!r} is no number: machine_width and machine_depth are in mm.") from None


def _unpacked(text: bytes) -> list[str]:
    """Return the texts in a .curaprofile, which is a zip, or the one that this is."""
    if not text.startswith(b"PK"):
        return [text.decode("utf-8", "replace")]
    try:
        with zipfile.ZipFile(io.BytesIO(text)) as packed:
            entries = packed.infolist()[:64]
            if sum(entry.file_size for entry in entries) > _MOST_UNPACKED:
                raise BadProfile("This profile is larger than profiles are.")
            if any(entry.compress_type not in _PACKED for entry in entries):
                raise NotImplementedError
            return [packed.read(entry).decode("utf-8", "replace") for entry in entries]
    except _BROKEN:
        raise BadProfile("This profile is a broken zip: export it from Cura anew.") from None


def _values(text: str) -> dict[str, str]:
    """Return what stands under [values]; a line that begins with a blank goes on with the value before."""
    if text.lstrip().startswith("{"):
        return _plain(text)
    found: dict[str, list[str]] = {}  # lines: text that grows line by line would be copied each time
    inside, last = False, ""
    for line in text.splitlines():
        if line.startswith("["):
            inside, last = line.strip() == "[values]", ""
        elif inside and last and line[:1] in {" ", "\t"}:
            found[last].append(line.strip())
        elif inside and "=" in line:
            key, _, value = line.partition("=")
            last = key.strip()
            found[last] = [value.strip()]
    return {key: "\n".join(lines) for key, lines in found.items()}


def _plain(text: str) -> dict[str, str]:
    """Return settings that stand in a JSON object."""
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise BadProfile("This profile is no JSON that can be read.") from None
    return {str(key): value if isinstance(value, str) else json.dumps(value) for key, value in said.items()}
