"""Run all benchmarks and write RESULTS.md, or some by name: `./dev bench [--quick] [NAME...]`."""

from __future__ import annotations

import importlib
import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAMES = ("matching", "appending", "looking_back", "serving", "hooking")
RESULTS = Path(__file__).with_name("RESULTS.md")

_HEAD = """# Results

Measured on {date} with Python {python}, {cores} cores, {machine}. Other programs run on such a machine
too, so compare the ratios: each is of two figures from the same run. `./dev bench` measures again and
writes this page.

A ratio is ours to the peer's, or ours to the goal where there is no peer. The spread is the lowest and the
highest of the repeats.

| what | ours | peer | ratio | spread | goal | note |
|---|---|---|---|---|---|---|
"""


def shown(value: Any) -> str:
    """A figure with three digits that matter."""
    if not isinstance(value, float | int):
        return str(value)
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"


def line(row: dict[str, Any]) -> str:
    ours = f"{shown(row['ours'])} {row.get('unit', '')}".strip()
    cells = [row["name"], ours, row["peer"], row["ratio"], row["spread"], row["goal"], row.get("note", "")]
    return f"| {' | '.join(shown(cell).replace('|', '/') for cell in cells)} |"


def write(rows: list[dict[str, Any]]) -> None:
    head = _HEAD.format(
        date=datetime.now(UTC).date(),
        python=platform.python_version(),
        cores=os.cpu_count(),
        machine=platform.machine(),
    )
    RESULTS.write_text(head + "\n".join(map(line, rows)) + "\n" + _remarks())


def _remarks() -> str:
    """What people wrote below the table stays."""
    mark = "\n## Remarks\n"
    text = RESULTS.read_text() if RESULTS.exists() else ""
    return mark + text.split(mark, 1)[1] if mark in text else ""


def main(words: list[str]) -> int:
    quick = "--quick" in words
    names = [word for word in words if not word.startswith("-")] or list(NAMES)
    rows: list[dict[str, Any]] = []
    failed = 0
    for name in names:
        print(f"{name}", flush=True)
        try:
            rows += importlib.import_module(f"benchmarks.{name}").run(quick)
        except Exception:
            traceback.print_exc()
            failed += 1
    print(*map(line, rows), sep="\n")
    if not quick and set(names) == set(NAMES) and not failed:
        write(rows)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
