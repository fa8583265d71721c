"""What was uploaded to `ftrack.server`: one file for each component, named by the component's id.

    begin -> Arriving.write ... -> place -> open ... -> drop    (abort, an error, a crash: nothing)

All of it blocks, and belongs into a thread; what the disk says is a Refused of the files room's.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import re
import secrets
import stat
import time
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO, Final

from callboard.files import refusals
from callboard.files.hidden import HiddenFile
from callboard.files.tree import Tree, inside, refusing
from callboard.studio.locations import FileLocation

SERVER: Final = "ftrack.server"
SERVER_ID: Final = "3a372bde-05bc-11e4-8908-20c9d081909b"
"""The built-in location that the official clients upload to."""
FOLDER: Final = "uploads"
"""Its folder in the data folder."""
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_SETTLED: Final = 0o400
_PREFIX, _SUFFIX = ".callboard-", ".part"


class WrongBytes(refusals.Refused):
    """These are not the bytes that were announced: ask for another upload and send the file as it is."""


def location_of(data: Path) -> FileLocation:
    """Return `ftrack.server` as a location, for those who look for files of components."""
    return FileLocation(SERVER, data.absolute() / FOLDER, id=SERVER_ID)


class Shelf:
    """The files. `most` is how many bytes one may have; the folder is made when it is needed."""

    def __init__(self, folder: Path, most: int) -> None:
        self.folder, self.most = folder, most
        self._tree = Tree(folder)

    def check(self, component: str, size: int) -> None:
        """Raise BadName or TooLarge for what can't be uploaded. Does not block."""
        if not _NAME.fullmatch(component):
            raise refusals.BadName(
                f"{component[:80]!r} can't be uploaded: the id of such a component has up to 64 letters, "
                "digits, - and _."
            )
        if size > self.most:
            raise refusals.TooLarge(f"A file has at most {self.most} bytes here (files.max_upload).")

    def begin(self, size: int) -> Arriving:
        """Return a file of that many bytes on its way in; raises TooLarge or DiskFull."""
        with refusing(FOLDER):
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self._tree.folder(()) as folder, refusing("the upload"):
            about = os.fstatvfs(folder)
            if about.f_bavail * about.f_frsize < size:
                raise refusals.DiskFull(
                    f"The disk has no room for {size} bytes: make room and send it again."
                )
            return Arriving(folder, size)

    def open(self, component: str) -> BinaryIO:
        """Return a component's bytes, open to read; raises NoSuchFile."""
        if not _NAME.fullmatch(component):
            raise refusals.NoSuchFile(f"Nothing was uploaded for {component[:80]!r}.")
        try:
            return os.fdopen(self._tree.open((component,)), "rb")
        except refusals.NoSuchFile:
            raise refusals.NoSuchFile(f"Nothing was uploaded here for {component}.") from None

    def holds(self, component: str) -> bool:
        """Return whether a component's bytes are there."""
        return _NAME.fullmatch(component) is not None and (self.folder / component).exists()

    def drop(self, components: Iterable[str]) -> None:
        """Remove the bytes of components; who has none is no matter."""
        with contextlib.suppress(refusals.NoSuchFile), self._tree.folder(()) as folder:
            for each in components:
                if _NAME.fullmatch(each):
                    _unlink(folder, each)

    def sweep(self) -> int:
        """Remove what uploads left that a crash cut off; returns how many files. Only before any begins."""
        with contextlib.suppress(refusals.NoSuchFile), self._tree.folder(()) as folder:
            left = [each.name for each in inside(folder) if each.name.startswith(_PREFIX)]
            for name in left:
                _unlink(folder, name)
            return len(left)
        return 0

    def keep(self, components: Iterable[str]) -> None:
        """Note that these are needed: they are only read from now on, and `unsettled` names them no more."""
        with self._tree.folder(()) as folder, refusing(FOLDER):
            for each in components:
                with contextlib.suppress(FileNotFoundError):
                    os.chmod(each, _SETTLED, dir_fd=folder)

    def unsettled(self, age: float) -> list[str]:
        """Return the components whose bytes came more than `age` seconds ago, and that were not kept."""
        with contextlib.suppress(refusals.NoSuchFile), self._tree.folder(()) as folder:
            then = time.time() - age
            return [
                each.name
                for each in inside(folder)
                if each.is_file and _NAME.fullmatch(each.name)
                if each.stat.st_mtime < then and each.stat.st_mode & stat.S_IWUSR
            ]
        return []


class Arriving(HiddenFile):
    """One file on its way in, of a size that is known; leaving `with` without `place` removes it."""

    def __init__(self, folder: int, size: int) -> None:
        self._left = size
        self._md5 = hashlib.md5(usedforsecurity=False)
        super().__init__(folder, f"{_PREFIX}{secrets.token_hex(8)}{_SUFFIX}", 0o600)

    def write(self, data: bytes | bytearray) -> None:
        """Append bytes; raises WrongBytes for more than were announced, or DiskFull."""
        self._left -= len(data)
        if self._left < 0:
            raise WrongBytes("More bytes came than were announced: ask for another upload.")
        self._md5.update(data)
        with refusing("the upload"):
            self._append(data)

    def check(self, md5: bytes | None) -> None:
        """Raise WrongBytes unless all bytes came, and have this checksum if there is one."""
        if self._left:
            raise WrongBytes(f"{self._left} bytes are missing: send the file again.")
        if md5 is not None and self._md5.digest() != md5:
            raise WrongBytes("The bytes have another checksum than was announced: send the file again.")

    def place(self, component: str) -> None:
        """Give the file its place, on disk for good; earlier bytes of the component are replaced."""
        with refusing("the upload"):
            os.fsync(self._file)
            os.replace(self.part, component, src_dir_fd=self.folder, dst_dir_fd=self.folder)
            self.placed()
            os.fsync(self.folder)


def _unlink(folder: int, name: str) -> None:
    with contextlib.suppress(OSError):
        os.unlink(name, dir_fd=folder)
