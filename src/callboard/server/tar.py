"""Files as one tar, on their way out: each read when its turn comes, the size known before the first byte."""

from __future__ import annotations

import asyncio
import tarfile
from collections.abc import AsyncIterator, Iterable, Sequence
from pathlib import Path
from typing import Final

TAR: Final = "application/x-tar"
_BLOCK: Final = 512
_END: Final = bytes(2 * _BLOCK)


async def packed(files: Sequence[tuple[Path, int]]) -> AsyncIterator[bytes]:
    """Yield a tar of files with their sizes; breaks off when one has become another size."""
    for path, size in files:
        content = await asyncio.to_thread(path.read_bytes)
        if len(content) != size:
            raise OSError(f"{path.name} changed while it was sent")
        yield _head(path.name, size) + content + bytes(-size % _BLOCK)
    yield _END


def packed_size(sizes: Iterable[int]) -> int:
    """Return how many bytes such a tar has; names are at most 100 bytes long in it."""
    return sum(_BLOCK + size + -size % _BLOCK for size in sizes) + len(_END)


def _head(name: str, size: int) -> bytes:
    """Return the header of a file; a long name keeps its end, where its number stands."""
    info = tarfile.TarInfo(name.encode("ascii", "replace").decode()[-100:])
    info.size, info.mode = size, 0o644
    return info.tobuf(tarfile.USTAR_FORMAT)
