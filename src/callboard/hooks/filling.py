"""JSON values with placeholders in their texts: the data of `publish`, the body of `webhook`.

    {"text": "Done {file}", "seconds": "{time}"} -> {"text": "Done a.gcode", "seconds": 600.0}

A text that is one placeholder and nothing else becomes the value itself, a number stays a number.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from msgspec import Struct

from callboard.hooks.template import BadTemplate, Part, Placeholder, Values, parse, placeholders

DEPTH: Final = 32


class Filled(Struct, frozen=True):
    """A text with placeholders inside a JSON value."""

    parts: tuple[Part, ...]


def read_value(value: Any, depth: int = 0) -> Any:
    """Return `value` with each text that has placeholders as Filled; raises BadTemplate."""
    if depth > DEPTH:
        raise BadTemplate(f"This value nests deeper than {DEPTH} levels: flatten it.")
    if isinstance(value, str):
        parts = parse(value)
        return Filled(parts) if placeholders(parts) else "".join(map(str, parts))
    if isinstance(value, Mapping):
        return {str(key): read_value(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [read_value(item, depth + 1) for item in value]
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)  # YAML's dates


def fill_value(value: Any, values: Values) -> Any:
    """Return `value` for one event; raises Refused for a placeholder that it has nothing for."""
    if isinstance(value, Filled):
        only = value.parts[0]
        if len(value.parts) == 1 and isinstance(only, Placeholder):
            return values.value(only.name)
        return values.fill(value.parts)
    if isinstance(value, dict):
        return {key: fill_value(item, values) for key, item in value.items()}
    return [fill_value(item, values) for item in value] if isinstance(value, list) else value


def names_in(value: Any) -> Iterator[str]:
    """Yield the placeholders' names in a value that `read_value` returned."""
    if isinstance(value, Filled):
        yield from placeholders(value.parts)
    elif isinstance(value, dict | list):
        for item in value.values() if isinstance(value, dict) else value:
            yield from names_in(item)
