"""Values on their way in and out: JSON of the official clients <-> columns <-> events."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from callboard.tracker.model import Kind, Scalar
from callboard.tracker.refusals import Invalid

_TRUE, _FALSE = frozenset({"true", "1", "yes"}), frozenset({"false", "0", "no"})
_WANTED = {
    Kind.TEXT: "text",
    Kind.INTEGER: "a whole number",
    Kind.NUMBER: "a number",
    Kind.BOOLEAN: "true or false",
    Kind.TIME: "a time in ISO 8601",
    Kind.OBJECT: "an object",
    Kind.ANY: "text, a number, true or false",
}
_LARGEST = 2**53


def stored(entity: str, scalar: Scalar, value: object) -> Any:
    """Return a value that a client sent as its column takes it; raises Invalid when it is of another kind."""
    if value is None:
        return None
    if isinstance(value, Mapping) and value.get("__type__") in ("datetime", "date"):
        value = value.get("value")
    found = _CONVERSIONS[scalar.kind](value)
    if found is None:
        raise Invalid(f"{entity}.{scalar.name} takes {_WANTED[scalar.kind]}, not {str(value)[:80]!r}.")
    return found


def compared(entity: str, scalar: Scalar, text: str) -> Any:
    """Return the value that stands in a query as its column compares it."""
    if scalar.kind in (Kind.TEXT, Kind.ANY):
        return text
    value: object = text
    if scalar.kind in (Kind.NUMBER, Kind.INTEGER):
        value = number_of(text)
    elif scalar.kind is Kind.BOOLEAN:
        value = True if text.lower() in _TRUE else False if text.lower() in _FALSE else None
    if value is None:
        raise Invalid(f"{entity}.{scalar.name} is compared with {_WANTED[scalar.kind]}, not {text[:80]!r}.")
    return stored(entity, scalar, value)


def shown(value: object) -> Any:
    """Return a column's value as the official clients decode it."""
    if isinstance(value, datetime):
        return {"__type__": "datetime", "value": value.replace(tzinfo=UTC).isoformat()}
    return value


def told(value: object) -> Any:
    """Return a column's value as events have it: times as text."""
    return value.replace(tzinfo=UTC).isoformat() if isinstance(value, datetime) else value


def now() -> datetime:
    """Return the time as columns hold it."""
    return datetime.now(UTC).replace(tzinfo=None)


def _text(value: object) -> str | None:
    if not isinstance(value, str) or "\0" in value:
        return None
    return value if value.isascii() or not any("\ud800" <= each <= "\udfff" for each in value) else None


def number_of(value: object) -> float | None:
    """Return a number, or one that stands in a text; None for what is none, or is too large to be kept."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        found = float(value)
    except (ValueError, OverflowError):
        return None
    return found if abs(found) <= _LARGEST else None


def _stored_number(value: object) -> float | None:
    return None if isinstance(value, str) else number_of(value)


def _integer(value: object) -> int | None:
    found = _stored_number(value)
    return int(found) if found is not None and found.is_integer() else None


def _boolean(value: object) -> bool | None:
    return value if isinstance(value, bool) else None


def _time(value: object) -> datetime | None:
    if not isinstance(value, str):
        return None
    try:
        found = datetime.fromisoformat(value)
        return found.astimezone(UTC).replace(tzinfo=None) if found.tzinfo else found
    except (ValueError, OverflowError):
        return None


def _any(value: object) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return json.dumps(value) if value else None  # several choices of an enumerator
    number = _stored_number(value)
    return f"{number:.15g}" if number is not None else _text(value)


def _nothing(_: object) -> None:
    """Objects are made by the tracker alone."""


_CONVERSIONS: Mapping[Kind, Callable[[object], Any]] = {
    Kind.TEXT: _text,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _stored_number,
    Kind.BOOLEAN: _boolean,
    Kind.TIME: _time,
    Kind.OBJECT: _nothing,
    Kind.ANY: _any,
}
