"""Durable subscribers: what each promise means when connections break in the middle."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from callboard.board import Board
from callboard.hub.owed import Replies
from callboard.hub.principal import Principal
from tests.server.raw import PONG, Raw, serving_here


@pytest.fixture
async def board(tmp_path: Path) -> AsyncIterator[Board]:
    async with serving_here(tmp_path) as board:
        yield board


@pytest.fixture
async def desk(board: Board) -> AsyncIterator[Raw]:
    """Somebody who publishes."""
    client = await Raw.to(board)
    yield client
    client.abort()


async def fill(desk: Raw, topic: str, numbers: range) -> None:
    """Publish numbers and wait until all are stored."""
    last = [desk.send(topic, number) for number in numbers][-1]
    await desk.until(lambda: last in desk.answers)


def _as_many(client: Raw, expected: list[Any]) -> bool:
    return len(client.heard) == len(expected)


def _more_jobs(client: Raw, done: int) -> bool:
    return len([event for event in client.heard if event["topic"] == "job"]) > done


async def cursor(board: Board, name: str) -> int:
    return (await board.hub.log.cursors()).get(name, -1)


async def moved(board: Board, name: str, position: int) -> None:
    """Wait until a cursor stands at `position` or behind it."""
    async with asyncio.timeout(10):
        while await cursor(board, name) < position:
            await asyncio.sleep(0.01)


async def test_what_was_sent_and_not_received_comes_again(board: Board, desk: Raw) -> None:
    deaf = await Raw.to(board)
    deaf.ponging = False
    await deaf.subscribe("topic=n", "night", durable=True)
    await fill(desk, "n", range(5))
    await deaf.until(lambda: len(deaf.heard) == 5)
    deaf.abort()  # the bytes arrived, but nobody said so
    again = await Raw.to(board)
    await again.subscribe("topic=n", "night", durable=True)
    await again.until(lambda: len(again.heard) == 5)
    assert again.numbers == list(range(5))
    again.abort()


async def test_what_was_received_does_not_come_again_and_what_was_missed_does(
    board: Board, desk: Raw
) -> None:
    first = await Raw.to(board)
    await first.subscribe("topic=n", "night", durable=True)
    await fill(desk, "n", range(5))
    await first.until(lambda: len(first.heard) == 5)
    reading = asyncio.create_task(first.until(lambda: False))
    async with asyncio.timeout(10):
        while await cursor(board, "admin/night") < board.hub.router.position:
            first.text("2::")
            await asyncio.wait([reading], timeout=0.05)
    reading.cancel()
    first.abort()
    await fill(desk, "n", range(5, 3000))
    again = await Raw.to(board)
    await again.subscribe("topic=n", "night", durable=True)
    await again.until(lambda: len(again.heard) >= 2995)
    await fill(desk, "n", range(3000, 3003))
    await again.until(lambda: again.numbers[-1:] == [3002])
    assert again.numbers == list(range(5, 3003))
    again.abort()


async def test_a_pong_says_nothing_of_a_subscription_that_began_after_its_ping(
    board: Board, desk: Raw
) -> None:
    """Two durable subscribers come back on one connection; the first one's pong must not move the second."""
    first = await Raw.to(board)
    for name in ("early", "late"):
        await first.subscribe("topic=n", name, durable=True)
    first.abort()
    await fill(desk, "n", range(100))

    pings: list[bytes] = []
    client = await Raw.to(board)
    take = client._take
    client._take = lambda opcode, payload: pings.append(payload) if opcode == 9 else take(opcode, payload)  # type: ignore[method-assign]
    await client.subscribe("topic=other", "early", durable=True)
    await client.until(lambda: pings)
    await client.subscribe("topic=n", "late", durable=True)
    client.frame(pings[0], PONG)
    await client.ask("sync")
    client.abort()

    again = await Raw.to(board)
    await again.subscribe("topic=n", "late", durable=True)
    await again.until(lambda: len(again.heard) == 100)
    assert again.numbers == list(range(100))
    again.abort()


async def test_several_expressions_of_one_durable_id_begin_at_the_same_place(board: Board, desk: Raw) -> None:
    texts = ["topic=a", "topic=b", "topic=c"]
    first = await Raw.to(board)
    for text in texts:
        await first.subscribe(text, "many", durable=True)
    first.abort()
    for topic in "abc":
        await fill(desk, topic, range(50))
    again = await Raw.to(board)
    for text in texts:  # each one's pongs come before the next one begins
        await again.subscribe(text, "many", durable=True)
        await again.ask("sync")
    await again.until(lambda: len(again.heard) >= 150)
    assert [(e["topic"], e["data"]) for e in again.heard] == [(t, n) for t in "abc" for n in range(50)]
    again.abort()


async def test_other_subscriptions_of_the_connection_hear_nothing_old_again(board: Board, desk: Raw) -> None:
    first = await Raw.to(board)
    await first.subscribe("topic=n", "night", durable=True)
    first.abort()
    client = await Raw.to(board)
    await client.subscribe("topic=n* and data.live=true", "plain")
    await desk.publish("n", {"live": True, "n": 0})
    await client.until(lambda: client.heard)
    await fill(desk, "n", range(100))
    await client.subscribe("topic=n", "night", durable=True)
    await desk.publish("now", {"live": True})
    await desk.publish("n", {"live": True, "n": 1})
    await client.until(lambda: client.numbers[-1] == {"live": True, "n": 1})
    # Once live, once from the cursor of the other; then everything else once, the new ones too.
    assert client.numbers == [
        {"live": True, "n": 0},
        {"live": True, "n": 0},
        *range(100),
        {"live": True},
        {"live": True, "n": 1},
    ]
    client.abort()


async def test_handled_is_what_was_replied_to(board: Board, desk: Raw) -> None:
    worker = await Raw.to(board)
    await worker.subscribe("topic=job", "worker", durable="handled")
    await fill(desk, "job", range(10))
    await worker.until(lambda: len(worker.heard) == 10)
    for number in (0, 1, 2, 5):
        worker.reply(worker.heard[number], "worker")
    await worker.ask("sync")
    worker.abort()
    again = await Raw.to(board)
    await again.subscribe("topic=job", "worker", durable="handled")
    await again.until(lambda: len(again.heard) == 7)
    assert again.numbers == list(
        range(3, 10)
    )  # in order: what comes behind the first unhandled one comes again
    for event in again.heard:
        again.reply(event, "worker")
    await again.ask("sync")
    again.abort()
    third = await Raw.to(board)
    await third.subscribe("topic=job", "worker", durable="handled")
    await desk.publish("job", 10)
    await third.until(lambda: third.heard)
    assert third.numbers == [10]
    third.abort()


async def test_the_same_event_id_twice_is_owed_from_its_first_place(board: Board, desk: Raw) -> None:
    worker = await Raw.to(board)
    await worker.subscribe("topic=job", "worker", durable="handled")
    await desk.publish("job", 0, id="twin")
    await desk.publish("job", 1, id="single")
    await desk.publish("job", 0, id="twin")
    await worker.until(lambda: len(worker.heard) == 3)
    worker.reply(worker.heard[0], "worker")
    await worker.ask("sync")
    worker.abort()
    again = await Raw.to(board)
    await again.subscribe("topic=job", "worker", durable="handled")
    await again.until(lambda: again.heard)
    assert again.numbers[0] == 1
    again.abort()


async def test_a_reply_of_one_subscriber_says_nothing_of_another(board: Board, desk: Raw) -> None:
    worker = await Raw.to(board)
    for name in ("one", "two"):
        await worker.subscribe("topic=job", name, durable="handled")
    await desk.publish("job", 0)
    await worker.until(lambda: worker.heard)
    worker.reply(worker.heard[0], "one")
    await worker.ask("sync")
    worker.abort()
    for name, expected in [("one", [1]), ("two", [0, 1])]:
        again = await Raw.to(board)
        await again.subscribe("topic=job", name, durable="handled")
        if name == "one":
            await desk.publish("job", 1)
        await again.until(partial(_as_many, again, expected))
        assert again.numbers == expected
        again.abort()


async def test_who_owes_too_much_is_given_no_more_and_holds_up_nobody_beside_it(
    board: Board, desk: Raw
) -> None:
    worker = await Raw.to(board)
    await worker.subscribe("topic=job", "worker", durable="handled")
    await worker.subscribe("topic=beside", "beside")
    total = Replies.LIMIT * 3
    for start in range(0, total, 500):
        await fill(desk, "job", range(start, start + 500))
    await desk.publish("beside", "now")
    await worker.until(lambda: "now" in worker.numbers)
    jobs = [event for event in worker.heard if event["topic"] == "job"]
    assert Replies.LIMIT <= len(jobs) < total

    done = 0
    while done < total:
        jobs = [event for event in worker.heard if event["topic"] == "job"]
        for event in jobs[done:]:
            worker.reply(event, "worker")
        done = len(jobs)
        if done < total:
            await worker.until(partial(_more_jobs, worker, done))
    await worker.ask("sync")
    assert [event["data"] for event in jobs] == list(range(total))
    last = board.hub.router.position
    await moved(board, "admin/worker", last - total)
    worker.abort()


async def test_the_newest_connection_owns_the_cursor(board: Board, desk: Raw) -> None:
    old = await Raw.to(board)
    await old.subscribe("topic=n", "night", durable=True)
    await fill(desk, "n", range(3))
    await old.until(lambda: len(old.heard) == 3)
    new = await Raw.to(board)
    await new.subscribe("topic=n", "night", durable=True)
    await fill(desk, "n", range(3, 6))
    await new.until(lambda: new.numbers[-1:] == [5])
    await old.ask("sync")
    assert old.numbers == [0, 1, 2]
    assert new.numbers[-3:] == [3, 4, 5]
    old.abort()  # who lost the cursor takes nothing with it
    await desk.publish("n", 6)
    await new.until(lambda: new.numbers[-1] == 6)
    new.abort()


async def test_two_users_with_the_same_id_share_nothing(board: Board, desk: Raw) -> None:
    users = {name: (name, board.keys.create(name, publish="")) for name in ("ann", "bob")}
    for who in users.values():
        client = await Raw.to(board, who)
        assert (await client.subscribe("topic=n", "night", durable=True))["success"]
        client.abort()
        await desk.subscribe("topic=octoprint.ClientClosed", "watch")
        await desk.until(lambda: desk.heard)
        desk.heard.clear()
        await desk.ask("ftrack.meta.unsubscribe", {"subscriber": {"id": "watch"}})
        await fill(desk, "n", range(2))
    for name, expected in [("ann", [0, 1, 0, 1]), ("bob", [0, 1])]:
        client = await Raw.to(board, users[name])
        await client.subscribe("topic=n", "night", durable=True)
        await client.until(partial(_as_many, client, expected))
        assert client.numbers == expected
        client.abort()
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            while len(board.gateways.open) > 1:
                await asyncio.sleep(0.01)


async def test_a_subscriber_id_that_somebody_else_holds_is_refused(board: Board, desk: Raw) -> None:
    await desk.subscribe("topic=secret", "render-desk")
    thief = await Raw.to(board, ("thief", board.keys.create("thief")))
    answer = await thief.subscribe("topic=other", "render-desk")
    assert answer["success"] is False
    assert "another user" in answer["message"]
    thief.abort()


async def test_leaving_and_unsubscribing_keep_the_cursor(board: Board, desk: Raw) -> None:
    client = await Raw.to(board)
    await client.subscribe("topic=n", "night", durable=True)
    await client.ask("ftrack.meta.unsubscribe", {"subscriber": {"id": "night"}})
    await fill(desk, "n", range(3))
    await client.ask("sync")
    assert client.heard == []
    await client.subscribe("topic=n", "night", durable=True)
    await client.until(lambda: len(client.heard) == 3)
    assert client.numbers == [0, 1, 2]
    client.abort()


@pytest.mark.parametrize("durable", [True, "handled", "acknowledged"])
async def test_the_cursor_of_a_filter_that_nothing_matches_moves_on(
    board: Board, desk: Raw, durable: Any
) -> None:
    """Else it would point to events that are pruned one day, and a gap would be told that is none."""
    idle = await Raw.to(board)
    await idle.subscribe("topic=never", "idle", durable=durable)
    await fill(desk, "n", range(10))
    here = board.hub.router.position
    later = time.monotonic()
    async with asyncio.timeout(10):
        while await cursor(board, "admin/idle") < here:
            later += 9
            for gateway in board.gateways.open:
                gateway.tick(later)
            await idle.ask("sync")


async def test_a_cursor_that_nobody_wants_any_more_expires(board: Board, desk: Raw) -> None:
    gone, here = await Raw.to(board), await Raw.to(board)
    await gone.subscribe("topic=n", "gone", durable=True)
    await here.subscribe("topic=n", "here", durable=True)
    gone.abort()
    await fill(desk, "n", range(3))
    async with asyncio.timeout(10):
        while len(board.hub.durables) > 1:
            await asyncio.sleep(0.01)
    assert await board.hub.durables.expire(3600) == 0
    await asyncio.sleep(0.01)  # its next event must be older than no time at all
    assert await board.hub.durables.expire(0.0) == 1
    assert set(await board.hub.log.cursors()) == {"admin/here"}


async def test_what_was_pruned_meanwhile_is_an_honest_gap(board: Board, desk: Raw) -> None:
    first = await Raw.to(board)
    await first.subscribe("topic=n", "night", durable=True)
    first.abort()
    await fill(desk, "n", range(10))
    kept, _ = await board.hub.history(Principal("anybody"), "topic=n and data>6", 0, 1)
    await board.hub.log.prune(kept[0].position)
    again = await Raw.to(board)
    await again.subscribe("topic=n", "night", durable=True)
    await again.until(lambda: again.numbers[-1:] == [9])
    assert [event["topic"] for event in again.heard] == ["callboard.meta.gap", "n", "n", "n"]
    assert again.numbers[1:] == [7, 8, 9]
    again.abort()


async def test_a_log_that_was_pruned_to_nothing_is_a_gap_too(board: Board, desk: Raw) -> None:
    first = await Raw.to(board)
    await first.subscribe("topic=n", "night", durable=True)
    first.abort()
    await fill(desk, "n", range(10))
    await board.hub.log.prune(await board.hub.log.last() + 1)
    again = await Raw.to(board)
    await again.subscribe("topic=n", "night", durable=True)
    await again.until(lambda: again.heard)
    assert [event["topic"] for event in again.heard] == ["callboard.meta.gap"]
    again.abort()


async def test_an_expression_may_be_changed_and_the_place_stays(board: Board, desk: Raw) -> None:
    first = await Raw.to(board)
    await first.subscribe("topic=n", "night", durable=True)
    first.abort()
    await fill(desk, "n", range(4))
    again = await Raw.to(board)
    await again.subscribe("topic=n and data>=2", "night", durable=True)
    await again.until(lambda: len(again.heard) == 2)
    assert again.numbers == [2, 3]
    again.abort()
