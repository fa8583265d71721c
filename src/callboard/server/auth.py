"""Who asks: credentials out of a request, and the principal they stand for.

Official clients send `ftrack-user` and `ftrack-api-key`, raw ones `ftrack-api-user` (facts 1.1), all
others may send `Authorization: Bearer KEY`. Keys in a query are read by the handshake alone, since
the JavaScript client sends them there: anywhere else they would end up in logs and histories.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from typing import Protocol

from callboard.hub.principal import Keys, Principal

_BEARER = "bearer "
_LONGEST = 1024


class Headers(Protocol):
    """Headers by name in any case, of whichever library."""

    def get(self, name: str, /) -> str | None:
        """Return the first value of a header."""


def credentials(headers: Headers, query: Mapping[str, str] | None = None) -> tuple[str, str]:
    """Return the user and the key that a request shows, empty where it shows none.

    With `Authorization: Bearer KEY` the user is empty: the key alone says who.
    """
    asked = query or {}
    user = headers.get("ftrack-user") or headers.get("ftrack-api-user") or asked.get("api_user") or ""
    key = headers.get("ftrack-api-key") or asked.get("api_key") or ""
    bearer = headers.get("authorization") or ""
    if not key and bearer[: len(_BEARER)].lower() == _BEARER:
        return "", _text(bearer[len(_BEARER) :].strip())
    return _text(user), _text(key)


def authenticate(keys: Keys, user: str, key: str) -> Principal | None:
    """Return the principal of a user and key, or of a key alone; None when they are not right."""
    if not key or len(key) > _LONGEST or len(user) > _LONGEST:
        return None
    return keys.check(user, key) if user else keys.check_bearer(key)


def remote_address(peer: str, forwarded: Sequence[str], trusted: Sequence[str]) -> str:
    """Return the address of a client: `peer`, or what trusted proxies say of it in X-Forwarded-For.

    Read from the right, since everything left of the first untrusted address may be made up.
    `trusted` holds addresses and networks (`10.0.0.0/8`).
    """
    hops = [hop.strip() for line in forwarded for hop in line.split(",")]
    while hops and _among(peer, trusted):
        hop = hops.pop()
        if not _is_address(hop):
            break
        peer = hop
    return peer


def origin_allowed(origin: str, host: str, origins: Sequence[str]) -> bool:
    """Return whether a page of `origin` may use the hub that it called `host` (the header Host).

    All may when no `origins` are named, or `*` is: a page still needs a key. The hub's own address always
    may, since the official Python client sends it as the origin of its socket (facts 1.3).
    """
    return not origins or "*" in origins or origin in origins or origin.partition("://")[2] == host


def is_loopback(address: str) -> bool:
    """Return whether an address is this machine's own."""
    return _is_address(address) and ip_address(address).is_loopback


def _among(address: str, trusted: Sequence[str]) -> bool:
    return _is_address(address) and any(
        ip_address(address) in ip_network(network, strict=False) for network in trusted
    )


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _text(header: str) -> str:
    """Return a header's text: servers read Latin-1, most clients today mean UTF-8."""
    try:
        return header.encode("latin-1").decode()
    except UnicodeError:
        return header
