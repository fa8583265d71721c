"""A folder that nothing leads out of: each element of a path is opened from the one before, links never.

Comparing text of paths, as hosts did, loses to `/data-other` and to links; resolving a path and
looking at the result loses to whoever puts a link in its place in between. What is opened here step
by step with O_NOFOLLOW stays what it was.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from msgspec import Struct

from callboard.files.refusals import NoSuchFile, told

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC  # a pipe must not block us

Parts = Sequence[str]


class Found(Struct, frozen=True):
    """Something that lies in a folder."""

    name: str
    stat: os.stat_result

    @property
    def is_file(self) -> bool:
        """A plain file: no link, pipe or device."""
        return stat.S_ISREG(self.stat.st_mode)

    @property
    def is_folder(self) -> bool:
        """A folder, and no link to one."""
        return stat.S_ISDIR(self.stat.st_mode)


class Tree:
    """Opens what lies under `base`; every method raises a Refused, never an OSError."""

    def __init__(self, base: Path) -> None:
        self.base = base

    @contextlib.contextmanager
    def folder(self, parts: Parts, *, make: bool = False) -> Iterator[int]:
        """Give the descriptor of a folder, () for the base; `make` makes those that are missing."""
        with refusing("/".join(parts)):
            descriptor = os.open(self.base, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            try:
                for part in parts:
                    inner = _step(descriptor, part, make=make)
                    os.close(descriptor)
                    descriptor = inner
                yield descriptor
            finally:
                os.close(descriptor)

    @contextlib.contextmanager
    def around(self, parts: Parts, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Give the folder that a path lies in, and the path's last element."""
        if not parts:
            raise NoSuchFile("The folder of all files can't be changed itself: name a file or folder in it.")
        with self.folder(parts[:-1], make=make) as folder:
            yield folder, parts[-1]

    def open(self, parts: Parts) -> int:
        """Return a descriptor of a plain file, to read; the caller closes it."""
        with self.around(parts) as (folder, name), refusing("/".join(parts)):
            descriptor = os.open(name, _FILE, dir_fd=folder)
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                os.close(descriptor)
                raise NoSuchFile(f"{'/'.join(parts)!r} is no file.")
            return descriptor

    def find(self, parts: Parts) -> Found | None:
        """Return what lies at a path, itself and not what it links to; None when nothing does."""
        try:
            with self.around(parts) as (folder, name):
                return found_in(folder, name)
        except NoSuchFile:
            return None


def _step(folder: int, name: str, *, make: bool) -> int:
    """Open a folder inside an open one."""
    try:
        if make:
            with contextlib.suppress(FileExistsError):
                os.mkdir(name, 0o755, dir_fd=folder)
        return os.open(name, _FOLDER, dir_fd=folder)
    except OSError as error:
        there = found_in(folder, name) if error.errno == errno.ENOTDIR else None
        if there is not None and stat.S_ISLNK(there.stat.st_mode):
            raise OSError(errno.ELOOP, "is a link") from None
        raise


@contextlib.contextmanager
def refusing(path: str) -> Iterator[None]:
    """Turn what the system says into a Refused about `path`."""
    try:
        yield
    except OSError as error:
        raise told(error, path) from error


def found_in(folder: int, name: str) -> Found | None:
    """Return what has this name in an open folder, None when nothing has."""
    try:
        return Found(name, os.stat(name, dir_fd=folder, follow_symlinks=False))
    except FileNotFoundError:
        return None


def inside(folder: int) -> list[Found]:
    """Return what lies in an open folder, sorted by name; what goes meanwhile is left out."""
    found = []
    with os.scandir(folder) as listed:
        for each in listed:
            with contextlib.suppress(FileNotFoundError):
                found.append(Found(each.name, each.stat(follow_symlinks=False)))
    return sorted(found, key=lambda one: one.name)
