"""Frames, read by somebody else's parser."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from wsproto.frame_protocol import Opcode

from callboard.event import Stamp
from callboard.wire import frames
from callboard.wire.framing import SOCKETIO09, SOCKETIO5, SOCKETIO5_STAMPED
from tests.wire.ends import frames_in, texts


@pytest.mark.parametrize("size", [0, 1, 125, 126, 127, 65535, 65536, 70000])
def test_a_text_of_any_size_arrives_whole(size: int) -> None:
    assert texts(frames.text(b"x" * size)) == ["x" * size]


@given(st.lists(st.text(st.characters(exclude_categories=["Cs"]))))
def test_texts_behind_each_other_arrive_one_by_one(sent: list[str]) -> None:
    assert texts(b"".join(frames.text(text.encode()) for text in sent)) == sent


@given(st.binary(max_size=125))
def test_a_ping_and_a_pong_carry_their_payload(payload: bytes) -> None:
    data = frames.ping(payload) + frames.pong(payload)
    assert frames_in(data) == [(Opcode.PING, payload), (Opcode.PONG, payload)]


def test_a_control_frame_over_its_limit_is_refused() -> None:
    with pytest.raises(ValueError, match="holds 125 bytes, not 126"):
        frames.ping(b"x" * 126)


@given(st.sampled_from([1000, 1001, 1011, 4000]), st.text(max_size=200))
def test_a_close_frame_carries_its_code_and_as_much_of_the_reason_as_fits(code: int, reason: str) -> None:
    ((opcode, (told, why)),) = frames_in(frames.close(code, reason))
    whole = reason.encode(errors="replace").decode()
    assert (opcode, told) == (Opcode.CLOSE, code)
    assert whole.startswith(why or "")
    assert (why or "") == whole or len((why or "").encode()) > 123 - 4


@given(st.integers(0, 70_000))
def test_an_event_is_framed_around_its_json(size: int) -> None:
    text = '"' + "å" * size + '"'
    stamp = Stamp("log-7", 1.5, "jane")
    stamped = '{"position":"log-7","time":1.5,"publisher":"jane"}'
    assert texts(SOCKETIO09.event(text.encode())) == ['5:::{"name":"ftrack.event","args":[' + text + "]}"]
    assert texts(SOCKETIO5.event(text.encode(), stamp)) == ['42["ftrack.event",' + text + "]"]
    assert texts(SOCKETIO5_STAMPED.event(text.encode(), stamp)) == [f'42["ftrack.event",{text},{stamped}]']
    assert texts(SOCKETIO5_STAMPED.event(text.encode())) == ['42["ftrack.event",' + text + "]"]


def test_framings_are_keys() -> None:
    assert len({SOCKETIO09, SOCKETIO5, SOCKETIO5_STAMPED}) == 3
