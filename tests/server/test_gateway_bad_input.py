"""What a peer may do wrong, row by row: it is told, and nobody else notices."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from callboard.board import Board
from tests.server.raw import BINARY, CLOSE, PING, Raw, admin, masked, serving_here

LIMIT = 1 << 20


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    async with serving_here(tmp_path, max_event=LIMIT) as board:
        yield board


@pytest.fixture
async def neighbour(board: Board) -> AsyncIterator[Raw]:
    """Somebody else, who must notice nothing."""
    client = await Raw.to(board)
    await client.subscribe("topic=still.*", "neighbour")
    yield client
    await client.publish("still.here")
    await client.until(lambda: client.heard)
    assert not client.goodbye
    client.abort()


def event(**values: object) -> bytes:
    packet = {"name": "ftrack.event", "args": [{"topic": "t", "source": {"id": "x"}, **values}]}
    return b"5:1+::" + json.dumps(packet).encode()


NONSENSE = {
    "no packet": masked(b"hello world"),
    "an unknown code": masked(b"9::"),
    "empty": masked(b""),
    "binary": masked(b"\x00\x01", BINARY),
    "not UTF-8": masked(b'5:1+::{"name":"ftrack.event","args":[{"topic":"\xff\xfe"}]}'),
    "binary in fragments": masked(b"\x00", BINARY, fin=False) + masked(b"\x01", 0),
    "a continuation of nothing": masked(b"5:::", 0),
    "a text inside of another": masked(b"5::", fin=False) + masked(b"2::"),
    "an unknown opcode": masked(b"", 3),
    "a frame that is not masked": b"\x81\x022:",
    "a ping in fragments": masked(b"", PING, fin=False),
    "a close frame of one byte": masked(b"\x03", CLOSE),
    "a close frame with a code that nobody may send": masked((1005).to_bytes(2, "big"), CLOSE),
    "a frame over all limits": masked(b"5:1+::", claims=1 << 40),
    "a frame of impossible size": masked(b"5:1+::", claims=(1 << 63) + 1),
    "a frame that is over the limit, all of it": masked(b"5:1+::" + b"x" * (6 * LIMIT)),
    "fragments without an end": masked(b"5", fin=False) + masked(b"x" * 1000, 0, fin=False) * 5000,
    "too many fragments": masked(b"5", fin=False) + masked(b"", 0, fin=False) * 10_001,
}


@pytest.mark.parametrize("name", NONSENSE)
async def test_nonsense_is_told_and_goodbye_comes_before_the_close_frame(
    board: Board, neighbour: Raw, name: str
) -> None:
    client = await Raw.to(board)
    client.writer.write(NONSENSE[name])
    await client.until_closed()
    assert client.goodbye
    assert any(text.startswith("7:::") and len(text) > 20 for text in client.told)


REFUSED = {
    "an event over the limit": (event(data="x" * LIMIT), str(LIMIT)),
    "an event three times over the limit": (event(data="x" * 3 * LIMIT), str(LIMIT)),
    "nothing": (b"5:1+::", "no event packet"),
    "a list": (b'5:1+::{"name":"ftrack.event","args":[[]]}', "event"),
    "no event": (b'5:1+::{"name":"ftrack.event","args":[]}', "one event"),
    "two events": (b'5:1+::{"name":"ftrack.event","args":[{"topic":"a"},{"topic":"b"}]}', "one event"),
    "no topic": (b'5:1+::{"name":"ftrack.event","args":[{"data":1}]}', "topic"),
    "a topic that is a number": (b'5:1+::{"name":"ftrack.event","args":[{"topic":7}]}', "topic"),
    "no JSON": (b"5:1+::{", "no event packet"),
    "a target that does not parse": (event(target="(((("), "^"),
    "an expression that does not parse": (
        event(topic="ftrack.meta.subscribe", data={"subscription": "topic==a", "subscriber": {"id": "s"}}),
        "^",
    ),
    "a subscription that is no text": (
        event(topic="ftrack.meta.subscribe", data={"subscription": 7}),
        "subscription",
    ),
    "a subscriber that is no object": (
        event(topic="ftrack.meta.subscribe", data={"subscription": "", "subscriber": 7}),
        "subscriber",
    ),
    "a subscriber that says too much": (
        event(topic="ftrack.meta.subscribe", data={"subscription": "", "subscriber": {"x": "y" * 200_000}}),
        "131072",
    ),
    "a subscriber with an endless id": (
        event(topic="ftrack.meta.subscribe", data={"subscription": "", "subscriber": {"id": "y" * 2000}}),
        "1024",
    ),
    "an unsubscribe that names nothing": (event(topic="ftrack.meta.unsubscribe", data=[]), "unsubscribe"),
    "an event of the clients' own": (event(topic="ftrack.meta.connected"), "ftrack.meta.connected"),
    "200 levels": (
        b'5:1+::{"name":"ftrack.event","args":[{"topic":"t","data":%b}]}' % (b"[" * 200 + b"]" * 200),
        "deep",
    ),
    "a key of a megabyte": (event(data={"k" * 900_000: 1}), "key"),
}


@pytest.mark.parametrize("name", REFUSED)
async def test_what_is_no_event_is_refused_by_its_answer_and_the_connection_stays(
    board: Board, neighbour: Raw, name: str
) -> None:
    message, reason = REFUSED[name]
    client = await Raw.to(board)
    client.frame(message)
    await client.until(lambda: 1 in client.answers)
    assert client.answers[1]["success"] is False
    assert reason in client.answers[1]["message"]
    client.answers.clear()
    client.frame(event())
    await client.until(lambda: 1 in client.answers)
    assert client.answers[1] == {"success": True}
    client.abort()


async def test_what_is_unclean_is_cleaned_before_it_is_forwarded(board: Board, neighbour: Raw) -> None:
    client = await Raw.to(board)
    await client.subscribe("topic=unclean")
    client.frame(
        b'5:9+::{"name":"ftrack.event","args":[{"topic":"unclean","data":[NaN,-Infinity,"\\ud800"],'
        b'"source":null,"surprise":1}]}'
    )
    await client.until(lambda: client.heard)
    heard = client.heard[0]
    assert heard["data"] == [None, None, "\ufffd"]
    assert heard["source"]["id"]
    assert heard["id"]
    assert set(heard) <= {"topic", "data", "source", "target", "id", "sent", "inReplyToEvent"}
    client.abort()


@pytest.mark.parametrize("pieces", [2, 3, 9000])
async def test_a_message_in_fragments_is_one_message(board: Board, pieces: int) -> None:
    client = await Raw.to(board)
    await client.subscribe("topic=t")
    message = event(data="ä" * 20_000)
    size = -(-len(message) // pieces)
    parts = [message[start : start + size] for start in range(0, len(message), size)]
    parts += [b""] * (pieces - len(parts))
    for number, part in enumerate(parts):
        client.frame(part, 1 if number == 0 else 0, fin=number == pieces - 1)
        if number == 1:
            client.frame(b"between", PING)  # control frames may stand between fragments (RFC 6455, 5.4)
    await client.until(lambda: client.heard)
    assert client.heard[0]["data"] == "ä" * 20_000
    client.abort()


async def test_large_messages_one_after_the_other_lose_no_byte(board: Board) -> None:
    """Behind a large message the socket gets a fresh reader: nothing may fall between the two."""
    client = await Raw.to(board)
    await client.subscribe("topic=large")
    for number in range(40):
        client.send("large", {"n": number, "pad": "p" * (200_000 if number % 3 else 10)})
        if number % 5 == 0:
            await client.ask("large.sync")
    await client.until(lambda: len(client.heard) == 40)
    assert [data["n"] for data in client.numbers] == list(range(40))
    client.abort()


def _let_in(client: Raw) -> bool:
    return any(text.startswith("40") for text in client.told)


async def test_a_v5_peer_that_talks_nonsense_is_told_too(board: Board, neighbour: Raw) -> None:
    user, key = admin(board)
    for nonsense in [b"hello", b""]:
        client, status = await Raw.upgrade(
            board.url, "/socket.io/?EIO=4&transport=websocket", ftrack_user=user, ftrack_api_key=key
        )
        assert status == 101
        client.goodbye = True  # Socket.IO 5 knows no goodbye: a close frame brings its clients back
        client.text("40")
        await client.until(partial(_let_in, client))
        client.frame(nonsense)
        await client.until_closed()
        assert any("callboard.error" in text for text in client.told)


async def test_a_peer_that_goes_in_the_middle_of_a_frame_leaves_nothing_behind(
    board: Board, neighbour: Raw
) -> None:
    client = await Raw.to(board)
    client.writer.write(masked(b"5:1+::", claims=500_000))
    await client.writer.drain()
    client.abort()
    await neighbour.subscribe("topic=octoprint.ClientClosed", "watch")
    other = await Raw.to(board)
    other.abort()
    await neighbour.until(lambda: any(e["topic"] == "octoprint.ClientClosed" for e in neighbour.heard))
    neighbour.heard.clear()
