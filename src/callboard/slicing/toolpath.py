"""What a G-code file lays, as lines in space: NumPy over whole blocks, as the analysis reads it."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from callboard.files.analysis import BLOCK, USUAL
from callboard.files.analysis.blocks import blocks
from callboard.files.analysis.modes import Modes
from callboard.files.analysis.moves import Moves
from callboard.files.analysis.tokens import Lines
from callboard.slicing.refusals import BadModel

MOST: Final = 6_000_000
"""Lines that are drawn; of more, every second one, and so on."""


class Toolpath(Struct, frozen=True):
    """`ends` are (n, 2, 3) in mm, in the order in which they are laid; `heights` the levels they lie on."""

    ends: NDArray[np.float32]
    heights: NDArray[np.float32]


def read(path: Path) -> Toolpath:
    """Return what a file lays. Raises BadModel for one that lays nothing, and OSError."""
    modes, found, count, step = Modes(USUAL.feed), [], 0, 1
    with path.open("rb", buffering=0) as file:
        for block in blocks(file, BLOCK):
            laid = _laid(Moves(Lines(block.text), modes, g90_extruder=False, tools=USUAL.tools))
            found.append(laid[::step])
            count += len(found[-1])
            if count > MOST:
                found, step = [each[::2] for each in found], step * 2
                count = sum(map(len, found))
    if not count:
        raise BadModel("This G-code lays nothing: there is nothing to draw.")
    ends = np.concatenate(found)
    return Toolpath(ends, np.unique(np.round(ends[:, 1, 2], 3)))


def _laid(moves: Moves) -> NDArray[np.float32]:
    at = moves.printing()
    places = np.stack((moves.x, moves.y, moves.z), axis=1)
    return np.stack((places[at], places[at + 1]), axis=1).astype(np.float32)
