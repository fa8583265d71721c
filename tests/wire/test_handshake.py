"""The body of the 0.9 handshake, read as the clients read it."""

from __future__ import annotations

from callboard.wire.handshake import handshake_body
from callboard.wire.session import HEARTBEAT


def test_the_handshake_has_the_four_fields_that_clients_look_for() -> None:
    session, heartbeat, close, transports = handshake_body("s-1_a").split(":")
    assert session == "s-1_a"
    assert transports.split(",") == ["websocket"]
    assert HEARTBEAT < int(heartbeat) <= 15
    assert int(close) > 0
