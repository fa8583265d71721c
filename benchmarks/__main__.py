"""Run the benchmarks, all or some, and keep their figures: `./dev bench [--quick] [NAME...]`."""

from __future__ import annotations

import importlib
import json
import os
import platform
import sys
import traceback
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

NAMES = (
    "matching",
    "appending",
    "looking_back",
    "serving",
    "crowding",
    "hooking",
    "printing",
    "streaming",
    "analysing",
    "filming",
    "slicing",
    "production",
    "studio",
)
RESULTS = Path(__file__).with_name("RESULTS.md")
FIGURES = Path(__file__).with_name("figures.json")

_HEAD = """# Results

Measured with Python {python}, {cores} cores, {machine}. Other programs run on such a machine
too, so compare the ratios: each is of two figures from the same run. `./dev bench` measures again and
writes this page.

A ratio is ours to the peer's, or ours to the goal where there is no peer. The spread is the lowest and the
highest of the repeats.
"""

_TABLE = """| what | ours | peer | ratio | spread | goal | note |
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


def keep(name: str, rows: list[dict[str, Any]]) -> None:
    """Keep the figures of one benchmark; those of the others stay as they were measured."""
    kept = json.loads(FIGURES.read_text()) if FIGURES.exists() else {}
    kept[name] = {"date": str(datetime.now(UTC).date()), "rows": rows}
    FIGURES.write_text(json.dumps(kept, indent=1) + "\n")
    write(kept)


def write(kept: dict[str, Any]) -> None:
    parts = [_HEAD.format(python=platform.python_version(), cores=os.cpu_count(), machine=platform.machine())]
    for name in [name for name in NAMES if name in kept]:
        parts.append(f"\n## {name.replace('_', ' ').capitalize()}, {kept[name]['date']}\n\n{_TABLE}")
        parts += [line(row) + "\n" for row in kept[name]["rows"]]
    RESULTS.write_text("".join(parts) + _remarks())


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
            found = importlib.import_module(f"benchmarks.{name}").run(quick)
            rows += found
            if not quick:
                keep(name, found)
        except Exception:
            traceback.print_exc()
            failed += 1
    print(*map(line, rows), sep="\n")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
