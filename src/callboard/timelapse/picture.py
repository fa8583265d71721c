"""Whether bytes are a picture, and how large: by its magic and its own headers, without decoding it.

    bytes -> look -> Picture, or NotTaken with what it is instead

Linear in the size and total. Decoding by Pillow lost: 10 ms a frame, and a decoder is no place for bytes
from outside; ffmpeg decodes them in a process of its own.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Final

from msgspec import Struct

from callboard.timelapse.refusals import NotTaken

MOST_PIXELS: Final = 16384
"""Pixels that a side may have."""
MOST_AREA: Final = 50_000_000
"""Pixels in all: ffmpeg needs 100 bytes and more for each, and one colour makes a small file of many."""

_PNG: Final = b"\x89PNG\r\n\x1a\n"
_PNG_END: Final = b"IEND\xaeB`\x82"
_SIZES: Final = frozenset({*range(0xC0, 0xD0)} - {0xC4, 0xC8, 0xCC})
"""JPEG markers whose segment tells the size (start of frame)."""
_ALONE: Final = frozenset({0x01, *range(0xD0, 0xD8)})
"""JPEG markers without a segment."""
_SCAN: Final = 0xDA


class Kind(StrEnum):
    """What a picture is; the value is the ending of its file."""

    JPEG = "jpg"
    PNG = "png"


class Picture(Struct, frozen=True):
    """What a picture is, and its size in pixels."""

    kind: Kind
    width: int
    height: int


def look(data: bytes) -> Picture:
    """Return what the picture in `data` is; raises NotTaken when it is none, or not whole."""
    if not data:
        raise NotTaken("The camera answered with nothing.")
    if data.startswith(b"\xff\xd8\xff"):
        return _sized(Kind.JPEG, _jpeg_size(data), b"\xff\xd9" in data[-65536:])
    if data.startswith(_PNG):
        return _sized(Kind.PNG, _png_size(data), _PNG_END in data[-65536:])
    raise NotTaken(_instead(data[:512].lstrip().lower()))


def _sized(kind: Kind, size: tuple[int, int] | None, whole: bool) -> Picture:
    if size is None or not whole:
        raise NotTaken("The camera's picture breaks off: it is not whole.")
    width, height = size
    if not (0 < width <= MOST_PIXELS and 0 < height <= MOST_PIXELS):
        raise NotTaken(f"The camera's picture is {width}x{height}: sides from 1 to {MOST_PIXELS} are taken.")
    if width * height > MOST_AREA:
        raise NotTaken(f"The camera's picture is {width}x{height}: set it to at most {MOST_AREA} pixels.")
    return Picture(kind, width, height)


def _png_size(data: bytes) -> tuple[int, int] | None:
    if len(data) < 24 or data[12:16] != b"IHDR":
        return None
    return int.from_bytes(data[16:20], "big"), int.from_bytes(data[20:24], "big")


def _jpeg_size(data: bytes) -> tuple[int, int] | None:
    """Walk the segments up to the first scan. Source: ITU T.81, annex B."""
    at = 2
    while at + 4 <= len(data) and data[at] == 0xFF:
        marker = data[at + 1]
        if marker == 0xFF or marker in _ALONE:  # fill bytes; markers without a length
            at += 1 if marker == 0xFF else 2
            continue
        length = int.from_bytes(data[at + 2 : at + 4], "big")
        if marker in _SIZES and at + 9 <= len(data):
            height, width = data[at + 5 : at + 7], data[at + 7 : at + 9]
            return int.from_bytes(width, "big"), int.from_bytes(height, "big")
        if marker == _SCAN or length < 2:
            return None
        at += 2 + length
    return None


def _instead(head: bytes) -> str:
    if head.startswith((b"<!doctype", b"<html", b"<?xml", b"<")):
        return "The camera answered with a web page, not a picture: is this the address of a snapshot?"
    if head.startswith((b"--", b"content-type:")):
        return "The camera answered with a stream: say it as `stream`, or use the address of a snapshot."
    return "The camera's answer is neither a JPEG nor a PNG."
