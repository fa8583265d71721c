"""What the annotation of a form's field says: its type on the wire, and how values go there and back.

frames: str -> text          Textarea -> textarea    int, float -> number    date -> date
bool -> boolean              Literal, Enum, Input(choices=...) -> enumerator
set, list, tuple of those -> enumerator with several choices
Label -> shown only          Hidden[...] -> goes along unseen, as JSON where it is no scalar
"""

from __future__ import annotations

import types
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import MISSING
from datetime import date
from enum import Enum
from math import isfinite
from typing import Annotated, Any, Final, Literal, TypeVar, Union, get_args, get_origin

import msgspec
from msgspec import Struct

from callboard.errors import CallboardError
from callboard.event import encode_json
from callboard.studio.fields import Choice, Field, FieldType
from callboard.studio.launch import Launch

T = TypeVar("T")

Textarea = Annotated[str, FieldType.TEXTAREA]
"""Text of several lines."""
Label = Annotated[str, FieldType.LABEL]
"""Text (Markdown) that is shown and not asked; its default is the text."""
Hidden = Annotated[T, FieldType.HIDDEN]
"""A value that goes along unseen, from step to step. It comes back from outside: check it as any other."""

Choices = Sequence[Any] | Mapping[Any, str] | Callable[[Launch[Any]], Sequence[Any] | Mapping[Any, str]]
"""Values, or values with their labels; a function is asked at each launch."""


class BadForm(CallboardError):
    """This form can't be made: see docs/actions.md for what its annotations may be."""


class Input(Struct, frozen=True):
    """How a field is shown: `Annotated[str, Input("Frame range", empty="1001-1096")]`."""

    label: str = ""
    empty: str = ""
    choices: Choices | None = None


class Option(Struct, frozen=True):
    """One choice: what people see, the value on the wire, and what it means in Python."""

    label: str
    value: Any
    meaning: Any


class Slot(Struct, frozen=True):
    """One field of a typed form.

    `read` gives what a value on the wire means and raises ValueError with what is wrong; `options`
    gives the choices at a launch; `gather` makes the collection of several.
    """

    field: Field
    read: Callable[[Any], Any]
    write: Callable[[Any], Any]
    optional: bool = False
    default: Any = MISSING
    options: Callable[[Launch[Any]], tuple[Option, ...]] | None = None
    gather: Callable[[Iterable[Any]], Any] | None = None

    @property
    def name(self) -> str:
        """The key of its value."""
        return self.field.name

    def shown(self, launch: Launch[Any], values: Mapping[str, Any]) -> Field:
        """Return the field as it is sent, with what `values` or the default has for it."""
        changes: dict[str, Any] = {}
        if self.name in values:
            changes |= {"value": values[self.name], "is_set": True}
        elif self.default is not MISSING:
            changes |= {"value": self.write(self.default), "is_set": True}
        if self.options is not None:
            changes["choices"] = tuple(Choice(one.label, one.value) for one in self.options(launch))
        return msgspec.structs.replace(self.field, **changes)

    def taken(self, launch: Launch[Any], values: Mapping[str, Any]) -> Any:
        """Return what `values` has for this field; raises ValueError with what is wrong."""
        if self.field.type is FieldType.LABEL or (self.name not in values and self.default is not MISSING):
            return "" if self.default is MISSING else self.default
        value = values.get(self.name)
        if self.gather is not None:
            return self._several(launch, value)
        if value in (None, ""):
            return self._nothing(launch, value)
        return self.read(value) if self.options is None else _meaning(self.options(launch), value)

    def _several(self, launch: Launch[Any], value: Any) -> Any:
        assert self.gather is not None
        assert self.options is not None
        given = value if isinstance(value, list) else [] if value in (None, "") else [value]
        if not given and self.default is MISSING and not self.optional:
            raise ValueError("choose at least one")
        known = self.options(launch)
        return self.gather(_meaning(known, one) for one in given)

    def _nothing(self, launch: Launch[Any], value: Any) -> Any:
        """Return what an empty field means."""
        if self.options is not None and any(one.value == value for one in self.options(launch)):
            return _meaning(self.options(launch), value)
        if self.field.type is FieldType.BOOLEAN:
            return False
        if self.optional:
            return None
        if self.field.type in _TEXTS and self.default is not MISSING:
            return ""
        raise ValueError("this is needed")


_TEXTS: Final = (FieldType.TEXT, FieldType.TEXTAREA, FieldType.HIDDEN)
_GATHERERS: Final = {set: set, frozenset: frozenset, list: list, tuple: tuple}


def slot_of(name: str, hint: Any, default: Any, where: str) -> Slot:
    """Return what the annotation of a field says; raises BadForm, with `where` it stands."""
    bare, marks = _unpacked(hint)
    bare, optional = _without_none(bare)
    bare, inner = _unpacked(bare)
    marks += inner
    about = next((one for one in marks if isinstance(one, Input)), Input())
    kind = next((one for one in marks if isinstance(one, FieldType)), None)
    label = about.label or name.replace("_", " ").capitalize()
    field = Field(FieldType.TEXT, name, label, empty_text=about.empty)
    slot = _hidden(field, bare) if kind is FieldType.HIDDEN else _visible(field, bare, about)
    if slot is None:
        raise BadForm(
            f"{where}: no field of a form holds {_name(hint)}: use str, Textarea, int, float, bool, date, "
            "Literal, an Enum, set or list of these two, Label or Hidden[...]."
        )
    if kind is not None:
        slot = msgspec.structs.replace(slot, field=msgspec.structs.replace(slot.field, type=kind))
    return msgspec.structs.replace(slot, optional=optional, default=default)


def _visible(field: Field, hint: Any, about: Input) -> Slot | None:
    origin = get_origin(hint)
    if origin in _GATHERERS:
        inner, marks = _unpacked((get_args(hint) or (str,))[0])
        about_inner = next((one for one in marks if isinstance(one, Input)), about)
        one = _menu(field, inner, about_inner.choices or about.choices)
        if one is None:
            return None
        many = msgspec.structs.replace(one.field, many=True)
        gather: Callable[[Iterable[Any]], Any] = _GATHERERS[origin]
        return Slot(many, one.read, _list_of(one.write), options=one.options, gather=gather)
    return _menu(field, hint, about.choices) or _plain(field, hint)


def _menu(field: Field, hint: Any, choices: Choices | None) -> Slot | None:
    menu = msgspec.structs.replace(field, type=FieldType.ENUMERATOR)
    if choices is not None:
        return Slot(menu, _same, _same, options=_asked(choices))
    if get_origin(hint) is Literal:
        return Slot(menu, _same, _same, options=_fixed(_options(get_args(hint))))
    if isinstance(hint, type) and issubclass(hint, Enum):
        members = tuple(Option(_spaced(one), _wire(one), one) for one in hint)
        return Slot(menu, _same, _wire, options=_fixed(members))
    return None


def _plain(field: Field, hint: Any) -> Slot | None:
    if hint not in _PLAIN:
        return None
    kind, read, write = _PLAIN[hint]
    return Slot(msgspec.structs.replace(field, type=kind), read, write)


def _hidden(field: Field, hint: Any) -> Slot:
    if hint in (str, int, float, bool):
        return Slot(field, _hidden_scalar(hint), _same)
    known = Any if isinstance(hint, TypeVar) else hint

    def read(value: Any) -> Any:
        try:
            return msgspec.json.decode(value if isinstance(value, str) else encode_json(value), type=known)
        except msgspec.MsgspecError as error:
            raise ValueError("this form is out of date, launch the action again") from error

    return Slot(field, read, lambda value: encode_json(value).decode())


def _hidden_scalar(hint: Any) -> Callable[[Any], Any]:
    def read(value: Any) -> Any:
        try:
            return msgspec.convert(value, hint, strict=False)
        except msgspec.ValidationError as error:
            raise ValueError("this form is out of date, launch the action again") from error

    return read


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool):
        return str(value)
    raise ValueError("this is no text")


def _whole(value: Any) -> int:
    number = _number(value)
    if not number.is_integer():
        raise ValueError("this is no whole number")
    return int(value) if isinstance(value, str) and value.strip().lstrip("+-").isdigit() else int(number)


def _number(value: Any) -> float:
    try:
        number = float("nan") if isinstance(value, bool) else float(value)
    except (TypeError, ValueError, OverflowError):
        number = float("nan")
    if not isfinite(number):
        raise ValueError("this is no number")
    return number


def _day(value: Any) -> date:
    try:
        return date.fromisoformat(str(value)[:10])  # pages send a time with it
    except ValueError:
        raise ValueError("this is no date, write 2026-11-21") from None


def _truth(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("true", "false", "1", "0"):
        return str(value).lower() in ("true", "1")
    raise ValueError("this is neither yes nor no")


def _same(value: Any) -> Any:
    return value


_PLAIN: Final[Mapping[Any, tuple[FieldType, Callable[[Any], Any], Callable[[Any], Any]]]] = {
    str: (FieldType.TEXT, _text, _same),
    int: (FieldType.NUMBER, _whole, _same),
    float: (FieldType.NUMBER, _number, _same),
    bool: (FieldType.BOOLEAN, _truth, _same),
    date: (FieldType.DATE, _day, lambda day: None if day is None else day.isoformat()),
}


def _meaning(options: Sequence[Option], value: Any) -> Any:
    """Return what a choice means; pages send a number's text for a number."""
    exact = (one for one in options if one.value == value and type(one.value) is type(value))
    close = (one for one in options if str(one.value) == str(value))
    found = next(exact, None) or next(close, None)
    if found is None:
        raise ValueError("this is none of the choices")
    return found.meaning


def _options(choices: Sequence[Any] | Mapping[Any, str]) -> tuple[Option, ...]:
    if isinstance(choices, Mapping):
        return tuple(Option(str(label), value, value) for value, label in choices.items())
    return tuple(Option(str(value), value, value) for value in choices)


def _fixed(options: tuple[Option, ...]) -> Callable[[Launch[Any]], tuple[Option, ...]]:
    return lambda _launch: options


def _asked(choices: Choices) -> Callable[[Launch[Any]], tuple[Option, ...]]:
    if callable(choices):
        return lambda launch: _options(choices(launch))
    return _fixed(_options(choices))


def _list_of(write: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda values: [write(one) for one in values or ()]


def _wire(member: Any) -> Any:
    """Return a member's value where the wire has it, its name otherwise."""
    if not isinstance(member, Enum):
        return member
    return member.value if isinstance(member.value, str | int) else member.name


def _spaced(member: Enum) -> str:
    return member.name.replace("_", " ").capitalize()


def _unpacked(hint: Any) -> tuple[Any, tuple[Any, ...]]:
    """Return a hint without `Annotated`, and what that said."""
    if get_origin(hint) is Annotated:
        bare, *marks = get_args(hint)
        return bare, tuple(marks)
    return hint, ()


def _without_none(hint: Any) -> tuple[Any, bool]:
    """Return X of `X | None`, and whether None may be."""
    if get_origin(hint) not in (Union, types.UnionType):
        return hint, False
    rest = [one for one in get_args(hint) if one is not type(None)]
    return (rest[0], True) if len(rest) == 1 else (hint, False)


def _name(hint: Any) -> str:
    return hint.__name__ if isinstance(hint, type) else str(hint)
