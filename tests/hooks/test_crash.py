"""Killed in the middle: no run is lost, and only what was running is repeated."""

from __future__ import annotations

import random
import sqlite3
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def started(folder: Path, events: int, concurrency: int) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.hooks.crashing", str(folder), str(events), str(concurrency)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for line in process.stdout:
        if line == "running\n":
            return process
    raise AssertionError("it never ran")


def killed_in_the_middle(folder: Path, events: int, concurrency: int, kills: int) -> None:
    chance = random.Random(7)
    for _ in range(kills):
        process = started(folder, events, concurrency)
        before = _ended(folder)
        wanted = before + max(1, (events - before) // (kills + 1))
        while process.poll() is None and _ended(folder) < wanted:
            time.sleep(0.005 + chance.random() / 50)
        process.kill()
        process.communicate()
    process = started(folder, events, concurrency)
    process.communicate(timeout=300)
    assert process.returncode == 0


def _ended(folder: Path) -> int:
    with sqlite3.connect(f"file:{folder}/callboard.db?mode=ro", uri=True, timeout=30) as db:
        return int(
            db.execute("SELECT count(*) FROM hook_run WHERE state = 'done' AND hook = 'count'").fetchone()[0]
        )


def check(folder: Path, events: int, concurrency: int, kills: int) -> None:
    lines = [line.split() for line in (folder / "out").read_text().splitlines()]
    seen = Counter(int(n) for n, _ in lines)
    assert set(seen) == set(range(events))
    first: set[str] = set()
    for n, repeat in lines:
        assert repeat == "1" or n not in first, "a repeat that is not marked"
        first.add(n)
    with sqlite3.connect(folder / "callboard.db") as db:
        repeated = db.execute(
            "SELECT count(*) FROM hook_run WHERE repeats > 0 AND hook = 'count'"
        ).fetchone()[0]
        unknown = db.execute("SELECT count(*) FROM hook_run WHERE state = 'unknown'").fetchone()[0]
        gcode = dict(db.execute("SELECT state, count(*) FROM hook_run WHERE hook = 'gcode' GROUP BY state"))
    assert sum(count - 1 for count in seen.values()) <= repeated <= kills * concurrency
    sent = Counter((folder / "sent").read_text().split())
    assert set(sent.values()) == {1}, "gcode was sent twice"
    assert unknown <= kills
    assert sum(gcode.values()) == events


def test_a_kill_loses_no_run_and_repeats_only_what_was_running(tmp_path: Path) -> None:
    killed_in_the_middle(tmp_path, 300, 3, 2)
    check(tmp_path, 300, 3, 2)


def test_a_command_that_began_before_its_run_was_stored_is_repeated_and_marked(tmp_path: Path) -> None:
    chance = random.Random(3)
    for _ in range(6):
        process = started(tmp_path, 0, 2)
        wanted = len(lines_of(tmp_path)) + chance.randint(5, 25)
        while len(lines_of(tmp_path)) < wanted:
            time.sleep(chance.random() / 100)
        process.kill()
        process.communicate()
    last = started(tmp_path, 1, 2)  # publishes one more, and ends when all have run
    last.communicate(timeout=60)
    assert last.returncode == 0
    lines = [line.split() for line in lines_of(tmp_path)]
    assert {n for n, _ in lines} >= set((tmp_path / "stored").read_text().split())
    first: set[str] = set()
    for n, repeat in lines:
        assert repeat == "1" or n not in first, "a repeat that is not marked"
        first.add(n)
    assert sum(repeat == "1" for _, repeat in lines) <= 6 * 2


def lines_of(folder: Path) -> list[str]:
    return (folder / "out").read_text().splitlines() if (folder / "out").exists() else []


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_ten_thousand_runs_survive_kills(tmp_path: Path) -> None:
    killed_in_the_middle(tmp_path, 10_000, 4, 3)
    check(tmp_path, 10_000, 4, 3)
