"""Bringing: a file that a command names is stored on the hub already, or is brought in first.

Bytes decide, not names: a file of this machine is never taken for another one that is stored under its name.
"""

from __future__ import annotations

import asyncio
import hashlib
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import Parameter

from callboard.cli.outcome import WrongUse, told
from callboard.cli.output import note, printable
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

Overwrite = Annotated[
    bool, Parameter(negative="", help="Replace a stored file of that name by the one on this machine.")
]
_BLOCK = 1 << 18


class AnotherFile(CallboardError):
    """The hub has another file of that name: pass --overwrite to replace it, or rename yours."""


async def brought(http: Http, file: str, overwrite: bool) -> str:
    """Return the stored path that `file` means; one of this machine is uploaded unless the hub has its bytes.

    Raises AnotherFile where the hub has other bytes under that name, unless they shall be replaced.
    """
    local, path = Path(file), file.replace("\\", "/").lstrip("/")
    if not await asyncio.to_thread(local.is_file):
        return path
    found = await _stored(http, path)
    if found is None:
        path = local.name
        found = await _stored(http, path)
    if found is not None:
        if found.get("sha256") == await asyncio.to_thread(_sha256, local):
            return path
        if not overwrite:
            raise AnotherFile(
                f"{path} on the hub is another file than {file} here: "
                "pass --overwrite to replace it, or rename yours."
            )
    note(f"{file} is not stored yet: it is uploaded." if found is None else f"{path} is replaced.")
    made = await sent(http, local, path, overwrite=overwrite)
    return str(made["file"]["path"])


async def sent(http: Http, file: Path, path: str, *, overwrite: bool, **wishes: str | None) -> Any:
    """Bring a file in, with a bar where somebody watches; returns what the hub answers."""
    size = size_of(file)
    with bar(file.name, size) as advance:
        return await http.send(
            address_of(path),
            _pieces(file, advance),
            size,
            overwrite="true" if overwrite else "false",
            **wishes,
        )


def address_of(path: str) -> str:
    """Return the address of a stored file or folder."""
    if not {"..", "."}.isdisjoint(path.split("/")):
        raise WrongUse(f"{path!r} leads elsewhere: write paths from the top of the hub's folder.")
    return f"/v1/files/local/{quote(path.strip('/'), errors='replace')}"


def size_of(file: Path) -> int:
    """Return the size of a file of this machine; raises WrongUse for what can't be read."""
    try:
        if not file.is_file():
            raise WrongUse(f"{file} is no file.")
        return file.stat().st_size
    except OSError as error:
        raise WrongUse(f"{file} can't be read: {told(error)}.") from None


async def _stored(http: Http, path: str) -> Mapping[str, Any] | None:
    """Return what the hub knows of a stored file, None where there is none."""
    try:
        found: Mapping[str, Any] = await http.ask("GET", address_of(path))
    except CallboardError:
        return None
    return found


def _sha256(file: Path) -> str:
    try:
        with file.open("rb") as opened:
            return hashlib.file_digest(opened, "sha256").hexdigest()
    except OSError as error:
        raise WrongUse(f"{file} can't be read: {told(error)}.") from None


async def _pieces(file: Path, advance: Callable[[int], None]) -> AsyncIterator[bytes]:
    with file.open("rb") as opened:
        while block := await asyncio.to_thread(opened.read, _BLOCK):
            yield block
            advance(len(block))


@contextmanager
def bar(name: str, size: int) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr while bytes go; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        DownloadColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
        TransferSpeedColumn,
    )

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(name), total=size)
        yield lambda count: progress.advance(task, count)
