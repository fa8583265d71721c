"""A pseudo terminal as a serial port: who has it open, at which speed, and what comes through it.

Nobody holds the other end but the host, so that its opening and closing can be seen: while nobody has
it open the kernel says so (POLLHUP), and reading fails with EIO.
"""

from __future__ import annotations

import errno
import fcntl
import os
import select
import struct
import sys
import termios
import tty
from pathlib import Path

_SPEEDS = (1200, 2400, 4800, 9600, 19200, 38400, 57600, 115200, 230400, 460800, 500000, 921600, 1000000)
_TCGETS2 = 0x802C542A
_TERMIOS2 = struct.Struct("=4IB19B2I")


class Terminal:
    """One pseudo terminal; `name` is what a host opens."""

    def __init__(self) -> None:
        self.fd, other = os.openpty()
        self.name = os.ttyname(other)
        tty.setraw(other)
        os.close(other)
        os.set_blocking(self.fd, False)

    def is_open(self) -> bool:
        """Whether a host has it open."""
        poll = select.poll()
        poll.register(self.fd, select.POLLIN)
        return not any(event & (select.POLLHUP | select.POLLERR) for _, event in poll.poll(0))

    def rest(self) -> None:
        """Nobody has it open: forget what nobody read, and how the last host had set it."""
        termios.tcflush(self.fd, termios.TCIOFLUSH)
        tty.setraw(self.fd, termios.TCSANOW)

    def speed(self) -> int:
        """Return the speed that the host has set, any number of it on Linux."""
        if sys.platform == "linux":
            try:
                found = fcntl.ioctl(self.fd, _TCGETS2, bytes(_TERMIOS2.size))
                return int(_TERMIOS2.unpack(found)[-1])
            except OSError:
                pass
        code: int = termios.tcgetattr(self.fd)[5]
        return next((speed for speed in _SPEEDS if getattr(termios, f"B{speed}", None) == code), code)

    def read(self, most: int) -> bytes | None:
        """Return what came; None if the host has closed it."""
        try:
            return os.read(self.fd, most)
        except BlockingIOError:
            return b""
        except OSError as error:
            if error.errno == errno.EIO:
                return None
            raise

    def write(self, data: bytes) -> int:
        """Return how many bytes could be written."""
        try:
            return os.write(self.fd, data)
        except BlockingIOError:
            return 0
        except OSError as error:
            if error.errno == errno.EIO:
                return len(data)
            raise

    def close(self) -> None:
        """Pull the cable."""
        os.close(self.fd)


def lay_link(link: Path, name: str) -> None:
    """Make `link` lead to the terminal; only a link may be replaced. Raises OSError."""
    if link.exists() and not link.is_symlink():
        raise FileExistsError(errno.EEXIST, "this is no link; name another path", str(link))
    beside = link.with_name(f".{link.name}.{os.getpid()}")
    beside.unlink(missing_ok=True)
    beside.symlink_to(name)
    beside.replace(link)


def lift_link(link: Path, name: str) -> None:
    """Remove `link` if it still leads to the terminal."""
    if link.is_symlink() and str(link.readlink()) == name:
        link.unlink(missing_ok=True)
