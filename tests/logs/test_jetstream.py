"""The log on JetStream: several nodes, a server that goes and comes back, one that refuses."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nats.aio.client import Client
from nats.js.api import DiscardPolicy, StreamConfig

from callboard.errors import BadConfig, StorageFailed
from callboard.event import Draft, Entry, Event, seal
from callboard.hub.tail import Tail
from callboard.logs import jetstream, open_log
from callboard.logs.jetstream import JetStreamLog, open_jetstream
from callboard.logs.subjects import Key, event_subject, quoted
from tests.logs.conftest import drafts, numbers, take, written
from tests.natsserver import NatsServer


@pytest.fixture
def own_nats(tmp_path: Path) -> Iterator[NatsServer]:
    """A server for one test, to kill and start again."""
    server = NatsServer(tmp_path / "nats")
    server.start()
    yield server
    server.stop()


class Nodes:
    """Opens nodes of one log, and closes them at the end."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.opened: list[JetStreamLog] = []

    async def open(self, *, patience: float = 10.0, tail: Tail | None = None) -> JetStreamLog:
        self.opened.append(await open_jetstream(self.address, patience=patience, tail=tail))
        return self.opened[-1]


@pytest.fixture
async def nodes(nats: NatsServer, request: pytest.FixtureRequest) -> AsyncIterator[Nodes]:
    nodes = Nodes(f"{nats.url}/{request.node.name}")
    yield nodes
    for node in nodes.opened:
        await node.close()


@pytest.fixture
async def own_nodes(own_nats: NatsServer) -> AsyncIterator[Nodes]:
    nodes = Nodes(own_nats.url)
    yield nodes
    for node in nodes.opened:
        await node.close()


async def client(nats: NatsServer) -> Client:
    connection = Client()
    await connection.connect(nats.url)
    return connection


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.01)


async def test_nodes_share_a_log_and_see_one_order(nodes: Nodes) -> None:
    first, second, third = await asyncio.gather(nodes.open(), nodes.open(), nodes.open())
    assert first.id == second.id == third.id
    appended = [log.append(drafts(1 + n % 3, start=n)) for n in range(100) for log in (first, second)]
    mine = {entry.position: entry for future in appended for entry in await future}
    count = len(mine)
    seen = [await take(log, 0, count) for log in (first, second, third)]
    for entries in seen:
        assert [(entry.position, entry.time, numbers([entry])) for entry in entries] == [
            (position, mine[position].time, numbers([mine[position]])) for position in sorted(mine)
        ]


async def test_nodes_count_and_hear_each_other(nodes: Nodes) -> None:
    first, second = await nodes.open(), await nodes.open()
    heard: list[tuple[str, bytes]] = []
    for name, log in (("first", first), ("second", second)):
        log.hear("asked", lambda body, name=name: heard.append((name, body)))  # type: ignore[misc]
    await until(lambda: first.nodes() == second.nodes() == 2)
    first.tell("asked", b"one")
    first.tell("asked", b"two")
    first.tell("other", b"nobody listens")
    await until(lambda: len(heard) == 2)
    assert heard == [("second", b"one"), ("second", b"two")]
    await second.close()
    await until(lambda: first.nodes() == 1)


async def test_nodes_share_cursors_and_the_furthest_wins(nodes: Nodes) -> None:
    first, second = await nodes.open(), await nodes.open()
    first.move("farm", 10)
    await written(first)
    assert (await second.cursors()) == {"farm": 10}
    second.move("farm", 30)
    first.move("farm", 20)
    await first.close()
    await second.close()
    third = await nodes.open()
    assert await third.cursors() == {"farm": 30}


async def test_a_node_far_behind_reads_the_stream_and_joins_its_head(nodes: Nodes) -> None:
    writer = await nodes.open()
    for n in range(0, 3000, 500):
        await writer.append(drafts(500, start=n))
    reader = await nodes.open(tail=Tail(max_entries=64))
    following = asyncio.create_task(take(reader, 0, 4000))
    for n in range(3000, 4000, 50):
        await writer.append(drafts(50, start=n))
    assert numbers(await following) == list(range(4000))


async def test_what_no_hub_wrote_is_no_entry(nodes: Nodes, nats: NatsServer) -> None:
    log = await nodes.open(tail=Tail(max_entries=1))
    connection = await client(nats)
    foreign = b'{"topic": "ftrack.update"}'
    await log.append(drafts(1))
    js = connection.jetstream()
    await js.publish(f"{log.stream}.events.ftrack.update", foreign)
    await js.publish(f"{log.stream}.events.x", foreign, headers={"Nats-Msg-Id": "mine"})
    await js.publish(f"{log.stream}.events.x", b"no event", headers={"Nats-Msg-Id": "node-1/jane"})
    await connection.close()
    await log.append(drafts(2, start=1))
    assert numbers(await take(log, 0, 3)) == [0, 1, 2]
    assert [entry.position for entry in await log.read(1)] == [5, 6]


async def test_a_repeated_event_id_is_another_entry(nodes: Nodes) -> None:
    log = await nodes.open()
    envelope = seal(Event(topic="test.same", id="always-the-same"))
    await log.append([Draft("jane", envelope), Draft("jane", envelope)])
    await log.append([Draft("joe", envelope)])
    assert await log.last() == 3


async def test_appends_wait_for_a_server_that_is_away_and_keep_their_order(
    own_nodes: Nodes, own_nats: NatsServer
) -> None:
    log, other = await own_nodes.open(), await own_nodes.open()
    await log.append(drafts(10))
    following = asyncio.create_task(take(other, 0, 1010))
    futures = [log.append(drafts(5, start=start)) for start in range(10, 510, 5)]
    await asyncio.sleep(0.005)
    own_nats.kill()
    futures += [log.append(drafts(5, start=start)) for start in range(510, 1010, 5)]
    own_nats.start()
    entries = [entry for future in futures for entry in await future]
    assert numbers(entries) == list(range(10, 1010))
    assert numbers(await following) == list(range(1010))
    assert await log.last() == 1010


async def test_a_follower_far_behind_outlives_a_server_that_goes_and_comes_back(
    own_nodes: Nodes, own_nats: NatsServer
) -> None:
    writer = await own_nodes.open()
    for n in range(0, 3000, 500):
        await writer.append(drafts(500, start=n))
    reader = await own_nodes.open(patience=1, tail=Tail(max_entries=64))
    found: list[Entry] = []
    async for batch in reader.follow(0):
        if not found:
            own_nats.kill()
            asyncio.get_running_loop().call_later(0.1, own_nats.start)
        found += batch
        if len(found) == 3000:
            break
    assert numbers(found) == list(range(3000))


async def test_an_entry_that_is_larger_than_a_read_may_be_is_read_alone(nodes: Nodes) -> None:
    writer = await nodes.open()
    await writer.append(drafts(3, size=300_000))
    reader = await nodes.open()
    assert numbers(await reader.read(0, 100, 1000)) == [0]
    assert numbers(await take(reader, 0, 3)) == [0, 1, 2]


async def test_a_server_that_comes_back_with_a_smaller_limit_refuses_what_is_too_large(
    own_nodes: Nodes, own_nats: NatsServer
) -> None:
    log = await own_nodes.open()
    own_nats.kill()
    own_nats.max_payload = 100_000
    own_nats.start()
    await until(lambda: log._connection.is_connected and log._connection.max_payload == 100_000)
    with pytest.raises(StorageFailed, match="of this size"):
        await log.append(drafts(1, size=200_000))
    assert numbers(await log.append(drafts(1))) == [0]


@pytest.mark.slow
async def test_every_append_survives_a_server_that_is_killed_again_and_again(
    own_nodes: Nodes, own_nats: NatsServer
) -> None:
    log, other = await own_nodes.open(), await own_nodes.open()
    following = asyncio.create_task(take(other, 0, 3000))
    futures = []
    for n in range(3000):
        futures.append(log.append(drafts(1, start=n)))
        if n % 600 == 300:
            own_nats.kill()
            own_nats.start()
        await asyncio.sleep(0.0005)
    for future in futures:
        await future
    assert numbers(await following) == list(range(3000))


async def test_a_server_that_stays_away_refuses_in_time_and_one_that_is_back_goes_on(
    own_nodes: Nodes, own_nats: NatsServer
) -> None:
    log = await own_nodes.open(patience=0.5)
    await log.append(drafts(1))
    own_nats.kill()
    with pytest.raises(StorageFailed, match="did not answer within"):
        await log.append(drafts(3, start=100))
    with pytest.raises(StorageFailed):
        await log.last()
    own_nats.start()
    await until(log._sender._online.is_set)
    assert numbers(await log.append(drafts(1, start=1))) == [1]
    assert 100 not in numbers(await log.read(0)) or await log.last() > 2


async def test_a_follower_goes_on_without_a_gap_when_its_consumer_is_gone(nodes: Nodes) -> None:
    log = await nodes.open()
    following = asyncio.create_task(take(log, 0, 300))
    for n in range(0, 300, 3):
        await log.append(drafts(3, start=n))
        if n == 150:
            for consumer in await log._js.consumers_info(log.stream):
                await log._js.delete_consumer(log.stream, consumer.name)
            log._feed.renew()
    assert numbers(await following) == list(range(300))


async def test_another_log_on_the_same_address_is_refused(own_nodes: Nodes, own_nats: NatsServer) -> None:
    log = await own_nodes.open(patience=1)
    await log.append(drafts(5))
    own_nats.kill()
    own_nats.folder = own_nats.folder.with_name("emptied")
    own_nats.start()
    await until(lambda: bool(log._trouble))
    with pytest.raises(StorageFailed, match="another log"):
        await log.append(drafts(1))


async def test_a_stream_that_is_full_says_so(nats: NatsServer) -> None:
    connection = await client(nats)
    await connection.jetstream().add_stream(
        StreamConfig(name="full", subjects=["full.events.>"], max_msgs=5, discard=DiscardPolicy.NEW)
    )
    await connection.close()
    log = await open_jetstream(f"{nats.url}/full", patience=1)
    assert len(await log.append(drafts(4))) == 4
    appends = [log.append(drafts(1, start=n)) for n in range(4, 7)]
    assert numbers(await appends[0]) == [4]
    with pytest.raises(StorageFailed, match="maximum messages"):
        await appends[2]
    with pytest.raises(StorageFailed, match="not acknowledged"):
        await appends[1]
    assert numbers(await log.read(0)) == [0, 1, 2, 3, 4]
    await log.close()


async def test_an_event_may_be_as_large_as_the_server_takes(nodes: Nodes) -> None:
    log = await nodes.open()
    (draft,) = drafts(1, publisher="ü" * 100, size=log.max_event - 150)
    assert log.max_event - 100 < len(draft.envelope.json) <= log.max_event
    await log.append([draft])
    with pytest.raises(StorageFailed, match="too long"):
        await log.append(drafts(1, publisher="x" * 1000))
    assert await log.last() == 1


async def test_a_server_without_jetstream_is_one_sentence(tmp_path: Path) -> None:
    server = NatsServer(tmp_path, jetstream=False)
    server.start()
    try:
        with pytest.raises(StorageFailed, match="nats-server -js"):
            await open_log(server.url)
    finally:
        server.stop()


def test_a_missing_extra_says_which() -> None:
    script = (
        "import asyncio, sys\nsys.modules['nats'] = None\nfrom callboard.logs import open_log\n"
        "asyncio.run(open_log('nats://127.0.0.1:1'))"
    )
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert "MissingExtra" in result.stderr
    assert "callboard[nats]" in result.stderr


@pytest.mark.parametrize("address", ["nats://127.0.0.1:1", "nats://nobody.invalid:4222/x"])
async def test_no_server_is_one_sentence(address: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jetstream, "CONNECT", 0.3)
    with pytest.raises(StorageFailed, match="nats-server -js") as refused:
        await open_log(address)
    assert "\n" not in str(refused.value)


async def test_a_wrong_password_is_one_sentence_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jetstream, "CONNECT", 3.0)
    server = NatsServer(tmp_path, settings='}\nauthorization { user: "hub", password: "secret"')
    server.start()
    try:
        with pytest.raises(StorageFailed, match=r"Authorization.*USER:PASSWORD") as refused:
            await open_log(server.url.replace("//", "//hub:wrong@"))
        assert "wrong" not in str(refused.value)
        log = await open_log(server.url.replace("//", "//hub:secret@"))
        assert await log.last() == 0
        await log.close()
    finally:
        server.stop()


@pytest.mark.parametrize(
    "address", ["nats://", "nats://host:1/a.b", "nats://host/a/b", "redis://host", "nats:///x"]
)
async def test_another_address_is_refused(address: str) -> None:
    with pytest.raises(BadConfig):
        await open_log(address)


async def test_an_address_that_leads_to_no_log_is_refused_without_its_login() -> None:
    with pytest.raises(BadConfig, match=r"^natz:// is no way to a log: write memory:"):
        await open_log("natz://jane:secret@farm:4222")


@given(st.text(max_size=300))
def test_a_subject_is_always_valid(topic: str) -> None:
    subject = event_subject("callboard", topic)
    assert len(subject) < 3000
    assert subject.isascii()
    assert all(part and not set(part) & set("*> \t\r\n\0") for part in subject.split("."))


@given(st.text("ab.%*> ü", max_size=12), st.text("ab.%*> ü", max_size=12))
def test_two_topics_never_share_a_subject(one: str, other: str) -> None:
    assert (event_subject("s", one) == event_subject("s", other)) == (one == other)


@given(st.text(max_size=50), st.integers(1, 10**12))
def test_a_key_gives_back_its_publisher(publisher: str, number: int) -> None:
    assert Key.of(f"abc-{number}/{quoted(publisher)}") == Key("abc", number, publisher)


@pytest.mark.parametrize("text", ["", "/", "abc", "abc-1", "abc-x/jane", "-/", "abc-²/jane"])
def test_what_is_no_key_is_none(text: str) -> None:
    assert Key.of(text) is None
