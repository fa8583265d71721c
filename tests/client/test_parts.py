"""The small parts: streams, the outbox, rounds."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.client import outbox as outbox_module
from callboard.client.history import told
from callboard.client.http import Message, Parser
from callboard.client.identity import Identity
from callboard.client.outbox import Outbox, Refused
from callboard.client.rounds import Round
from callboard.errors import Gone
from callboard.event import Event

STREAM = (
    b": beat\n\nretry: 2000\n\nid: log-1\ndata: {}\n\nevent: gap\r\nid: log-2\r\ndata: 1\r\ndata: 2\r\n\r\n"
    b"data\n\nevent: only\n\ndata:x\n\n"
)
MESSAGES = [
    Message("", "log-1", b"{}"),
    Message("gap", "log-2", b"1\n2"),
    Message("", "", b""),
    Message("", "", b"x"),
]


@given(st.lists(st.integers(0, len(STREAM)), max_size=10))
def test_a_stream_is_read_however_it_is_cut(cuts: list[int]) -> None:
    parser = Parser()
    ends = [0, *sorted(cuts), len(STREAM)]
    pieces = [STREAM[start:end] for start, end in pairwise(ends)]
    assert [message for piece in pieces for message in parser.feed(piece)] == MESSAGES


@given(st.lists(st.binary(), max_size=20))
def test_any_stream_is_read_without_an_error(chunks: list[bytes]) -> None:
    parser = Parser()
    for chunk in chunks:
        parser.feed(chunk)


def test_a_message_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("callboard.client.http.LONGEST", 100)
    with pytest.raises(Gone):
        Parser().feed(b"data: " + b"x" * 101)
    with pytest.raises(Gone):
        Parser().feed(b"data: x\n" * 200)


class Wire:
    """What was sent, and the means to answer it."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.answers: list[Callable[[bool, str], None]] = []

    def send(self, envelope: bytes, answer: Callable[[bool, str], None]) -> None:
        self.sent.append(envelope)
        self.answers.append(answer)


def future() -> asyncio.Future[str]:
    return asyncio.get_running_loop().create_future()


async def test_an_answer_is_the_outcome() -> None:
    outbox, wire, stored, refused = Outbox(), Wire(), future(), future()
    outbox.attach(wire.send)
    outbox.put(b"a", stored)
    outbox.put(b"b", refused)
    wire.answers[1](False, "no")
    wire.answers[0](True, "log-1")
    assert await stored == "log-1"
    with pytest.raises(Refused, match="no"):
        await refused
    assert len(outbox) == 0


async def test_what_was_not_answered_is_sent_again_in_order() -> None:
    outbox, first, second = Outbox(), Wire(), Wire()
    outbox.attach(first.send)
    for text in (b"a", b"b", b"c"):
        outbox.put(text, future())
    first.answers[1](True, "")
    outbox.detach()
    outbox.put(b"d", future())
    outbox.attach(second.send)
    assert first.sent == [b"a", b"b", b"c"]
    assert second.sent == [b"a", b"c", b"d"]


async def test_an_answer_to_somebody_who_no_longer_waits_is_fine() -> None:
    outbox, wire, done = Outbox(), Wire(), future()
    outbox.attach(wire.send)
    outbox.put(b"a", done)
    done.cancel()
    wire.answers[0](True, "log-1")
    assert await outbox.drained(1)


async def test_no_more_is_kept_than_fits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox_module, "MOST", 2)
    outbox = Outbox()
    for _ in range(2):
        outbox.put(b"a", future())
    full = future()
    outbox.put(b"a", full)
    with pytest.raises(Gone, match="await what publish returned"):
        await full


async def test_closing_fails_what_waits_and_what_comes() -> None:
    outbox, waiting, late = Outbox(), future(), future()
    outbox.put(b"a", waiting)
    assert not await outbox.drained(0.001)
    outbox.close(Gone("closed"))
    outbox.put(b"b", late)
    for each in (waiting, late):
        with pytest.raises(Gone, match="closed"):
            await each


async def test_a_round_goes_from_low_priorities_to_high_ones() -> None:
    event = Event("t")
    around = Round(event, [2, 1, 1])
    last = asyncio.create_task(around.turn(2))
    assert await around.turn(1)
    assert await around.turn(1)
    await asyncio.sleep(0)
    assert not last.done()
    around.done(1)
    await asyncio.sleep(0)
    assert not last.done()
    event.stop()
    around.done(1)
    assert await last is False


def test_a_gap_is_told_as_a_sentence() -> None:
    gap = {"after": "a-1", "before": "a-5", "missed": 3}
    assert told(gap) == "3 events between a-1 and a-5 are gone from the log."
    assert told({**gap, "missed": 1}).startswith("1 event between a-1 and a-5 is gone")
    assert told({**gap, "missed": None}).startswith("That position belongs to another log")


def test_who_shows_a_key_alone_says_no_user() -> None:
    assert "user" not in Identity("id", "", {}).event("t").source
    assert Identity("id", "jane", {}).event("t").source["user"] == {"username": "jane"}


def test_what_a_hooks_command_publishes_carries_the_hooks_trace(monkeypatch: pytest.MonkeyPatch) -> None:
    trace = {"correlation": "c", "cause": "e", "hops": 3}
    monkeypatch.setenv("CALLBOARD_HOOK_TRACE", json.dumps(trace))
    assert Identity("id", "jane", {}).event("shot.approved").source["trace"] == trace
    for broken in ("", "no JSON", "[1]"):
        monkeypatch.setenv("CALLBOARD_HOOK_TRACE", broken)
        assert "trace" not in Identity("id", "jane", {}).event("shot.approved").source
