"""The triangles of an STL, a block at a time, and what there is to say of all of them together.

Whether a surface is closed needs no list of its edges: each edge of a closed one is walked once in either
direction, so the sum of hash(a, b) - hash(b, a) over all edges is zero, and of an open one it is not.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import BinaryIO, Final

import numpy as np
from numpy.typing import NDArray

from callboard.slicing.model import FACET, LINE, Checked
from callboard.slicing.refusals import BadModel

Triangles = NDArray[np.float32]

OPEN: Final = (
    "The surface is not closed: the slicer guesses what is inside, look at the layers before printing."
)
FLAT: Final = "The model is flat: it has no height, or no width."

_BLOCK: Final = 100_000
"""Triangles that are looked at together."""
_FARTHEST: Final = 1e6
_GRAIN: Final = 1e-4
"""Millimetres within which corners are one: exporters round, and slicers join what is as near."""


def packed(file: BinaryIO, count: int) -> Iterator[Triangles]:
    """Yield the triangles of a binary STL whose head was read."""
    while count > 0:
        block = file.read(FACET * min(count, _BLOCK))
        rows = np.frombuffer(block, np.uint8)[: len(block) // FACET * FACET].reshape(-1, FACET)
        if not len(rows):
            return
        yield np.ascontiguousarray(rows[:, 12:48]).view("<f4").reshape(-1, 3, 3)
        count -= len(rows)


def in_text(file: BinaryIO) -> Iterator[Triangles]:
    """Yield the triangles of an ASCII STL. Raises BadModel."""
    numbers: list[float] = []
    number = 0
    while line := file.readline(LINE):
        number += 1
        words = line.split()
        if not words or words[0].lower() != b"vertex":
            continue
        numbers += _corner(words, number)
        if len(numbers) == 9 * _BLOCK:
            yield np.array(numbers, np.float32).reshape(-1, 3, 3)
            numbers.clear()
    if len(numbers) % 9:
        raise BadModel("The model is cut off: its last triangle has fewer than three corners.")
    if numbers:
        yield np.array(numbers, np.float32).reshape(-1, 3, 3)


def _corner(words: list[bytes], number: int) -> list[float]:
    if b"," in b"".join(words[1:]):
        raise BadModel(
            f"Line {number} of the model has decimal commas: export it with decimal points, or as binary STL."
        )
    try:
        x, y, z = (float(word) for word in words[1:])
    except ValueError:
        raise BadModel(f"Line {number} of the model is no corner: `vertex` and three numbers.") from None
    return [x, y, z]


def measured(kind: str, blocks: Iterator[Triangles]) -> Checked:
    """Return what there is to say of all triangles."""
    low, high = np.full(3, np.inf), np.full(3, -np.inf)
    count, balance = 0, 0
    for block in blocks:
        if not np.isfinite(block).all() or np.abs(block).max() > _FARTHEST:
            raise BadModel("A corner of the model lies nowhere: it has coordinates that are no numbers.")
        low = np.minimum(low, block.min((0, 1)))
        high = np.maximum(high, block.max((0, 1)))
        balance = (balance + edge_balance(block)) & 0xFFFF_FFFF_FFFF_FFFF
        count += len(block)
    if not count:
        raise BadModel("The model is empty: there are no triangles in it.")
    if not (high - low > 0).all():
        raise BadModel(FLAT)
    x, y, z = (round(float(side), 3) for side in high - low)
    return Checked(kind, count, (OPEN,) if balance else (), (x, y, z))


def edge_balance(triangles: Triangles) -> int:
    """Return the sum over all edges of hash(a, b) - hash(b, a), modulo 2^64: zero for closed surfaces."""
    corners = np.rint(triangles.astype(np.float64) / _GRAIN).astype(np.int64).view(np.uint64)
    with np.errstate(over="ignore"):
        mixed = _mixed(corners[..., 0] + _mixed(corners[..., 1] + _mixed(corners[..., 2])))
        after = np.roll(mixed, -1, axis=1)
        there, back = _mixed(mixed * np.uint64(3) + after), _mixed(after * np.uint64(3) + mixed)
        return int((there - back).sum(dtype=np.uint64))


def _mixed(values: NDArray[np.uint64]) -> NDArray[np.uint64]:
    """Return values whose bits depend on all bits: splitmix64's finish."""
    values = values + np.uint64(0x9E3779B97F4A7C15)
    values = (values ^ (values >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    values = (values ^ (values >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    found: NDArray[np.uint64] = values ^ (values >> np.uint64(31))
    return found
