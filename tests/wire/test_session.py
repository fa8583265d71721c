"""One connection as a state table: order, heartbeats, goodbyes. The clock is a number."""

from __future__ import annotations

from itertools import pairwise, product
from pathlib import Path

import pytest

from callboard.errors import ProtocolError
from callboard.wire import socketio09, socketio5
from callboard.wire.framing import SOCKETIO5, SOCKETIO5_STAMPED
from callboard.wire.packets import Left, Opened
from callboard.wire.session import Moves, Session, State, Step, diagram
from callboard.wire.socketio09 import SocketIO09
from callboard.wire.socketio5 import CONNECT_WITHIN, SocketIO5
from tests.wire.ends import strict, texts

PAGE = Path(__file__).parents[2] / "docs" / "wire.md"
TABLES = [socketio09.MOVES, socketio5.MOVES]
BOTH = pytest.mark.parametrize("protocol", [SocketIO09, SocketIO5])


def opened(protocol: type[Session]) -> Session:
    session = protocol("name")
    session.open(0)
    if protocol is SocketIO5:
        session.receive(b"40{}", 0)
        session.outgoing()
    return session


def beats(session: Session, end: float, answers: bool, start: float = 0) -> list[float]:
    """Return when `session` sends heartbeats, with the clock moved from one `due` to the next."""
    sent, now = [], start
    while session.due <= end and not session.dead(session.due):
        now = session.due
        if session.tick(now):
            sent.append(now)
            if answers:
                session.heard()
    return sent


@pytest.mark.parametrize("moves", TABLES, ids=["0.9", "5"])
def test_the_pictures_in_the_docs_are_drawn_from_the_tables(moves: Moves) -> None:
    assert f"```mermaid\n{diagram(moves)}```" in PAGE.read_text()


@pytest.mark.parametrize("moves", TABLES, ids=["0.9", "5"])
def test_every_state_can_be_reached_and_left_for_closed_only(moves: Moves) -> None:
    reached = {State.NEW} | {end for steps in moves.values() for end in steps.values()}
    assert reached == set(moves)
    assert all(steps[Step.CLOSE] is State.CLOSED for steps in moves.values())
    assert set(moves[State.CLOSED].values()) == {State.CLOSED}


@pytest.mark.parametrize("moves", TABLES, ids=["0.9", "5"])
def test_a_peer_can_say_anything_to_a_closed_session(moves: Moves) -> None:
    assert set(Step) - set(moves[State.CLOSED]) == {Step.OPEN}


@BOTH
def test_a_heartbeat_goes_out_more_often_than_every_fifteen_seconds(protocol: type[Session]) -> None:
    times = [0.0, *beats(opened(protocol), 120, answers=True)]
    assert max(after - before for before, after in pairwise(times)) < 15
    assert len(times) > 8


@BOTH
def test_a_silent_peer_is_dead_after_three_heartbeats_and_within_thirty_seconds(
    protocol: type[Session],
) -> None:
    session = opened(protocol)
    assert len(beats(session, 120, answers=False)) == 3
    assert session.dead(session.due)
    assert session.due <= 30
    assert not session.tick(session.due), "nothing more is sent to the dead"


@BOTH
def test_any_message_is_a_sign_of_life(protocol: type[Session]) -> None:
    session = opened(protocol)
    beats(session, 17, answers=False)
    session.receive(b"2::" if protocol is SocketIO09 else b"3", 18)
    assert not session.dead(session.due)
    assert len(beats(session, 120, answers=False, start=18)) == 3


@BOTH
def test_a_stall_of_our_own_kills_nobody(protocol: type[Session]) -> None:
    session = opened(protocol)
    assert not session.dead(3600)
    assert session.tick(3600)
    assert not session.dead(3600)


@BOTH
def test_before_its_time_no_heartbeat_is_sent(protocol: type[Session]) -> None:
    session = opened(protocol)
    assert session.tick(session.due - 0.1) == b""


@BOTH
def test_after_the_goodbye_nothing_is_said_and_nothing_is_heard(protocol: type[Session]) -> None:
    session = opened(protocol)
    session.close()
    event = b'5:1+::{"name":"ftrack.event","args":[{"topic":"x"}]}'
    for message in (
        event,
        b'421["ftrack.event",{"topic":"x"}]',
        b"2::",
        b"2",
        b"3",
        b"0::",
        b"1",
        b"40",
        b"41",
    ):
        if not (protocol is SocketIO5 and b":" in message):
            try:
                assert session.receive(message, 1) == []
            except ProtocolError:
                assert protocol is SocketIO09, "v5 packets are no packets of 0.9"
    assert session.close() == session.outgoing() == session.tick(10**9) == b""
    assert session.due == float("inf")
    assert not session.dead(10**9)


@BOTH
def test_a_message_before_we_open_comes_out_of_turn(protocol: type[Session]) -> None:
    for message in (b"2", b"2::", b'5:1+::{"name":"ftrack.event","args":[{"topic":"x"}]}', b"40", b"1"):
        if (protocol is SocketIO09) == (b":" in message):
            with pytest.raises(ProtocolError, match=r"Out of turn|no packet"):
                protocol("name").receive(message, 0)


@BOTH
def test_opening_twice_comes_out_of_turn(protocol: type[Session]) -> None:
    with pytest.raises(ProtocolError):
        opened(protocol).open(1)


def test_0_9_greets_at_once_and_says_goodbye_in_its_own_words() -> None:
    session = SocketIO09("name")
    assert texts(session.open(0)) == ["1::"]
    assert session.state.speaks
    assert texts(session.close()) == ["0::"]


def test_0_9_tells_what_is_wrong_by_an_error_packet() -> None:
    session = opened(SocketIO09)
    assert texts(session.refuse("Binary: no.")) == ["7:::Binary: no."]
    assert texts(session.reject("Who?")) == ["7:::Who?"]
    assert session.state is State.CLOSED


def test_5_hands_out_its_name_and_its_heartbeat() -> None:
    ((greeting),) = texts(SocketIO5("name", 1000).open(0))
    assert greeting.startswith("0")
    assert strict(greeting[1:]) == {
        "sid": "name",
        "upgrades": [],
        "pingInterval": 8000,
        "pingTimeout": 20000,
        "maxPayload": 5096,
    }


@pytest.mark.parametrize(
    ("packet", "found"),
    [
        (b"40", Opened(None, None, stamped=False)),
        (b"40{}", Opened(None, None, stamped=False)),
        (b"40null", Opened(None, None, stamped=False)),
        (b"40/,{}", Opened(None, None, stamped=False)),
        (b'40{"user":"jane","key":"k","more":[1]}', Opened("jane", "k", stamped=False)),
        (b'40{"user":"jane","key":"k","stamped":true}', Opened("jane", "k", stamped=True)),
    ],
)
def test_a_v5_peer_says_who_it_is(packet: bytes, found: Opened) -> None:
    session = SocketIO5("name")
    session.open(0)
    assert session.receive(packet, 1) == [found]
    assert session.state.speaks
    assert texts(session.outgoing()) == ['40{"sid":"name"}']
    assert session.framing is (SOCKETIO5_STAMPED if found.stamped else SOCKETIO5)
    assert session.stamped == found.stamped


@pytest.mark.parametrize(
    "auth", [b"40{", b"40[]", b'40{"user":5}', b'40{"key":"' + b"k" * 2000 + b'"}', b'40"x"']
)
def test_credentials_that_are_none_are_no_packet(auth: bytes) -> None:
    session = SocketIO5("name")
    session.open(0)
    with pytest.raises(ProtocolError):
        session.receive(auth, 1)


def test_a_v5_peer_that_may_not_come_in_is_told_so_and_nothing_else() -> None:
    session = SocketIO5("name")
    session.open(0)
    session.receive(b"40{}", 1)
    assert texts(session.reject("No such user and key.")) == ['44{"message":"No such user and key."}']
    assert session.outgoing() == session.close() == b""
    assert session.state is State.CLOSED


def test_a_v5_peer_that_never_says_who_it_is_is_dead() -> None:
    session = SocketIO5("name")
    session.open(0)
    session.receive(b"3", 10)
    assert not session.dead(CONNECT_WITHIN - 1)
    assert session.due <= CONNECT_WITHIN
    assert session.dead(CONNECT_WITHIN)


def test_a_v5_session_does_not_speak_before_its_peer_is_in() -> None:
    session = SocketIO5("name")
    session.open(0)
    assert not session.state.speaks


def test_a_v5_peer_may_not_publish_before_it_is_in() -> None:
    session = SocketIO5("name")
    session.open(0)
    with pytest.raises(ProtocolError, match="Out of turn: peer publishes while connecting"):
        session.receive(b'42["ftrack.event",{"topic":"x"}]', 1)


def test_a_v5_peer_is_told_what_was_wrong_in_words_of_its_state() -> None:
    session = SocketIO5("name")
    assert session.refuse("no") == b""
    session.open(0)
    assert texts(session.refuse("no")) == ['44{"message":"no"}']
    session.receive(b"40", 1)
    assert texts(session.refuse("no")) == ['42["callboard.error",{"message":"no"}]']


def test_another_namespace_is_answered_by_an_error_there() -> None:
    session = opened(SocketIO5)
    assert session.receive(b"40/admin?x=1,{}", 1) == []
    assert texts(session.outgoing()) == ['44/admin,{"message":"There is one namespace here: /."}']


def test_a_probe_is_answered_with_what_it_held() -> None:
    session = opened(SocketIO5)
    assert session.receive(b"2probe", 1) == []
    assert texts(session.outgoing()) == ["3probe"]


def test_a_large_message_that_is_no_event_is_no_packet() -> None:
    with pytest.raises(ProtocolError, match="is no event: send less"):
        opened(SocketIO5).receive(b"3" + b"x" * 20_000, 1)


def test_v5_says_goodbye_by_silence() -> None:
    # Both socket.io-client and python-socketio take "41" for good, and come back from a bare close frame.
    assert opened(SocketIO5).close() == b""


@BOTH
@pytest.mark.parametrize("bye", [b"0::", b"41", b"1"])
def test_a_goodbye_is_heard_once(protocol: type[Session], bye: bytes) -> None:
    if (protocol is SocketIO09) == (bye == b"0::"):
        session = opened(protocol)
        assert session.receive(bye, 1) == [Left()]
        assert session.receive(bye, 1) == []


@pytest.mark.parametrize(
    ("ack", "success", "message"), list(product([0, 1, 7, 10**15 - 1], [True, False], ["", 'why\n"å"']))
)
def test_an_answer_holds_exactly_one_object(ack: int, success: bool, message: str) -> None:
    told = {"success": success} if success and not message else {"success": success, "message": message}
    (answer,) = texts(SocketIO09("name").acknowledge(ack, success, message))
    assert answer.startswith(f"6:::{ack}+[")
    assert strict(answer.partition("+")[2]) == [told]
    (answer,) = texts(SocketIO5("name").acknowledge(ack, success, message))
    assert answer.startswith(f"43{ack}[")
    assert strict(answer.removeprefix(f"43{ack}")) == [told]


def test_the_usual_answer_is_exactly_this() -> None:
    assert texts(SocketIO09("name").acknowledge(17, success=True)) == ['6:::17+[{"success":true}]']
    assert texts(SocketIO5("name").acknowledge(17, success=True)) == ['4317[{"success":true}]']


def test_a_plain_answer_is_plain_unless_it_is_a_refusal() -> None:
    session = opened(SocketIO09)
    (packet,) = session.receive(b'5:7::{"name":"ftrack.event","args":[{"topic":"x"}]}', 1)
    assert packet.ack is not None  # type: ignore[union-attr]
    assert texts(session.acknowledge(packet.ack, success=True)) == ["6:::7"]  # type: ignore[union-attr]
    assert texts(session.acknowledge(packet.ack, success=False, message="no")) == [  # type: ignore[union-attr]
        '6:::7+[{"success":false,"message":"no"}]'
    ]
