"""The feed: each event once and in order, whatever comes live, late, twice or only from the log."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from callboard.client import feed as module
from callboard.client.feed import Delivery, Feed, Mark, Page, later, mark_of, reaches, seen
from callboard.client.rounds import Round
from callboard.errors import BadPosition, Gone
from callboard.event import Event


def delivery(number: int, log: str = "log") -> Delivery:
    return Delivery(Round(Event("t", number), [100]), Mark(log, number), 10)


class Log:
    """A log in a list: entries 1, 2, 3 ...; pages of at most `limit`; may fail now and then."""

    def __init__(self, limit: int = 3) -> None:
        self.last = 0
        self.limit = limit
        self.failures = 0

    async def read(self, after: str) -> Page:
        await asyncio.sleep(0)
        if self.failures:
            self.failures -= 1
            raise Gone
        mark = mark_of(after)
        start = mark.number if mark else 0
        end = min(start + self.limit, self.last)
        return Page([delivery(number) for number in range(start + 1, end + 1)], f"log-{max(end, start)}")


async def taken(feed: Feed, count: int) -> list[int]:
    numbers: list[int] = []
    async with asyncio.timeout(20):
        while len(numbers) < count:
            one = await feed.take()
            assert one is not None
            numbers.append(one.round.event.data)
    return numbers


async def level(feed: Feed) -> None:
    """Wait until a feed is live."""
    while feed.behind:
        await asyncio.sleep(0)


async def test_live_events_come_as_they_are_offered() -> None:
    feed = Feed(Log().read)
    feed.attach("log-0")
    assert all(feed.offer(delivery(number)) for number in (1, 2, 3))
    assert await taken(feed, 3) == [1, 2, 3]


async def test_an_event_comes_once() -> None:
    feed = Feed(Log().read)
    feed.attach("log-0")
    assert feed.offer(delivery(5))
    assert not feed.offer(delivery(5))
    assert not feed.offer(delivery(4))
    assert await taken(feed, 1) == [5]


async def test_without_after_nothing_past_comes() -> None:
    feed = Feed(Log().read)
    feed.attach("log-7")
    assert not feed.offer(delivery(7))
    assert feed.offer(delivery(8))


async def test_an_event_that_never_was_in_the_log_always_comes() -> None:
    feed = Feed(Log().read)
    for _ in range(2):
        assert feed.offer(Delivery(Round(Event("ftrack.meta.connected"), [100])))


async def test_another_log_begins_anew() -> None:
    feed = Feed(Log().read)
    feed.attach("log-7")
    feed.attach("other-2")
    assert feed.offer(delivery(3, "other"))


async def test_what_does_not_fit_is_read_from_the_log(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST", 2)
    log = Log()
    feed = Feed(log.read)
    feed.attach("log-0")
    log.last = 9
    assert [feed.offer(delivery(number)) for number in range(1, 10)] == [True] * 2 + [False] * 7
    assert feed.behind
    assert await taken(feed, 9) == list(range(1, 10))
    waiting = asyncio.create_task(taken(feed, 1))
    await level(feed)
    assert feed.offer(delivery(10))
    assert await waiting == [10]


async def test_entries_that_were_pruned_do_not_hold_it_up() -> None:
    async def nothing(after: str) -> Page:
        return Page([], after)

    feed = Feed(nothing, "log-3")
    feed.attach("log-900")
    waiting = asyncio.create_task(taken(feed, 1))
    await level(feed)
    feed.offer(delivery(901))
    assert await waiting == [901]


@pytest.mark.parametrize("after", ["now", "log-7", "2026-01-02", "2026-01-02T03:04:05+01:00"])
async def test_where_it_may_begin(after: str) -> None:
    Feed(Log().read, after)


@pytest.mark.parametrize("after", ["", "yesterday", "7", "log-", "-7", "log-x"])
async def test_where_it_may_not_begin(after: str) -> None:
    with pytest.raises(BadPosition):
        Feed(Log().read, after)


async def test_closing_gives_back_what_waited() -> None:
    feed = Feed(Log().read)
    feed.offer(delivery(1))
    assert [left.round.event.data for left in feed.close()] == [1]
    assert await feed.take() is None
    assert not feed.offer(delivery(2))


STEPS = st.lists(st.sampled_from(["publish", "lose", "lose, publish", "fail", "take", "again"]), max_size=40)


@settings(max_examples=150, deadline=None)
@given(STEPS, st.integers(1, 4))
def test_nothing_is_missed_and_nothing_comes_twice(steps: Sequence[str], limit: int) -> None:
    """Whatever happens to the line, a subscription from now on gets 1, 2, 3 ... to the end."""
    asyncio.run(_survives(steps, limit))


async def _survives(steps: Sequence[str], limit: int) -> None:
    log = Log(limit)
    feed = Feed(log.read, "now")
    feed.attach("log-0")
    heard: list[int] = []
    reader = asyncio.create_task(_read(feed, heard))
    for step in [*steps, "publish"]:
        if step == "publish":
            log.last += 1
            feed.offer(delivery(log.last))
        elif step.startswith("lose"):
            feed.detach()
            log.last += step.endswith("publish")
            await asyncio.sleep(0)
            feed.attach(f"log-{log.last}")
        elif step == "again":
            feed.offer(delivery(max(log.last, 1))) if log.last else None
        elif step == "fail":
            log.failures = 0  # failing reads wait a second: covered elsewhere
        await asyncio.sleep(0)
    async with asyncio.timeout(20):
        while len(heard) < log.last:
            await asyncio.sleep(0)
    feed.close()
    await reader
    assert heard == list(range(1, log.last + 1))


async def _read(feed: Feed, heard: list[int]) -> None:
    while (one := await feed.take()) is not None:
        heard.append(one.round.event.data)


def test_marks_compare_within_their_log() -> None:
    one, two, other = Mark("a", 1), Mark("a", 2), Mark("b", 1)
    assert later(one, two) == later(two, one) == two
    assert later(two, other) == other
    assert later(None, one) == later(one, None) == one
    assert seen(two, one)
    assert not seen(two, other)
    assert not seen(None, one)
    assert reaches(two, one)
    assert not reaches(one, two)
    assert reaches(other, two)
    assert reaches(one, None)
    assert not reaches(None, one)


@given(st.text())
def test_a_position_is_read_without_an_error(text: str) -> None:
    mark = mark_of(text)
    assert mark is None or str(mark).rpartition("-")[0] == text.rpartition("-")[0]
