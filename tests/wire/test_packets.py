"""What each message means: two tables, one for each protocol, of [what it is, message, meaning]."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from callboard.errors import ProtocolError
from callboard.wire.packets import Acknowledged, Left, Packet, Published, Refused
from callboard.wire.session import Session, State
from callboard.wire.socketio09 import SocketIO09
from callboard.wire.socketio5 import SocketIO5

Row = tuple[str, str, Any]


def table(name: str) -> list[Any]:
    rows = json.loads((Path(__file__).parent / name).read_text())
    return [pytest.param(message, meaning, id=what) for what, message, meaning in rows]


def opened(protocol: type[Session], max_event: int = 1 << 20) -> Session:
    session = protocol("name", max_event)
    session.open(0)
    if protocol is SocketIO5:
        session.receive(b"40{}", 0)
        session.outgoing()
    return session


def meaning_of(session: Session, message: bytes) -> Any:
    """Say in the tables' words what `session` makes of `message`."""
    before = session.ignored
    try:
        packets = session.receive(message, 1)
    except ProtocolError:
        return "error"
    if not packets:
        return "ignored" if session.ignored > before else "nothing"
    (packet,) = packets
    return in_words(packet)


def in_words(packet: Packet) -> Any:
    match packet:
        case Published(envelope, ack):
            event = json.loads(envelope.json)
            return {"published": ack, **({"data": event["data"]} if event["data"] != {} else {})}
        case Refused(ack, reason):
            return {"refused": ack, "reason": reason}
        case Acknowledged(subscriber, position):
            return {"acknowledged": [subscriber, position]}
        case Left():
            return "left"
    raise AssertionError(packet)


def check(session: Session, message: str, meaning: Any) -> None:
    found = meaning_of(session, message.encode())
    if isinstance(meaning, dict) and "reason" in meaning and isinstance(found, dict):
        assert meaning.pop("reason") in found.pop("reason")
    assert found == meaning
    assert (session.state is State.CLOSED) == (meaning == "left")


@pytest.mark.parametrize(("message", "meaning"), table("packets09.json"))
def test_what_a_message_of_0_9_means(message: str, meaning: Any) -> None:
    check(opened(SocketIO09), message, meaning)


@pytest.mark.parametrize(("message", "meaning"), table("packets5.json"))
def test_what_a_message_of_5_means(message: str, meaning: Any) -> None:
    check(opened(SocketIO5), message, meaning)


@pytest.mark.parametrize("protocol", [SocketIO09, SocketIO5])
def test_a_message_that_is_no_utf_8_is_no_packet(protocol: type[Session]) -> None:
    head = b'42["ftrack.event",' if protocol is SocketIO5 else b'5:1+::{"name":"ftrack.event","args":['
    tail = b"]" if protocol is SocketIO5 else b"]}"
    for text in (b'{"topic":"\xff"}', b'{"topic":"x","data":"\xed\xa0\x80"}', b'{"topic":"x","\xff":1}'):
        with pytest.raises(ProtocolError, match="not UTF-8"):
            opened(protocol).receive(head + text + tail, 1)


@pytest.mark.parametrize("protocol", [SocketIO09, SocketIO5])
def test_an_event_over_the_limit_is_refused_with_the_limit_named(protocol: type[Session]) -> None:
    session = opened(protocol, max_event=300)
    head, tail = (
        ('421["ftrack.event",', "]")
        if protocol is SocketIO5
        else ('5:1+::{"name":"ftrack.event","args":[', "]}")
    )
    for size, fits in ((300, True), (301, False), (10_000, False)):
        event = '{"topic":"x","data":"' + "x" * (size - 23) + '"}'
        assert len(event) == size
        (packet,) = session.receive((head + event + tail).encode(), 1)
        assert isinstance(packet, Published if fits else Refused)
        assert packet.ack == 1
        assert isinstance(packet, Published) or "takes at most 300 (max_event)" in packet.reason


@pytest.mark.parametrize("protocol", [SocketIO09, SocketIO5])
def test_binary_messages_that_nobody_announced_are_no_packets(protocol: type[Session]) -> None:
    with pytest.raises(ProtocolError, match="Binary"):
        opened(protocol).attachment(b"bytes")


def test_binary_messages_that_belong_to_a_refused_event_are_dropped() -> None:
    session = opened(SocketIO5)
    session.receive(b'452-1["ftrack.event",{"_placeholder":true,"num":0}]', 1)
    session.attachment(b"one")
    session.attachment(b"two")
    with pytest.raises(ProtocolError):
        session.attachment(b"three")
