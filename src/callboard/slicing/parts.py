"""Files on their way: hidden beside their place until they are whole. What a crash left of them is swept."""

from __future__ import annotations

import re
import secrets
from pathlib import Path
from typing import Final

_SHAPE: Final = re.compile(r"\.[0-9a-f]{16}\.part")


def part_of(path: Path) -> Path:
    """Return where a file is written before it is put in its place."""
    return path.with_name(f".{secrets.token_hex(8)}.part")


def write(path: Path, data: bytes) -> None:
    """Write a file so that there is the old one or the whole new one. Blocking."""
    path.parent.mkdir(parents=True, exist_ok=True)
    part = part_of(path)
    try:
        part.write_bytes(data)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def sweep(folder: Path) -> None:
    """Remove what a crash left in a folder: only what has our shape, it may be anybody's."""
    for path in folder.glob(".*.part"):
        if _SHAPE.fullmatch(path.name):
            path.unlink(missing_ok=True)
