"""What differs between two configurations, by name: `log.keep`, `events`, `printers.mk3`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from msgspec import Struct

from callboard.config import Config, Located

_NO_SECTIONS = ("file", "warnings", "left_alone")


class Changes(Struct, frozen=True):
    """The names of the settings that changed, and of those among them that wait for a restart."""

    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


def changed(old: Config, new: Config) -> tuple[str, ...]:
    """Return the names of the settings that differ, in the order of the sections."""
    fields = [name for name in Config.__struct_fields__ if name not in _NO_SECTIONS]
    return tuple(name for field in fields for name in _names(field, getattr(old, field), getattr(new, field)))


def _names(section: str, old: Any, new: Any) -> Iterator[str]:
    if section == "events":
        if (old.enabled, _values(old.subscriptions)) != (new.enabled, _values(new.subscriptions)):
            yield section
    elif isinstance(old, tuple):
        yield from _entries(section, old, new)
    elif isinstance(old, Struct):
        for name in old.__struct_fields__:
            if getattr(old, name) != getattr(new, name):
                yield f"{section}.{name}"
    elif old != new:
        yield section


def _entries(section: str, old: tuple[Any, ...], new: tuple[Any, ...]) -> Iterator[str]:
    """Yield the entries of a list that differ: by their names where they have some."""
    before = {getattr(one, "name", str(at)): one for at, one in enumerate(old)}
    after = {getattr(one, "name", str(at)): one for at, one in enumerate(new)}
    for name in {**before, **after}:
        if before.get(name) != after.get(name):
            yield f"{section}.{name}"


def _values(subscriptions: tuple[Located, ...]) -> list[Any]:
    """Return what stands there, wherever in the file: a comment above moves lines and changes nothing."""
    return [one.value for one in subscriptions]
