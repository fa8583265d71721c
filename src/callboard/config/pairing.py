"""Which entry of a new list is which of the old one: the same, or the same one changed.

old, new -> paired -> for each new entry its old one's number, or None
"""

from __future__ import annotations

import json
from collections import defaultdict, deque
from collections.abc import Iterator
from typing import Any, Final

_COMPARED: Final = 100
"""Entries that changed and are compared with each other to find what they were."""


def same(one: Any, other: Any) -> bool:
    """Return whether two values are the same and of one type: true is not 1, and 1 is not 1.0."""
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(value, other[key]) for key, value in one.items())
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return bool(one == other)


def paired(old: list[Any], new: list[Any]) -> list[int | None]:
    """Return for each new entry the old one it was: an equal one, one of its name, or the likest."""
    found: list[int | None] = [None] * len(new)
    for marks in (_written, _name):
        free = defaultdict[str, deque[int]](deque)
        for at in _left(len(old), found):
            if mark := marks(old[at]):
                free[mark].append(at)
        for at, entry in enumerate(new):
            if found[at] is None and free[mark := marks(entry)]:
                found[at] = free[mark].popleft()
    taken = set[int]()
    for at, was in _likest(old, new, found):
        if found[at] is None and was not in taken:
            found[at] = was
            taken.add(was)
    return found


def _left(many: int, found: list[int | None]) -> list[int]:
    taken = set(found)
    return [at for at in range(many) if at not in taken]


def _written(entry: Any) -> str:
    return json.dumps(entry, sort_keys=True)


def _name(entry: Any) -> str:
    name = entry.get("name") if isinstance(entry, dict) else None
    return name if isinstance(name, str) else ""


def _likest(old: list[Any], new: list[Any], found: list[int | None]) -> Iterator[tuple[int, int]]:
    """Yield pairs of what is left, new and old, the likest first."""
    was = _left(len(old), found)[:_COMPARED]
    now = [at for at, one in enumerate(found) if one is None][:_COMPARED]
    alike = [(_likeness(old[one], new[other]), -other, -one) for one in was for other in now]
    for likeness, other, one in sorted(alike, reverse=True):
        if likeness:
            yield -other, -one


def _likeness(old: Any, new: Any) -> int:
    """Return how many keys of two mappings hold the same."""
    if not isinstance(old, dict) or not isinstance(new, dict):
        return 0
    return sum(1 for key, value in old.items() if key in new and same(value, new[key]))
