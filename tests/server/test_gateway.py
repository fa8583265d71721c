"""A connection over its whole life: authority, routing, answers, goodbyes."""

from __future__ import annotations

import asyncio
from asyncio import Future
from collections.abc import AsyncIterator, Sequence
from pathlib import Path

import pytest

from callboard.board import Board
from callboard.errors import StorageFailed
from callboard.event import Draft, Entry
from callboard.logs.memory import MemoryLog
from tests.server.raw import Raw, hang_up, serving_here


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    async with serving_here(tmp_path) as board:
        yield board


@pytest.fixture(autouse=True)
async def leaving() -> AsyncIterator[None]:
    yield
    hang_up()


# Authority


@pytest.mark.parametrize(
    "topic",
    [
        "octoprint.PrintDone",
        "octoprint.Startup",
        "callboard.meta.gap",
        "callboard.printer.pause",
        "ftrack.update",
    ],
)
async def test_a_plain_key_publishes_no_facts_of_the_house(board: Board, topic: str) -> None:
    plain = await Raw.to(board, ("jane", board.keys.create("jane")))
    answer = await plain.ask(topic)
    assert answer["success"] is False
    assert topic in answer["message"]
    await plain.publish("my.own")


async def test_source_is_no_authority_and_is_left_alone(board: Board) -> None:
    jane = await Raw.to(board, ("jane", board.keys.create("jane")))
    await jane.subscribe("topic=on.behalf")
    source = {"id": "x", "user": {"username": "admin"}}
    assert not (await jane.ask("ftrack.update", source=source))["success"]
    await jane.publish("on.behalf", source=source)
    await jane.until(lambda: jane.heard)
    assert jane.heard[0]["source"] == source


async def test_what_a_key_may_not_receive_it_does_not_live_or_in_the_past(board: Board) -> None:
    desk = await Raw.to(board)
    guest = "guest", board.keys.create("guest", receive="topic=public.*")
    first = await Raw.to(board, guest)
    for text in ["", "topic=secret.a", "not topic=nothing"]:
        assert (await first.subscribe(text, "guest", durable=True))["success"]
    await desk.publish("secret.a", 0)
    await desk.publish("public.a", 1)
    await first.until(lambda: first.heard)
    assert first.numbers == [1]
    first.abort()
    await desk.publish("secret.a", 2, target="id=guest")
    await desk.publish("public.a", 3)
    again = await Raw.to(board, guest)
    await again.subscribe("", "guest", durable=True)
    await again.until(lambda: again.numbers[-1:] == [3])
    assert set(again.numbers) <= {1, 3}


async def test_the_connection_of_a_revoked_key_is_closed(board: Board) -> None:
    key = board.keys.create("jane")
    jane = await Raw.to(board, ("jane", key))
    other = await Raw.to(board)
    found = next(each for each in board.keys.list() if each.user == "jane")
    await asyncio.to_thread(board.keys.revoke, found.id)
    for gateway in list(board.gateways.open):
        gateway.tick(gateway._session.due)
    await jane.until_closed()
    assert jane.goodbye
    assert any("revoked" in text for text in jane.told)
    await other.publish("still.here")


# Who gets what


async def test_an_event_comes_once_however_many_subscriptions_match(board: Board) -> None:
    client = await Raw.to(board)
    for number, text in enumerate(["", "topic=a", "topic=a*", "data.x=1 or topic=a", "topic=a"]):
        await client.subscribe(text, f"s{number}")
    for _ in range(3):  # the official clients send the same subscription twice, and more
        assert (await client.subscribe("topic=a", "s1"))["success"]
    await client.publish("a", {"x": 1})
    await client.publish("last")
    await client.until(lambda: client.heard[-1]["topic"] == "last" if client.heard else False)
    assert [event["topic"] for event in client.heard if not event["topic"].startswith("octoprint")] == [
        "a",
        "last",
    ]


@pytest.mark.parametrize(
    ("farewell", "left"),
    [
        ({"subscriber": {"id": "one"}}, ["c"]),
        ({"subscriber": {"id": "one", "user": {"username": "x"}, "host": "y"}}, ["c"]),
        ({"subscription": "topic=a"}, ["b", "c"]),
        ({"subscription": "topic=a", "subscriber": {"id": "two"}}, ["a", "b"]),
        ({"subscription": "topic = a"}, ["a", "b", "c"]),
        ({"subscriber": {"id": "nobody"}}, ["a", "b", "c"]),
    ],
)
async def test_both_forms_of_unsubscribe(board: Board, farewell: object, left: list[str]) -> None:
    client = await Raw.to(board)
    await client.subscribe("topic=a", "one")
    await client.subscribe("topic=b", "one")
    await client.subscribe("topic=c", "two")
    assert (await client.ask("ftrack.meta.unsubscribe", farewell))["success"]
    for topic in "abc":
        await client.publish(topic)
    await client.ask("sync")
    assert [event["topic"] for event in client.heard] == left


async def test_what_a_subscriber_says_of_itself_may_change(board: Board) -> None:
    client, desk = await Raw.to(board), await Raw.to(board)
    await client.subscribe("topic=hello", "me", applicationId="maya")
    await desk.publish("hello", 1, target="applicationId=nuke")
    await client.subscribe("topic=hello", "me", applicationId="nuke", user={"id": "u-1"})
    await desk.publish("hello", 2, target='applicationId=nuke and user.id="u-1"')
    await desk.publish("hello", 3, target="applicationId=maya")
    await client.ask("sync")
    assert client.numbers == [2]


async def test_a_target_and_an_expression_must_hold_for_one_and_the_same_subscriber(board: Board) -> None:
    client = await Raw.to(board)
    await client.subscribe("topic=a", "one", applicationId="maya")
    await client.subscribe("topic=b", "two", applicationId="nuke")
    await client.publish("a", 1, target="applicationId=nuke")
    await client.publish("b", 2, target="applicationId=nuke")
    await client.publish("b", 3, target="id=nobody")
    await client.ask("sync")
    assert client.numbers == [2]


async def test_meta_events_reach_nobody(board: Board) -> None:
    watch, other = await Raw.to(board), await Raw.to(board)
    await watch.subscribe("topic=ftrack.*")
    await other.subscribe("topic=x", "other")
    await other.ask("ftrack.meta.unsubscribe", {"subscriber": {"id": "other"}})
    await watch.ask("sync")
    assert watch.heard == []


@pytest.mark.parametrize("source", ["{odd}", "urn:uuid:1", "two words", 'with "quotes"', "it's", "a*", "ä"])
async def test_a_reply_finds_whoever_asked_whatever_its_id(board: Board, source: str) -> None:
    asks, answers = await Raw.to(board), await Raw.to(board)
    await asks.subscribe("topic=ftrack.meta.reply", source)
    await answers.subscribe("topic=ask", "answers")
    await asks.publish("ask", source={"id": source})
    await answers.until(lambda: answers.heard)
    answers.reply(answers.heard[0], "answers", {"yes": 1})
    await asks.until(lambda: asks.heard)
    assert asks.heard[0]["data"] == {"yes": 1}
    assert asks.heard[0]["inReplyToEvent"] == answers.heard[0]["id"]


async def test_the_order_of_each_publisher_is_kept(board: Board) -> None:
    listener = await Raw.to(board)
    await listener.subscribe("topic=order")
    desks = [await Raw.to(board) for _ in range(5)]
    for number in range(200):
        for desk, client in enumerate(desks):
            client.send("order", [desk, number], answered=False)
    await listener.until(lambda: len(listener.heard) == 1000)
    for desk in range(5):
        assert [n for d, n in listener.numbers if d == desk] == list(range(200))


# Answers


class HeldLog(MemoryLog):
    """A log whose disk can be held, or be full."""

    def __init__(self) -> None:
        super().__init__()
        self.held: list[tuple[Sequence[Draft], Future[Sequence[Entry]]]] | None = None
        self.full = False

    def append(self, drafts: Sequence[Draft]) -> Future[Sequence[Entry]]:
        if self.full:
            failed: Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
            failed.set_exception(StorageFailed("The disk is full: nothing was stored."))
            return failed
        if self.held is None:
            return super().append(drafts)
        future: Future[Sequence[Entry]] = asyncio.get_running_loop().create_future()
        self.held.append((drafts, future))
        return future

    def let_go(self) -> None:
        held, self.held = self.held or [], None
        for drafts, future in held:
            future.set_result(super().append(drafts).result())


@pytest.fixture
async def log(monkeypatch: pytest.MonkeyPatch) -> HeldLog:
    log = HeldLog()

    async def opened(*_: object, **__: object) -> HeldLog:
        return log

    monkeypatch.setattr("callboard.board.open_log", opened)
    return log


async def test_an_answer_and_a_delivery_come_only_once_the_event_is_stored(
    log: HeldLog, tmp_path: Path
) -> None:
    async with serving_here(tmp_path) as board:
        client = await Raw.to(board)
        await client.subscribe("topic=a")
        log.held = []
        number = client.send("a", 1)
        assert (await client.subscribe("topic=b", "while the disk works"))["success"]
        async with asyncio.timeout(10):
            while not log.held:
                await asyncio.sleep(0.01)
        assert number not in client.answers
        assert client.heard == []
        log.let_go()
        await client.until(lambda: number in client.answers and client.heard)


async def test_what_could_not_be_stored_is_never_acknowledged(log: HeldLog, tmp_path: Path) -> None:
    async with serving_here(tmp_path) as board:
        client = await Raw.to(board)
        await client.subscribe("topic=a")
        log.full = True
        answer = await client.ask("a", 1)
        assert answer == {"success": False, "message": "The disk is full: nothing was stored."}
        log.full = False
        await client.publish("a", 2)
        await client.until(lambda: client.heard)
        assert client.numbers == [2]


async def test_a_slow_disk_does_not_make_a_flooding_client_take_all_memory(
    log: HeldLog, tmp_path: Path
) -> None:
    async with serving_here(tmp_path) as board:
        flood, other = await Raw.to(board), await Raw.to(board)
        log.held = []
        for number in range(60):
            flood.send("flood", {"n": number, "pad": "p" * 200_000})
        try:
            async with asyncio.timeout(10):
                while board.hub.in_flight < 256 << 10:
                    await asyncio.sleep(0.01)
            assert (await other.subscribe("topic=x"))["success"]
            assert board.hub.in_flight < 1 << 20
        finally:
            log.let_go()
        await flood.until(lambda: len(flood.answers) == 60)
        assert board.hub.in_flight == 0


# Goodbyes


async def test_who_says_goodbye_is_gone_and_hears_nothing_more(board: Board) -> None:
    client = await Raw.to(board)
    await client.subscribe("topic=a")
    client.text("0::")
    client.goodbye = True  # the peer has said it
    await client.until_closed()
    assert client.heard == []
    assert not board.gateways.open


async def test_a_close_frame_is_answered_at_once(board: Board) -> None:
    client = await Raw.to(board)
    client.goodbye = True  # it was the peer who wanted to go
    client.frame((1000).to_bytes(2, "big"), 8)
    await client.until_closed(5)


async def test_a_hub_that_closes_says_goodbye_to_all_and_lets_nobody_in_again(tmp_path: Path) -> None:
    async with serving_here(tmp_path) as board:
        clients = [await Raw.to(board) for _ in range(20)]
        number = clients[0].send("last.words")
        closing = asyncio.ensure_future(board.gateways.close())
        await asyncio.gather(*(client.until_closed() for client in clients))
        await closing
        assert all(client.goodbye for client in clients)
        assert board.gateways.full
        stored, _ = await board.hub.history(board.keys.list()[0].principal, "topic=last.words", 0, 10)
        assert len(stored) >= (number in clients[0].answers)
