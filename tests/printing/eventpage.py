"""docs/print-events.md: a table of recorded events below each heading that a test module has for itself."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[2] / "docs" / "print-events.md"

_ROW = re.compile(r"^\| `(\w+)` \| `(\w+)` \| (.*) \|$", re.MULTILINE)
_TABLE = "| event | test | payload |\n|---|---|---|\n"


def rows(heading: str) -> dict[str, tuple[str, str]]:
    """Return test and payload by event, of the table below a heading."""
    return {event: (test, payload.strip("`")) for event, test, payload in _ROW.findall(_below(heading)[1])}


def write(
    heading: str, events: Sequence[str], fired_by: Mapping[str, str], recorded: Mapping[str, Any]
) -> None:
    """Write the table below a heading anew; text above it, and all other sections, stay as they are."""
    before, section, after = _below(heading)
    lines = [f"| `{event}` | `{fired_by[event]}` | `{shown(recorded[event])}` |\n" for event in events]
    text = section.partition(_TABLE)[0].rstrip("\n")
    PAGE.write_text(f"{before}{text}\n\n{_TABLE}{''.join(lines)}{after}", "utf-8")


def shown(data: Any) -> str:
    """Return a payload as JSON, without the folders of this run."""
    text = json.dumps(data).replace("|", "\\u007c")
    text = re.sub(r'"[^"]*/(ttyVIRTUAL)"', r'"/dev/\1"', text)
    return re.sub(r'"/[^"]*/(timelapse/[^"/]+)"', r'"/var/lib/callboard/\1"', text)


def _below(heading: str) -> tuple[str, str, str]:
    """Split the page: what stands before a section, the section, and what stands behind it."""
    text, mark = PAGE.read_text("utf-8"), f"## {heading}\n"
    if mark not in text:
        return f"{text.rstrip()}\n\n{mark}", "", ""
    before, _, rest = text.partition(mark)
    section, found, after = rest.partition("\n## ")
    return before + mark, section, found + after
