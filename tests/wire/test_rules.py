"""The rules that keep real clients alive (facts, section 0), on bytes. Rules 7 to 9 are also the hub's.

The official Python client's own packet code is the judge: what it raises would end its receiving
thread, silently and for ever.
"""

from __future__ import annotations

import json
import re

import pytest

from callboard.wire import frames
from callboard.wire.packets import Published
from callboard.wire.session import State
from callboard.wire.socketio09 import SocketIO09
from tests.wire.ends import JANE, Official, frames_in, strict, texts

EVENT = {"topic": "x", "data": {"a": "å"}, "source": JANE, "target": "", "id": "1", "sent": None}


def opened() -> SocketIO09:
    session = SocketIO09("name")
    session.open(0)
    return session


def published(event: str) -> Published:
    (packet,) = opened().receive(('5:1+::{"name":"ftrack.event","args":[' + event + "]}").encode(), 1)
    assert isinstance(packet, Published)
    return packet


def everything_we_say() -> list[str]:
    """Return one of each message that a session can send."""
    session = opened()
    envelope = published(json.dumps(EVENT)).envelope
    said = SocketIO09("name").open(0) + session.tick(100) + session.event(envelope.json)
    for ack in (1, -2):
        said += session.acknowledge(ack, success=True) + session.acknowledge(ack, success=False, message="no")
        said += session.acknowledge(ack, success=True, message="well")
    return texts(said + session.refuse("no: really") + session.close())


def test_rule_1_an_event_packet_has_no_id_and_no_endpoint() -> None:
    (packet,) = texts(opened().event(b"{}"))
    assert packet == '5:::{"name":"ftrack.event","args":[{}]}'


def test_rule_2_every_answer_to_python_carries_one_object() -> None:
    client, session = Official(), opened()
    for number in range(1, 4):
        client.publish({"topic": "x"})
        (packet,) = session.receive(client.socket.outgoing.popleft().encode(), 1)
        assert isinstance(packet, Published)
        assert packet.ack == number
        success = number != 3
        (answer,) = texts(session.acknowledge(number, success, "" if success else "no"))
        client.receive(answer)
    assert client.answers == [
        ({"success": True},),
        ({"success": True},),
        ({"success": False, "message": "no"},),
    ]


def test_rule_3_heartbeats_come_more_often_than_every_fifteen_seconds() -> None:
    session, last = opened(), 0
    for now in range(200):
        if session.tick(now):
            assert now - last < 15
            last = now
            session.receive(b"2::", now)
    assert last > 180


def test_rule_4_only_known_codes_whole_json_and_text() -> None:
    for packet in everything_we_say():
        assert re.match(r"[0-7]:", packet)
        assert "\0" not in packet


@pytest.mark.parametrize("packet", [each for each in everything_we_say() if each != "0::"])
def test_rule_4_the_official_client_survives_all_we_say(packet: str) -> None:
    Official().receive(packet)


def test_rule_5_the_goodbye_comes_before_the_close_frame() -> None:
    session = opened()
    assert [str(payload) for _, payload in frames_in(session.close())] == ["0::"]
    assert session.state is State.CLOSED
    assert frames.close(1000) == b"\x88\x02\x03\xe8"


def test_rule_6_only_the_known_keys_are_forwarded() -> None:
    event = {**EVENT, "more": {"topic": "y"}, "in_reply_to_event": "1"}
    forwarded = strict(published(json.dumps(event)).envelope.json)
    assert list(forwarded) == ["topic", "data", "source", "target", "id", "sent", "inReplyToEvent"]
    assert forwarded == {**EVENT, "inReplyToEvent": None}


def test_rule_7_the_source_is_forwarded_as_it_came() -> None:
    assert strict(bytes(published(json.dumps(EVENT)).envelope.source)) == JANE


def test_rule_8_the_copy_for_a_connection_is_one_frame() -> None:
    assert len(frames_in(opened().event(published(json.dumps(EVENT)).envelope.json))) == 1


def test_rule_9_the_same_subscription_twice_is_two_packets() -> None:
    session = opened()
    data = {"subscription": "topic=x", "subscriber": {"id": "s"}}
    message = json.dumps({"name": "ftrack.event", "args": [{"topic": "ftrack.meta.subscribe", "data": data}]})
    for number in (1, 2):
        (packet,) = session.receive(f"5:{number}+::{message}".encode(), 1)
        assert isinstance(packet, Published)
        assert packet.ack == number


@pytest.mark.parametrize(
    ("data", "forwarded"),
    [
        ("NaN", None),
        ("[1.5,-Infinity]", [1.5, None]),
        (r'"\ud800"', "\ufffd"),
        (r'{"\udfff":1}', {"\ufffd": 1}),
    ],
)
def test_rule_10_what_is_no_strict_json_is_mended(data: str, forwarded: object) -> None:
    packet = published('{"topic":"x","data":' + data + "}")
    (text,) = texts(opened().event(packet.envelope.json))
    event = strict(text.removeprefix("5:::"))["args"][0]
    assert event["data"] == forwarded


def test_rule_10_what_python_writes_is_mended() -> None:
    client, session = Official(), opened()
    client.publish({"topic": "x", "data": {"n": float("nan"), "name": "Ünï\u2028"}})
    (packet,) = session.receive(client.socket.outgoing.popleft().encode(), 1)
    assert isinstance(packet, Published)
    assert strict(packet.envelope.json)["data"] == {"n": None, "name": "Ünï\u2028"}
