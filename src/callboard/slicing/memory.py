"""How much memory slicers, and readers of models, may take: enough for large ones, never all.

Address space, since nothing else can be limited without rights. A slicer that is refused more says so and
ends; a machine that has no more ends whatever it likes.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from callboard.programs import machine_memory

MOST_READING: Final = 4 << 30
"""Bytes that reading a model of others takes at most, however many there are."""
LEAST: Final = 512 << 20
"""Bytes without which a reader does not even start."""
_CONTAINER: Final = Path("/sys/fs/cgroup/memory.max")


def of_slicer(asked: int) -> int:
    """Return the bytes that a slicer may take: as many as asked for, or with 0 three quarters of all."""
    return asked or max(installed() * 3 // 4, LEAST)


def of_reader(asked: int) -> int:
    """Return the bytes that reading a model may take: half of all, and no more than was asked for."""
    return min(MOST_READING, asked or MOST_READING, max(installed() // 2, LEAST))


def installed(container: Path = _CONTAINER) -> int:
    """Return the bytes of memory of this machine, or of the container that this is."""
    machine = machine_memory()
    try:
        said = container.read_text("ascii").strip()
    except OSError:
        return machine
    return min(machine, int(said)) if said.isdigit() else machine
