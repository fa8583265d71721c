"""Answers of the tracker to any query, for `callboard tracker query`: as rows, or as plain JSON."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from callboard.cli.production import MOST_ROWS, Entity, Production

if TYPE_CHECKING:
    from callboard.client.http import Http

_BOUNDED = re.compile(r"\b(limit|offset)\s+\d+\s*$", re.IGNORECASE)
_TYPE = "__entity_type__"


async def ask(http: Http, expression: str) -> list[Entity]:
    """Return what a query finds: all of it, unless it says how much itself."""
    production = Production(http)
    await production.check()
    found, following = await production.page(expression)
    while following is not None and len(found) >= MOST_ROWS and not _BOUNDED.search(expression):
        more, following = await production.page(expression, len(found))
        found += more
    return found


def plain(value: Any) -> Any:
    """Return a value without the marks of the clients' encoding: a time is its text."""
    if isinstance(value, Mapping):
        if "__type__" in value:
            return value.get("value")
        return {name: plain(each) for name, each in value.items()}
    return [plain(each) for each in value] if isinstance(value, list) else value


def rows(found: Sequence[Entity]) -> tuple[list[str], Iterator[list[str]]]:
    """Return the head and the rows of a table: `status.name` of relations, ids where nothing else is."""
    flat = [dict(_flat("", plain(each))) for each in found]
    names = list(dict.fromkeys(name for each in flat for name in each))
    tops = list(dict.fromkeys(name.split(".")[0] for name in names))
    names = [name for name in names if not any(other.startswith(f"{name}.") for other in names)]
    head = sorted(names, key=lambda name: tops.index(name.split(".")[0]))
    if len(head) > 1 and "id" in head:
        head.remove("id")
    return head, ([each.get(name, "") for name in head] for each in flat)


def _flat(name: str, value: Any) -> Iterator[tuple[str, str]]:
    if isinstance(value, Mapping):
        inner = {key: each for key, each in value.items() if key != _TYPE}
        shown = {key: each for key, each in inner.items() if key != "id"} if name else inner
        for key, each in (shown or inner).items():
            yield from _flat(f"{name}.{key}" if name else key, each)
    elif isinstance(value, list) and value and isinstance(value[0], Mapping):
        members = [dict(_flat("", {**each, _TYPE: ""})) for each in value]
        for key in dict.fromkeys(key for each in members for key in each if key != "id"):
            yield f"{name}.{key}", ", ".join(each.get(key, "") for each in members)
    elif isinstance(value, list):
        yield name, ", ".join(map(str, value))
    else:
        yield name, "" if value is None else f"{value:g}" if isinstance(value, float) else str(value)
