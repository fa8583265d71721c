"""Files that came or went by hand: found by a look at all folders, and taken in under a safe name.

look(store) -> strangers (to be adopted once they are quiet), gone ones, odd ones (left alone)
"""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

import structlog
from msgspec import Struct

from callboard.files import metadata
from callboard.files.metadata import Record
from callboard.files.names import MAX_DEPTH, display_of, folded, kind_of, numbered, safe
from callboard.files.places import path_of
from callboard.files.refusals import NoSuchFile, Refused
from callboard.files.settling import Signature
from callboard.files.store import FileStore
from callboard.files.stored import StoredFile
from callboard.files.tree import Found, found_in, inside
from callboard.files.upload import sweep

log = structlog.get_logger("callboard.files")

_BLOCK: Final = 1 << 20

Raw = tuple[str, ...]
"""A path as it is on the disk, safe or not."""


class Look(Struct, frozen=True):
    """What a look at all folders found. `unread` are G-code files that nobody has analysed yet."""

    strangers: Mapping[Raw, Signature]
    gone: tuple[str, ...]
    odd: tuple[str, ...]
    unread: tuple[str, ...]


def look(store: FileStore) -> Look:
    """Look at all folders; those that can't be read are left out."""
    strangers: dict[Raw, Signature] = {}
    gone: list[str] = []
    odd: list[str] = []
    unread: list[str] = []
    for above, listed, records in _folders(store, ()):
        for found in listed:
            path = (*above, found.name)
            record = records.get(found.name)
            if _is_strange(found, record):
                strangers[path] = (found.stat.st_size, found.stat.st_mtime_ns)
            elif found.is_file and kind_of(found.name) is None:
                odd.append(_shown(path))
            elif _is_unread(found, record):
                unread.append(path_of(path))
        there = {found.name for found in listed if found.is_file}
        gone += [path_of((*above, name)) for name in records if name not in there]
    return Look(strangers, tuple(gone), tuple(odd), tuple(unread))


def _folders(store: FileStore, above: Raw) -> Iterator[tuple[Raw, list[Found], dict[str, Record]]]:
    try:
        with store.lock, store.tree.folder(above) as folder:
            listed = [found for found in inside(folder) if not found.name.startswith(".")]
            records = metadata.read(folder, _shown(above))
    except Refused:
        return
    yield above, listed, records
    for found in listed:
        if found.is_folder and len(above) + 1 < MAX_DEPTH:
            yield from _folders(store, (*above, found.name))


def _is_strange(found: Found, record: Record | None) -> bool:
    if found.is_folder:
        return safe(found.name) != found.name
    if not found.is_file or _kept_suffix(found.name) is None:
        return False
    return safe(found.name) != found.name or record is None or not (record.fits(found.stat) and record.sha256)


def _is_unread(found: Found, record: Record | None) -> bool:
    kind = kind_of(found.name)
    return record is not None and record.analysis is None and kind is not None and kind.types[-1] == "gcode"


def _kept_suffix(name: str) -> str | None:
    """Return the suffix for which a file is taken, also where its name is not safe yet."""
    suffix = safe(name.rpartition(".")[2])
    return suffix if kind_of(f"x.{suffix}") is not None else None


def sweep_all(store: FileStore) -> int:
    """Remove what crashed uploads left; returns how many files."""
    swept = 0
    for above, _, _ in _folders(store, ()):
        with store.tree.folder(above) as folder:
            swept += sweep(folder)
    return swept


def adopt(store: FileStore, strangers: Iterable[Raw]) -> list[StoredFile]:
    """Take in what lies at raw paths: give each a safe name, read its hash. A folder only gets its name.

    What is gone, still changes or can't be read is left for another look. Raises DiskFull.
    """
    known: dict[Raw, dict[str, Record]] = {}
    for stranger in strangers:
        try:
            elements, display = _renamed(store, stranger)
            if elements is not None:
                known.setdefault(elements[:-1], {})[elements[-1]] = _record(store, elements, display)
        except NoSuchFile:
            continue  # it went, or its folder has another name now
        except (Refused, OSError) as error:
            log.warning("a file put in by hand is left alone", file=_shown(stranger), reason=str(error))
    return [one for above, records in known.items() for one in store.introduce(path_of(above), records)]


def _record(store: FileStore, elements: Raw, display: str) -> Record:
    found, sha256 = _hashed(store, path_of(elements))
    return Record(
        size=found.st_size, modified=found.st_mtime_ns, sha256=sha256, display=display, added=time.time()
    )


def _renamed(store: FileStore, stranger: Raw) -> tuple[Raw | None, str]:
    """Return where a stranger is now, with a safe name, and what to show for it; None for a folder."""
    *above, name = stranger
    with store.lock, store.tree.folder(above) as folder:
        found = found_in(folder, name)
        if found is None:
            raise NoSuchFile(f"{_shown(stranger)!r} is gone.")
        given = name
        if safe(name) != name:
            given = _free_name(name, {folded(one.name) for one in inside(folder)}, found)
            os.rename(name, given, src_dir_fd=folder, dst_dir_fd=folder)
    return ((*above, given) if found.is_file else None), display_of(name, given)


def _free_name(name: str, taken: set[str], found: Found) -> str:
    wanted = safe(name)
    suffix = _kept_suffix(name)
    if found.is_file and kind_of(wanted) is None:
        wanted = f"file.{suffix}"
    if found.is_folder and (not wanted or kind_of(wanted) is not None):
        wanted = f"{wanted or 'folder'}_"
    tries = (wanted if number < 2 else numbered(wanted, number) for number in range(1, 10_000))
    free = next((one for one in tries if folded(one) not in taken), None)
    if free is None:
        raise NoSuchFile(f"There is no name left for {name[:80]!r}.")
    return free


def _hashed(store: FileStore, path: str) -> tuple[os.stat_result, str]:
    with store.open(path) as file:
        found = os.fstat(file.fileno())
        hashed = hashlib.sha256()
        while block := file.read(_BLOCK):
            hashed.update(block)
    return found, hashed.hexdigest()


def _shown(path: Raw) -> str:
    return display_of("/".join(path), "/")
