"""Profiles and settings as PrusaSlicer and Slic3r write them: `key = value` a line, which both read the same.

What starts programs, or writes elsewhere, is refused: a profile comes from anywhere.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from callboard.slicing.bed import Bed
from callboard.slicing.refusals import BadProfile
from callboard.slicing.slicer import Settings

MOST: Final = 1000
LONGEST_KEY: Final = 80
LONGEST: Final = 64 * 1024
"""Bytes of a value; one argument of a command may have 128 KiB."""
LONGEST_TOGETHER: Final = 256 * 1024
"""Bytes of all settings of a profile or a job, which is held in memory while it waits."""
FORBIDDEN: Final = frozenset({"post_process", "output_filename_format", "threads"})
"""post_process is a program to start; the others are ours to say."""
_OPTION: Final = re.compile(r"--([a-z][a-z0-9-]{1,79})", re.ASCII)
_BED: Final = Bed((0.0, 0.0), (200.0, 200.0))
"""The bed of a configuration that names none."""


def read(text: bytes) -> dict[str, str]:
    """Return the settings in an exported .ini; what is forbidden is left out. Raises BadProfile."""
    kept = {key: value for key, value in _all(text).items() if key not in FORBIDDEN}
    if not kept:
        raise BadProfile("There are no settings in this profile: `key = value`, one a line.")
    bounded(kept)
    return kept


def left_out(text: bytes) -> list[str]:
    """Return what of an exported .ini is forbidden, if it says anything. Raises BadProfile."""
    return sorted(key for key, value in _all(text).items() if key in FORBIDDEN and value.strip('"'))


def names(told: str) -> frozenset[str]:
    """Return the settings in a saved configuration, and in the options that follow it."""
    found = set[str]()
    for line in told.splitlines():
        said = line.strip()
        key, sign, _ = said.partition("=")
        if said.startswith("--"):
            found |= {option.replace("-", "_") for option in _OPTION.findall(said)}
        elif sign and said[0] not in "#;":
            found.add(key.strip())
    return frozenset(found)


def _all(text: bytes) -> dict[str, str]:
    found: dict[str, str] = {}
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadProfile("This profile is no text: export it from the slicer as an .ini file.") from None
    sections = 0
    for line in decoded.splitlines():
        said = line.strip()
        sections += said.startswith("[")
        if sections > 1:
            raise BadProfile(
                "This file holds several presets: export one configuration (Export Config), not a bundle."
            )
        key, sign, value = said.partition("=")
        if not said or said[0] in "#;[" or not sign:
            continue
        found[key.strip()] = unescaped(value.strip())
    return found


def check(settings: Settings) -> None:
    """Raise BadProfile for a setting that is not ours to take from outside."""
    bounded(settings)
    for key in settings:
        if key in FORBIDDEN:
            raise BadProfile(f"{key} can't be set here: take it out of the profile.")


def bounded(settings: Settings) -> None:
    """Raise BadProfile for keys that are none, and for what is too much."""
    if len(settings) > MOST:
        raise BadProfile(f"A profile has at most {MOST} settings.")
    together = 0
    for key, value in settings.items():
        if not (key.isascii() and key.replace("_", "").isalnum() and len(key) <= LONGEST_KEY):
            raise BadProfile(f"{key[:40]!r} is no setting of a slicer: letters, digits and `_`.")
        size = _bytes_of(value)
        if not 0 <= size <= LONGEST:
            raise BadProfile(f"The value of {key} is too long, or no text.")
        together += len(key) + size
    if together > LONGEST_TOGETHER:
        raise BadProfile(f"Settings have at most {LONGEST_TOGETHER // 1024} KiB together: leave some out.")


def _bytes_of(value: str) -> int:
    """Return how long a value is in a file; below 0 for what is no text."""
    try:
        return -1 if "\0" in value else len(value.encode())
    except UnicodeEncodeError:  # half of a surrogate pair
        return -1


def written(settings: Settings) -> str:
    """Return settings as an .ini."""
    return "".join(f"{key} = {escaped(value)}\n" for key, value in settings.items())


def escaped(value: str) -> str:
    """Return a value on one line."""
    return value.replace("\r", "").replace("\n", "\\n")


def unescaped(value: str) -> str:
    """Return a value as it is meant; one in quotes is a list of texts, and stays as it is."""
    return value if value.startswith('"') else value.replace("\\n", "\n")


def bed(settings: Settings) -> Bed:
    """Return the bed of `bed_shape` (`0x0,250x0,250x210,0x210`), and of max_print_height if it is said."""
    corners = [corner.partition("x")[::2] for corner in settings.get("bed_shape", "").split(",")]
    try:
        xs, ys = [float(x) for x, _ in corners], [float(y) for _, y in corners]
        height = float(settings.get("max_print_height", "0"))
    except ValueError:
        return _BED
    return Bed((min(xs), min(ys)), (max(xs), max(ys)), height)


def last_words(lines: Sequence[str]) -> str:
    """Return the last line that is no step and no trace."""
    said = [line for line in lines if "=>" not in line and "[trace]" not in line and line.strip()]
    return said[-1] if said else ""
