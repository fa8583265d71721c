"""The files on disk: brought in, listed, moved, copied, removed, held while they print.

    FileStore -> names (may it be called so) -> tree (is it inside) -> the disk
                                             -> metadata (what is known of it)

Blocking, and safe to call from several threads. A path is text from the top of the folder, with `/`.
Whatever can't be done is a Refused; nothing is half done then.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, BinaryIO, Final

import msgspec
import structlog

from callboard.files import metadata
from callboard.files.holds import Holds
from callboard.files.metadata import Print, Record
from callboard.files.names import display_of, folded, kind_of, known_kind, parts, safe
from callboard.files.places import existing, path_of, there
from callboard.files.refusals import BadName, DiskFull, NoSuchFile, Taken
from callboard.files.stored import Stored, StoredFile, StoredFolder
from callboard.files.tree import Found, Parts, Tree, found_in, inside, refusing
from callboard.files.upload import Upload

log = structlog.get_logger("callboard.files")

MAX_UPLOAD: Final = 2_000_000_000
_CHUNK: Final = 1 << 20


class FileStore:
    """All files under `base`, which is made if it is missing; nothing outside is ever touched."""

    def __init__(self, base: Path, *, max_upload: int = MAX_UPLOAD) -> None:
        self.base, self.max_upload = base, max_upload
        self.tree = Tree(base)
        self.lock = threading.RLock()
        self._holds = Holds()
        with refusing(str(base)):
            base.mkdir(parents=True, exist_ok=True, mode=0o755)

    def locate(self, path: str) -> Path:
        """Return where a file is on disk; raises NoSuchFile or BadName. `open` is safer where it serves."""
        os.close(self.tree.open(parts(path)))
        return self.base.joinpath(*parts(path))

    def open(self, path: str) -> BinaryIO:
        """Return a file, open to read; who holds it goes on reading the same bytes, whatever comes after."""
        return os.fdopen(self.tree.open(parts(path)), "rb")

    def get(self, path: str) -> Stored:
        """Return what lies at a path; raises NoSuchFile or BadName."""
        elements = parts(path)
        with self.lock:
            found = existing(self.tree, elements)
            if found.is_folder:
                return _folder(elements, found)
            with self.tree.folder(elements[:-1]) as folder:
                return self._file(elements, found, metadata.read(folder, path_of(elements[:-1])))

    def file(self, path: str) -> StoredFile:
        """Return the file at a path; raises NoSuchFile, for a folder too."""
        found = self.get(path)
        if isinstance(found, StoredFolder):
            raise NoSuchFile(f"{path!r} is a folder: name a file.")
        return found

    def entries(self, folder: str = "", *, recursive: bool = False) -> list[Stored]:
        """Return what lies in a folder, by name; recursive: each folder with what lies in it behind it."""
        return list(self._walk(parts(folder), recursive=recursive))

    def usage(self) -> tuple[int, int]:
        """Return the bytes that are free on this disk, and all it has."""
        with refusing(str(self.base)):
            found = shutil.disk_usage(self.base)
        return found.free, found.total

    def open_upload(self, path: str, *, overwrite: bool = False, display: str = "") -> Upload:
        """Begin to bring a file in; raises BadName, WrongType, Busy or Taken at once where that is clear.

        The bytes go beside its place, or as near as there is a folder.
        """
        self.check(path, overwrite=overwrite)
        elements = parts(path)
        nearest = next(
            depth
            for depth in range(len(elements) - 1, -1, -1)
            if not depth or self.tree.find(elements[:depth])
        )
        with self.tree.folder(elements[:nearest]) as folder:
            upload = Upload(folder, path_of(elements), self.max_upload, self._place)
        upload.overwrite, upload.display = overwrite, display_of(display, path)
        return upload

    def check(self, path: str, *, overwrite: bool = False) -> None:
        """Raise the Refused that a file with this path would meet, if any."""
        elements = parts(path)
        known_kind(elements[-1] if elements else "")
        with self.lock:
            self._holds.refuse(path_of(elements))
            found = there(self.tree, elements)
            if found is not None and not found.is_file:
                raise Taken(f"{path!r} is a folder, or something else that is no file: choose another name.")
            if found is not None and not overwrite:
                raise Taken(f"{path!r} is there already: choose another name, or allow overwriting.")

    def make_folder(self, path: str) -> StoredFolder:
        """Make a folder, and those it lies in; raises Taken when something is there already."""
        elements = parts(path)
        with self.lock:
            if there(self.tree, elements, folder=True) is not None:
                raise Taken(f"{path!r} is there already.")
            with self.tree.folder(elements, make=True):
                return _folder(elements, existing(self.tree, elements))

    def move(self, source: str, destination: str) -> Stored:
        """Move a file or folder, with all that is known of it; raises Busy, Taken, NoSuchFile or BadName."""
        old, new = parts(source), parts(destination)
        with self.lock:
            found = self._about_to_go(old, new)
            with self.tree.around(old) as (before, name), self.tree.around(new, make=True) as (after, given):
                with refusing(destination):
                    os.rename(name, given, src_dir_fd=before, dst_dir_fd=after)
                    os.fsync(after)
                if found.is_file:
                    self._carry(old, before, new, after)
            return self.get(destination)

    def copy(self, source: str, destination: str) -> list[Stored]:
        """Copy a file or folder; returns what is new, a folder before what lies in it.

        A copy has no history of its own yet; its analysis is that of the original.
        """
        original = self.get(source)
        if isinstance(original, StoredFile):
            return [self._copy_file(original, destination)]
        _not_into_itself(parts(source), parts(destination))
        inner = self.entries(source, recursive=True)
        made: list[Stored] = [self.make_folder(destination)]
        for each in inner:
            target = destination + each.path.removeprefix(source)
            if isinstance(each, StoredFile):
                made.append(self._copy_file(each, target))
            else:
                made.append(self.make_folder(target))
        return made

    def remove(self, path: str, *, recursive: bool = False) -> Stored:
        """Remove a file or folder and return what it was.

        Raises Busy, NoSuchFile, or Taken for a folder that is not empty unless `recursive`.
        """
        elements = parts(path)
        with self.lock:
            was = self.get(path)
            self._holds.refuse(path_of(elements))
            with self.tree.around(elements) as (folder, name), refusing(path):
                if isinstance(was, StoredFile):
                    os.unlink(name, dir_fd=folder)
                    self._keep(folder, elements[:-1], {name: None})
                else:
                    self._remove_folder(folder, elements, recursive=recursive)
        return was

    def hold(self, path: str, by: str = "") -> None:
        """Keep a file from being changed, moved or removed until `release`; raises NoSuchFile."""
        with self.lock:
            self.file(path)
            self._holds.add(path_of(parts(path)), by)

    def release(self, path: str, by: str = "") -> None:
        """Let go of a file that was held; one that was not is no matter."""
        with self.lock:
            self._holds.release(path_of(parts(path)), by)

    def metadata(self, path: str) -> Record:
        """Return what is known of a file; raises NoSuchFile."""
        elements = parts(path)
        with self.lock, self.tree.around(elements) as (folder, name):
            record = metadata.read(folder, path_of(elements[:-1])).get(name)
            return metadata.known(record, existing(self.tree, elements).stat)

    def update(self, path: str, **changes: Any) -> StoredFile:
        """Note something of a file (`analysis`, `data`, `user`, ...); raises NoSuchFile or DiskFull."""
        elements = parts(path)
        with self.lock, self.tree.around(elements) as (folder, name):
            found, where = existing(self.tree, elements), path_of(elements[:-1])
            records = metadata.read(folder, where)
            record = msgspec.structs.replace(metadata.known(records.get(name), found.stat), **changes)
            with refusing(path):
                return self._file(elements, found, metadata.change(folder, {name: record}, where, records))

    def introduce(self, folder: str, records: Mapping[str, Record]) -> list[StoredFile]:
        """Note many files of a folder at once and return them, without those that are gone or changed."""
        above = parts(folder)
        with self.lock, self.tree.folder(above) as opened:
            there = {name: found_in(opened, name) for name in records}
            found = {name: one for name, one in there.items() if one and records[name].fits(one.stat)}
            with refusing(folder):
                kept = metadata.change(opened, {name: records[name] for name in found}, folder)
            return [self._file((*above, name), one, kept) for name, one in found.items()]

    def forget(self, path: str) -> bool:
        """Forget what was known of a file that is gone; False while it is there."""
        elements = tuple(path.split("/"))
        with self.lock, self.tree.folder(elements[:-1]) as folder:
            if found_in(folder, elements[-1]) is not None:
                return False
            self._keep(folder, elements[:-1], {elements[-1]: None})
            return True

    def note_print(self, path: str, one: Print) -> bool:
        """Note a print of a file; False when it was known already. Raises NoSuchFile or DiskFull."""
        with self.lock:
            before = self.metadata(path)
            after = before.printed(one)
            if after is not before:
                self.update(path, history=after.history)
            return after is not before

    def _walk(self, elements: Parts, *, recursive: bool) -> Iterator[Stored]:
        with self.tree.folder(elements) as folder:
            records, listed = metadata.read(folder, path_of(elements)), inside(folder)
        for found in listed:
            if not found.name or safe(found.name) != found.name:
                continue  # hidden, or about to be renamed
            inner = (*elements, found.name)
            if found.is_folder:
                yield _folder(inner, found)
                if recursive:
                    with contextlib.suppress(NoSuchFile, BadName):  # gone meanwhile, or too deep
                        yield from self._walk(parts(path_of(inner)), recursive=True)
            elif found.is_file and kind_of(found.name) is not None:
                yield self._file(inner, found, records)

    def _file(self, elements: Parts, found: Found, records: Mapping[str, Record]) -> StoredFile:
        kind = kind_of(found.name)
        if not found.is_file or kind is None:
            raise NoSuchFile(f"{path_of(elements)!r} is no file that can be printed.")
        record = metadata.known(records.get(found.name), found.stat)
        return StoredFile(
            path=path_of(elements),
            name=found.name,
            display=record.display or found.name,
            size=found.stat.st_size,
            modified=found.stat.st_mtime,
            kind=kind,
            sha256=record.sha256,
            user=record.user,
            added=record.added,
            analysis=record.analysis,
            history=record.history,
            data=record.data,
            busy=path_of(elements) in self._holds,
        )

    def _about_to_go(self, old: Parts, new: Parts) -> Found:
        found = existing(self.tree, old)
        self._holds.refuse(path_of(old))
        _not_into_itself(old, new)
        if found.is_file:
            known_kind(new[-1] if new else "")
        twin = len(old) == len(new) and old[:-1] == new[:-1] and folded(old[-1]) == folded(new[-1])
        if not twin and there(self.tree, new, folder=found.is_folder) is not None:
            raise Taken(f"{path_of(new)!r} is there already: choose another name.")
        return found

    def _place(self, upload: Upload, user: str) -> StoredFile:
        """Give an upload its name; called by the upload, once its bytes are on the disk."""
        elements = parts(upload.path)
        with self.lock:
            self.check(upload.path, overwrite=upload.overwrite)
            with self.tree.around(elements, make=True) as (folder, name):
                os.replace(upload.part, name, src_dir_fd=upload.folder, dst_dir_fd=folder)
                upload.placed()
                os.fsync(folder)
                self._introduce(folder, elements, upload, user)
            return self.file(upload.path)

    def _introduce(self, folder: int, elements: Parts, upload: Upload, user: str) -> None:
        """Note what an upload told; the same bytes once more keep what was known of them."""
        found = upload.stat()
        before = metadata.read(folder, path_of(elements[:-1])).get(elements[-1])
        kept = before if before is not None and before.sha256 == upload.sha256 else Record(size=0, modified=0)
        record = msgspec.structs.replace(
            kept,
            size=found.st_size,
            modified=found.st_mtime_ns,
            sha256=upload.sha256,
            display=upload.display or elements[-1],
            user=user or kept.user,
            added=time.time(),
        )
        try:
            self._keep(folder, elements[:-1], {elements[-1]: record})
        except DiskFull:
            log.error("a file is stored, but what is known of it could not be noted", file=upload.path)

    def _copy_file(self, original: StoredFile, destination: str) -> StoredFile:
        display = "" if original.display == original.name else original.display
        with self.open(original.path) as source, self.open_upload(destination, display=display) as upload:
            while block := source.read(_CHUNK):
                upload.write(block)
            made = upload.finish(original.user)
        if original.sha256 != made.sha256 or original.analysis is None:
            return made
        return self.update(destination, analysis=dict(original.analysis), data=dict(original.data))

    def _carry(self, old: Parts, before: int, new: Parts, after: int) -> None:
        record = metadata.read(before, path_of(old[:-1])).get(old[-1])
        if record is None:
            return
        if record.display == old[-1]:
            record = msgspec.structs.replace(record, display=new[-1])
        self._keep(after, new[:-1], {new[-1]: record})
        if old != new:
            self._keep(before, old[:-1], {old[-1]: None})

    def _keep(self, folder: int, elements: Parts, changes: Mapping[str, Record | None]) -> None:
        with refusing(path_of(elements) or "the folder of all files"):
            metadata.change(folder, changes, path_of(elements))

    def _remove_folder(self, folder: int, elements: Parts, *, recursive: bool) -> None:
        with self.tree.folder(elements) as inner:
            full = any(not one.name.startswith(".") for one in inside(inner))
        if full and not recursive:
            raise Taken(f"{path_of(elements)!r} is not empty: ask to remove it with all that it holds.")
        shutil.rmtree(elements[-1], dir_fd=folder)


def _not_into_itself(old: Parts, new: Parts) -> None:
    if tuple(new[: len(old)]) == tuple(old) and len(new) > len(old):
        raise BadName(f"{path_of(old)!r} can't go into itself: choose a place outside of it.")


def _folder(elements: Parts, found: Found) -> StoredFolder:
    return StoredFolder(path=path_of(elements), name=found.name, modified=found.stat.st_mtime)
