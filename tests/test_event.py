"""Events, and the envelopes that they travel in."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import BadEvent, EventTooBig
from callboard.event import (
    Document,
    Entry,
    Envelope,
    Event,
    Stamp,
    caused_by,
    decode_json,
    encode_json,
    open_envelope,
    seal,
)

LETTERS = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
NUMBERS = st.integers(-(10**30), 10**30) | st.floats(allow_nan=False, allow_infinity=False)
VALUES = st.recursive(
    st.none() | st.booleans() | NUMBERS | LETTERS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(LETTERS, inner, max_size=4),
    max_leaves=10,
)


def opened(**keys: Any) -> Envelope:
    return open_envelope(json.dumps({"topic": "x", **keys}).encode())


def refused(text: bytes) -> str:
    with pytest.raises(BadEvent) as caught:
        open_envelope(text)
    return str(caught.value)


@given(
    st.builds(
        Event,
        topic=LETTERS,
        data=VALUES,
        source=st.dictionaries(LETTERS, VALUES, max_size=3),
        target=LETTERS,
        id=LETTERS.filter(bool),
        in_reply_to_event=st.none() | LETTERS,
    )
)
def test_an_event_comes_out_of_its_envelope_as_it_went_in(event: Event) -> None:
    envelope = open_envelope(seal(event).json)
    assert envelope.event == event
    assert open_envelope(envelope.json).json == envelope.json


def test_an_envelope_has_exactly_the_known_keys() -> None:
    text = opened(more=1, in_reply_to_event="no", inReplyToEvent="yes").json
    assert list(json.loads(text)) == ["topic", "data", "source", "target", "id", "sent", "inReplyToEvent"]
    assert json.loads(text)["inReplyToEvent"] == "yes"


def test_what_nobody_asks_for_is_forwarded_as_it_was_written() -> None:
    text = (
        b'{"topic":"x","data":{ "n": 1.50, "e": 1e5, "u": "\\u00e5", "big": 123456789012345678901234567890 }}'
    )
    assert bytes(open_envelope(text).data) == text[20:-1]


@pytest.mark.parametrize("missing", [{}, {"id": None}, {"id": ""}])
def test_an_event_without_an_id_gets_one(missing: dict[str, Any]) -> None:
    first, second = opened(**missing).id, opened(**missing).id
    assert first
    assert second
    assert first != second
    assert len(first) == 32


def test_keys_left_out_have_their_usual_values() -> None:
    event = json.loads(open_envelope(b'{"topic":"x","id":"1"}').json)
    assert event == {
        "topic": "x",
        "data": {},
        "source": {},
        "target": "",
        "id": "1",
        "sent": None,
        "inReplyToEvent": None,
    }


@pytest.mark.parametrize("hostile", [None, 5, [], "x", {"id": None}, {"user": {"username": None}}])
def test_a_source_may_be_anything(hostile: Any) -> None:
    assert decode_json(opened(source=hostile).source) == hostile
    assert opened(source=hostile).event.source == (hostile if isinstance(hostile, dict) else {})


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"", "truncated"),
        (b"{}", "missing required field `topic`"),
        (b'{"topic":null}', "Expected `str`, got `null` - at `$.topic`"),
        (b'{"topic":"x","target":5}', "Expected `str | null`, got `int` - at `$.target`"),
        (b'{"topic":"x","id":5}', "at `$.id`"),
        (b'{"topic":"x","inReplyToEvent":[]}', "at `$.inReplyToEvent`"),
        (b"[]", "Expected `object`, got `array`"),
        (b'"x"', "Expected `object`, got `str`"),
        (b'{"topic":"x"}x', "trailing characters"),
        (b'{"topic":"x"},{"topic":"y"}', "trailing characters"),
        (b'{"topic":"x","data":}', "malformed"),
        (b'{"topic":"x","data":[1,]}', "trailing comma"),
        (b'{"topic":"x","data":"\n"}', "invalid character"),
        (b'{"topic":"x","data":"\\x"}', "invalid escape"),
        (b'{"topic":"x","data":01}', "invalid number"),
        (b'{"topic":"x","data":nan}', "malformed"),
        (b'{"topic":NaN}', "Expected `str`, got `null` - at `$.topic`"),
        (b'\xef\xbb\xbf{"topic":"x"}', "malformed"),
        ('{"topic":"x"}'.encode("utf-16-le"), "malformed"),
        (b'{"topic":"x","data":"\xff"}', "not UTF-8 at byte 21"),
        (b'{"topic":"x","more":"\xff"}', "not UTF-8 at byte 21"),
        (b'{"topic":"x","data":"\xed\xa0\x80"}', "not UTF-8 at byte 21"),
        (b'{"topic":"x","data":' + b"[" * 200 + b"]" * 200 + b"}", "nested deeper than 100 levels"),
        (b'{"topic":"x","data":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper than 100 levels"),
        (
            b'{"topic":"x","more":' + b'{"a":' * 200 + b"1" + b"}" * 200 + b"}",
            "nested deeper than 100 levels",
        ),
        (b'{"topic":"x","data":' + b"[" * 200 + b"NaN" + b"]" * 200 + b"}", "nested deeper than 100 levels"),
        (b'{"topic":"x","data":{"' + b"k" * 1_000_000 + b'":1}}', "a key of more than 65536 bytes"),
        (b'{"topic":"x","data":' + b"9" * 5000 + b"}", "a number of more than 4300 digits"),
    ],
)
def test_what_is_no_event_is_refused_with_the_reason(text: bytes, reason: str) -> None:
    assert reason in refused(text)


def test_an_event_over_the_limit_is_refused_with_the_limit_named() -> None:
    text = b'{"topic":"x"}'
    assert open_envelope(text, len(text)).topic == "x"
    with pytest.raises(EventTooBig, match="13 bytes; this hub takes at most 12"):
        open_envelope(text, len(text) - 1)


def test_an_event_that_mending_makes_too_large_is_refused() -> None:
    text = b'{"topic":"x","data":[' + b"NaN," * 20 + b"NaN]}"
    with pytest.raises(EventTooBig):
        open_envelope(text, len(text))


@pytest.mark.parametrize(
    ("written", "forwarded"),
    [
        (b"NaN", None),
        (b"[Infinity,-Infinity,1.5]", [None, None, 1.5]),
        (b'"\\ud800"', "\ufffd"),
        (b'"\\udc00\\ud800"', "\ufffd\ufffd"),
        (b'{"\\udfffx":"NaN"}', {"\ufffdx": "NaN"}),
        (b'"\\ud83d\\ude00"', "\U0001f600"),
        (b'"\\\\ud800"', "\\ud800"),
        (b'"\\u0000"', "\0"),
    ],
)
def test_what_clients_can_not_read_is_mended(written: bytes, forwarded: Any) -> None:
    envelope = open_envelope(b'{"topic":"x","data":' + written + b"}")
    assert json.loads(envelope.json.decode())["data"] == forwarded


def test_of_two_keys_of_one_name_the_last_counts() -> None:
    assert open_envelope(b'{"topic":"x","topic":"y","data":1,"data":2}').event.topic == "y"


def test_a_number_beyond_a_double_can_still_be_read() -> None:
    assert opened().event.data == {}
    assert open_envelope(b'{"topic":"x","data":1e999}').event.data == float("inf")


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (float("nan"), b"null"),
        ([float("inf")], b"[null]"),
        ({"name": "a\udce4.gcode"}, '{"name":"a\ufffd.gcode"}'.encode()),
        (("å", None), '["å",null]'.encode()),
    ],
)
def test_values_are_written_as_strict_json(value: Any, text: bytes) -> None:
    assert encode_json(value) == text


def test_values_that_json_can_not_say_are_refused() -> None:
    endless: list[Any] = []
    endless.append(endless)
    for value in (object(), endless, 10**5000, {"a\udce4": object()}):
        with pytest.raises(BadEvent, match="can't be sent as JSON"):
            encode_json(value)


def test_an_event_can_be_stopped() -> None:
    event = Event("x")
    assert not event.stopped
    event.stop()
    assert event.stopped


def test_a_delivered_event_says_where_it_stands() -> None:
    stamp = Stamp("log-1", 1.5, "jane")
    assert opened().opened(stamp).entry == stamp


def test_expressions_see_an_event_and_its_entry() -> None:
    envelope = opened(data={"n": 1}, source={"id": "s"}, inReplyToEvent="e", target="id=t")
    document = Entry(7, 1.5, "jane", envelope).document
    assert document["entry"] == {"position": 7, "time": 1.5, "publisher": "jane"}
    assert document["data"] == {"n": 1}
    assert document["source"] == {"id": "s"}
    assert document["inReplyToEvent"] == document["in_reply_to_event"] == "e"
    assert (document["topic"], document["target"], document["sent"]) == ("x", "id=t", None)
    with pytest.raises(KeyError):
        document["more"]
    with pytest.raises(KeyError):
        Document(envelope)["entry"]


def test_a_trace_joins_what_led_to_what() -> None:
    first = Event("x", id="1")
    second = Event("y", id="2", source={"trace": caused_by(first)})
    assert caused_by(second) == {"correlation": "1", "cause": "2", "hops": 2}
    assert caused_by(Event("z", id="3", source={"trace": "?"})) == {
        "correlation": "3",
        "cause": "3",
        "hops": 1,
    }
