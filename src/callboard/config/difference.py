"""What differs between two configurations, by name: `log.keep`, `events`, `printers.mk3`."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from typing import Any, Final

import msgspec
from msgspec import Struct

from callboard.config import Config, Located

_NO_SECTIONS = ("file", "warnings", "left_alone")
_SECTIONS: Final = {name: at for at, name in enumerate(Config.__struct_fields__) if name not in _NO_SECTIONS}
_NOTHING: Final = object()


class Changes(Struct, frozen=True):
    """The names of the settings that changed, and of all that wait for a restart."""

    changed: tuple[str, ...] = ()
    restart: tuple[str, ...] = ()


class Taken(Struct, frozen=True):
    """A file that was written: what names its text, what changed, and its sections that nobody reads."""

    version: str
    changes: Changes
    left_alone: tuple[str, ...] = ()


def changed(old: Config, new: Config) -> tuple[str, ...]:
    """Return the names of the settings that differ, in the order of the sections."""
    return differing(dict(_settings(old)), dict(_settings(new)))


def differing(before: dict[str, Any], after: dict[str, Any]) -> tuple[str, ...]:
    """Return the names at which two mappings of settings differ, in the order of the sections."""
    found = [name for name in {**before, **after} if before.get(name, _NOTHING) != after.get(name, _NOTHING)]
    return tuple(sorted(found, key=lambda name: _SECTIONS.get(name.partition(".")[0], len(_SECTIONS))))


def digests(config: Config) -> dict[str, str]:
    """Return digests, equal for equal values, of the settings that are not at their defaults."""
    usual = dict(_settings(Config()))
    return {name: _digest(value) for name, value in _settings(config) if value != usual.get(name, _NOTHING)}


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, enc_hook=repr, order="deterministic")).hexdigest()[:16]


def _settings(config: Config) -> Iterator[tuple[str, Any]]:
    """Yield each setting with its name; entries of a list by their own names where they have some."""
    for section in _SECTIONS:
        value = getattr(config, section)
        if section == "events":
            yield section, [value.enabled, _values(value.subscriptions)]
        elif isinstance(value, tuple):
            for at, one in enumerate(value):
                yield f"{section}.{getattr(one, 'name', at)}", one
        else:
            for name in value.__struct_fields__:
                yield f"{section}.{name}", getattr(value, name)


def _values(subscriptions: tuple[Located, ...]) -> list[Any]:
    """Return what stands there, wherever in the file: a comment above moves lines and changes nothing."""
    return [one.value for one in subscriptions]
