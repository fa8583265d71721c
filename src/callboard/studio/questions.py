"""Questions: the entries of a menu, rules for a new record, the path of a component, a user's workstation.

    ftrack.dynamic-enumerator            entries of all listeners, the first of equal values
    ftrack.validate                      changes and errors of all listeners, merged by key
    ftrack.location.request-resolve      the first path
    ftrack.connect                       nobody replies

Source: seed, the sections of these names; facts, section 4.1.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import aclosing
from typing import Any, Final

from msgspec import Struct, structs

from callboard.bus import Bus
from callboard.event import Event
from callboard.studio.asking import Answer, Asker, Distinct, Fault, Faults, answers, question
from callboard.studio.locations import Platform

ENUMERATOR: Final = "ftrack.dynamic-enumerator"
VALIDATE: Final = "ftrack.validate"
RESOLVE: Final = "ftrack.location.request-resolve"
CONNECT: Final = "ftrack.connect"

MOST_ENTRIES: Final = 10_000
"""Entries that a menu holds."""
MOST_FIELDS: Final = 1000
"""Fields that one verdict may speak of."""
LONGEST: Final = 4096
"""Characters of a path, or of what is wrong with a field."""
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


class Entries(Struct, frozen=True):
    """The entries of a menu, `{name, value}` each, in the order in which they came."""

    items: tuple[dict[str, Any], ...]
    faults: tuple[Fault, ...]


class Verdict(Struct, frozen=True):
    """What all listeners say of a record: better values and errors, by field."""

    changes: Mapping[str, Any]
    errors: Mapping[str, str]
    faults: tuple[Fault, ...]


class Resolved(Struct, frozen=True):
    """The path of a component, and who knew it; None when nobody did."""

    path: str | None
    subscriber: str
    publisher: str
    faults: tuple[Fault, ...]


async def entries(bus: Bus, asker: Asker, asked: Mapping[str, Any], deadline: float) -> Entries:
    """Ask for the entries of a menu: `asked` has the seed's six keys.

    Listeners often answer for every attribute, so several may: their entries are joined in the order
    of their arrival, and of equal values the first one stays.
    """
    items: list[dict[str, Any]] = []
    faults, seen = Faults(), Distinct()
    event = question(asker, ENUMERATOR, asked)
    async with aclosing(answers(bus, event, faults, deadline)) as coming:
        async for answer in coming:
            items += _entries(answer, seen, faults)
    return Entries(tuple(items), faults.all)


def _entries(answer: Answer, seen: Distinct, faults: Faults) -> Iterator[dict[str, Any]]:
    if answer.data == {}:  # Python's empty list
        return
    if not isinstance(answer.data, list):
        faults.add(answer.fault("This is no list of entries."))
        return
    for number, entry in enumerate(answer.data, 1):
        if len(seen) >= MOST_ENTRIES:
            faults.add(answer.fault(f"The menu is full: it holds {MOST_ENTRIES} entries."))
            return
        if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or "value" not in entry:
            faults.add(answer.fault(f"Entry {number} has no `name` and `value`."))
        elif seen.add(entry["value"]):
            yield entry


def validating(asker: Asker, record: Mapping[str, Any]) -> Event:
    """Return the event that asks who has rules for a record before it is made."""
    return question(asker, VALIDATE, record)


async def verdict(bus: Bus, event: Event, deadline: float) -> Verdict:
    """Ask, and merge what all listeners say by field.

    Of two changes of one field the first stays, and the other is a fault; errors of one field are joined.
    """
    changes: dict[str, Any] = {}
    errors: dict[str, str] = {}
    faults = Faults()
    async with aclosing(answers(bus, event, faults, deadline)) as coming:
        async for answer in coming:
            for field, value in _fields(answer, "changes", faults):
                if changes.setdefault(field, value) != value:
                    faults.add(answer.fault(f"`{field[:80]}` was changed to another value before."))
            for field, said in _fields(answer, "errors", faults):
                if not isinstance(said, str) or not said.strip():
                    faults.add(answer.fault(f"The error of `{field[:80]}` is no text."))
                elif said not in errors.get(field, ""):
                    errors[field] = f"{errors.get(field, '')} {said[:LONGEST]}".strip()[:LONGEST]
    return Verdict(changes, errors, faults.all)


def _fields(answer: Answer, key: str, faults: Faults) -> list[tuple[str, Any]]:
    """Return the fields under `changes` or `errors` of an answer."""
    if not isinstance(answer.data, dict):
        if key == "changes":  # one fault for one answer
            faults.add(answer.fault("This is no verdict: an object with `changes` and `errors` is."))
        return []
    said = answer.data.get(key) or {}
    if not isinstance(said, dict) or len(said) > MOST_FIELDS:
        faults.add(answer.fault(f"`{key}` is no object of at most {MOST_FIELDS} fields."))
        return []
    return list(said.items())


async def resolved(
    bus: Bus,
    asker: Asker,
    component: str,
    location: str | None,
    platform: Platform,
    server_url: str,
    deadline: float,
    owner: str = "",
) -> Resolved:
    """Ask for the path of a component; the first one that can be used wins. No location: any.

    What `owner` says, the user whose location it is, goes before what others say, however quick they are.
    """
    asked = {
        "locationName": location,
        "componentId": component,
        "platform": str(platform),
        "serverUrl": server_url,
    }
    faults, found = Faults(), Resolved(None, "", "", ())
    async with aclosing(answers(bus, question(asker, RESOLVE, asked), faults, deadline)) as coming:
        async for answer in coming:
            path, is_owner = _path(answer, faults), answer.publisher == owner
            if path is not None and (is_owner or found.path is None):
                found = Resolved(path, answer.subscriber, answer.publisher, ())
            owner = "" if is_owner else owner  # has spoken
            if found.path is not None and not owner:
                break
    return structs.replace(found, faults=faults.all)


_NO_PATH: Final = "This is no answer: an object with a `path` in one line is."


def _path(answer: Answer, faults: Faults) -> str | None:
    if answer.data == {}:  # Python's None, more or less
        return None
    path = answer.data.get("path") if isinstance(answer.data, dict) else None
    if isinstance(path, str) and 0 < len(path) <= LONGEST and not _CONTROL.search(path):
        return path
    said = answer.data.get("message") if isinstance(answer.data, dict) and path is None else None
    reason = said if isinstance(said, str) and said else _NO_PATH
    faults.add(answer.fault(reason[:LONGEST]))
    return None


async def connect(bus: Bus, asker: Asker, action: str, plugin: str, entity: Mapping[str, Any]) -> str:
    """Wish that something happens on a user's workstation, and return the event's position.

    Desktop helpers listen to `source.user.username`: the asker is the user whose they are.
    """
    wish = {"action": action, "plugin": plugin, "entity": dict(entity)}
    return await bus.publish(question(asker, CONNECT, wish))
