"""Many frames in one write: small ones joined, large ones left alone, since joining copies all."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

JOIN = 64 * 1024
"""Bytes up to which joining costs less than it saves."""


def write_at_once(transport: Any, frames: Sequence[bytes]) -> None:
    """Write frames to a transport, at least one, in one call."""
    if len(frames) == 1:
        transport.write(frames[0])
    elif sum(map(len, frames)) <= JOIN:
        transport.write(b"".join(frames))
    else:
        transport.writelines(_bundles(frames))


def _bundles(written: Sequence[bytes]) -> list[bytes]:
    """Join small frames into bundles of about 64 KB, leave large ones alone: joining all copies all."""
    bundles: list[bytes] = []
    small: list[bytes] = []
    size = 0
    for frame in written:
        if size + len(frame) > JOIN and small:
            bundles.append(b"".join(small))
            small, size = [], 0
        small.append(frame)
        size += len(frame)
    if small:
        bundles.append(b"".join(small))
    return bundles
