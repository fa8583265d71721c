"""Whether a file is a model that can be sliced: told in one pass, in bounded memory, whatever its size.

binary STL, ASCII STL -> triangles, a block at a time (surface.py) -> Checked
3MF -> what its zip says of itself; OBJ -> its size; the rest is told once it is STL (mesh.py)
"""

from __future__ import annotations

import os
import zipfile
from pathlib import Path
from typing import BinaryIO, Final

import msgspec
from msgspec import Struct

from callboard.errors import MissingExtra
from callboard.slicing.refusals import BadModel

LARGEST_UNPACKED: Final = 400_000_000
"""Bytes of a 3MF's parts, and of an OBJ: they are held in memory once."""
MOST_PARTS: Final = 10_000
DENSEST: Final = 200
"""How many times its size a part of a 3MF may unpack to; text packs to a tenth."""

_HEAD: Final = 84
FACET: Final = 50
SNIFFED: Final = 128
"""Bytes behind the head by which slicers tell a binary STL."""
LINE: Final = 4096
"""Bytes of a line of text that are looked at."""


class Checked(Struct, frozen=True):
    """A model that can be sliced: what it is, how many triangles (0: not counted), what to be wary of."""

    kind: str
    triangles: int = 0
    warnings: tuple[str, ...] = ()
    size: tuple[float, float, float] = (0.0, 0.0, 0.0)
    """In mm along x, y and z; 0 where it was not measured."""
    ambiguous: bool = False
    """Whether slicers take this binary STL for text: they look for a byte above 127 near its start."""


def check(path: Path, suffix: str) -> Checked:
    """Return what a model is; raises BadModel with what is wrong with it, OSError, or MissingExtra."""
    with path.open("rb") as file:
        size = os.fstat(file.fileno()).st_size
        if not size:
            raise BadModel("The model is empty: there is not one byte in its file.")
        if suffix == "3mf":
            return _check_3mf(file, size)
        if suffix == "obj":
            return _check_obj(file, size)
        try:
            return _check_stl(file, size)
        except ModuleNotFoundError as error:
            raise MissingExtra("Looking at models needs NumPy: pip install 'callboard[print]'.") from error


def _check_stl(file: BinaryIO, size: int) -> Checked:
    from callboard.slicing import surface

    head = file.read(_HEAD)
    count = int.from_bytes(head[80:84], "little") if len(head) == _HEAD else 0
    exact = len(head) == _HEAD and size == _HEAD + FACET * count
    if not exact and head.lstrip().lower().startswith(b"solid"):
        file.seek(0)
        return surface.measured("ASCII STL", surface.in_text(file))
    if len(head) < _HEAD:
        raise BadModel("This is no STL: it is shorter than an STL's head.")
    if not count:
        raise BadModel("The model is empty: there are no triangles in it.")
    if size < _HEAD + FACET * count:
        there = (size - _HEAD) // FACET
        raise BadModel(
            f"The model is cut off, or no STL: {count} triangles are announced, {there} are there."
        )
    start = file.read(SNIFFED)
    file.seek(_HEAD)
    found = surface.measured("binary STL", surface.packed(file, count))
    return msgspec.structs.replace(found, ambiguous=start.isascii())


def _check_3mf(file: BinaryIO, size: int) -> Checked:
    try:
        with zipfile.ZipFile(file) as packed:
            entries = packed.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, NotImplementedError, UnicodeDecodeError):
        raise BadModel("This is no 3MF, or a broken one: a 3MF is a zip.") from None
    if len(entries) > MOST_PARTS:
        raise BadModel(f"This 3MF has {len(entries)} parts, more than {MOST_PARTS}: it is no model.")
    for entry in entries:
        _check_part(entry)
    unpacked = sum(entry.file_size for entry in entries)
    if unpacked > LARGEST_UNPACKED or unpacked > DENSEST * size + (1 << 20):
        raise BadModel(f"This 3MF unpacks to {unpacked} bytes, which no model does: it was not opened.")
    if not any(entry.filename.lower().endswith(".model") and entry.file_size for entry in entries):
        raise BadModel("There is no model in this 3MF.")
    return Checked("3MF")


def _check_part(entry: zipfile.ZipInfo) -> None:
    parts = entry.filename.replace("\\", "/").split("/")
    if ".." in parts or entry.filename.startswith(("/", "\\")) or ":" in parts[0]:
        raise BadModel(f"A part of this 3MF leads elsewhere ({entry.filename[:60]!r}): it was not opened.")
    if entry.flag_bits & 1:
        raise BadModel("This 3MF is encrypted: export it without a password.")


def _check_obj(file: BinaryIO, size: int) -> Checked:
    if size > LARGEST_UNPACKED:
        raise BadModel(f"An OBJ of {size} bytes is more than can be read: export it as binary STL.")
    corners = faces = number = 0
    while line := file.readline(LINE):
        number += 1
        corners += line.startswith(b"v ")
        faces += line.startswith(b"f ")
        if line.startswith(b"v ") and b"," in line:
            raise BadModel(f"Line {number} of the model has decimal commas: export it with decimal points.")
    if not corners or not faces:
        raise BadModel("The model is empty: there are no faces in it.")
    return Checked("OBJ", faces)
