r"""File locations of our own: folders that machines see under different names, each a tracker's Location.

    resource identifier -> elements, checked -> the path on a platform, or a file in the hub's own folder

A resource identifier is the path inside of a location, as the official clients' structures write it:
`opera/sq010/sh010/hero/v003/main.stl` (`\` parts elements, too). Nothing here leads out of a location: not
`..`, not a drive, not a link. What does is a BadPath; what the disk says is a Refused of the files room's.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import platform as machine
import re
import secrets
import time
import uuid
from collections.abc import Mapping
from enum import StrEnum
from pathlib import Path
from typing import BinaryIO, Final

from msgspec import Struct

from callboard.errors import CallboardError
from callboard.files import refusals
from callboard.files.tree import Tree, found_in, inside, refusing

_SPACE: Final = uuid.UUID("2b0b7a52-61f4-4f1c-9d5c-0d1f2f6c9a11")
_LONGEST: Final = 4096
_DEEPEST: Final = 100
_BLOCK: Final = 1 << 20
LEFT: Final = 86400.0
"""Seconds after which nobody writes a hidden file any more: other hubs may have the same folder."""
_PART: Final = re.compile(r"\.callboard-[0-9a-f]{16}\.part")
_DRIVE: Final = re.compile(r"[A-Za-z]:")
_DEVICES: Final = re.compile(r"(con|prn|aux|nul|conin\$|conout\$|(com|lpt)[0-9¹²³])\s*(\..*)?", re.IGNORECASE)
_NOT_ON_WINDOWS: Final = frozenset('<>:"|?*')
_NO_LINKS: Final = (errno.EPERM, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS, errno.EMLINK)


class BadPath(CallboardError):
    """This path leads out of its location, or can't be one: write it from the location's top, with `/`."""


class NotThere(CallboardError):
    """The location's folder is not there, or the file is not in it: see whether its disk is mounted."""


class UnknownPlatform(CallboardError):
    """A location has no path on this platform: add it under `paths` in studio.locations."""


class Platform(StrEnum):
    """What machines run on, called as clients call it."""

    LINUX = "Linux"
    WINDOWS = "Windows"
    DARWIN = "Darwin"


_CALLED: Final = {
    **{each.lower(): each for each in Platform},
    **dict.fromkeys(("macos", "mac", "osx", "mac os x"), Platform.DARWIN),
    **dict.fromkeys(("win", "win32", "win64"), Platform.WINDOWS),
}


def platform_of(name: str) -> Platform:
    """Return the platform that a client names; raises UnknownPlatform."""
    found = _CALLED.get(name.strip().lower())
    if found is None:
        raise UnknownPlatform(f"{name[:40]!r} is no platform: there are {', '.join(Platform)}.")
    return found


def here() -> Platform:
    """Return the platform of this machine."""
    return _CALLED.get(machine.system().lower(), Platform.LINUX)


def elements(resource: str) -> tuple[str, ...]:
    """Return the elements of a resource identifier; raises BadPath for one that leads elsewhere."""
    text = resource.replace("\\", "/")
    if not text or len(text) > _LONGEST or text.count("/") >= _DEEPEST:
        raise BadPath(f"A path in a location has 1 to {_LONGEST} characters and at most {_DEEPEST} folders.")
    if any(ord(sign) < 32 or sign == "\x7f" or "\ud800" <= sign <= "\udfff" for sign in text):
        raise BadPath(f"{resource[:80]!r} has characters that no path has.")
    found = tuple(text.split("/"))
    if text.startswith("/") or _DRIVE.match(text):
        raise BadPath(f"{resource[:80]!r} is absolute: a path in a location begins at the location's top.")
    if any(each.strip() in {"", ".", ".."} for each in found):
        raise BadPath(f"{resource[:80]!r} leads elsewhere: write it without `.`, `..` and empty names.")
    return found


def _check_on_windows(name: str) -> None:
    if _DEVICES.fullmatch(name) or _NOT_ON_WINDOWS & set(name) or name[-1] in ". ":
        raise BadPath(f"{name[:80]!r} can't be a name on Windows: call the file otherwise.")


class Part(Struct, frozen=True):
    """A file that was taken into a location's folder: its hidden name, bytes, and SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


class FileLocation(Struct, frozen=True):
    """A location: its name in the tracker, the hub's own folder, what other platforms call it.

    `id` is the tracker's; a new one is made of the name, so that two hubs make the same.
    """

    name: str
    folder: Path
    paths: Mapping[Platform, str] = {}
    id: str = ""

    @property
    def new_id(self) -> str:
        """The id that this location has in a tracker that did not know it."""
        return str(uuid.uuid5(_SPACE, self.name))

    def path(self, resource: str, platform: Platform) -> str:
        """Return where a file is on machines of a platform; raises BadPath or UnknownPlatform.

        Where the hub sees the folder, links that lead out of it are refused too. Blocking.
        """
        found = elements(resource)
        with contextlib.suppress(NotThere):
            self._real(found)
        return self._joined(found, platform)

    def inside(self, path: str) -> str | None:
        """Return the resource identifier of an absolute path on any platform, None for one elsewhere."""
        for platform, prefix in {here(): str(self.folder), **self.paths}.items():
            rest = _below(path, prefix, platform)
            if rest:
                with contextlib.suppress(BadPath):
                    return "/".join(elements(rest))
        return None

    def _joined(self, found: tuple[str, ...], platform: Platform) -> str:
        prefix = self.paths.get(platform) or (str(self.folder) if platform is here() else "")
        if not prefix:
            raise UnknownPlatform(
                f"The location {self.name!r} has no path on {platform}: "
                "add it under `paths` in studio.locations."
            )
        if platform is not Platform.WINDOWS:
            return "/".join((prefix.rstrip("/"), *found))
        for each in found:
            _check_on_windows(each)
        return "\\".join((prefix.replace("/", "\\").rstrip("\\"), *found))

    def holds(self, resource: str) -> bool:
        """Return whether the file is there, as far as the hub can see. Blocking."""
        try:
            base, parts = self._real(elements(resource))
        except CallboardError:
            return False
        return base.joinpath(*parts).exists()

    def open(self, resource: str) -> BinaryIO:
        """Return a file, open to read. Blocking; raises BadPath, NotThere or the files room's Refused."""
        base, parts = self._real(elements(resource))
        try:
            return os.fdopen(Tree(base).open(parts), "rb")
        except refusals.NoSuchFile:
            raise NotThere(f"{resource!r} is not in the location {self.name!r}.") from None

    def put(self, source: BinaryIO, resource: str) -> Part:
        """Copy a file to a place where none is, whole or not at all. Blocking; raises as `open`, or Taken."""
        part = self.take(source)
        try:
            self.place(part, resource)
        except BaseException:
            self.drop(part)
            raise
        return part

    def take(self, source: BinaryIO) -> Part:
        """Copy a file into the location's folder, where nobody looks. Blocking; raises as `open`."""
        base = self._base()
        with Tree(base).folder(()) as folder, refusing(self.name):
            return _copied(source, folder)

    def place(self, part: Part, resource: str) -> None:
        """Give a file that was taken its place; raises Taken where another is. Blocking."""
        base, parts = self._real(elements(resource))
        with (
            Tree(base).folder(()) as top,
            Tree(base).around(parts, make=True) as (folder, name),
            refusing(resource),
        ):
            if found_in(folder, name) is not None:
                raise self._taken(resource)
            try:
                _move(top, part.name, folder, name)
            except FileExistsError:  # somebody was quicker
                raise self._taken(resource) from None
            os.fsync(folder)

    def drop(self, part: Part) -> None:
        """Remove a file that was taken and not placed; one that is gone is no matter. Blocking."""
        with contextlib.suppress(refusals.Refused, NotThere), Tree(self._base()).folder(()) as folder:
            _unlink(folder, part.name)

    def sweep(self) -> int:
        """Remove what crashes left in the folder long ago; returns how many files. Blocking."""
        swept = 0
        with (
            contextlib.suppress(refusals.Refused, NotThere, OSError),
            Tree(self._base()).folder(()) as folder,
        ):
            for found in inside(folder):
                if _PART.fullmatch(found.name) and time.time() - found.stat.st_mtime > LEFT:
                    _unlink(folder, found.name)
                    swept += 1
        return swept

    def take_back(self, part: Part, resource: str) -> None:
        """Take a file from its place again, to be placed elsewhere or dropped. Blocking."""
        base, parts = self._real(elements(resource))
        with (
            Tree(base).folder(()) as top,
            Tree(base).around(parts) as (folder, name),
            refusing(resource),
            contextlib.suppress(FileNotFoundError),
        ):
            os.replace(name, part.name, src_dir_fd=folder, dst_dir_fd=top)

    def _taken(self, resource: str) -> refusals.Taken:
        said = f"{resource!r} is in {self.name!r} already: nothing in a location is overwritten."
        return refusals.Taken(said)

    def _base(self) -> Path:
        try:
            return self.folder.resolve(strict=True)
        except (OSError, RuntimeError):
            raise NotThere(
                f"The folder {self.folder} of the location {self.name!r} is not there: is its disk mounted?"
            ) from None

    def _real(self, found: tuple[str, ...]) -> tuple[Path, tuple[str, ...]]:
        """Return the real folder and the way inside without links; what is opened on it follows none."""
        base = self._base()
        try:
            place = base.joinpath(*found).resolve()
        except RuntimeError:
            raise BadPath(f"{'/'.join(found)[:80]!r} lies behind links that lead in a circle.") from None
        if place == base or not place.is_relative_to(base):
            raise BadPath(f"{'/'.join(found)[:80]!r} lies behind a link that leads out of {self.name!r}.")
        return base, place.relative_to(base).parts


def _below(path: str, prefix: str, platform: Platform) -> str:
    """Return what stands behind a prefix in a path; Windows takes both slashes, and no notice of case."""
    if platform is not Platform.WINDOWS:
        top = f"{prefix.rstrip('/')}/"
        return path[len(top) :] if path.startswith(top) else ""
    top = f"{prefix.replace(chr(92), '/').rstrip('/')}/"
    same = path[: len(top)].replace("\\", "/").lower() == top.lower()
    return path[len(top) :] if same else ""


def _copied(source: BinaryIO, folder: int) -> Part:
    name = f".callboard-{secrets.token_hex(8)}.part"
    hashed, size = hashlib.sha256(), 0
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    try:
        with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as target:
            while block := source.read(_BLOCK):
                target.write(block)
                hashed.update(block)
                size += len(block)
            target.flush()
            os.fsync(target.fileno())
    except BaseException:
        _unlink(folder, name)
        raise
    return Part(name, size, hashed.hexdigest())


def _move(top: int, part: str, folder: int, name: str) -> None:
    """Give a file its name unless another has it; where disks know no links, reserve the name first."""
    try:
        os.link(part, name, src_dir_fd=top, dst_dir_fd=folder)
    except OSError as error:
        if error.errno not in _NO_LINKS:
            raise
        os.close(os.open(name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o644, dir_fd=folder))
        os.replace(part, name, src_dir_fd=top, dst_dir_fd=folder)
    else:
        _unlink(top, part)


def _unlink(folder: int, name: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(name, dir_fd=folder)
