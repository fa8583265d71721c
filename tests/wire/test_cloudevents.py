"""CloudEvents, both ways."""

from __future__ import annotations

import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import BadEvent
from callboard.event import Event, Stamp, open_envelope, seal
from callboard.wire import cloudevents

MINIMAL = {"specversion": "1.0", "type": "a.b", "source": "/s", "id": "1"}
STAMP = Stamp("log-7", 0.0, "ann")
TIME = "2026-11-21T00:00:00Z"


def event_of(document: Any) -> dict[str, Any]:
    read: dict[str, Any] = json.loads(cloudevents.read(json.dumps(document).encode()))
    open_envelope(json.dumps(read).encode())
    return read


def cloud_of(event: Event) -> dict[str, Any]:
    written: dict[str, Any] = json.loads(cloudevents.write(seal(event), STAMP, TIME))
    return written


def test_the_least_cloudevent_is_an_event() -> None:
    assert event_of(MINIMAL) == {
        "topic": "a.b",
        "id": "1",
        "source": {"id": "/s"},
        "data": {},
        "target": "",
        "inReplyToEvent": None,
    }


@pytest.mark.parametrize(
    ("attributes", "path", "value"),
    [
        ({"data": [1, {"x": None}]}, ["data"], [1, {"x": None}]),
        ({"data": None}, ["data"], None),
        ({"data_base64": "aGk="}, ["data"], {"base64": "aGk="}),
        ({"target": "id=x"}, ["target"], "id=x"),
        ({"inreplyto": "7"}, ["inReplyToEvent"], "7"),
        ({"user": "ann"}, ["source", "user"], {"username": "ann"}),
        ({"subject": "sh010"}, ["source", "cloudevent", "subject"], "sh010"),
        ({"time": TIME}, ["source", "cloudevent", "time"], TIME),
        ({"mine": 5}, ["source", "cloudevent", "mine"], 5),
    ],
)
def test_each_attribute_has_its_place(attributes: dict[str, Any], path: list[str], value: Any) -> None:
    found: Any = event_of({**MINIMAL, **attributes})
    for key in path:
        found = found[key]
    assert found == value


@pytest.mark.parametrize("name", ["position", "publisher"])
def test_what_another_hub_stamped_is_not_believed(name: str) -> None:
    assert event_of({**MINIMAL, name: "x"}) == event_of(MINIMAL)


@pytest.mark.parametrize("kind", ["application/json", "application/vnd.x+json; charset=utf-8"])
def test_binary_json_is_data_as_it_is(kind: str) -> None:
    headers = [("Content-Type", kind), *((f"CE-{name}", value) for name, value in MINIMAL.items())]
    event = json.loads(cloudevents.read_binary(headers, b'{"a": 1}'))
    assert (event["topic"], event["data"]) == ("a.b", {"a": 1})


@pytest.mark.parametrize(("body", "data"), [(b"hello", "hello"), (b"\xff", {"base64": "/w=="}), (b"", {})])
def test_binary_that_is_no_json_is_text_or_base64(body: bytes, data: Any) -> None:
    headers = [("content-type", "text/plain"), *((f"ce-{name}", value) for name, value in MINIMAL.items())]
    assert json.loads(cloudevents.read_binary(headers, body))["data"] == data


@pytest.mark.parametrize("missing", ["specversion", "type", "source", "id"])
def test_what_must_be_there_must_be_text(missing: str) -> None:
    for value in (None, "", 5, True):
        with pytest.raises(BadEvent, match=missing):
            event_of({**MINIMAL, missing: value})


@pytest.mark.parametrize("name", ["Upper", "under_score", "", "ä", "a" * 65])
def test_names_that_cloudevents_forbid_are_refused(name: str) -> None:
    with pytest.raises(BadEvent, match="no attribute"):
        event_of({**MINIMAL, name: "x"})


def test_an_event_is_written_with_what_the_log_knows() -> None:
    event = Event("a.b", {"n": 1}, {"id": "hub 1", "user": {"username": "ann"}}, "id=x", "7", "6")
    assert cloud_of(event) == {
        "specversion": "1.0",
        "type": "a.b",
        "id": "7",
        "source": "hub%201",
        "user": "ann",
        "target": "id=x",
        "inreplyto": "6",
        "time": TIME,
        "position": "log-7",
        "publisher": "ann",
        "data": {"n": 1},
    }


def test_what_came_as_a_cloudevent_leaves_as_the_same_cloudevent() -> None:
    came = {**MINIMAL, "subject": "s", "time": "2001-01-01T00:00:00Z", "mine": 5, "data": [1], "user": "u"}
    written = cloudevents.write(open_envelope(cloudevents.read(json.dumps(came).encode())), STAMP, TIME)
    assert json.loads(written) == {**came, "position": "log-7", "publisher": "ann"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53), 2**53)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab", max_size=2), inner, max_size=3),
    max_leaves=8,
)


@given(st.binary(max_size=200) | JSON.map(lambda value: json.dumps(value).encode()))
def test_reading_is_total(text: bytes) -> None:
    with contextlib.suppress(BadEvent):
        open_envelope(cloudevents.read(text))


@given(JSON, JSON)
def test_whatever_an_event_holds_it_can_be_written_and_read(data: Any, source: Any) -> None:
    event = seal(Event("a", data, {"id": "x", "cloudevent": source, "user": source}))
    read = json.loads(cloudevents.read(cloudevents.write(event, STAMP, TIME)))
    assert read["data"] == data
    assert read["source"]["id"] == "x"
