"""What is known of each file: one sheet a folder, `.callboard.json`, that moves with its folder.

    read(folder)  ->  {name: Record}  ->  write(folder, records)

A sheet is written whole beside itself and then put in its place, so a crash leaves the old one or
the new one. One that can't be read is set aside under another name, and its folder begins anew.
One JSON for all of the storage lost: a folder copied to another machine would come without. A
table in callboard.db lost for the same reason.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import stat
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final

import msgspec
import structlog
from msgspec import Struct, field

log = structlog.get_logger("callboard.files")

SHEET: Final = ".callboard.json"
MAX_HISTORY: Final = 100
"""Prints remembered for each file; averages are over these."""
_MAX_SHEET: Final = 64 << 20
_ASIDE: Final = 9
"""Broken sheets kept in a folder at most."""


class Print(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One print of a file. `timestamp` is its end in seconds since 1970, `print_time` in seconds.

    `event` is the id of the event that told of it, so that one told twice counts once.
    """

    timestamp: float
    success: bool
    print_time: float | None = None
    printer: str = ""
    event: str = ""


class Record(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What is known of a file as long as it has this `size` and was `modified` then (ns since 1970)."""

    size: int
    modified: int
    sha256: str = ""
    display: str = ""
    user: str = ""
    added: float = 0.0
    analysis: dict[str, Any] | None = None
    history: tuple[Print, ...] = ()
    data: dict[str, Any] = field(default_factory=dict)

    def fits(self, found: os.stat_result) -> bool:
        """Whether this is still about the file that was found."""
        return (self.size, self.modified) == (found.st_size, found.st_mtime_ns)

    def printed(self, one: Print) -> Record:
        """Return this with one more print, the same one once more changes nothing."""
        if one.event and any(before.event == one.event for before in self.history):
            return self
        return msgspec.structs.replace(self, history=(*self.history, one)[-MAX_HISTORY:])


def known(record: Record | None, found: os.stat_result) -> Record:
    """Return the record of a file that was found, a new one when it is about other bytes."""
    if record is not None and record.fits(found):
        return record
    return Record(size=found.st_size, modified=found.st_mtime_ns)


class Statistics(Struct, frozen=True, rename="camel"):
    """How long successful prints of a file took, by printer, in seconds."""

    average_print_time: dict[str, float]
    last_print_time: dict[str, float]


def statistics(history: Iterable[Print]) -> Statistics:
    """Return the averages over the prints that were successful and timed."""
    times: dict[str, list[float]] = {}
    for one in history:
        if one.success and one.print_time is not None:
            times.setdefault(one.printer, []).append(one.print_time)
    return Statistics(
        {printer: sum(each) / len(each) for printer, each in times.items()},
        {printer: each[-1] for printer, each in times.items()},
    )


class _Sheet(Struct):
    """A folder's file of records."""

    version: int = 1
    files: dict[str, Record] = field(default_factory=dict)


_decoder = msgspec.json.Decoder(_Sheet)


def read(folder: int, where: str = "") -> dict[str, Record]:
    """Return the records of an open folder by file name; `where` is its path, for the log.

    A sheet that is corrupt is set aside and named in the log; then there are none.
    """
    try:
        text = _text(folder)
    except FileNotFoundError:
        return {}
    try:
        return _decoder.decode(text).files
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        _set_aside(folder, where, str(error))
        return {}


def _text(folder: int) -> bytes:
    descriptor = os.open(SHEET, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
    with os.fdopen(descriptor, "rb") as file:
        found = os.fstat(descriptor)
        return file.read() if stat.S_ISREG(found.st_mode) and found.st_size <= _MAX_SHEET else b""


def _set_aside(folder: int, where: str, reason: str) -> None:
    aside = next((name for name in _asides() if not _exists(folder, name)), f"{SHEET}.broken-{_ASIDE}")
    os.replace(SHEET, aside, src_dir_fd=folder, dst_dir_fd=folder)
    log.error(
        "what was known of a folder's files can't be read; it is set aside and begins anew",
        folder=where or "/",
        aside=aside,
        reason=reason,
    )


def _asides() -> Iterator[str]:
    return (f"{SHEET}.broken-{number}" for number in range(1, _ASIDE + 1))


def _exists(folder: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=folder, follow_symlinks=False)
    except FileNotFoundError:
        return False
    return True


def write(folder: int, records: Mapping[str, Record]) -> None:
    """Put the records of an open folder in place of those before; after an OSError nothing has changed."""
    fresh = f"{SHEET}.{secrets.token_hex(6)}.part"
    try:
        _store(folder, fresh, msgspec.json.encode(_Sheet(files=dict(records))))
        os.replace(fresh, SHEET, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with contextlib.suppress(OSError):
            os.unlink(fresh, dir_fd=folder)
        raise
    os.fsync(folder)


def change(
    folder: int,
    changes: Mapping[str, Record | None],
    where: str = "",
    before: dict[str, Record] | None = None,
) -> dict[str, Record]:
    """Change records of an open folder, None forgets one, and return them all.

    `before` is what was read a moment ago. Raises OSError, and then nothing has changed.
    """
    before = read(folder, where) if before is None else before
    after = {**before, **{name: record for name, record in changes.items() if record is not None}}
    for name in [name for name, record in changes.items() if record is None]:
        after.pop(name, None)
    if after != before:
        write(folder, after)
    return after


def _store(folder: int, name: str, text: bytes) -> None:
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o644, dir_fd=folder), "wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
