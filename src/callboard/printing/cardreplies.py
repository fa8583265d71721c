"""What the printer says about its SD card. Pure, linear, total. Source: facts/print-host-facts.md 3.9."""

from __future__ import annotations

import re
from datetime import datetime, timezone
from typing import Final, TypeAlias

from msgspec import Struct

from callboard.printing.reports import (
    SdDeleted,
    SdDone,
    SdEntry,
    SdFailed,
    SdInserted,
    SdNotPrinting,
    SdOpened,
    SdProgress,
    SdRemoved,
    SdSaved,
    SdSelected,
    SdWriting,
)


class ListBegins(Struct, frozen=True):
    """The card's files follow."""


class ListEnds(Struct, frozen=True):
    """That were the card's files."""


CardReply: TypeAlias = (
    SdInserted
    | SdRemoved
    | SdOpened
    | SdSelected
    | SdProgress
    | SdNotPrinting
    | SdDone
    | SdWriting
    | SdSaved
    | SdDeleted
    | SdFailed
    | ListBegins
    | ListEnds
)

PRINTABLE: Final = (".g", ".gco", ".gcode", ".gc~")
MANY_FILES: Final = 10_000
"""Files of a card that are listed; the rest is left out."""
_EARLIEST: Final = 1_212_012_000
"""Clocks that firmware makes up (years before May 2008) say nothing."""

_BYTES: Final = re.compile(r"(\d{1,15})\s?/\s?(\d{1,15})")
_SIZE: Final = re.compile(r"\ssize:\s?(\d{1,15})", re.IGNORECASE)

_WORDS: Final[dict[str, CardReply]] = {
    "begin file list": ListBegins(),
    "end file list": ListEnds(),
    "file selected": SdSelected(),
    "not sd printing": SdNotPrinting(),
    "done printing file": SdDone(),
    "done saving file": SdSaved(),
    "sd card ok": SdInserted(),
    "sd card inserted": SdInserted(),
    "sd init fail": SdRemoved(),
    "no media": SdRemoved(),
    "no sd card": SdRemoved(),
    "sd card unmounted": SdRemoved(),
    "sd card released": SdRemoved(),
    "sd card removed": SdRemoved(),
    "volume.init failed": SdRemoved(),
    "openroot failed": SdRemoved(),
}
_LETTERS: Final = frozenset(word[0] for word in _WORDS) | set("fswdo")


def card(text: str) -> CardReply | None:
    """Return what a line says about the card; None if it says nothing about it."""
    said = text.removeprefix("echo:").strip()
    lower = said.lower()
    if not lower or lower[0] not in _LETTERS:
        return None
    exact = next((reply for words, reply in _WORDS.items() if lower.startswith(words)), None)
    return exact or _with_name(said, lower)


def _with_name(said: str, lower: str) -> CardReply | None:
    if lower.startswith("sd printing byte"):
        found = _BYTES.search(said)
        return SdProgress(int(found[1]), int(found[2])) if found else None
    if lower.startswith("file opened:"):
        return _opened(said[12:])
    if lower.startswith("writing to file:"):
        return SdWriting(said[16:].strip())
    if lower.startswith("file deleted:"):
        return SdDeleted(said[13:].removesuffix("ok").strip())
    if lower.startswith(("open failed", "deletion failed", "cannot open", "error writing to file")):
        return SdFailed(said)
    return None


def _opened(rest: str) -> SdOpened:
    """`NAME Size:N`; either may be missing."""
    found = _SIZE.search(f" {rest}")
    name = (rest[: max(found.start() - 1, 0)] if found else rest).strip()
    return SdOpened(name, int(found[1]) if found else None)


def entry(text: str) -> SdEntry | None:
    """Return a line of the card's list as a file; None where it is none that can be printed.

    `NAME`, `NAME SIZE`, `NAME SIZE LONG NAME`, `NAME SIZE 0xTIME [LONG NAME]`; quotes may stand around
    the long name; a size that is no number belongs to the name.
    """
    text = text.strip()
    if not text.isascii() or not text.isprintable():
        return None
    name, _, rest = text.partition(" ")
    size, _, rest = rest.partition(" ")
    if not size.isdigit() or len(size) > 15:
        return SdEntry(text) if text.lower().endswith(PRINTABLE) else None
    if not name.lower().endswith(PRINTABLE):
        return None
    return _described(name, int(size), rest.strip())


def _described(name: str, size: int, rest: str) -> SdEntry:
    time = None
    if rest.startswith("0x"):
        stamp, _, rest = rest.partition(" ")
        time = fat_time(stamp)
    long = rest.strip()
    if len(long) > 1 and long[0] == long[-1] == '"':
        long = long[1:-1]
    return SdEntry(name, size, time, long or None)


def fat_time(stamp: str) -> int | None:
    """Return seconds since 1970 of a FAT stamp in hex, the date in its upper 16 bits; None without sense."""
    try:
        bits = int(stamp[:12], 16)
        moment = datetime(
            1980 + (bits >> 25 & 127),
            bits >> 21 & 15,
            bits >> 16 & 31,
            bits >> 11 & 31,
            bits >> 5 & 63,
            (bits & 31) * 2,
            tzinfo=timezone.utc,  # noqa: UP017 - the same on each Python
        )
    except ValueError:
        return None
    seconds = int(moment.timestamp())
    return seconds if seconds >= _EARLIEST else None
