"""What every log keeps to, whatever it is made of (callboard.hub.log.Log)."""

from __future__ import annotations

import asyncio
import time

import pytest

from callboard.errors import BadPosition, StorageFailed
from callboard.event import Draft, Event, seal
from callboard.hub.log import Log
from tests.logs.conftest import KINDS, Opener, drafts, numbers, take

pytestmark = pytest.mark.parametrize("opener", KINDS, indirect=True)


async def test_an_empty_log_begins_at_one(log: Log) -> None:
    assert (await log.first(), await log.last()) == (1, 0)
    assert await log.read(0) == []
    assert await log.cursors() == {}
    assert log.nodes() == 1


async def test_an_append_gives_its_entries_in_order(log: Log) -> None:
    before = time.time()
    entries = await log.append(drafts(3))
    assert numbers(entries) == [0, 1, 2]
    assert [entry.position for entry in entries] == [1, 2, 3]
    assert {entry.publisher for entry in entries} == {"jane"}
    assert all(before - 1 <= entry.time <= time.time() + 1 for entry in entries)
    assert await log.last() == 3


async def test_an_append_of_nothing_is_done_at_once(log: Log) -> None:
    assert list(await log.append([])) == []
    assert await log.last() == 0


async def test_appends_are_stored_in_the_order_of_the_calls(log: Log) -> None:
    futures = [log.append(drafts(1 + n % 3, start=10 * n)) for n in range(200)]
    entries = [entry for future in futures for entry in await future]
    assert [entry.position for entry in entries] == list(range(1, len(entries) + 1))
    assert [entry.time for entry in entries] == sorted(entry.time for entry in entries)
    assert numbers(await log.read(0, len(entries))) == numbers(entries)


async def test_an_entry_comes_back_as_it_went_in(opener: Opener) -> None:
    log = await opener()
    event = Event(
        topic="octoprint.PrintDone — fertig …*>",
        data={"ü": [1.5, None, "\u2028"], "nested": {"a": {"b": []}}},
        source={"user": {"username": "jäne"}},
        target="id=1",
        in_reply_to_event="abc",
    )
    envelope = seal(event)
    publishers = ["jäne doe/50%", "-", ""]
    await log.append([Draft(publisher, envelope) for publisher in publishers])
    for entry, publisher in zip(await log.read(0), publishers, strict=True):
        assert entry.publisher == publisher
        assert entry.envelope.json == envelope.json
        assert entry.envelope.event == event


async def test_topics_of_any_shape_are_stored(log: Log) -> None:
    topics = ["a..b", ".", "", "a b", "ftrack.update", ">", "*", "\u0000", "x" * 70_000, "…" * 400, "a/b%2"]
    await log.append([Draft("jane", seal(Event(topic=topic))) for topic in topics])
    assert [entry.envelope.topic for entry in await log.read(0)] == topics


async def test_reading_is_bounded_by_number_and_by_bytes(log: Log) -> None:
    await log.append(drafts(50, size=1000))
    assert numbers(await log.read(10, 5)) == [10, 11, 12, 13, 14]
    assert 1 <= len(await log.read(0, 1000, 10_000)) <= 20
    assert numbers(await log.read(3, 1, 1)) == [3]
    assert await log.read(50) == []
    assert await log.read(5000) == []


async def test_a_follower_gets_what_was_and_what_comes(log: Log) -> None:
    await log.append(drafts(5))
    following = asyncio.create_task(take(log, 2, 8))
    await asyncio.sleep(0)
    await log.append(drafts(5, start=5))
    assert numbers(await following) == [2, 3, 4, 5, 6, 7, 8, 9]


async def test_a_follower_waits_for_what_is_not_there_yet(log: Log) -> None:
    following = asyncio.create_task(take(log, 3, 2))
    await log.append(drafts(5))
    assert numbers(await following) == [3, 4]


async def test_followers_from_everywhere_see_the_same_order_while_it_is_written(log: Log) -> None:
    await log.append(drafts(300))
    following = [asyncio.create_task(take(log, after, 900 - after)) for after in (0, 150, 299, 300)]
    for n in range(300, 900, 3):
        _ = log.append(drafts(3, start=n))
        if n % 60 == 0:
            await asyncio.sleep(0.001)
    for after, task in zip((0, 150, 299, 300), following, strict=True):
        assert numbers(await task) == list(range(after, 900))


async def test_a_follower_that_stops_takes_nothing_from_the_others(log: Log) -> None:
    gone = asyncio.create_task(take(log, 0, 10))
    stays = asyncio.create_task(take(log, 0, 10))
    await asyncio.sleep(0)
    gone.cancel()
    await log.append(drafts(10))
    assert len(await stays) == 10


async def test_batches_of_a_follower_are_bounded(log: Log) -> None:
    await log.append(drafts(2000, size=500))
    seen = 0
    async for batch in log.follow(0):
        assert len(batch) <= 1024
        assert sum(len(entry.envelope.json) for entry in batch) < 600_000
        seen += len(batch)
        if seen == 2000:
            break


async def test_closing_ends_the_followers(log: Log) -> None:
    following = asyncio.create_task(take(log, 0, 1000))
    await log.append(drafts(3))
    await log.close()
    assert numbers(await following) == [0, 1, 2]
    with pytest.raises(StorageFailed):
        await log.append(drafts(1))
    await log.close()


async def test_closing_stores_what_was_appended_before(log: Log) -> None:
    appended = log.append(drafts(500))
    await log.close()
    assert len(await appended) == 500


async def test_closing_while_it_prunes_and_reads_leaves_nobody_waiting(log: Log) -> None:
    for n in range(50):
        await log.append(drafts(20, start=n, size=2000))
    working = [log.prune(900), log.read(0, 10_000, 1 << 30), log.size(), log.position_at(0)]
    tasks = [asyncio.ensure_future(work) for work in working]
    await asyncio.sleep(0)
    await log.close()
    async with asyncio.timeout(20):
        results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, int | list | StorageFailed) for result in results), results


async def test_a_position_is_found_by_time(log: Log) -> None:
    times = []
    for n in range(8):
        (entry,) = await log.append(drafts(1, start=n))
        times.append(entry.time)
        await asyncio.sleep(0.002)
    assert await log.position_at(0) == 0
    assert await log.position_at(times[-1] + 60) == 8
    for position, moment in enumerate(times):
        assert await log.position_at(moment) == position


async def test_what_is_pruned_is_gone_and_the_rest_stays(log: Log) -> None:
    for n in range(0, 100, 10):
        await log.append(drafts(10, start=n))
    assert await log.prune(34) == 33
    assert await log.first() == 34
    assert numbers(await log.read(0, 3)) == [33, 34, 35]
    assert numbers(await take(log, 0, 67)) == list(range(33, 100))
    assert await log.prune(34) == 0
    assert await log.prune(1) == 0


async def test_a_log_that_is_pruned_whole_goes_on_where_it_was(log: Log) -> None:
    await log.append(drafts(10))
    assert await log.prune(1000) == 10
    assert (await log.first(), await log.last()) == (11, 10)
    assert await log.read(0) == []
    following = asyncio.create_task(take(log, 2, 1))
    assert [entry.position for entry in await log.append(drafts(1))] == [11]
    assert [entry.position for entry in await following] == [11]


async def test_size_grows_and_shrinks(log: Log) -> None:
    await log.append(drafts(400, size=2000))
    large = await log.size()
    assert large > 700_000
    await log.prune(390)
    assert await log.size() < large / 2


async def test_a_cursor_only_goes_forward(log: Log) -> None:
    log.move("farm", 7)
    log.move("farm", 5)
    log.move("a name of any length, with / and ü" + "x" * 500, 3)
    cursors = await log.cursors()
    assert cursors["farm"] == 7
    assert len(cursors) == 2
    await log.drop("farm")
    await log.drop("never was")
    assert "farm" not in await log.cursors()
    log.move("farm", 2)
    assert (await log.cursors())["farm"] == 2


async def test_a_position_is_opaque_text_outside(log: Log) -> None:
    (entry,) = await log.append(drafts(1))
    assert log.number(log.text(entry.position)) == entry.position
    for text in ("", "1", f"{log.id}-", f"{log.id}-x", "0badf00d-1", f"{log.id}--1", f"{log.id}-{'9' * 30}"):
        with pytest.raises(BadPosition):
            log.number(text)


async def test_what_one_node_tells_itself_it_does_not_hear(log: Log) -> None:
    heard: list[bytes] = []
    log.hear("asked", heard.append)
    log.tell("asked", b"1")
    await log.append(drafts(1))
    assert heard == []
