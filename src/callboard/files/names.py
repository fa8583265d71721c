"""Names of files and folders: what comes in is made safe once, what is looked up must be safe already.

    clean("../a?.gcode")     raises BadName: a path never leaves the folder
    clean("a/con;.gcode")    "a/con_.gcode": what no disk or shell takes lightly is gone
    parts("a/b.gcode")       ("a", "b.gcode"), or BadName: for names that should be ours already

Safe means: the same on every disk (NFC, no device of DOS, 255 bytes), shown by every list (no
leading dot), and no sign that a shell or a terminal takes for more than a letter. Source: facts 4.2.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from enum import Enum
from typing import Final

from callboard.files.refusals import BadName, WrongType

MAX_BYTES: Final = 255
"""Bytes of UTF-8 that one element may have: what ext4, APFS and ZFS take."""
MAX_PATH: Final = 1024
"""Bytes of UTF-8 that a whole path may have."""
MAX_DEPTH: Final = 16
"""How many folders deep a file may lie, itself counted."""


class Kind(Enum):
    """What a file is to a printer."""

    GCODE = "machinecode"
    MODEL = "model"

    @property
    def types(self) -> list[str]:
        """The kind from coarse to fine, as today's events have it."""
        return ["machinecode", "gcode"] if self is Kind.GCODE else ["model"]


EXTENSIONS: Final[Mapping[str, Kind]] = {
    **dict.fromkeys(("gcode", "gco", "g", "gc~"), Kind.GCODE),
    **dict.fromkeys(("stl", "3mf", "obj"), Kind.MODEL),
}
"""What is taken, by the last suffix in lower case."""

_REMOVED: Final = frozenset(";|&?$*<>/\\")
_SPOOFS: Final = frozenset(
    "\u200b\u200e\u200f\u061c\ufeff\u2066\u2067\u2068\u2069\u202a\u202b\u202c\u202d\u202e"
)
"""Signs that have no width, or turn what follows around: a name must look like what it is."""
_CATEGORIES: Final = frozenset({"Cc", "Cs", "Cn", "Zl", "Zp"})
_DIGITS: Final = "0123456789¹²³"
_DEVICES: Final = frozenset(
    {"con", "prn", "aux", "nul", *(f"{port}{digit}" for port in ("com", "lpt") for digit in _DIGITS)}
)
_LONGEST_SUFFIX: Final = 32


def kind_of(name: str) -> Kind | None:
    """Return what a file with this name is, None for what is not taken."""
    _, dot, suffix = name.rpartition(".")
    return EXTENSIONS.get(suffix.lower()) if dot else None


def known_kind(name: str) -> Kind:
    """Return what a file with this name is; raises WrongType."""
    found = kind_of(name)
    if found is None:
        raise WrongType(
            f"{name[-80:]!r} is not taken: "
            "G-code ends in .gcode, .gco, .g or .gc~, a model in .stl, .3mf or .obj."
        )
    return found


def safe(element: str) -> str:
    """Return one element of a path made safe; empty when nothing is left. Idempotent."""
    before, now = "", unicodedata.normalize("NFC", element)
    while now != before:  # each step shortens, but for one underscore: it ends
        before, now = now, _step(now)
    return now


def _step(name: str) -> str:
    kept = "".join(sign for sign in name if _is_plain(sign))
    return _short(_undeviced(unicodedata.normalize("NFC", kept).strip().lstrip(".").rstrip(". ").strip()))


def _is_plain(sign: str) -> bool:
    if sign.isascii():
        return sign.isprintable() and sign not in _REMOVED
    return unicodedata.category(sign) not in _CATEGORIES and sign not in _SPOOFS


def _undeviced(name: str) -> str:
    """Return `CON_.gcode` for `CON.gcode`: Windows opens the device, whatever the suffix."""
    stem, dot, rest = name.partition(".")
    return f"{stem.rstrip()}_{dot}{rest}" if stem.rstrip().lower() in _DEVICES else name


def _short(name: str) -> str:
    """Return a name cut to MAX_BYTES between two letters, its suffix kept."""
    if len(name.encode()) <= MAX_BYTES:
        return name
    stem, dot, suffix = name.rpartition(".")
    if not stem or len(suffix.encode()) > _LONGEST_SUFFIX:
        stem, dot, suffix = name, "", ""
    room = MAX_BYTES - len(f"{dot}{suffix}".encode())
    return stem.encode()[:room].decode("utf-8", "ignore").rstrip(". ") + dot + suffix


def clean(path: str) -> str:
    """Return a path with each element made safe; raises BadName for one that leads elsewhere.

    For names that come in. `/` parts elements; a leading or doubled one is nothing.
    """
    if len(path) > 4 * MAX_PATH:
        raise BadName(f"A path has at most {MAX_PATH} bytes.")
    elements = [each for each in path.split("/") if each.strip()]
    if any(each.strip() in {".", ".."} for each in elements) or "\\" in path:
        raise BadName(f"{path[:80]!r} leads elsewhere: write it from the top of the folder, with `/`.")
    made = [safe(each) for each in elements]
    if not made or not all(made):
        raise BadName(f"Nothing is left of {path[:80]!r} once it is made safe: choose another name.")
    return "/".join(bounded(made))


def clean_name(name: str) -> str:
    """Return the last element of what a browser or slicer calls a file, made safe; raises BadName."""
    return clean(name.replace("\\", "/").rstrip("/").rpartition("/")[2])


def parts(path: str) -> tuple[str, ...]:
    """Return the elements of a path that is safe as it stands, () for the top; raises BadName."""
    if len(path) > 4 * MAX_PATH:
        raise BadName(f"A path has at most {MAX_PATH} bytes.")
    elements = path.strip("/").split("/") if path.strip("/") else []
    for each in elements:
        if not each or safe(each) != each:
            raise BadName(f"{path[:80]!r} can't be the path of a file here: {each[:40]!r} is no safe name.")
    return tuple(bounded(elements))


def bounded(elements: list[str]) -> list[str]:
    """Return the elements; raises BadName when they are too many or too long together."""
    if len(elements) > MAX_DEPTH:
        raise BadName(f"A file lies at most {MAX_DEPTH} folders deep.")
    if len("/".join(elements).encode()) > MAX_PATH:
        raise BadName(f"A path has at most {MAX_PATH} bytes.")
    return elements


def folded(name: str) -> str:
    """Return what two names have in common that some disks can't tell apart."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFC", name).casefold())


def numbered(name: str, number: int) -> str:
    """Return `part_2.gcode` for `part.gcode`: the next name to try when one is taken."""
    stem, dot, suffix = name.rpartition(".")
    if not stem:
        stem, dot, suffix = name, "", ""
    tail = f"_{number}{dot}{suffix}"
    room = MAX_BYTES - len(tail.encode())
    return safe(stem.encode()[:room].decode("utf-8", "ignore") + tail)


def display_of(name: str, path: str) -> str:
    """Return how a file is shown: as it was called, without signs that steer a terminal, at most 255."""
    shown = "".join(sign for sign in unicodedata.normalize("NFC", name) if sign.isprintable()).strip()
    return shown[:255] or path.rpartition("/")[2]
