"""Pictures of stored files, made when they are first asked for, and kept until the file is another one.

a model: as it stands; G-code: what it lays, from aside or above, all of it or up to a layer
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import secrets
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.files.names import Kind
from callboard.files.room import Files
from callboard.files.stored import StoredFile
from callboard.slicing.making import MEMORY, aside
from callboard.slicing.process import Limits

SIZES: Final = (128, 256, 512, 1024)
"""Pixels: few sizes, so that few pictures are made and kept."""
MOST_KEPT: Final = 2000
_LIMITS: Final = Limits(60.0, 64 << 20, MEMORY)


class Look(Struct, frozen=True):
    """Which picture: its size, and for G-code the view (iso or top) and the last layer (0: all)."""

    size: int = 256
    view: str = "iso"
    layer: int = 0


class Pictures:
    """The pictures of a file store's files, kept in `folder`."""

    def __init__(self, files: Files, folder: Path) -> None:
        self._files, self._folder = files, folder
        self._turn = asyncio.Semaphore(1)

    async def of(self, path: str, look: Look) -> bytes:
        """Return the PNG of a file. Raises the file store's Refused, BadModel, or OSError."""
        do = self._files.threads.do
        stored = await do(self._files.store.file, path)
        size = next((one for one in SIZES if one >= look.size), SIZES[-1])
        kept = self._folder / f"{_key(stored, look, size)}.png"
        with contextlib.suppress(FileNotFoundError):
            return await do(kept.read_bytes)
        async with self._turn:
            if not await do(kept.exists):
                await self._make(stored, look, size, kept)
        return await do(kept.read_bytes)

    async def _make(self, stored: StoredFile, look: Look, size: int, kept: Path) -> None:
        do = self._files.threads.do
        place = await do(self._files.store.locate, stored.path)
        await do(self._folder.mkdir, parents=True, exist_ok=True)
        part = self._folder / f".{secrets.token_hex(8)}.part"
        if stored.kind is Kind.MODEL:
            suffix = stored.name.rpartition(".")[2].lower()
            words: tuple[str, ...] = ("picture", str(place.absolute()), suffix, str(part), str(size))
        else:
            words = ("layers", str(place.absolute()), str(part), str(size), look.view, str(look.layer))
        try:
            await aside(words, self._folder, _LIMITS)
            await do(part.replace, kept)
        finally:
            await do(part.unlink, missing_ok=True)
        await do(self._sweep)

    def _sweep(self) -> None:
        """Remove the oldest pictures beyond those that are kept."""
        kept = sorted(self._folder.glob("*.png"), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(len(kept) - MOST_KEPT, 0)]:
            path.unlink(missing_ok=True)


def _key(stored: StoredFile, look: Look, size: int) -> str:
    """Return what a picture is called: another file, or another look, is another name."""
    about = stored.sha256 or f"{stored.path}\0{stored.size}\0{stored.modified}"
    suffix = stored.name.rpartition(".")[2].lower()
    more = f"{look.view}\0{look.layer}" if stored.kind is Kind.GCODE else ""
    return hashlib.sha256(f"2\0{about}\0{suffix}\0{size}\0{more}".encode()).hexdigest()[:40]
