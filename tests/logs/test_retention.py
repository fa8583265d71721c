"""A log forgets what is too old or too much, and nothing else."""

from __future__ import annotations

import asyncio

import pytest

from callboard.hub.log import Log
from callboard.logs.retention import Retention, retaining
from tests.logs.conftest import KINDS, drafts, numbers, take

pytestmark = pytest.mark.parametrize("opener", KINDS, indirect=True)


async def test_entries_that_are_too_old_go(log: Log) -> None:
    await log.append(drafts(10))
    await asyncio.sleep(0.01)
    (young,) = await log.append(drafts(1, start=10))
    await log.append(drafts(5, start=11))
    assert await Retention(max_age=100).enforce(log, now=young.time + 100) == 10
    assert numbers(await log.read(0)) == list(range(10, 16))
    assert await Retention(max_age=100).enforce(log, now=young.time + 100) == 0


async def test_the_newest_entry_stays_however_old(log: Log) -> None:
    await log.append(drafts(10))
    assert await Retention(max_age=0).enforce(log) == 9
    assert await Retention(max_bytes=0).enforce(log) == 0
    assert await Retention(max_age=0).enforce(log) == 0
    assert numbers(await log.read(0)) == [9]


async def test_the_oldest_entries_go_until_the_rest_is_small_enough(log: Log) -> None:
    for n in range(0, 1000, 50):
        await log.append(drafts(50, start=n, size=2000))
    gone = await Retention(max_bytes=1_000_000).enforce(log)
    assert 500 <= gone < 650
    assert await log.size() <= 1_000_000
    assert numbers(await take(log, 0, 1000 - gone)) == list(range(gone, 1000))


async def test_an_empty_log_has_nothing_to_forget(log: Log) -> None:
    assert await Retention(max_age=0, max_bytes=0).enforce(log) == 0
    assert await Retention().enforce(log) == 0


async def test_it_is_enforced_while_the_log_is_used(log: Log) -> None:
    async with retaining(log, Retention(max_bytes=500_000), every=0.01):
        for n in range(0, 2000, 100):
            await log.append(drafts(100, start=n, size=1000))
        async with asyncio.timeout(30):
            while await log.size() > 500_000:
                await asyncio.sleep(0.01)
    assert numbers(await log.read(await log.last() - 1)) == [1999]
