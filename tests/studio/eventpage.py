"""docs/studio-events.md: a row for each topic, with its test, and what came."""

from __future__ import annotations

import itertools
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "studio-events.md"

_HEAD = "| topic | test | event | reply |\n|---|---|---|---|\n"
_ROW = re.compile(r"^\| `([\w.-]+)` \| `(\w+)` \| `(.*?)` \| (.*) \|$", re.MULTILINE)
_HIDDEN = (
    (re.compile(r'"http://127\.0\.0\.1:\d+"'), '"http://127.0.0.1:8030"'),
    (re.compile(r'"host": "[^"]*"'), '"host": "ws-7"'),
    (re.compile(r'"/[^"]*/(london/[^"]*)"'), r'"/mnt/\1"'),
)


def rows() -> dict[str, tuple[str, Any, Any]]:
    """Return test, event and reply by topic; None where nobody replies."""
    return {
        topic: (test, read(event), read(reply.strip("`")) if reply != "–" else None)
        for topic, test, event, reply in _ROW.findall(PAGE.read_text("utf-8"))
    }


def write(topics: Iterable[str], tests: Mapping[str, str], recorded: Mapping[str, tuple[Any, Any]]) -> None:
    """Write the table anew; the text around it stays as it is."""
    lines = []
    for topic in topics:
        event, reply = recorded[topic]
        said = f"`{shown(reply)}`" if reply is not None else "–"
        lines.append(f"| `{topic}` | `{tests[topic]}` | `{shown(event)}` | {said} |\n")
    before, _, after = PAGE.read_text("utf-8").partition(_HEAD)
    rest = itertools.dropwhile(lambda line: line.startswith("|"), after.splitlines(keepends=True))
    PAGE.write_text(f"{before}{_HEAD}{''.join(lines)}{''.join(rest)}", "utf-8")


def shown(value: Any) -> str:
    """Return what was recorded as JSON, without this run's ports, hosts and folders."""
    text = json.dumps(value, ensure_ascii=False).replace("|", "\\u007c").replace("`", "\\u0060")
    for pattern, instead in _HIDDEN:
        text = pattern.sub(instead, text)
    return text


def read(text: str) -> Any:
    """Return what a cell holds."""
    return json.loads(text)
