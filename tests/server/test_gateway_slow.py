"""Who reads slowly, never, or only talks: the hub's memory is bounded, the others notice nothing."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from callboard.board import Board
from callboard.hub.principal import Principal
from callboard.server.gateway import Gateway
from tests.server.raw import Raw, hang_up, masked, serving_here
from tests.serving import Server

MIB = 1 << 20
PAD = "p" * 10_000


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    async with serving_here(tmp_path) as board:
        yield board


@pytest.fixture
async def desk(board: Board) -> Raw:
    """Somebody who publishes."""
    return await Raw.to(board)


@pytest.fixture(autouse=True)
async def leaving() -> AsyncIterator[None]:
    """Nobody stays when a test is over."""
    yield
    hang_up()


def resident(server: Server) -> int:
    assert server.process
    text = Path(f"/proc/{server.process.pid}/status").read_text()
    return int(text.partition("VmRSS:")[2].split()[0]) * 1024


async def fill(desk: Raw, topic: str, numbers: range) -> None:
    """Publish events of 10 KB, a hundred at a time, and wait until all are stored."""
    for start in range(numbers.start, numbers.stop, 100):
        hundred = range(start, min(start + 100, numbers.stop))
        last = [desk.send(topic, {"n": number, "pad": PAD}) for number in hundred][-1]
        await desk.until(lambda last=last: last in desk.answers)  # type: ignore[misc]
        desk.answers.clear()


def heard(client: Raw) -> list[int]:
    return [event["data"]["n"] for event in client.heard if "n" in event["data"]]


@pytest.mark.slow
async def test_a_client_that_never_reads_costs_little_and_misses_nothing(own_server: Server) -> None:
    who = (own_server.user, own_server.key)
    desk, quick = await Raw.to(own_server.url, who), await Raw.to(own_server.url, who)
    await quick.subscribe("topic=flood")
    await fill(desk, "flood", range(3000))  # the ring of newest events and the buffers are full
    await quick.until(lambda: len(quick.heard) == 3000)
    before = resident(own_server)
    stalled = await Raw.to(own_server.url, who, small=True)
    await stalled.subscribe("topic=flood")
    await fill(desk, "flood", range(3000, 6000))
    await quick.until(lambda: len(quick.heard) == 6000)
    assert resident(own_server) - before < 8 * MIB
    await stalled.until(lambda: len(stalled.heard) == 3000, 60)
    await fill(desk, "flood", range(6000, 6100))
    await stalled.until(lambda: len(stalled.heard) == 3100)
    assert heard(stalled) == list(range(3000, 6100))
    for client in (desk, quick, stalled):
        client.abort()


async def test_what_was_pruned_while_a_client_was_stalled_is_a_gap_in_its_place(
    board: Board, desk: Raw
) -> None:
    stalled = await Raw.to(board, small=True)
    await stalled.subscribe("topic=flood")
    await fill(desk, "flood", range(2000))
    async with asyncio.timeout(10):
        while not board.hub.router.behind:
            await asyncio.sleep(0.01)
    kept, _ = await board.hub.history(Principal("anybody"), "topic=flood and data.n>=1990", 0, 1)
    await board.hub.log.prune(kept[0].position)
    await stalled.until(lambda: heard(stalled)[-1:] == [1999])
    topics = [event["topic"] for event in stalled.heard]
    gap = topics.index("callboard.meta.gap")
    numbers = heard(stalled)
    assert topics.count("callboard.meta.gap") == 1
    assert numbers == [*range(gap), *range(1990, 2000)]
    assert stalled.heard[gap]["data"]["missed"] == 1990 - gap


@pytest.mark.slow
async def test_a_client_that_floods_and_reads_no_answers_is_read_no_more(own_server: Server) -> None:
    who = (own_server.user, own_server.key)
    flood, other = await Raw.to(own_server.url, who, small=True), await Raw.to(own_server.url, who)
    before = resident(own_server)
    packet = b'5:%d+::{"name":"ftrack.event","args":[{"topic":"f","source":{"id":"x"}}]}'
    sent = 0
    stuck = False
    while not stuck:
        flood.writer.write(b"".join(masked(packet % number) for number in range(sent, sent + 1000)))
        sent += 1000
        try:
            await asyncio.wait_for(flood.writer.drain(), 5)
        except TimeoutError:
            stuck = True
        assert sent < 3_000_000, "it was never held"
    for number in range(20):
        await other.publish("calm", number)
    assert resident(own_server) - before < 32 * MIB  # most of it the ring of the newest events
    await flood.until(lambda: len(flood.answers) == sent, 100)  # once it reads, it is read
    assert list(flood.answers) == list(range(sent))
    assert all(answer["success"] for answer in flood.answers.values())
    flood.abort()
    other.abort()


async def test_a_flood_of_events_is_taken_in_no_faster_than_it_is_stored(board: Board) -> None:
    """Each connection has a bound of bytes that wait for the disk."""
    flood = await Raw.to(board)
    hub = board.hub
    most = 0
    for number in range(40):
        flood.send("flood", {"n": number, "pad": "p" * MIB})
        await flood.writer.drain()
        most = max(most, hub.in_flight)
    await flood.until(lambda: len(flood.answers) == 40)
    assert most <= 2 * MIB
    assert hub.in_flight == 0


async def test_an_event_does_not_wait_behind_all_of_somebody_elses_flood(own_server: Server) -> None:
    who = (own_server.user, own_server.key)
    flood, other = await Raw.to(own_server.url, who), await Raw.to(own_server.url, who)
    await other.subscribe("topic=f or topic=calm")
    packet = masked(b'5:::{"name":"ftrack.event","args":[{"topic":"f","data":{"n":0},"source":{"id":"x"}}]}')
    flood.writer.write(packet * 50_000)
    other.send("calm", {"n": 0})
    await other.until(lambda: any(event["topic"] == "calm" for event in other.heard), 60)
    before = [event["topic"] for event in other.heard].index("calm")
    assert before < 10_000, "the log's order is the order in which the hub let them in"
    flood.abort()
    other.abort()


@pytest.mark.slow
async def test_ten_thousand_handshakes_that_go_nowhere_leave_a_bounded_trace(board: Board, desk: Raw) -> None:
    user, key = "admin", (board.data / "admin.key").read_text().strip()
    host, port = board.url.removeprefix("http://").split(":")
    request = f"GET /socket.io/1/ HTTP/1.1\r\nHost: x\r\nftrack-user: {user}\r\nftrack-api-key: {key}\r\n\r\n"

    async def shake(times: int) -> None:
        reader, writer = await asyncio.open_connection(host, int(port))
        for _ in range(times):
            writer.write(request.encode())
            head = await reader.readuntil(b"\r\n\r\n")
            await reader.readexactly(int(head.lower().partition(b"content-length:")[2].split()[0]))
        writer.close()
        await writer.wait_closed()

    shaking = [asyncio.ensure_future(shake(1000)) for _ in range(10)]
    for number in itertools.count():
        await desk.publish("calm", number)
        if all(task.done() for task in shaking):
            break
    await asyncio.gather(*shaking)


async def test_sockets_that_come_and_go_leave_nothing(board: Board, desk: Raw) -> None:
    await desk.subscribe("topic=octoprint.Client*", "watch")
    before = len(board.hub.router.targets)
    for _ in range(5):
        clients = await asyncio.gather(*(Raw.to(board) for _ in range(40)))
        await asyncio.gather(*(client.subscribe("topic=x", f"s{n}") for n, client in enumerate(clients)))
        for client in clients:
            client.abort()
    await desk.until(lambda: [e["topic"] for e in desk.heard].count("octoprint.ClientClosed") == 200)
    assert len(board.gateways.open) == 1
    assert len(board.hub.router.targets) == before
    assert len(board.hub.durables) == 0


# Silence


def only(board: Board) -> Gateway:
    (gateway,) = board.gateways.open
    return gateway


async def test_a_peer_that_answers_no_heartbeat_is_dropped_within_thirty_seconds(board: Board) -> None:
    client = await Raw.to(board)
    gateway, now = only(board), time.monotonic()
    for second in range(1, 31):
        gateway.tick(now + second)
    await client.until_closed()
    assert not client.goodbye  # dropped, without a word: that brings the official clients back


async def test_a_peer_that_answers_stays(board: Board) -> None:
    client = await Raw.to(board)
    gateway, now = only(board), time.monotonic()
    for second in range(1, 100):
        gateway.tick(now + second)
        if second % 8 == 1:
            await client.ask("sync")
    assert len(board.gateways.open) == 1
    assert client.told.count("2::") >= 10


async def test_a_slow_reader_that_takes_bytes_is_no_silent_peer(board: Board, desk: Raw) -> None:
    """Its heartbeats stand behind megabytes that it is still reading."""
    slow = await Raw.to(board, small=True)
    await slow.subscribe("topic=flood")
    gateway = next(
        each for each in board.gateways.open if each._connection and each._connection.subscriptions
    )
    desk.send("flood", {"n": 0, "pad": "p" * 7 * MIB})
    now = time.monotonic()
    for second in range(1, 120, 4):
        taken = gateway._socket.get_write_buffer_size()
        async with asyncio.timeout(10):  # what it takes between two looks at it
            while gateway._socket.get_write_buffer_size() >= taken > 0 and not slow.heard:
                await slow.reader.readexactly(20_000)
        gateway.tick(now + second)
        assert not gateway._gone


async def test_a_stalled_peer_is_dropped_though_bytes_wait_for_it(board: Board, desk: Raw) -> None:
    stalled = await Raw.to(board, small=True)
    await stalled.subscribe("topic=flood")
    gateway = next(
        each for each in board.gateways.open if each._connection and each._connection.subscriptions
    )
    await fill(desk, "flood", range(1000))
    now = time.monotonic()
    for second in range(1, 45):
        await asyncio.sleep(0)
        gateway.tick(now + second)
    async with asyncio.timeout(10):
        while gateway in board.gateways.open:
            await asyncio.sleep(0.01)
    await desk.publish("calm")
