"""Hostile values start nothing: every process that starts is watched, by strace, and its arguments compared.

The whole hub is watched: the room, its spawners, the shells, what they start.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
from collections import Counter
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from callboard.event import decode_json, encode_json
from callboard.hooks import spawner
from tests.hooks import hostile
from tests.hooks.watched import NAMES, arguments

ROOT = Path(__file__).parents[2]
STRACE = ["strace", "-f", "-qq", "--seccomp-bpf", "-xx", "-s", "1000000", "-e", "signal=none"]
CALLS = "trace=execve,execveat,clone,clone3,fork,vfork"


def unwatched() -> str:
    """Return why no process can be watched here, nothing where it can."""
    if shutil.which("strace") is None:
        return "there is no strace to watch processes with: apt-get install strace"
    said = subprocess.run([*STRACE, "-e", CALLS, "true"], capture_output=True, text=True, check=False)
    return f"strace may not watch here: {said.stderr[-200:]}" if said.returncode else ""


class Watched(NamedTuple):
    """What was started: (program, arguments), and how many processes were made."""

    programs: Counter[tuple[bytes, tuple[bytes, ...]]]
    processes: int
    states: dict[str, int]


def watch(folder: Path, values: list[list[str]]) -> Watched:
    """Run the hooks of watched.py for these values, and watch."""
    (folder / "values.json").write_text(json.dumps(values))
    trace = folder / "trace"
    hub = [sys.executable, "-m", "tests.hooks.watched", str(folder)]
    command = [*STRACE, "-e", CALLS, "-o", str(trace), *hub]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=300)
    lines = trace.read_text().splitlines()
    return Watched(Counter(_programs(lines)), _processes(lines), json.loads(ran.stdout.splitlines()[-1]))


def _programs(lines: Iterable[str]) -> Iterable[tuple[bytes, tuple[bytes, ...]]]:
    for line in lines:
        if re.match(r"\d+ +execve(at)?\(", line):
            program, words = line.split("[", 1)
            assert '"...' not in line, "strace cut an argument"
            yield _texts(program)[0], tuple(_texts(words.rsplit("]", 1)[0]))


def _texts(text: str) -> list[bytes]:
    found = re.findall(r'"([^"]*)"', text)
    return [bytes.fromhex(one.replace("\\x", "")) for one in found]


def _processes(lines: Iterable[str]) -> int:
    """Count the processes that were made; a thread is none, nor a call that a signal had begin anew."""
    made, is_process = 0, dict[str, bool]()
    for line in lines:
        called = re.match(r"(\d+) +(<\.\.\. )?(clone3?|v?fork)\b", line)
        if called is None:
            continue
        who, resumed = called[1], called[2]
        if not resumed:
            is_process[who] = "CLONE_THREAD" not in line
        made += is_process[who] and re.search(r" = \d+$", line) is not None
    return made


def held(value: str) -> bool:
    """Tell whether an argument can hold a value."""
    return "\0" not in value and len(value) < 100_000


def by_hypothesis(count: int) -> list[str]:
    """Return texts that Hypothesis makes up."""
    found: list[str] = []

    @settings(max_examples=count, phases=[Phase.generate], database=None)
    @given(st.text(max_size=200))
    def collect(value: str) -> None:
        found.append(value)

    collect()
    return found


def in_events(values: list[str]) -> list[list[str]]:
    """Put nine values into each event; one that no argument can hold gets an event of its own."""
    plain = iter([value for value in values if held(value)])
    together = list(iter(lambda: list(islice(plain, len(NAMES))), []))
    together[-1] += ["x"] * (len(NAMES) - len(together[-1]))
    return together + [["x"] * (len(NAMES) - 1) + [value] for value in values if not held(value)]


def check(folder: Path, values: list[str]) -> None:
    events = decode_json(encode_json(in_events(values)))  # as events have them: without surrogates
    run = [some for some in events if all(map(held, some))]
    seen = watch(folder, events)
    assert seen.states == {"done": 2 * len(run), "refused": 2 * (len(events) - len(run))}
    shells = {words for program, words in seen.programs if program == b"/bin/sh"}
    expected = Counter({(b"/bin/true", arguments(some)): 0 for some in run})
    for some in run:
        expected[b"/bin/true", arguments(some)] += 2  # one without a shell, one with
    assert len(shells) == 1, "a value stands in what a shell reads"
    expected[b"/bin/sh", shells.pop()] = len(run)
    ours = Counter({one: many for one, many in seen.programs.items() if one[0] == sys.executable.encode()})
    assert seen.programs - ours == expected
    spawners = sum(many for (_, words), many in ours.items() if str(spawner.__file__).encode() in words)
    assert ours.total() == spawners + 1
    with_shell = seen.processes - spawners - len(run)
    assert with_shell in {len(run), 2 * len(run)}, "sh replaces itself by its last command, or does not"


@pytest.mark.skipif(bool(unwatched()), reason=unwatched() or "watched")
def test_hostile_values_start_one_process_for_a_run(tmp_path: Path) -> None:
    check(tmp_path, list(hostile.values(200, seed=3)))


@pytest.mark.slow
@pytest.mark.timeout(300)
@pytest.mark.skipif(bool(unwatched()), reason=unwatched() or "watched")
def test_ten_thousand_hostile_values_start_one_process_for_a_run(tmp_path: Path) -> None:
    values = [*hostile.values(8000, seed=4), *by_hypothesis(2000)]
    assert len(values) > 10_000
    check(tmp_path, values)
