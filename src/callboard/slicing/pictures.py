"""Pictures of stored files, made when they are first asked for, and kept until the file is another one.

a model: as it stands; G-code: what it lays, from aside or above, all of it or up to a layer
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.files.names import Kind
from callboard.files.room import Files
from callboard.files.stored import StoredFile
from callboard.slicing.making import aside
from callboard.slicing.parts import part_of, sweep
from callboard.slicing.process import Limits

SIZES: Final = (128, 256, 512, 1024)
"""Pixels: few sizes, so that few pictures are made and kept."""
MOST_KEPT: Final = 2000


class Look(Struct, frozen=True):
    """Which picture: its size, and for G-code the view (iso or top) and the last layer (0: all)."""

    size: int = 256
    view: str = "iso"
    layer: int = 0


class Pictures:
    """The pictures of a file store's files, kept in `folder`."""

    def __init__(self, files: Files, folder: Path, memory: int = 0) -> None:
        """Making one takes `memory` bytes at most; 0 is no limit."""
        self._files, self._folder = files, folder
        self._limits = Limits(60.0, 64 << 20, memory)
        self._turn = asyncio.Semaphore(1)
        self._layers: dict[str, int] = {}

    async def of(self, path: str, look: Look) -> bytes:
        """Return the PNG of a file. Raises the file store's Refused, BadModel, or OSError."""
        do = self._files.threads.do
        stored = await do(self._files.store.file, path)
        with contextlib.suppress(FileNotFoundError):
            return await do(self._place(stored, look).read_bytes)
        async with self._turn:
            if not await do(self._place(stored, look).exists):
                await self._make(stored, look)
        return await do(self._place(stored, look).read_bytes)

    def _place(self, stored: StoredFile, look: Look) -> Path:
        """Return where a picture is kept; another file, or another look, is another name."""
        layer = look.layer if look.layer < self._layers.get(_about(stored), look.layer + 1) else 0
        more = f"{look.view}\0{layer}" if stored.kind is Kind.GCODE else ""
        said = f"2\0{_about(stored)}\0{_suffix(stored)}\0{_size(look)}\0{more}"
        return self._folder / f"{hashlib.sha256(said.encode()).hexdigest()[:40]}.png"

    async def _make(self, stored: StoredFile, look: Look) -> None:
        do = self._files.threads.do
        place = await do(self._files.store.locate, stored.path)
        await do(self._folder.mkdir, parents=True, exist_ok=True)
        part = part_of(self._place(stored, look))
        size, source = str(_size(look)), str(place.absolute())
        if stored.kind is Kind.MODEL:
            words: tuple[str, ...] = ("picture", source, _suffix(stored), str(part), size)
        else:
            words = ("layers", source, str(part), size, look.view, str(look.layer))
        try:
            answer = await aside(words, self._folder, self._limits)
            self._count(stored, answer.get("layers", 0))
            await do(part.replace, self._place(stored, look))
        finally:
            await do(part.unlink, missing_ok=True)
        await do(self._thin)

    def _count(self, stored: StoredFile, layers: int) -> None:
        """Note how many layers a file has: with the last of them, or one above it, a picture shows all."""
        if layers:
            self._layers[_about(stored)] = layers
        while len(self._layers) > MOST_KEPT:
            del self._layers[next(iter(self._layers))]

    def sweep(self) -> None:
        """Remove what a crash left. Blocking."""
        sweep(self._folder)

    def _thin(self) -> None:
        """Remove the oldest pictures beyond those that are kept."""
        kept = sorted(self._folder.glob("*.png"), key=lambda path: path.stat().st_mtime)
        for path in kept[: max(len(kept) - MOST_KEPT, 0)]:
            path.unlink(missing_ok=True)


def _about(stored: StoredFile) -> str:
    return stored.sha256 or f"{stored.path}\0{stored.size}\0{stored.modified}"


def _suffix(stored: StoredFile) -> str:
    return stored.name.rpartition(".")[2].lower()


def _size(look: Look) -> int:
    return next((one for one in SIZES if one >= look.size), SIZES[-1])
