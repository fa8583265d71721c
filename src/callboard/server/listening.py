"""Where the hub answers: a socket that listens, and the address to say of it."""

from __future__ import annotations

import socket
from ipaddress import ip_address

from callboard.errors import CallboardError


class CantListen(CallboardError):
    """The address can't be had: choose another."""


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that listens; raises CantListen when the address can't be had."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)  # asyncio sends at once on such only
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        sock.bind((host, port))
        sock.listen(2048)
    except OSError as error:
        sock.close()
        raise CantListen(
            f"Can't listen on {host}:{port} ({error.strerror}): "
            "stop what is there, or choose another address with --host and --port."
        ) from None
    sock.setblocking(False)
    return sock


def address(host: str, sock: socket.socket) -> str:
    """Return the URL at which the socket answers from this machine."""
    if _is_any(host):
        host = "::1" if ":" in host else "127.0.0.1"
    return f"http://{f'[{host}]' if ':' in host else host}:{sock.getsockname()[1]}"


def _is_any(host: str) -> bool:
    """Return whether an address means all of the machine's own."""
    try:
        return ip_address(host).is_unspecified
    except ValueError:
        return False
