"""A file on its way in: bytes go into a hidden file beside its place, and appear there whole or not at all.

    open_upload -> write ... write -> finish -> in its place    (abort, an error, a crash: nothing)

The hidden file is locked while it is written, so that whoever sweeps up after a crash knows which
ones nobody writes any more. O_TMPFILE lost: it can't replace a file, and not every disk has it.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING, Final

from callboard.files.hidden import HiddenFile
from callboard.files.metadata import SHEET
from callboard.files.refusals import DiskFull, TooLarge
from callboard.files.tree import inside, refusing

if TYPE_CHECKING:
    from callboard.files.stored import StoredFile

PREFIX: Final = ".upload-"
SUFFIX: Final = ".part"


class Upload(HiddenFile):
    """One file on its way in; leaving `async with` or `with` without `finish` removes it.

    Not for several threads at once. `path` is where it goes, `size` the bytes so far.
    """

    def __init__(self, folder: int, path: str, most: int, place: Callable[[Upload, str], StoredFile]) -> None:
        self.path, self.size = path, 0
        self.overwrite = False
        self.display = ""
        self._most, self._place = most, place
        self._hash = hashlib.sha256()
        super().__init__(folder, f"{PREFIX}{secrets.token_hex(8)}{SUFFIX}", 0o644)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX)
        except OSError:
            self.abort()
            raise

    @property
    def sha256(self) -> str:
        """The hash of what was written, in hexadecimal."""
        return self._hash.hexdigest()

    @property
    def open(self) -> bool:
        """Whether it is neither finished nor given up."""
        return self._file >= 0

    def expect(self, size: int) -> None:
        """Refuse what won't fit before it comes: TooLarge, or DiskFull."""
        self._bound(size)
        about = os.fstatvfs(self._file)
        if about.f_bavail * about.f_frsize < size:
            raise DiskFull(f"The disk has no room for {size} bytes: make room and send {self.path} again.")

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Append bytes; raises TooLarge or DiskFull, and then nothing is left of the upload."""
        try:
            self._bound(self.size + len(data))
            with refusing(self.path):
                self._append(data)
            self._hash.update(data)
            self.size += len(data)
        except BaseException:
            self.abort()
            raise

    def finish(self, user: str = "") -> StoredFile:
        """Put the file in its place, on disk for good; after a Refused (Busy, Taken ...) nothing is left."""
        try:
            with refusing(self.path):
                os.fsync(self._file)
                return self._place(self, user)
        finally:
            self.abort()

    def stat(self) -> os.stat_result:
        """Return how the file is now."""
        return os.fstat(self._file)

    def _bound(self, size: int) -> None:
        if size > self._most:
            raise TooLarge(f"{self.path} has more than {self._most} bytes (files.max_upload).")


def sweep(folder: int) -> int:
    """Remove what a crash left in an open folder, not what is being written; returns how many files."""
    swept = 0
    for found in inside(folder):
        if found.is_file and is_left_over(found.name):
            swept += _swept(folder, found.name)
    return swept


def is_left_over(name: str) -> bool:
    """Whether a crash may have left a file with this name: an upload, or a sheet that was being written."""
    return name.startswith((PREFIX, f"{SHEET}.")) and name.endswith(SUFFIX)


def _swept(folder: int, name: str) -> bool:
    with contextlib.suppress(OSError):
        descriptor = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.unlink(name, dir_fd=folder)
            return True
        finally:
            os.close(descriptor)
    return False
