"""Whatever comes from outside: packets or a ProtocolError, never anything else, and never much of it."""

from __future__ import annotations

import json
import re

from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import ProtocolError
from callboard.wire.packets import Acknowledged, Left, Opened, Published, Refused
from callboard.wire.peer import Peer
from callboard.wire.session import Session
from callboard.wire.socketio09 import SocketIO09
from callboard.wire.socketio5 import SocketIO5
from tests.wire.ends import strict, texts

PIECES = [
    *(
        b"0",
        b"1",
        b"2",
        b"3",
        b"4",
        b"5",
        b"6",
        b"7",
        b"40",
        b"41",
        b"42",
        b"43",
        b"45",
        b"5:",
        b":",
        b"::",
        b":::",
    ),
    *(
        b"1",
        b"+",
        b"-",
        b"/",
        b"/x,",
        b"999999999999999",
        b"0000000000000000",
        b"{",
        b"}",
        b"[",
        b"]",
        b",",
        b'"',
        b"\\",
    ),
    *(b'{"name":"ftrack.event","args":[', b'{"name": "ftrack.event", "args": [', b'["ftrack.event",', b"]}"),
    *(
        b'{"topic":"x"}',
        b'{"topic":"x","data":',
        b'"ftrack.event"',
        b'"args"',
        b'"topic"',
        b'"callboard.acknowledge"',
    ),
    *(
        b"NaN",
        b"-Infinity",
        b"null",
        b"1e999",
        b"true",
        b'"\\ud800"',
        b'"\\ud83d\\ude00"',
        b'"\\u0000"',
        b'"\\',
    ),
    *(b"\xff", b"\xed\xa0\x80", "å".encode(), "\u2028".encode(), b"\0", b"\n", b" ", b"[" * 120, b"9" * 400),
    *(b'{"subscriber":"s","position":"p"}', b'{"user":"u","key":"k","stamped":true}', b'{"success":true}'),
]
WHOLE = [
    b'5:1+::{"name":"ftrack.event","args":[{"topic":"x","id":"1","data":{"a":[1,NaN,"\\ud800"]},"source":{}}]}',
    b'421["ftrack.event",{"topic":"x","id":"1","data":{"a":[1,null,"\\ud800"]},"source":{}}]',
    b'42["callboard.acknowledge",{"subscriber":"s","position":"log-1"}]',
    b'40{"user":"u","key":"k","stamped":true}',
    b'451-1["ftrack.event",{"_placeholder":true,"num":0}]',
    b"2::",
    b"0::",
    b"3",
]


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A good message with a few bytes taken out and others put in."""
    message = draw(st.sampled_from(WHOLE))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(message)))
        end = draw(st.integers(start, min(start + 8, len(message))))
        message = message[:start] + draw(st.sampled_from(PIECES) | st.binary(max_size=3)) + message[end:]
    return message


MESSAGES = damaged() | st.lists(st.sampled_from(PIECES), max_size=12).map(b"".join) | st.binary(max_size=40)
LONE = re.compile("[\ud800-\udfff]")


def judge(session: Session, message: bytes) -> None:
    """Give `session` a message, and look at all that comes of it."""
    try:
        packets = session.receive(message, 1)
    except ProtocolError:
        packets = []
    assert len(packets) <= 1
    for packet in packets:
        assert isinstance(packet, Published | Refused | Opened | Acknowledged | Left)
        if isinstance(packet, Published):
            check_forwarded(session, packet)
        if isinstance(packet, Refused):
            assert len(packet.reason) < 500
            texts(session.acknowledge(packet.ack or 0, success=False, message=packet.reason))
    answers = session.outgoing()
    assert len(answers) <= len(message) + 100
    texts(answers)


def check_forwarded(session: Session, packet: Published) -> None:
    (text,) = texts(session.event(packet.envelope.json))
    event = strict(packet.envelope.json)
    assert list(event) == ["topic", "data", "source", "target", "id", "sent", "inReplyToEvent"]
    assert isinstance(event["id"], str)
    assert not LONE.search(json.dumps(event, ensure_ascii=False))
    assert packet.envelope.json.decode() in text


@given(st.lists(MESSAGES, max_size=4))
def test_0_9_takes_whatever_comes(messages: list[bytes]) -> None:
    session = SocketIO09("name", 2000)
    session.open(0)
    for message in messages:
        judge(session, message)
    texts(session.close())


@given(st.booleans(), st.lists(MESSAGES, max_size=4))
def test_5_takes_whatever_comes(inside: bool, messages: list[bytes]) -> None:
    session = SocketIO5("name", 2000)
    session.open(0)
    for message in [b"40{}", *messages] if inside else messages:
        judge(session, message)
    texts(session.close())


@given(st.lists(MESSAGES, max_size=4), st.booleans())
def test_our_client_takes_whatever_comes(messages: list[bytes], as_text: bool) -> None:
    peer = Peer()
    for message in messages:
        try:
            arrivals = peer.receive(message.decode(errors="surrogateescape") if as_text else message)
        except ProtocolError:
            continue
        assert len(arrivals) <= 1
