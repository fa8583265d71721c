"""Cura's definitions: which settings there are, and their plain values; a printer's inherits from others."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

_DEEPEST: Final = 16
_LARGEST: Final = 16 << 20


class Definitions:
    """The definitions in a folder, each read once while it stays the same file. Blocking."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._read: dict[str, tuple[int, Mapping[str, Any]]] = {}

    def values(self, name: str) -> dict[str, Any]:
        """Return the settings of a definition with their plain values; nothing where it can't be read."""
        found: dict[str, Any] = {}
        for _ in range(_DEEPEST):
            said = self._said(name)
            found = dict(_values(said.get("settings"))) | dict(_values(said.get("overrides"))) | found
            name = str(said.get("inherits") or "")
            if not name:
                break
        return found

    def _said(self, name: str) -> Mapping[str, Any]:
        path = self._folder / f"{name}.def.json"
        try:
            stat = path.stat()
            known = self._read.get(name)
            if known is None or known[0] != stat.st_mtime_ns:
                said = json.loads(path.read_bytes()) if stat.st_size <= _LARGEST else {}
                known = self._read[name] = stat.st_mtime_ns, said if isinstance(said, dict) else {}
        except (OSError, ValueError, RecursionError):
            return {}
        return known[1]


def _values(settings: Any, depth: int = 0) -> Iterator[tuple[str, Any]]:
    """Yield the settings below one, with the value that each has of itself."""
    if not isinstance(settings, dict) or depth > _DEEPEST:
        return
    for key, about in settings.items():
        if isinstance(about, dict):
            yield key, about.get("default_value")
            yield from _values(about.get("children"), depth + 1)
