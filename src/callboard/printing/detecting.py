"""Detecting: which of a printer's ports and speeds it answers on.

    each port -> each speed -> three times: a blank line and hello, 2 s; those of last time stand first

What counts is a line that begins with `ok`, or holds `start`. Source: facts 3.2.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from msgspec import Struct

from callboard.config.printer import VIRTUAL, address
from callboard.printing.link import CantOpen, Link, Simulated, open_link

HELLO: Final = b"\nN0 M110 N0*125\n"
"""Sets the line number to 0, answered with an ok by every firmware; the blank line ends what came before."""

ATTEMPTS: Final = 3
PATIENCE: Final = 2.0
"""Seconds for the answer to one hello."""

QUIET: Final = 0.15
"""Seconds of silence after which the answers to all hellos are in."""

LONGEST: Final = 512
"""Bytes of a line that are looked at."""


class Found(Struct, frozen=True):
    """Where a printer answers; the link is open, and whoever gets it closes it."""

    link: Link
    baudrate: int


class Ear:
    """Listens until a printer has said something that only a printer says."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.gone = ""
        self.bytes = 0
        self._rest = b""

    def heard(self, data: bytes) -> None:
        """Look at each line."""
        self.bytes += len(data)
        *lines, rest = (self._rest + data).replace(b"\r", b"\n").split(b"\n")
        self._rest = rest[-LONGEST:]
        if any(map(is_greeting, lines)):
            self.answered.set()

    def drained(self) -> None:
        """Do nothing: a hello is short."""

    def lost(self, reason: str) -> None:
        """The port is gone."""
        self.gone = reason
        self.answered.set()


def is_greeting(line: bytes) -> bool:
    """Return whether a printer says this when it is greeted, or when it starts."""
    words = line.strip(b" \t\0\x80").lower()
    return words == b"ok" or words.startswith((b"ok ", b"ok\t")) or words == b"start"


async def detect(
    ports: Sequence[str],
    baudrates: Iterable[int],
    *,
    virtual: Callable[[], Simulated] | None = None,
    patience: float = PATIENCE,
) -> Found:
    """Return the first port and speed that a printer answers on, with its open link.

    Raises CantOpen, which says what was tried.
    """
    tried: list[str] = []
    for port in ports:
        speeds = [0] if is_speedless(port) else list(dict.fromkeys(baudrates))
        try:
            return await _on(port, speeds, virtual, patience)
        except CantOpen as error:
            tried.append(str(error))
    raise CantOpen(" ".join(tried) or "None of its ports is there: look whether the printer is on.")


def is_speedless(port: str) -> bool:
    """Return whether a port has no speed: a socket, or a virtual printer."""
    return port == VIRTUAL or address(port) is not None


async def _on(
    port: str, speeds: list[int], virtual: Callable[[], Simulated] | None, patience: float
) -> Found:
    ear = Ear()
    link = await open_link(port, speeds[0], ear, virtual=virtual)
    try:
        for baudrate in speeds:
            if await _answers(link, ear, baudrate, patience):
                return Found(link, baudrate)
    except BaseException:
        link.close()
        raise
    link.close()
    said = f"at {', '.join(map(str, speeds))} baud" if speeds != [0] else "there"
    heard = "" if ear.bytes else ", and says nothing"
    raise CantOpen(ear.gone or f"No printer answers on {port} {said}{heard}.")


async def _answers(link: Link, ear: Ear, baudrate: int, patience: float) -> bool:
    if link.baudrate != baudrate:
        link.retune(baudrate)
    for _ in range(ATTEMPTS):
        if ear.gone:
            return False
        link.write(HELLO)
        try:
            async with asyncio.timeout(patience):
                await ear.answered.wait()
        except TimeoutError:
            continue
        await _settled(ear)
        return not ear.gone
    return False


async def _settled(ear: Ear) -> None:
    """Wait until all answers are in, so that none of them is taken for the answer to what comes next."""
    for _ in range(20):
        before = ear.bytes
        await asyncio.sleep(QUIET)
        if ear.bytes == before:
            return
