"""The log in a file: bad files, full disks, two processes, and what people can read in it."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.errors import StorageFailed
from callboard.event import Entry, Event, seal
from callboard.hub.tail import Tail
from callboard.logs import blocks, open_log
from callboard.logs.sqlite import open_sqlite
from tests.logs.conftest import drafts, numbers, take, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.db"


async def filled(path: Path, count: int = 100) -> None:
    """Leave a log with `count` entries, and nothing beside it."""
    log = await open_log(path)
    await log.append(drafts(count))
    await log.close()


async def refusal(path: Path) -> str:
    """Return the sentence with which a log is refused."""
    with pytest.raises(StorageFailed) as refused:
        await open_log(path)
    assert str(path) in str(refused.value)
    assert "\n" not in str(refused.value)
    return str(refused.value)


async def test_addresses_name_the_same_file(path: Path) -> None:
    await filled(path, 3)
    for address in (path, str(path), f"sqlite:///{path}", f"sqlite:///{os.path.relpath(path)}"):
        log = await open_log(address)
        assert await log.last() == 3
        await log.close()


async def test_a_missing_folder_is_made(tmp_path: Path) -> None:
    await filled(tmp_path / "new" / "folder" / "events.db")


@pytest.mark.parametrize(
    "content", [b"", b"hello\n" * 1000, b"SQLite format 3\0" + bytes(4080)], ids=["empty", "text", "foreign"]
)
async def test_a_file_that_is_no_log_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)
    assert "move it away" in await refusal(path)
    assert path.read_bytes() == content


async def test_another_sqlite_file_is_refused_and_left_alone(path: Path) -> None:
    connection = sqlite3.connect(path)
    connection.execute("CREATE TABLE jobs (id INTEGER)")
    connection.close()
    before = path.read_bytes()
    assert "no log of Callboard" in await refusal(path)
    assert path.read_bytes() == before


async def test_a_newer_format_is_refused(path: Path) -> None:
    await filled(path)
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 99")
    connection.close()
    assert "format 99" in await refusal(path)


@pytest.mark.parametrize("cut", [4096, 20_000])
async def test_a_truncated_log_is_refused(path: Path, cut: int) -> None:
    await filled(path, 2000)
    with path.open("r+b") as file:
        file.truncate(cut)
    sentence = await refusal(path)
    assert "put back a copy" in sentence, sentence


async def test_a_damaged_end_is_refused_when_it_is_opened(path: Path) -> None:
    await filled(path)
    connection = sqlite3.connect(path)
    connection.execute("UPDATE blocks SET events = x'5b7b'")
    connection.commit()
    connection.close()
    assert "damaged" in await refusal(path)


async def test_damage_in_the_middle_is_told_to_who_reads_it_and_appends_go_on(path: Path) -> None:
    log = await open_log(path)
    for n in range(3):
        await log.append(drafts(1, start=n))
    await log.close()
    connection = sqlite3.connect(path)
    connection.execute("UPDATE blocks SET events = x'5b7b' WHERE last = 2")
    connection.commit()
    connection.close()
    log = await open_log(path)
    with pytest.raises(StorageFailed, match="position 2"):
        await log.read(0)
    assert numbers(await log.read(2)) == [2]
    await log.append(drafts(1))
    await log.close()


async def test_a_write_ahead_log_without_its_file_is_refused(path: Path) -> None:
    path.with_name("events.db-wal").write_bytes(b"x" * 100)
    assert "events.db-wal" in await refusal(path)
    assert not path.exists()


async def test_what_a_broken_start_left_behind_does_no_harm(path: Path) -> None:
    path.with_name("events.db.new").write_bytes(b"half")
    await filled(path)


async def test_a_folder_that_is_a_file_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    assert "folder" in await refusal(tmp_path / "file" / "events.db")


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, to become a user who may not write")
def test_a_folder_that_may_not_be_written_is_one_sentence(tmp_path: Path) -> None:
    script = (
        "import asyncio, os, sys\n"
        "from callboard.logs import open_log\n"
        "from callboard.errors import StorageFailed\n"
        "import callboard.logs.sqlite\n"
        "os.setuid(65534)\n"
        "try:\n    asyncio.run(open_log('/proc/events.db' if len(sys.argv) < 2 else sys.argv[1]))\n"
        "except StorageFailed as error:\n    print(error)\n"
    )
    tmp_path.chmod(0o755)
    result = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert result.stderr == ""
    assert "writable" in result.stdout


async def test_two_processes_never_write_one_log(path: Path) -> None:
    log = await open_log(path)
    assert "Another process" in await refusal(path)
    script = f"import asyncio; from callboard.logs import open_log; asyncio.run(open_log({str(path)!r}))"
    result = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=False)
    assert f"Another process ({os.getpid()})" in result.stderr
    await log.append(drafts(1))
    await log.close()
    await filled(path)


async def test_a_refused_start_lets_go_of_the_lock(path: Path) -> None:
    path.write_bytes(b"no log")
    await refusal(path)
    path.unlink()
    await filled(path)


async def test_one_turn_of_the_loop_is_one_commit(path: Path) -> None:
    log = await open_log(path)
    await asyncio.gather(*[log.append(drafts(1, start=n)) for n in range(100)])
    await log.close()
    connection = sqlite3.connect(path)
    assert connection.execute("SELECT count(*), first, last FROM blocks").fetchone() == (1, 1, 100)
    connection.close()


async def test_the_log_says_when_it_is_behind_and_when_it_has_caught_up(path: Path) -> None:
    log = open_sqlite(path)
    written = log.append(drafts(20, size=1 << 20))
    await asyncio.sleep(0)
    assert log.behind()  # 20 MB are on their way, and none of them is in its place
    await written
    async with asyncio.timeout(20):
        while log.behind():
            await asyncio.sleep(0.01)
    await log.close()


async def test_people_can_read_it_with_sqlite_while_it_is_written(path: Path) -> None:
    log = await open_log(path)
    await asyncio.gather(log.append(drafts(2)), log.append(drafts(1, start=2, publisher='"o\'neill"')))
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)
    rows = connection.execute(
        "SELECT position, publisher, topic, json_extract(event, '$.data.n') FROM entries"
    ).fetchall()
    connection.close()
    assert rows == [
        (1, "jane", "test.count", 0),
        (2, "jane", "test.count", 1),
        (3, '"o\'neill"', "test.count", 2),
    ]
    await log.close()


async def test_a_copy_made_while_it_is_written_is_a_log(path: Path) -> None:
    log = await open_log(path)
    log.move("farm", 2)
    await log.append(drafts(100))
    await written(log)
    connection = sqlite3.connect(path)
    connection.execute("VACUUM INTO ?", (str(path.with_name("copy.db")),))
    connection.close()
    await log.append(drafts(100, start=100))
    await log.close()
    copy = await open_log(path.with_name("copy.db"))
    assert copy.id == log.id
    assert numbers(await take(copy, 0, 100)) == list(range(100))
    assert await copy.cursors() == {"farm": 2}
    await copy.append(drafts(1, start=100))
    await copy.close()


async def test_a_draft_that_cannot_be_written_fails_alone(path: Path) -> None:
    log = await open_log(path)
    with pytest.raises(StorageFailed):
        await log.append(drafts(1, publisher="\ud800"))
    assert numbers(await log.append(drafts(1, start=7))) == [7]
    await log.close()


async def test_an_append_that_was_given_up_is_stored_all_the_same(path: Path) -> None:
    log = await open_log(path)
    given_up = log.append(drafts(1))
    other = log.append(drafts(1, start=1))
    given_up.cancel()
    assert [entry.position for entry in await other] == [2]
    assert numbers(await log.read(0)) == [0, 1]
    await log.close()


async def test_a_follower_behind_the_ring_joins_it_without_a_gap(path: Path) -> None:
    log = open_sqlite(path, tail=Tail(max_entries=64))
    for n in range(0, 1000, 100):
        await log.append(drafts(100, start=n))
    following = asyncio.create_task(take(log, 0, 3000))
    for n in range(1000, 3000, 50):
        await log.append(drafts(50, start=n))
    assert numbers(await following) == list(range(3000))
    await log.close()


async def test_pruning_goes_in_slices_and_lets_appends_through(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(blocks, "SLICE_BLOCKS", 10)
    log = await open_log(path)
    for n in range(200):
        await log.append(drafts(1, start=n))
    pruning = asyncio.create_task(log.prune(151))
    await asyncio.sleep(0)
    (entry,) = await log.append(drafts(1, start=200))
    assert entry.position == 201
    assert not pruning.done()
    assert await pruning == 150
    assert numbers(await log.read(0, 1)) == [150]
    await log.close()


async def test_the_file_shrinks_when_much_is_pruned(path: Path) -> None:
    log = await open_log(path)
    for n in range(40):
        await log.append(drafts(100, start=n, size=2000))
    await log.prune(4000)
    await log.close()
    assert path.stat().st_size < 1_000_000


@given(
    publishers=st.lists(st.text(max_size=20), min_size=1, max_size=50),
    first=st.integers(1, 2**53),
    block_bytes=st.integers(1, 2000),
)
def test_blocks_give_back_the_entries_that_went_in(
    publishers: list[str], first: int, block_bytes: int
) -> None:
    entries = [
        Entry(first + n, 1.5, publisher, seal(Event(topic=publisher, data={"n": n})))
        for n, publisher in enumerate(publishers)
    ]
    before = blocks.BLOCK_BYTES
    blocks.BLOCK_BYTES = block_bytes
    try:
        written = blocks.to_blocks(entries, [entry.envelope.json for entry in entries])
    finally:
        blocks.BLOCK_BYTES = before
    read = [entry for block in written for entry in blocks.to_entries(*block[1:])]
    assert [(entry.position, entry.time, entry.publisher, entry.envelope.json) for entry in read] == [
        (entry.position, entry.time, entry.publisher, entry.envelope.json) for entry in entries
    ]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of four megabytes."""
    folder = tmp_path / "disk"
    folder.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(folder)]
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("needs root, to mount a small disk")
    if subprocess.run(command, check=False, capture_output=True).returncode:
        pytest.skip("may not mount a small disk here")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


async def test_a_full_disk_refuses_and_goes_on_when_there_is_room(small_disk: Path) -> None:
    ballast = small_disk / "ballast"
    ballast.write_bytes(bytes(1 << 20))
    log = await open_log(small_disk / "events.db")
    stored = 0
    appended = log.append(drafts(20, size=2000))
    while (failure := (await asyncio.wait([appended]))[0].pop().exception()) is None:
        stored += 20
        appended = log.append(drafts(20, start=stored, size=2000))
    assert isinstance(failure, StorageFailed)
    assert "free space" in str(failure)
    assert await log.last() == stored
    with pytest.raises(StorageFailed):
        await log.append(drafts(20, start=stored, size=100_000))
    ballast.unlink()
    (entry,) = await log.append(drafts(1, start=stored))
    assert entry.position == stored + 1
    await log.close()
    log = await open_log(small_disk / "events.db")
    assert numbers(await take(log, 0, stored + 1)) == list(range(stored + 1))
    await log.close()


async def test_a_file_that_may_not_grow_is_as_a_full_disk(path: Path) -> None:
    log = await open_log(path)
    await log.append(drafts(1))
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, hard))
    try:
        with pytest.raises(StorageFailed):
            await log.append(drafts(100, size=20_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    (entry,) = await log.append(drafts(1, start=1))
    assert entry.position == 2
    assert numbers(await log.read(0)) == [0, 1]
    await log.close()
