"""A form is filled in: from --set and --values, by who sits at the terminal, or with what it holds already.

    Form, Given -> {name: value}, the `values` of the next launch

Where nobody can be asked, a field that is empty and was not given is an error that names it.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from callboard.cli.outcome import WrongUse, told
from callboard.cli.output import printable
from callboard.cli.prompts import Cancelled, ask, confirm
from callboard.cli.showing import plain, show_head, show_label
from callboard.errors import CallboardError
from callboard.studio.fields import BadValue, Field, FieldType, gathered, typed
from callboard.studio.interfaces import Form

_MOST_FORMS: Final = 100
_ALIKE: Final = 0.8
"""How alike two names are (0 to 1) that are one, mistyped; less alike ones may be of a later step."""


class Unfilled(WrongUse):
    """The form asks for more than was given: give it with --set NAME=VALUE, or use a terminal."""


class AskedAgain(CallboardError):
    """The action asks the same again: look at what it says, and give other values."""


class Given:
    """What was said beforehand; each value is used once, so that a form that comes again is looked at."""

    def __init__(self, settings: Sequence[str] = (), values: str = "") -> None:
        self._texts: dict[str, list[str]] = {}
        for name, text in map(_setting, settings):
            self._texts.setdefault(name, []).append(text)
        self._values = _read_values(values) if values else {}
        self._used: set[str] = set()

    @property
    def unused(self) -> list[str]:
        """The names that no form had a field for."""
        return [name for name in (*self._texts, *self._values) if name not in self._used]

    def check(self, names: Iterable[str]) -> None:
        """Raise WrongUse for a name that was probably meant to be one of these."""
        known = [name for name in names if name]
        for name in self.unused:
            near = [] if name in known else get_close_matches(name, known, 1, _ALIKE)
            if near and near[0] not in (*self._texts, *self._values, *self._used):
                fields = ", ".join(known)
                said = f"The form has no field {name!r}; do you mean {near[0]!r}? It has {fields}."
                raise WrongUse(printable(said))

    def has(self, names: Iterable[str]) -> bool:
        """Tell whether a value that was not used yet is there for one of these."""
        return any(self._texts.get(name) or name in self._values for name in names)

    def take(self, field: Field) -> tuple[bool, Any]:
        """Return whether a value was given for this field, and it; raises BadValue."""
        self._used.add(field.name)
        if field.name in self._values:
            return True, self._values.pop(field.name)
        texts = self._texts.get(field.name)
        if not texts:
            return False, None
        if not field.many:
            return True, typed(field, texts.pop(0))
        several = [typed(field, text) for text in texts]
        texts.clear()
        return True, [value for values in several for value in values]


class Filling:
    """Fills in one form after the other, as one act of a person or a script."""

    def __init__(self, given: Given, asks: bool, yes: bool) -> None:
        self._given, self._asks, self._yes = given, asks, yes
        self._before: Form | None = None
        self._count = 0

    def fill(self, form: Form) -> dict[str, Any]:
        """Return what is filled in, by name. Raises Unfilled, AskedAgain, BadValue or Cancelled."""
        self._given.check(field.name for field in form.fields if field.is_asked)
        self._notice(form)
        if self._asks:
            show_head(form)
        missing: list[Field] = []
        pairs = list(self._pairs(form, missing))
        if missing:
            names = ", ".join(field.name for field in missing)
            them = "it" if len(missing) == 1 else "them"
            said = f"The form asks for {names}: give {them} with --set NAME=VALUE, or in a terminal."
            raise Unfilled(printable(said))
        self._submit(form)
        return gathered(pairs)

    def _pairs(self, form: Form, missing: list[Field]) -> Iterator[tuple[str, Any]]:
        for field in form.fields:
            if field.is_asked:
                yield field.name, self._value(field, missing)
            elif field.type is FieldType.HIDDEN:
                yield field.name, field.value
            elif self._asks:
                show_label(field)

    def _value(self, field: Field, missing: list[Field]) -> Any:
        try:
            given, value = self._given.take(field)
        except BadValue as error:
            raise WrongUse(f"--set {printable(field.name)}: {error}") from None
        if given:
            return value
        if self._asks:
            return ask(field)
        if field.is_needed:
            missing.append(field)
        return False if field.type is FieldType.BOOLEAN and field.value is None else field.value

    def _submit(self, form: Form) -> None:
        """Have it confirmed where nothing else is asked: such a form is a question for a yes."""
        if self._yes or any(field.is_asked for field in form.fields):
            return
        if not self._asks:
            raise Unfilled("The form asks for a yes: read what it says in a terminal, or give --yes.")
        if not confirm(f"{plain(form.submit) or 'Go on'}?"):
            raise Cancelled

    def _notice(self, form: Form) -> None:
        """Raise AskedAgain when nobody is there who could answer the same form in another way."""
        self._count += 1
        is_old = self._before is not None and _is_same(form, self._before)
        again = is_old and not self._given.has(field.name for field in form.fields)
        if not self._asks and (again or self._count > _MOST_FORMS):
            labels = (plain(str(one.value)) for one in form.fields if one.type is FieldType.LABEL)
            said = " ".join(line for label in labels for line in label.split("\n"))[:1000]
            raise AskedAgain(f"The action asks the same again: {said or 'it does not say why.'}")
        self._before = form


def _is_same(form: Form, before: Form) -> bool:
    """Tell whether two forms ask the same; what they say and hold may differ, where they ask something."""
    names, old = ([one.name for one in each.fields if one.is_asked] for each in (form, before))
    return names == old if names else form.fields == before.fields


def _setting(text: str) -> tuple[str, str]:
    name, equals, value = text.partition("=")
    if not equals or not name:
        raise WrongUse(f"{text[:40]!r} sets nothing: write --set NAME=VALUE.")
    return name, value


def _read_values(text: str) -> dict[str, Any]:
    try:
        found = json.loads(Path(text[1:]).read_text("utf-8") if text.startswith("@") else text)
    except (OSError, UnicodeError) as error:
        raise WrongUse(f"{text[1:]} can't be read: {told(error)}.") from None
    except (ValueError, RecursionError) as error:
        raise WrongUse(
            f"--values is no JSON: {error}. Write for example --values '{{\"frames\": 12}}'."
        ) from None
    if not isinstance(found, Mapping):
        raise WrongUse("--values is one JSON object: write for example --values '{\"frames\": 12}'.")
    return dict(found)
