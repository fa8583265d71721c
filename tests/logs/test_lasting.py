"""What every log keeps to that outlives its process."""

from __future__ import annotations

import pytest

from tests.logs.conftest import LASTING, Opener, drafts, numbers, take, written

pytestmark = pytest.mark.parametrize("opener", LASTING, indirect=True)


async def test_a_log_is_the_same_after_a_restart(opener: Opener) -> None:
    log = await opener()
    await log.append(drafts(700))
    log.move("farm", 500)
    await log.close()
    again = await opener()
    assert again.id == log.id
    assert (await again.first(), await again.last()) == (1, 700)
    assert (await again.cursors()) == {"farm": 500}
    assert [entry.position for entry in await again.append(drafts(1, start=700))] == [701]
    assert numbers(await take(again, 0, 701)) == list(range(701))


async def test_positions_go_on_after_everything_was_pruned_and_a_restart(opener: Opener) -> None:
    log = await opener()
    await log.append(drafts(10))
    await log.prune(11)
    await log.close()
    again = await opener()
    assert (await again.first(), await again.last()) == (11, 10)
    assert [entry.position for entry in await again.append(drafts(1))] == [11]


async def test_a_moved_cursor_is_written_within_seconds(opener: Opener) -> None:
    log = await opener()
    log.move("farm", 3)
    await written(log)
    log.move("farm", 9)
    await written(log)
    await log.close()
    assert await (await opener()).cursors() == {"farm": 9}
