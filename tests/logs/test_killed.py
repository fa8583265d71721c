"""What was acknowledged is there after a kill in the middle of writing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from callboard.logs import open_log
from tests.logs.conftest import LASTING, numbers, take
from tests.natsserver import NatsServer


def killed_after(lines: int, where: str, sync: str) -> dict[int, int]:
    """Run a process that appends, kill it when it has printed `lines`; return {position: data.n}."""
    command = [sys.executable, str(Path(__file__).with_name("appending.py")), where, sync]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        printed = [process.stdout.readline() for _ in range(lines)]
        process.kill()
        printed += process.stdout.readlines()
    pairs = [line.split() for line in printed if line.endswith("\n")]
    return {int(position): int(number) for position, number in pairs}


@pytest.mark.slow
@pytest.mark.parametrize("sync", ["normal", "full"])
@pytest.mark.parametrize("kind", LASTING)
async def test_a_kill_in_the_middle_of_writing_loses_nothing_acknowledged(
    kind: str, sync: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "jetstream" and sync == "full":
        pytest.skip("the NATS server's own setting")
    nats: NatsServer | None = request.getfixturevalue("nats") if kind == "jetstream" else None
    where = f"{nats.url}/killed" if nats else str(tmp_path / "events.db")
    acknowledged: dict[int, int] = {}
    for round_ in range(3):
        acknowledged |= killed_after(400 + 777 * round_, where, sync)
        log = await open_log(where)
        last = await log.last()
        entries = await take(log, 0, last)
        stored = dict(zip([entry.position for entry in entries], numbers(entries), strict=True))
        await log.close()
        assert list(stored) == list(range(1, last + 1))
        assert acknowledged.items() <= stored.items()
