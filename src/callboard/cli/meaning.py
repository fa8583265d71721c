"""What the cells of a shot list mean to the tracker: names become ids, texts become dates and numbers.

Raises ValueError with the rest of a sentence that says what is wrong.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from callboard.cli.production import Entity, Words
from callboard.cli.shotlist import Cell, near

_TRUE, _FALSE = frozenset({"true", "yes", "1", "x"}), frozenset({"false", "no", "0"})
_FEW = 12
"""Names that are all told where one is unknown."""
_DECIMAL_COMMA = re.compile(r"[-+]?\d+,\d{1,2}")
_SEPARATORS = (",", ";")
_NOBODY = (
    ": a person is one with the first request by a key with the right `tracker`, or made by "
    'session.create("User", {"username": NAME}).'
)


@dataclass(frozen=True, slots=True)
class Meant:
    """One value of an entity: its attribute, what it is sent as, and how it is told to a person."""

    attribute: str
    value: Any
    said: str


def meant(words: Words, column: str, cell: Cell) -> Meant:
    """Return what a cell in one of our own columns means."""
    match column:
        case "status":
            return _named("status_id", "status", words.statuses, cell)
        case "type":
            return _named("type_id", "type", words.types, cell)
        case "priority":
            return _named("priority_id", "priority", words.priorities, cell)
        case "start" | "end":
            return _date(f"{column}_date", cell)
        case "bid":
            number = _number(cell)
            return Meant("bid", number, f"{number:g}")
        case _:
            return Meant("description", text(cell), text(cell))


def people(words: Words, cell: Cell) -> dict[str, str]:
    """Return the people that a cell names, by id: `jane, bob`."""
    names = cell if isinstance(cell, list) else _split(text(cell))
    return {_id("user", words.users, name): name for name in names if name}


def custom(configuration: Entity, cell: Cell) -> Meant:
    """Return what a cell of a custom attribute means, by the attribute's type."""
    key = configuration["key"]
    match (configuration.get("type") or {}).get("name"):
        case "number":
            number = _number(cell)
            return Meant(key, number, f"{number:g}")
        case "boolean":
            value = _boolean(cell)
            return Meant(key, value, str(value).lower())
        case _ if isinstance(cell, list):
            return Meant(key, cell, ", ".join(cell))
        case _:
            return Meant(key, text(cell), text(cell))


def text(cell: Cell) -> str:
    """Return a cell as text."""
    if isinstance(cell, bool):
        return str(cell).lower()
    if isinstance(cell, float):
        return f"{cell:.15g}"
    return ", ".join(cell) if isinstance(cell, list) else cell


def moment(value: Any) -> datetime | None:
    """Return a time that the tracker gave."""
    found = value.get("value") if isinstance(value, Mapping) else None
    return datetime.fromisoformat(found).astimezone(UTC) if isinstance(found, str) else None


def _split(names: str) -> list[str]:
    for separator in _SEPARATORS[1:]:
        names = names.replace(separator, _SEPARATORS[0])
    return [each.strip() for each in names.split(_SEPARATORS[0])]


def _named(attribute: str, what: str, known: Mapping[str, str], cell: Cell) -> Meant:
    name = text(cell)
    return Meant(attribute, _id(what, known, name), name)


def _id(what: str, known: Mapping[str, str], name: str) -> str:
    """Return the id of a name, in whatever case it is written."""
    found = known.get(name) or next(
        (id_ for each, id_ in known.items() if each.lower() == name.lower()), None
    )
    if found is None:
        raise ValueError(f"there is no {what} {name[:80]!r}{_instead(what, known, name)}")
    return found


def _instead(what: str, known: Mapping[str, str], name: str) -> str:
    """Return the end of a sentence about an unknown name: the nearest one, all of a few, or who is one."""
    hint = near(name, known)
    if hint == "." and what == "user":
        return _NOBODY
    return f": there are {', '.join(known)}." if hint == "." and len(known) <= _FEW else hint


def _date(attribute: str, cell: Cell) -> Meant:
    try:
        found = datetime.fromisoformat(text(cell))
    except ValueError:
        raise ValueError(f"{text(cell)[:40]!r} is no date: write 2026-11-21.") from None
    aware = found if found.tzinfo else found.replace(tzinfo=UTC)
    return Meant(attribute, aware.astimezone(UTC), text(cell))


def _number(cell: Cell) -> float:
    try:
        if isinstance(cell, str) and _DECIMAL_COMMA.fullmatch(cell):
            cell = cell.replace(",", ".")
        found = float(cell) if isinstance(cell, str | float) else None
    except ValueError:
        found = None
    if found is None or not abs(found) < 1e15:
        raise ValueError(f"{text(cell)[:40]!r} is no number: write 2.5.")
    return found


def _boolean(cell: Cell) -> bool:
    if isinstance(cell, bool):
        return cell
    said = text(cell).lower()
    if said not in _TRUE and said not in _FALSE:
        raise ValueError(f"{text(cell)[:40]!r} is neither yes nor no.")
    return said in _TRUE
