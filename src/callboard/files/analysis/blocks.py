"""A file in blocks of whole lines: bounded however large the file is, and however long its lines are."""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

from msgspec import Struct

LONGEST: Final = 1024 * 1024
"""Bytes of a line that are read; the rest of a longer one is passed over."""

_MARK: Final = b"\xef\xbb\xbf"


class Block(Struct, frozen=True):
    """Whole lines, each ended by a newline, and the bytes of the file from which to which they reach."""

    text: bytes
    begin: int
    end: int


def blocks(file: BinaryIO, size: int) -> Iterator[Block]:
    """Yield the lines of `file`, about `size` bytes at a time; a byte order mark is left out.

    The last line gets a newline if it has none. What is held is at most `size` + LONGEST bytes.
    """
    rest, begin, end = b"", 0, 0
    while piece := file.read(size):
        end += len(piece)
        whole = piece.rfind(b"\n") + 1
        if not whole:
            rest = (rest + piece)[:LONGEST] if len(rest) < LONGEST else rest
            continue
        text, rest = rest + piece[:whole], piece[whole:]
        yield _block(text, begin, end - len(rest))
        begin = end - len(rest)
    if rest:
        yield _block(rest + b"\n", begin, end)


def _block(text: bytes, begin: int, end: int) -> Block:
    if not begin and text.startswith(_MARK):
        begin, text = len(_MARK), text[len(_MARK) :]
    return Block(text if len(text) <= LONGEST else _cut(text), begin, end)


def _cut(text: bytes) -> bytes:
    """Cut each line that is too long."""
    parts, start = [], 0
    while (found := text.find(b"\n", start + LONGEST)) >= 0:
        last = text.rfind(b"\n", start, start + LONGEST + 1)
        if last >= start:  # lines that fit
            parts.append(text[start : last + 1])
            start = last + 1
        else:
            parts.append(text[start : start + LONGEST] + b"\n")
            start = found + 1
    return b"".join(parts) + text[start:]
