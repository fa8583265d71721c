"""A hidden file: bytes go into it beside their place; it gets its name when they are whole, or goes."""

from __future__ import annotations

import contextlib
import os
from types import TracebackType
from typing import Final, Self

_FLAGS: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC


class HiddenFile:
    """One file on its way in; leaving `with` removes it unless it was placed. Not for several threads.

    `folder` is a descriptor of its own, `part` the file's name there, empty once it is placed.
    """

    def __init__(self, folder: int, name: str, mode: int) -> None:
        self.folder, self.part = os.dup(folder), name
        self._file = -1
        try:
            self._file = os.open(name, _FLAGS, mode, dir_fd=self.folder)
        except OSError:
            self.abort()
            raise

    def _append(self, data: bytes | bytearray | memoryview) -> None:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(self._file, rest) :]

    def placed(self) -> None:
        """Note that the file has its own name now."""
        self.part = ""

    def abort(self) -> None:
        """Remove what came so far, if it was not put in its place; may be called twice."""
        if self.folder < 0:
            return
        if self.part and self._file >= 0:
            with contextlib.suppress(OSError):
                os.unlink(self.part, dir_fd=self.folder)
        if self._file >= 0:
            os.close(self._file)
        os.close(self.folder)
        self.folder = self._file = -1

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.abort()
