"""The examples do what they say."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.serving import PATIENCE

EXAMPLES = Path(__file__).parents[2] / "examples"

SAYS = {
    "blocking.py": ["Ada says hello, stored at "],
    "asynchronous.py": ["the answer is 42"],
    "durable.py": ["first: []", "then: ['sh010', 'sh020']"],
    "actions.py": [
        "menu: ['Archive', 'Publish turntable']",
        "True The turntable of eb16970c is on its way.",
        "False eb16970c is rendering: try again later.",
    ],
    "forms.py": [
        "Which frames? ['frames', 'pool', 'priority', 'notes']",
        "Priority: this is no number.",
        "1001-1010 on cpu, priority 80.",
    ],
    "local.py": ["table -> ['fine', 'TABLE']", "a table -> ['refused']"],
}


def test_every_example_is_run() -> None:
    assert {path.name for path in EXAMPLES.glob("*.py")} == set(SAYS)


@pytest.mark.parametrize("name", SAYS)
def test_an_example_does_what_it_says(shell: Shell, name: str) -> None:
    done = subprocess.run(
        [sys.executable, str(EXAMPLES / name)],
        capture_output=True,
        encoding="utf-8",
        env=shell.environment(),
        timeout=2 * PATIENCE,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    lines = done.stdout.splitlines()
    assert [line.startswith(said) for line, said in zip(lines, SAYS[name], strict=True)] == [True] * len(
        lines
    )
