"""Two ends joined: what one says, the other understands. No socket, no clock."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from engineio.packet import Packet as EnginePacket  # type: ignore[import-untyped]
from hypothesis import given, settings
from hypothesis import strategies as st
from socketio.packet import Packet as SocketPacket

from callboard.errors import ProtocolError
from callboard.event import Event, Stamp, seal
from callboard.wire.packets import Acknowledged, Left, Opened, Published, Refused
from callboard.wire.peer import Answered, Arrival, Delivered, Goodbye, Peer, Ping, Rejected, Welcome
from callboard.wire.session import Session, State
from callboard.wire.socketio09 import SocketIO09
from callboard.wire.socketio5 import SocketIO5
from tests.wire.ends import JANE, Client09, Official, strict, texts

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
NUMBERS = st.integers(-(2**63), 2**63) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | LETTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4),
    max_leaves=8,
)
EVENTS = st.fixed_dictionaries(
    {
        "topic": LETTERS,
        "data": VALUES,
        "source": st.just(JANE),
        "target": LETTERS,
        "id": LETTERS.filter(bool),
        "sent": st.none(),
    }
)


def opened09(client: Client09 | Official) -> SocketIO09:
    session = SocketIO09("name")
    for text in texts(session.open(0)):
        client.receive(text)
    return session


def joined5() -> tuple[Peer, SocketIO5]:
    peer, session = Peer(), SocketIO5("name")
    for text in texts(session.open(0)):
        assert peer.receive(text) == []
    assert session.receive(peer.open("jane", "key").encode(), 0) == [Opened("jane", "key", stamped=True)]
    assert hear(peer, session.outgoing()) == [Welcome("name", 8.0, 20.0)]
    return peer, session


def hear(peer: Peer, data: bytes) -> list[Arrival]:
    return [arrival for text in texts(data) for arrival in peer.receive(text)]


def only(session: Session, text: str) -> Published:
    (packet,) = session.receive(text.encode(), 1)
    assert isinstance(packet, Published)
    return packet


# 0.9


@settings(max_examples=50)
@given(EVENTS)
def test_an_event_reaches_a_0_9_client_as_another_sent_it(event: dict[str, Any]) -> None:
    client = Client09()
    session = opened09(client)
    number = client.publish(event)
    packet = only(session, client.outbox.popleft())
    for text in texts(
        session.acknowledge(packet.ack or 0, success=True) + session.event(packet.envelope.json)
    ):
        client.receive(text)
    assert client.answers == {number: [{"success": True}]}
    assert client.events == [{**event, "inReplyToEvent": None}]


def test_a_0_9_client_is_greeted_kept_alive_and_sent_away() -> None:
    client = Client09()
    session = opened09(client)
    assert client.connected
    for now in range(0, 100, 4):
        assert not session.dead(now)
        for text in texts(session.tick(now)):
            client.receive(text)
        while client.outbox:
            assert session.receive(client.outbox.popleft().encode(), now) == []
    for text in texts(session.close()):
        client.receive(text)
    assert not client.connected


def test_a_plain_answer_holds_nothing() -> None:
    client = Client09()
    session = opened09(client)
    number = client.publish({"topic": "x"}, answer="")
    packet = only(session, client.outbox.popleft())
    client.receive(texts(session.acknowledge(packet.ack or 0, success=True))[0])
    assert client.answers == {number: []}


@settings(max_examples=50)
@given(EVENTS)
def test_an_event_reaches_the_official_client_as_another_sent_it(event: dict[str, Any]) -> None:
    client = Official()
    session = opened09(client)
    client.publish(event)
    packet = only(session, client.socket.outgoing.popleft())
    for text in texts(session.event(packet.envelope.json)):
        client.receive(text)
    connected, heard = client.events
    assert connected["topic"] == "ftrack.meta.connected"
    sent = json.loads(json.dumps(event), object_hook=client.hub._decode_object_hook)
    assert heard["data"] == (sent["data"] or {}), "the client's own rule for what is falsy"
    assert {key: heard[key] for key in ("topic", "source", "target")} == {
        key: sent[key] for key in ("topic", "source", "target")
    }
    assert heard["id"] == sent["id"]


def test_the_official_client_answers_heartbeats() -> None:
    client = Official()
    session = opened09(client)
    for text in texts(session.tick(100)):
        client.receive(text)
    assert client.socket.outgoing.popleft() == "2:::"


# 5, our own client


@settings(max_examples=50)
@given(EVENTS)
def test_an_event_reaches_our_client_stamped(event: dict[str, Any]) -> None:
    peer, session = joined5()
    packet = only(session, peer.publish(json.dumps(event).encode(), 7))
    assert packet.ack == 7
    stamp = Stamp("log-1", 12.5, "jane")
    (delivered,) = hear(peer, session.event(packet.envelope.json, stamp))
    assert isinstance(delivered, Delivered)
    assert delivered.stamp == stamp
    assert strict(delivered.envelope.json) == {**event, "inReplyToEvent": None}


def test_our_client_seals_what_the_hub_opens() -> None:
    peer, session = joined5()
    event = Event(topic="x", data={"n": [1, None]}, source=JANE, in_reply_to_event="e")
    packet = only(session, peer.publish(seal(event).json))
    assert packet.ack is None
    assert packet.envelope.event == event


def test_our_client_gets_answers() -> None:
    peer, session = joined5()
    assert hear(peer, session.acknowledge(7, success=True)) == [Answered(7, success=True, message="")]
    assert hear(peer, session.acknowledge(8, success=False, message="no")) == [
        Answered(8, success=False, message="no")
    ]


def test_our_client_says_what_it_has_handled() -> None:
    peer, session = joined5()
    assert session.receive(peer.acknowledge('s"1', "log-7").encode(), 1) == [Acknowledged('s"1', "log-7")]


def test_our_client_is_kept_alive() -> None:
    peer, session = joined5()
    for now in range(0, 100, 4):
        assert not session.dead(now)
        for ping in hear(peer, session.tick(now)):
            assert isinstance(ping, Ping)
            assert session.receive(ping.answer.encode(), now) == []


def test_our_client_learns_why_it_may_not_come_in() -> None:
    peer, session = Peer(), SocketIO5("name")
    session.open(0)
    session.receive(peer.open("jane", "wrong").encode(), 0)
    assert hear(peer, session.reject("No such user and key.")) == [Rejected("No such user and key.")]


def test_our_client_learns_why_the_hub_closes() -> None:
    peer, session = joined5()
    assert hear(peer, session.refuse("That is no packet.")) == [Rejected("That is no packet.")]


def test_our_client_says_goodbye() -> None:
    peer, session = joined5()
    assert session.receive(peer.close().encode(), 1) == [Left()]
    assert session.state is State.CLOSED


@pytest.mark.parametrize("text", ["41", "1", b"41"])
def test_our_client_hears_a_goodbye(text: str | bytes) -> None:
    assert Peer().receive(text) == [Goodbye()]


@pytest.mark.parametrize("text", ["3", "5", "6", '42["later",{}]', "45", "43[{}]", '42["callboard.later"]'])
def test_our_client_lets_pass_what_it_does_not_know(text: str) -> None:
    assert Peer().receive(text) == []


@pytest.mark.parametrize(
    "text",
    [
        "",
        "9",
        "4",
        "0",
        "0{}",
        '42["ftrack.event"]',
        '42["ftrack.event",{}]',
        "431",
        "44[",
        b"2\xff",
    ],
)
def test_our_client_says_what_is_no_packet(text: str | bytes) -> None:
    with pytest.raises(ProtocolError):
        Peer().receive(text)


# 5, somebody else's


def theirs(data: bytes) -> list[SocketPacket]:
    """Return the packets that python-socketio finds in what we send."""
    packets = [EnginePacket(encoded_packet=text) for text in texts(data)]
    return [SocketPacket(encoded_packet=packet.data) for packet in packets if packet.packet_type == 4]


def test_python_socketio_understands_what_we_say() -> None:
    session = SocketIO5("name")
    (greeting,) = texts(session.open(0))
    assert EnginePacket(encoded_packet=greeting).data["sid"] == "name"
    session.receive(b"40{}", 0)
    stamp = Stamp("log-1", 12.5, "jane")
    said = session.outgoing() + session.event(b'{"topic":"x"}') + session.acknowledge(7, success=True)
    said += session.framing.event(b"[1]", stamp) + session.refuse("no") + session.reject("who?")
    assert [(each.packet_type, each.id, each.data) for each in theirs(said)] == [
        (0, None, {"sid": "name"}),
        (2, None, ["ftrack.event", {"topic": "x"}]),
        (3, 7, [{"success": True}]),
        (2, None, ["ftrack.event", [1]]),
        (2, None, ["callboard.error", {"message": "no"}]),
        (4, None, {"message": "who?"}),
    ]


@settings(max_examples=50)
@given(EVENTS, st.none() | st.integers(0, 10**14))
def test_we_understand_what_python_socketio_says(event: dict[str, Any], number: int | None) -> None:
    _, session = joined5()
    packet = only(session, "4" + SocketPacket(2, ["ftrack.event", event], id=number).encode())
    assert packet.ack == number
    assert strict(packet.envelope.json) == {**event, "inReplyToEvent": None}


def test_binary_data_of_python_socketio_is_refused_and_its_attachments_dropped() -> None:
    _, session = joined5()
    said = SocketPacket(2, ["ftrack.event", {"topic": "x", "data": b"bytes"}], id=3).encode()
    (packet,) = session.receive(("4" + said[0]).encode(), 1)
    assert isinstance(packet, Refused)
    assert packet.ack == 3
    session.attachment(said[1])


def test_packets_are_values() -> None:
    assert msgspec.json.decode(msgspec.json.encode(Left())) == {}
    assert len({Left(), Left(), Opened(None, None, stamped=False)}) == 2
