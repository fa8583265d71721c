"""Ports: which a printer may be on. Only what its configuration names is ever looked at, and opened.

Source: facts 3.2; writing to every port that looks like a serial one, a system console among them, lost.
"""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterable, Iterator
from glob import glob, has_magic
from itertools import islice
from pathlib import Path
from typing import Final

from callboard.config.printer import VIRTUAL, Printer, address

MOST: Final = 64
"""Ports that are looked at for one printer."""


def candidates(printer: Printer, preferred: str = "", taken: Iterable[str] = ()) -> list[str]:
    """Return the ports a printer may be on and that are there now, `preferred` first, without those `taken`.

    A link in /dev/serial/by-id is the same port as the device it leads to.
    """
    known = [printer.port] if printer.port else []
    known += [found for pattern in printer.ports for found in islice(_matching(pattern), MOST)]
    if preferred in known:
        known.insert(0, preferred)
    seen = {os.path.realpath(port) for port in taken if port.startswith("/")}
    found = []
    for port in known:
        real = os.path.realpath(port) if port.startswith("/") else port
        if real not in seen and is_there(port):
            seen.add(real)
            found.append(port)
    return found[:MOST]


def allows(printer: Printer, port: str) -> bool:
    """Return whether a printer's configuration names this port, by itself or by a pattern."""
    return port == printer.port or any(port in _matching(pattern) for pattern in printer.ports)


def is_there(port: str) -> bool:
    """Return whether a port could be opened now; a socket's other side is only known when asked."""
    if port == VIRTUAL or address(port) is not None:
        return True
    return not port.startswith("/") or Path(port).is_char_device()  # COM3: only opening it tells


def _matching(pattern: str) -> list[str]:
    return sorted(glob(pattern)) if has_magic(pattern) else [pattern]  # noqa: PTH207 - they are absolute


@contextlib.contextmanager
def plain_errors() -> Iterator[None]:
    """Have the terminal's own errors as OSError: they are none, and pyserial lets some of them through."""
    import termios

    try:
        yield
    except termios.error as error:
        raise OSError(*error.args) from None
