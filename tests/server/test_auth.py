"""Who asks: addresses and headers."""

from __future__ import annotations

import pytest

from callboard.server.auth import credentials, is_loopback, remote_address

PROXIES = ("10.0.0.0/8", "127.0.0.1", "::1")


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("198.51.100.7", [], "198.51.100.7"),
        ("198.51.100.7", ["203.0.113.1"], "198.51.100.7"),
        ("127.0.0.1", ["203.0.113.1"], "203.0.113.1"),
        ("10.1.2.3", ["1.1.1.1, 203.0.113.1, 10.9.9.9"], "203.0.113.1"),
        ("10.1.2.3", ["1.1.1.1, 203.0.113.1", "10.9.9.9"], "203.0.113.1"),
        ("10.1.2.3", ["10.4.4.4"], "10.4.4.4"),
        ("10.1.2.3", ["made up"], "10.1.2.3"),
        ("10.1.2.3", ["203.0.113.1, made up"], "10.1.2.3"),
        ("10.1.2.3", [""], "10.1.2.3"),
        ("::1", ["2001:db8::5"], "2001:db8::5"),
        ("", ["203.0.113.1"], ""),
    ],
)
def test_only_trusted_proxies_say_where_somebody_is(peer: str, forwarded: list[str], address: str) -> None:
    assert remote_address(peer, forwarded, PROXIES) == address


def test_nobody_is_trusted_unless_named() -> None:
    assert remote_address("127.0.0.1", ["203.0.113.1"], ()) == "127.0.0.1"


@pytest.mark.parametrize(
    ("address", "here"),
    [("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("10.0.0.1", False), ("", False)],
)
def test_this_machine_is_told_from_others(address: str, here: bool) -> None:
    assert is_loopback(address) is here


@pytest.mark.parametrize(
    ("headers", "shown"),
    [
        ({}, ("", "")),
        ({"ftrack-user": "ann", "ftrack-api-key": "k"}, ("ann", "k")),
        ({"ftrack-user": "ann", "authorization": "Bearer k"}, ("", "k")),
        ({"authorization": "bearer  k "}, ("", "k")),
        ({"authorization": "Basic k"}, ("", "")),
        ({"ftrack-user": "j\xc3\xbcrgen", "ftrack-api-key": "k"}, ("jürgen", "k")),
        ({"ftrack-user": "j\xfcrgen", "ftrack-api-key": "k"}, ("jürgen", "k")),
        ({"ftrack-user": "名", "ftrack-api-key": "k"}, ("名", "k")),
    ],
)
def test_credentials_are_read_from_headers(headers: dict[str, str], shown: tuple[str, str]) -> None:
    assert credentials(headers) == shown
