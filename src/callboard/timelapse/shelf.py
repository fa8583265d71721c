"""The timelapse folder: films, and the reels that have none yet.

    <film>.mp4                    a film
    about/<film>.json, .jpg       what it shows, and a picture of it
    unrendered/<name>/            a reel
    .<job>.<token>.part, .<job>.ready   a film in the making, and one that only has to be put in its place

Only what is ours goes by itself: the folder may hold films of somebody else. Methods wait for the
disk; names from outside are one path element that begins with no dot, or refused.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import shutil
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, TypeVar

import msgspec
import structlog
from msgspec import Struct

from callboard.timelapse.container import is_film
from callboard.timelapse.reel import About, Reel, called, inside
from callboard.timelapse.refusals import NoSuchFilm, Refused, told

log = structlog.get_logger("callboard.timelapse")

S = TypeVar("S")
T = TypeVar("T")

SUFFIXES: Final = frozenset({".mp4", ".mpg"})
_UNFINISHED: Final = re.compile(r"\.(?P<job>[0-9a-f]{32})\.([0-9a-f]{1,8}\.part|ready)")


class Film(Struct, frozen=True):
    """A film: its name, size in bytes, when it was made (seconds since 1970), and what it shows."""

    name: str
    size: int
    made: float
    about: dict[str, Any]
    has_thumbnail: bool


class Shelf:
    """What lies in the folder `base`."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self._unrendered = base / "unrendered"
        self._about = base / "about"

    def prepare(self, alive: Collection[str]) -> None:
        """Make the folders; remove films in the making, and what is ready for no job of `alive`."""
        for folder in (self.base, self._unrendered, self._about):
            folder.mkdir(parents=True, exist_ok=True)
        for path in self.base.glob(".*"):
            ours = _UNFINISHED.fullmatch(path.name)
            if ours and not (path.suffix == ".ready" and ours["job"] in alive):
                path.unlink(missing_ok=True)

    # Reels

    def new_reel(self, gcode: str, about: About, taken: Collection[str]) -> Reel:
        """Return a fresh reel for the print of a file, called like no other there is or in `taken`."""
        name, number = called(gcode, about.started), 1
        unique = name
        while unique in taken or (self._unrendered / unique).exists() or any(self._films_of(unique)):
            number += 1
            unique = f"{name}_{number}"
        return Reel(self._unrendered / unique, about)

    def reel(self, name: str) -> Reel:
        """Return a reel by name; raises NoSuchFilm."""
        folder = self._unrendered / _checked(name)
        if folder.is_symlink() or not folder.is_dir():
            raise NoSuchFilm(
                f"There are no pictures called {name[:80]!r}: `callboard timelapse list` shows all."
            )
        return Reel.open(folder)

    def reels(self) -> list[Reel]:
        """Return all reels, newest first."""
        found = _there(Reel.open, _folders(self._unrendered))
        return sorted(found, key=lambda reel: reel.about.started, reverse=True)

    def sized_reels(self) -> list[tuple[Reel, int]]:
        """Return all reels, newest first, with the bytes that their pictures have."""
        return list(_there(lambda reel: (reel, reel.size()), self.reels()))

    # Films

    def films(self) -> list[Film]:
        """Return all films, newest first."""
        found = _there(self._film, filter(_is_film, inside(self.base)))
        return sorted(found, key=lambda film: film.made, reverse=True)

    def film(self, name: str) -> Film:
        """Return a film by name; raises NoSuchFilm."""
        return self._film(self._path(name))

    def open_film(self, name: str, *, thumbnail: bool = False) -> Any:
        """Open a film, or its picture, for reading; raises NoSuchFilm."""
        path = self._path(name)
        try:
            return (self._thumbnail(path.name) if thumbnail else path).open("rb")
        except FileNotFoundError:
            raise NoSuchFilm(f"There is no picture of {name[:80]!r}.") from None

    def remove_film(self, name: str) -> None:
        """Remove a film; raises NoSuchFilm."""
        path = self._path(name)
        path.unlink()
        self._thumbnail(path.name).unlink(missing_ok=True)
        self._noted(path.name).unlink(missing_ok=True)

    def part(self, job: str) -> Path:
        """Return where to make a film, fresh each time: who lost its lease writes into no other's file."""
        return self.base / f".{job}.{secrets.token_hex(4)}.part"

    def ready(self, job: str) -> Path:
        """Return where a film lies that is made, until its job has ended."""
        return self.base / f".{job}.ready"

    def place(self, job: str, name: str, reel: Reel) -> Path | None:
        """Put a film that is ready in its place and remove its pictures; None when there is none."""
        ready, target = self.ready(job), self.base / _checked(name)
        if is_film(ready):
            with contextlib.suppress(OSError):  # a film without them is a film
                self._tell_of(target.name, reel)
            ready.replace(target)
            shutil.rmtree(reel.folder, ignore_errors=True)
            return target
        ready.unlink(missing_ok=True)
        settled_before = target.is_file() and not reel.count
        return target if settled_before else None

    def scrap(self, job: str) -> None:
        """Remove what a job has made."""
        for path in self.base.glob(f".{job}.*"):
            path.unlink(missing_ok=True)

    def sweep(self, keep: float | None) -> list[str]:
        """Remove films of ours that are older than so many seconds; returns the names of those gone."""
        now = time.time()
        old = [film.name for film in self.films() if keep is not None and now - film.made > keep]
        return [name for name in old if self._noted(name).is_file() and self._is_swept(name)]

    def _is_swept(self, name: str) -> bool:
        """Remove a film if that can be done: one that can't must not spare those behind it."""
        try:
            self.remove_film(name)
        except (OSError, Refused) as error:
            log.warning("an old film could not be removed", name=name, error=told(error))
            return False
        return True

    def usage(self) -> tuple[int, int]:
        """Return the bytes that are free on the disk, and all it has."""
        found = shutil.disk_usage(self.base)
        return found.free, found.total

    def _tell_of(self, name: str, reel: Reel) -> None:
        about = {"printer": reel.about.printer, "gcode": reel.about.gcode, "frames": reel.count}
        self._noted(name).write_bytes(msgspec.json.encode(about))
        frames = list(reel.frames())
        shutil.copyfile(frames[-1], self._thumbnail(name))

    def _film(self, path: Path) -> Film:
        found = path.stat()
        try:
            about = msgspec.json.decode(self._noted(path.name).read_bytes(), type=dict[str, Any])
        except (OSError, msgspec.MsgspecError):
            about = {}
        return Film(path.name, found.st_size, found.st_mtime, about, self._thumbnail(path.name).is_file())

    def _path(self, name: str) -> Path:
        path = self.base / _checked(name)
        if not _is_film(path):
            raise NoSuchFilm(f"There is no film {name[:80]!r}: `callboard timelapse list` shows all.")
        return path

    def _noted(self, name: str) -> Path:
        """Return where it is noted what a film shows: one without such a note was not made here."""
        return self._about / f"{name}.json"

    def _thumbnail(self, name: str) -> Path:
        return self._about / f"{name}.jpg"

    def _films_of(self, name: str) -> Iterator[Path]:
        for suffix in SUFFIXES:
            for end in ("", "-fail"):
                path = self.base / f"{name}{end}{suffix}"
                if path.exists():
                    yield path


def _checked(name: str) -> str:
    if not name or name.startswith(".") or "/" in name or "\0" in name or len(os.fsencode(name)) > 255:
        raise NoSuchFilm(f"{name[:80]!r} is the name of no film: `callboard timelapse list` shows all.")
    return name


def _there(look: Callable[[S], T], found: Iterable[S]) -> Iterator[T]:
    """Yield what `look` sees of each; what is removed meanwhile is left out."""
    for each in found:
        try:
            seen = look(each)
        except FileNotFoundError:
            continue
        yield seen


def _is_film(path: Path) -> bool:
    shown = path.suffix in SUFFIXES and not path.name.startswith(".")
    return shown and path.is_file() and not path.is_symlink()


def _folders(folder: Path) -> Iterator[Path]:
    for path in inside(folder):
        if not path.name.startswith(".") and path.is_dir() and not path.is_symlink():
            yield path
