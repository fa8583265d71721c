"""Placeholders: lookups in the event alone, and nothing else."""

from __future__ import annotations

import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.event import Event, Stamp
from callboard.hooks.template import BadTemplate, Placeholder, Refused, Values, parse, placeholders

JOB = {"file": "cube.gcode", "path": "parts/cube.gcode", "origin": "local", "progress": 41.6, "z": 0.3}


def printed(data: Any = None, **source: Any) -> Event:
    return Event(
        "octoprint.PrintDone", data or {}, source, id="e1", entry=Stamp("log-7", 1_500_000_000.25, "mk3")
    )


def fill(text: str, event: Event) -> str:
    return Values(event).fill(parse(text))


@pytest.mark.parametrize(
    ("text", "known", "unknown"),
    [
        ("{__currentZ}", "0.3", "-1"),
        ("{__filename}", "cube.gcode", "NO FILE"),
        ("{__filepath}", "parts/cube.gcode", "NO PATH"),
        ("{__fileorigin}", "local", "NO FILE"),
        ("{__progress}", "42", "0"),
        ("{__eventname}", "PrintDone", "PrintDone"),
        ("{__data}", "{'time': 2.5}", "None"),
        ("{__json}", '{"time":2.5}', "{}"),
    ],
)
def test_a_general_placeholder_has_the_seeds_word_for_unknown(text: str, known: str, unknown: str) -> None:
    assert fill(text, printed({"time": 2.5}, job=JOB)) == known
    assert fill(text, printed()) == unknown


def test_now_is_the_time_of_the_event_in_iso_8601() -> None:
    local = time.strftime("%Y-%m-%dT%H:%M:%S", time.localtime(1_500_000_000))
    assert fill("{__now}", printed()) == f"{local}.250000"


@pytest.mark.parametrize(
    ("text", "filled"),
    [
        ("{file} {time} {ok} {nothing}", "a.gcode 600.0 True None"),
        ("{data.entities.0.entityId}", "e-1"),
        ("{entities.1.name}", "second"),
        ("{source.user.username}", "jane"),
        ("{entry.publisher} {entry.position} {topic} {id}", "mk3 log-7 octoprint.PrintDone e1"),
        ("{a.b}|{a-b}", "literal|dash"),
        ("{position}", '{"x":1}'),
        ("awk '{{print $1}}' {{file}}", "awk '{print $1}' {file}"),
    ],
)
def test_a_payload_key_or_a_dotted_path_is_looked_up(text: str, filled: str) -> None:
    data = {
        "file": "a.gcode",
        "time": 600.0,
        "ok": True,
        "nothing": None,
        "entities": [{"entityId": "e-1"}, {"name": "second"}],
        "a.b": "literal",
        "a-b": "dash",
        "position": {"x": 1},
    }
    assert fill(text, printed(data, user={"username": "jane"})) == filled


@pytest.mark.parametrize(
    "text",
    ["{time:.1f}", "{x!r}", "{position[x]}", "{}", "{ file }", "{", "}", "a } b", "{a{b}}", "{x.}", "{.x}"],
)
def test_what_is_no_lookup_is_refused_when_it_is_read(text: str) -> None:
    with pytest.raises(BadTemplate):
        parse(text)


@pytest.mark.parametrize(
    "text", ["{missing}", "{file.__class__}", "{entities.9}", "{entities.x}", "{__class__}"]
)
def test_what_the_event_does_not_have_refuses_the_run_and_names_the_placeholder(text: str) -> None:
    with pytest.raises(Refused, match=text.strip("{}")):
        fill(text, printed({"file": "x", "entities": []}))


@given(st.text())
def test_reading_ends_with_a_template_or_a_reason(text: str) -> None:
    try:
        parts = parse(text)
    except BadTemplate:
        return
    rebuilt = "".join(
        str(part) if isinstance(part, Placeholder) else part.replace("{", "{{").replace("}", "}}")
        for part in parts
    )
    assert rebuilt == text


@given(st.text())
def test_a_doubled_brace_is_literal_text(text: str) -> None:
    parts = parse(text.replace("{", "{{").replace("}", "}}"))
    assert not placeholders(parts)
    assert "".join(map(str, parts)) == text


@given(st.text(), st.text())
def test_a_value_is_never_read_again(value: str, other: str) -> None:
    event = printed({"a": value, "b": other})
    assert fill("<{a}|{b}>", event) == f"<{value}|{other}>"
