"""The fields of a form, and what a person types into them.

    a field on the wire -> Field -> shown, filled in -> its value -> {name: value}, the next launch

Source: facts 4.3, the table of field types.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import date
from enum import StrEnum
from math import isfinite
from typing import Any, Final

from msgspec import Struct

from callboard.errors import CallboardError

_WHOLE = re.compile(r"[+-]?[0-9]{1,18}\Z")
_YES: Final = frozenset({"yes", "y", "true", "on", "1"})
_NO: Final = frozenset({"no", "n", "false", "off", "0", ""})


class BadValue(CallboardError):
    """This value does not fit its field: see what the form asks for."""


class FieldType(StrEnum):
    """What a field holds, in the words of the wire."""

    TEXT = "text"
    TEXTAREA = "textarea"
    NUMBER = "number"
    DATE = "date"
    BOOLEAN = "boolean"
    ENUMERATOR = "enumerator"
    LABEL = "label"
    HIDDEN = "hidden"


class Choice(Struct, frozen=True):
    """One entry of a menu: what people see, and the value that stands for it."""

    label: str
    value: Any


class Field(Struct, frozen=True):
    """One field of a form; `value` is what it holds to begin with, `many` lets several choices be taken.

    `is_set` says that a value was put in, be it nothing: then it need not be filled in.
    """

    type: FieldType
    name: str = ""
    label: str = ""
    value: Any = None
    choices: tuple[Choice, ...] = ()
    many: bool = False
    is_set: bool = False
    empty_text: str = ""

    @property
    def is_asked(self) -> bool:
        """True when a person fills it in: a label is only shown, a hidden value only goes along."""
        return self.type not in (FieldType.LABEL, FieldType.HIDDEN)

    @property
    def is_needed(self) -> bool:
        """True when it must be filled in: nobody has put a value in. A box that is not ticked is a no."""
        return self.is_asked and not self.is_set and self.type is not FieldType.BOOLEAN

    @property
    def wire(self) -> dict[str, Any]:
        """The field as listeners send it; keys that say nothing are left out."""
        if self.type is FieldType.LABEL:
            return {"type": self.type.value, "value": self.value}
        field: dict[str, Any] = {"type": self.type.value, "name": self.name}
        field |= {"value": self.value} if self.is_set else {}
        if self.type is FieldType.HIDDEN:
            return field
        more = {
            "label": self.label,
            "empty_text": self.empty_text,
            "data": [{"label": one.label, "value": one.value} for one in self.choices],
            "multi_select": self.many,
        }
        return field | {key: value for key, value in more.items() if value}


def typed(field: Field, text: str) -> Any:
    """Return the value that a person means by `text` in this field; raises BadValue with the way out.

    A choice is named by its value or its label; several of them by commas in between.
    """
    if field.type is FieldType.NUMBER:
        return _number(text)
    if field.type is FieldType.DATE:
        return _date(text)
    if field.type is FieldType.BOOLEAN:
        return _truth(text)
    if field.type is not FieldType.ENUMERATOR:
        return text
    return _several(field.choices, text) if field.many else chosen(field.choices, text)


def chosen(choices: Sequence[Choice], text: str) -> Any:
    """Return the value of the choice that `text` names: its value, its label, or how only it begins.

    Nothing is None, unless a choice has the empty value. Raises BadValue.
    """
    wanted = text.strip()
    if (found := _exactly(choices, wanted)) is not None:
        return found.value
    if not wanted:
        return None
    close = [one for one in choices if one.label.casefold().startswith(wanted.casefold())]
    if len(close) == 1:
        return close[0].value
    shown = ", ".join(one.label for one in (close or choices)[:8])
    more = ", ..." if len(close or choices) > 8 else ""
    raise BadValue(
        f"{_cut(wanted)!r} is {'more than one' if close else 'none'} of the choices: {shown}{more}."
    )


def gathered(pairs: Iterable[tuple[str, Any]]) -> dict[str, Any]:
    """Return values by name; those of fields that share a name are a list, in order. Source: facts 4.3."""
    values: dict[str, list[Any]] = {}
    for name, value in pairs:
        values.setdefault(name, []).append(value)
    return {name: found[0] if len(found) == 1 else found for name, found in values.items()}


def _exactly(choices: Sequence[Choice], wanted: str) -> Choice | None:
    """Return the choice with this value, or with this label."""
    by_value = (one for one in choices if one.value is not None and written(one.value) == wanted)
    return next(by_value, None) or next((one for one in choices if wanted and one.label == wanted), None)


def written(value: Any) -> str:
    """Return a value as a person types it."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "" if value is None else str(value)


def _several(choices: Sequence[Choice], text: str) -> list[Any]:
    if (found := _exactly(choices, text.strip())) is not None:  # a label may have a comma in it
        return [found.value]
    return [chosen(choices, one) for one in text.split(",") if one.strip()]


def _number(text: str) -> int | float | None:
    wanted = text.strip()
    if not wanted:
        return None
    if _WHOLE.match(wanted):
        return int(wanted)
    try:
        number = float(wanted.replace("_", "?"))  # Python would read 1_0
    except ValueError:
        number = float("nan")
    if not isfinite(number):
        raise BadValue(f"{_cut(wanted)!r} is no number: write 12, or 2.5.")
    return number


def _date(text: str) -> str | None:
    wanted = text.strip()
    if not wanted:
        return None
    try:
        return date.fromisoformat(wanted).isoformat()
    except ValueError:
        raise BadValue(f"{_cut(wanted)!r} is no date: write 2026-11-21.") from None


def _truth(text: str) -> bool:
    wanted = text.strip().lower()
    if wanted not in _YES | _NO:
        raise BadValue(f"{_cut(wanted)!r} is neither yes nor no: write one of them.")
    return wanted in _YES


def _cut(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"
