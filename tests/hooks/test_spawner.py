"""The spawner: starts commands for the hub, survives what it should, and goes when the hub does."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import pytest
from hypothesis import given
from hypothesis import strategies as st

from callboard.hooks.children import Children
from callboard.hooks.journal import Journal
from callboard.hooks.process import Command, begin
from callboard.hooks.spawned import children
from callboard.hooks.surroundings import inherited
from tests.hooks.conftest import Shop, until


@pytest.fixture
async def starter() -> AsyncIterator[Children]:
    made = children(inherited())
    yield made
    await made.close()


def spawners() -> list[psutil.Process]:
    living = [one for one in psutil.Process().children() if one.status() != psutil.STATUS_ZOMBIE]
    return [one for one in living if any("spawner" in word for word in one.cmdline())]


async def test_two_hundred_at_once_are_started_and_each_says_its_own(starter: Children) -> None:
    commands = [Command(["sh", "-c", f"read x; echo $x {n}; exit {n % 7}"], b"in\n", {}) for n in range(200)]
    for n, process in enumerate([begin(starter, command) for command in commands]):
        ended = await process.watch(30)
        assert (ended.exit, ended.output.text) == (n % 7, f"in {n}\n")


async def test_a_command_longer_than_a_message_is_started(starter: Children) -> None:
    words = ["x" * 100_000 for _ in range(6)]
    command = Command(
        ["sh", "-c", 'echo "$*" | wc -c', "_", *words], b"y" * 100_000, {b"LONG": b"z" * 60_000}
    )
    ended = await begin(starter, command).watch(30)
    assert ended.output.text.split() == ["600006"]


async def test_a_server_with_many_variables_hands_them_on() -> None:
    many = {b"PATH": b"/usr/bin:/bin", **{b"V%d" % n: b"x" * 10_000 for n in range(30)}}
    starter = children(many)
    try:
        ended = await begin(starter, Command(["sh", "-c", "echo $V29 | wc -c"], b"", {})).watch(30)
    finally:
        await starter.close()
    assert ended.output.text.split() == ["10001"]


async def test_a_command_has_the_folder_variables_and_signals_that_it_should(starter: Children) -> None:
    script = "pwd; echo $A $B; env | grep -c ^A=; grep SigIgn /proc/self/status; ls /proc/self/fd | wc -l"
    environment = {b"A": b"1", b"B": os.fsencode("\udcff")}
    ended = await begin(starter, Command(["sh", "-c", script], b"", environment, Path("/usr"))).watch(30)
    folder, variables, one, ignored, descriptors = ended.output.text.splitlines()
    assert (folder, variables[0], one) == ("/usr", "1", "1")
    assert int(ignored.split()[1], 16) & 0x7FFFFFFF == 0, "of the signals that have a name none is ignored"
    assert int(descriptors) == 4, "standard input, output, error, and the folder that ls reads"


async def test_a_killed_spawner_fails_what_it_ran_and_the_next_command_runs(shop: Shop) -> None:
    hooks = [
        {"event": "a.b", "type": "system", "command": "sleep 100", "name": "long"},
        {"event": "a.c", "type": "system", "command": "echo fine", "name": "short"},
    ]
    async with shop.running(*hooks) as room:
        await shop.publish("a.b")
        await until(lambda: any(one.name() == "sleep" for one in psutil.Process().children(recursive=True)))
        asleep = [one for one in psutil.Process().children(recursive=True) if one.name() == "sleep"]
        for one in spawners():
            one.kill()
        [run] = await shop.ended(room, 1, "dead")
        await shop.publish("a.c")
        [other] = await shop.ended(room, 1, "done")
    assert "ended from outside" in run.reason
    assert other.output == "fine\n"
    await until(lambda: not any(one.is_running() and one.status() != "zombie" for one in asleep))


async def test_a_request_to_end_is_not_for_the_spawner(shop: Shop) -> None:
    hook = {"event": "a.b", "type": "system", "command": "echo fine"}
    async with shop.running(hook) as room:
        await shop.publish("a.b")
        await shop.ended(room, 1, "done")  # by now it has begun
        for which in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
            for one in spawners():
                one.send_signal(which)
            await shop.publish("a.b")
        runs = await shop.ended(room, 4, "done")
    assert {run.output for run in runs} == {"fine\n"}


HUB = """
import asyncio
from callboard.hooks.process import Command, begin
from callboard.hooks.spawned import children

async def main():
    process = begin(children({b"PATH": b"/usr/bin:/bin"}), Command(["sleep", "100"], b"", {}))
    while not process.pid:
        await asyncio.sleep(0.01)
    print(process.pid, flush=True)
    await process.watch(100)

asyncio.run(main())
"""


async def test_what_a_hub_ran_ends_when_it_is_killed() -> None:
    hub = subprocess.Popen([sys.executable, "-c", HUB], stdout=subprocess.PIPE, text=True)
    assert hub.stdout is not None
    pid = int(hub.stdout.readline())
    started = [psutil.Process(pid), psutil.Process(pid).parent()]
    hub.kill()
    hub.communicate()
    await until(lambda: not any(one and one.is_running() and one.status() != "zombie" for one in started))


@given(st.binary(max_size=300))
def test_a_journal_of_anything_is_read(tmp_path_factory: pytest.TempPathFactory, left: bytes) -> None:
    path = tmp_path_factory.mktemp("journal") / "begun"
    path.write_bytes(left + b'["l-5","a"]\n["l-7","b \xc3\xbc"]\n["other-9","c"]\n["l-8"')
    journal = Journal(path)
    journal.open("l-5")
    assert journal.has("l-7", "b ü")
    assert not journal.has("l-5", "a")
    assert not journal.has("other-9", "c")
    assert journal.note("l-9", "d")
    journal.close()
