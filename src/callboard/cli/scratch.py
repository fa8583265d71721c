"""Folders of pictures that a worker fetched: each is locked while its worker lives.

The lock ends with its process, also with one that is killed, so what that left can be told from what is in
use. A pid in the name lost: it is another process's one day, and in another container at once.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

_PREFIX: Final = "callboard-film-"


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Give a folder that goes away; what a killed worker leaves goes with `sweep`. Raises OSError."""
    folder = Path(tempfile.mkdtemp(prefix=_PREFIX))
    try:
        with _locked(folder, fcntl.LOCK_EX):
            yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def sweep() -> None:
    """Remove the folders of this user's workers that live no more."""
    with os.scandir(tempfile.gettempdir()) as found:
        ours = [Path(entry) for entry in found if entry.name.startswith(_PREFIX) and _is_ours(entry)]
    for folder in ours:
        with contextlib.suppress(OSError), _locked(folder, fcntl.LOCK_EX | fcntl.LOCK_NB):
            shutil.rmtree(folder, ignore_errors=True)


def _is_ours(entry: os.DirEntry[str]) -> bool:
    with contextlib.suppress(OSError):  # gone meanwhile
        return (
            entry.is_dir(follow_symlinks=False) and entry.stat(follow_symlinks=False).st_uid == os.geteuid()
        )
    return False


@contextlib.contextmanager
def _locked(folder: Path, how: int) -> Iterator[None]:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        fcntl.flock(descriptor, how)
        yield
    finally:
        os.close(descriptor)
