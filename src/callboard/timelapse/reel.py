"""The pictures of one print on disk: numbered from 0 without a gap, each whole or not there.

    unrendered/<name>/<name>-0.jpg ...  and recording.json: what was filmed, and how the film is to be made

Methods wait for the disk and raise OSError; the room calls them in threads, also two at a time. A picture is
written under a hidden name, then moved: what a crash leaves is a shorter reel, never a broken one.
"""

from __future__ import annotations

import re
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Self

import msgspec
from msgspec import Struct

from callboard.timelapse.picture import Kind

_ABOUT: Final = "recording.json"
_MOST_NAME: Final = 120
"""Bytes of the printed file's name that its pictures are called by."""


class About(Struct, frozen=True, kw_only=True):
    """What a reel shows, and how its film is to be made.

    `source` is that of the events that tell of it. `ended` is false while the print runs, and stays so when
    a crash ended the recording; `wanted` says that a film shall be made as soon as that can be, `error` why
    the last one could not be.
    """

    printer: str = ""
    gcode: str = ""
    source: Mapping[str, Any] = {}
    started: float = 0.0
    ended: bool = False
    failed: bool = False
    wanted: bool = False
    error: str = ""
    kind: Kind = Kind.JPEG
    width: int = 0
    height: int = 0
    fps: float = 25.0
    post_roll: float = 0.0
    flip_h: bool = False
    flip_v: bool = False
    rotate: int = 0


class Reel:
    """One print's pictures; a new one has no folder until the first picture comes."""

    def __init__(self, folder: Path, about: About, count: int = 0) -> None:
        self.folder, self.about, self.count = folder, about, count
        self._turn = threading.RLock()

    @classmethod
    def open(cls, folder: Path) -> Self:
        """Return the reel that lies in a folder; what recording.json can't tell has its default."""
        try:
            about = msgspec.json.decode((folder / _ABOUT).read_bytes(), type=About)
        except (OSError, msgspec.MsgspecError):
            about = About(started=folder.stat().st_mtime, kind=_kind_in(folder))
        reel = cls(folder, about)
        reel.count = len(list(reel.frames()))
        return reel

    @property
    def name(self) -> str:
        """What its pictures and its film are called by."""
        return self.folder.name

    def file_of(self, number: int, kind: Kind | None = None) -> str:
        """Return the name of a picture."""
        return f"{self.name}-{number}.{(kind or self.about.kind).value}"

    def frames(self) -> Iterator[Path]:
        """Yield the pictures that are there, in order; whatever their numbers are."""
        pattern = re.compile(rf"{re.escape(self.name)}-(\d{{1,9}})\.{self.about.kind.value}")
        there = [
            (int(found[1]), path) for path in inside(self.folder) if (found := pattern.fullmatch(path.name))
        ]
        for _, path in sorted(there):
            yield path

    def put(self, data: bytes, kind: Kind, size: tuple[int, int]) -> Path:
        """Store the next picture."""
        with self._turn:
            if not self.count:
                self.folder.mkdir(parents=True, exist_ok=True)
                self.note(kind=kind, width=size[0], height=size[1])
            target = self.folder / self.file_of(self.count)
            _write(target, data)
            self.count += 1
            return target

    def note(self, **changes: Any) -> None:
        """Change what is known of it, and keep that."""
        with self._turn:
            self.about = msgspec.structs.replace(self.about, **changes)
            if self.folder.is_dir():
                _write(self.folder / _ABOUT, msgspec.json.encode(self.about))

    def close_gaps(self) -> None:
        """Number the pictures from 0 on, without those that are empty."""
        number = 0
        for path in list(self.frames()):
            if not path.stat().st_size:
                path.unlink()
                continue
            target = self.folder / self.file_of(number)
            if path != target:
                path.replace(target)
            number += 1
        self.count = number

    def size(self) -> int:
        """Return how many bytes its pictures have."""
        return sum(path.stat().st_size for path in self.frames())

    def changed(self) -> float:
        """Return when it last got a picture, in seconds since 1970."""
        return self.folder.stat().st_mtime

    def is_old(self, keep: float) -> bool:
        """Return whether it got no picture for `keep` seconds; a folder without pictures is none of ours."""
        ours = self.count > 0 or (self.folder / _ABOUT).is_file()
        return ours and time.time() - self.changed() > keep

    def remove(self) -> None:
        """Remove it, for good."""
        shutil.rmtree(self.folder)


def called(gcode: str, now: float) -> str:
    """Return what the pictures of a print are called by: the file's name, and the local time.

    Whatever the file is called: no slash, no control character, no leading dot, at most so many bytes.
    Source: facts 5.2.
    """
    stem = re.sub(
        r"\.(gcode|gco|g|gc~)$", "", gcode.replace("\\", "/").rpartition("/")[2], flags=re.IGNORECASE
    )
    plain = "".join(sign if sign.isprintable() and sign != ":" else "_" for sign in stem).strip(" .-")
    cut = plain.encode("utf-8", "replace")[:_MOST_NAME].decode("utf-8", "ignore").rstrip()
    return f"{cut or 'print'}_{time.strftime('%Y%m%d%H%M%S', time.localtime(now))}"


def _write(target: Path, data: bytes) -> None:
    part = target.with_name(f".{target.name}.part")
    try:
        part.write_bytes(data)
        part.replace(target)
    except OSError:
        part.unlink(missing_ok=True)
        raise


def inside(folder: Path) -> Iterator[Path]:
    """Yield what lies in a folder; nothing if there is none."""
    try:
        yield from folder.iterdir()
    except FileNotFoundError:
        return


def _kind_in(folder: Path) -> Kind:
    return Kind.PNG if any(path.suffix == ".png" for path in inside(folder)) else Kind.JPEG
