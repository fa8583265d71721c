"""Whether a file is a film: by its container alone, without decoding it.

    path -> is_film -> bool

ffmpeg may end with 0 over a file that is none (a wrapper that lies, a disk that loses bytes), and pictures go
once their film is there. Probing by ffmpeg lost: it would be the same program, in another process.
Sources: ISO/IEC 14496-12, 4.2 (boxes); ISO/IEC 13818-1, 2.5.3.3 (pack header).
"""

from __future__ import annotations

from pathlib import Path
from typing import BinaryIO, Final

_PACK: Final = b"\x00\x00\x01\xba"
_LEAST: Final = 1024
"""Bytes of an MPEG program stream, which is made of packs of 2048."""
_MOST_BOXES: Final = 64
"""Boxes at the top of a film; ours have four."""


def is_film(path: Path) -> bool:
    """Return whether a file is a whole MP4, with an index and pictures, or an MPEG program stream."""
    if not path.is_file():
        return False
    size = path.stat().st_size
    with path.open("rb") as file:
        if file.read(4) == _PACK:
            return size >= _LEAST
        return {b"moov", b"mdat"} <= _boxes(file, size)


def _boxes(file: BinaryIO, size: int) -> set[bytes]:
    """Return the names of the boxes at the top; none unless they fill the file just so."""
    names: set[bytes] = set()
    at = 0
    while at < size and len(names) < _MOST_BOXES:
        file.seek(at)
        head = file.read(16)
        length, name = int.from_bytes(head[:4], "big"), head[4:8]
        if length == 1:  # the length did not fit, and stands behind the name
            length = int.from_bytes(head[8:16], "big")
        if length < 8 or (not at and name != b"ftyp"):
            return set()
        names.add(name)
        at += length
    return names if at == size else set()
