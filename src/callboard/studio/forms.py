"""Forms as typed classes: what an artist is asked, and what came back as an instance.

    class Render(Form):  --ask--> Question --> fields on the wire --> values --read--> Render(...)

A wrong value shows the form again, with what was typed, and what is wrong above it.
Source: facts 4.3.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import MISSING, dataclass
from typing import Any, ClassVar, Final, Self, TypeVar, dataclass_transform, get_type_hints

from msgspec import Struct

from callboard.errors import CallboardError
from callboard.studio.annotations import BadForm, Slot, slot_of
from callboard.studio.fields import Field, FieldType
from callboard.studio.launch import Launch

F = TypeVar("F", bound="Form")

TAG: Final = "callboard_form"
"""The hidden field that says which of an action's forms was filled in."""


class Refused(CallboardError):
    """Something in the form must be corrected."""

    def __init__(self, faults: Sequence[str]) -> None:
        self.faults = tuple(faults)
        super().__init__(" ".join(faults))


@dataclass_transform(frozen_default=True, kw_only_default=True, field_specifiers=(dataclasses.field,))
@dataclass(frozen=True, kw_only=True)
class Form:
    """What an artist fills in: subclass it, each annotation is a field (docs/actions.md).

    `class Render(Form, title="Render", submit="Send to the farm")`. A default is what the field holds to
    begin with. Raise ValueError in `__post_init__` for what does not fit together.
    """

    form_title: ClassVar[str] = ""
    form_submit: ClassVar[str] = ""

    def __init_subclass__(cls, *, title: str = "", submit: str = "", **more: Any) -> None:
        super().__init_subclass__(**more)
        cls.form_title, cls.form_submit = title, submit
        taken = [name for name in vars(cls).get("__annotations__", {}) if hasattr(Form, name) or name == TAG]
        if taken:
            raise BadForm(f"{cls.__name__}.{taken[0]}: a field can't have this name, choose another.")
        dataclass(frozen=True, kw_only=True)(cls)

    @classmethod
    def ask(cls, **values: Any) -> Question:
        """Return the question that shows this form, with these values in it to begin with.

        Raises BadForm for a name that is no field.
        """
        slots = {slot.name: slot for slot in slots_of(cls)}
        unknown = [name for name in values if name not in slots]
        if unknown:
            raise BadForm(f"{cls.__name__} has no field {unknown[0]!r}: it has {', '.join(slots)}.")
        return Question(cls, {name: slots[name].write(value) for name, value in values.items()})

    @classmethod
    def opening(cls, launch: Launch[Mapping[str, Any]]) -> Question:  # noqa: ARG003 - for who overrides it
        """Return how this form is first shown: override it to fill fields from the selection."""
        return cls.ask()

    @classmethod
    def read(cls, launch: Launch[Any], values: Mapping[str, Any]) -> Self:
        """Return the instance that the values of a submitted form make; raises Refused."""
        faults: list[str] = []
        taken: dict[str, Any] = {}
        for slot in slots_of(cls):
            try:
                taken[slot.name] = slot.taken(launch, values)
            except ValueError as error:
                faults.append(f"{slot.field.label}: {error}.")
        if faults:
            raise Refused(faults)
        try:
            return cls(**taken)
        except ValueError as error:
            raise Refused([str(error)]) from error

    def asked_again(self) -> Question:
        """Return the question that shows this form with the values of this instance."""
        values = {one.name: getattr(self, one.name) for one in dataclasses.fields(self)}
        return type(self).ask(**values)


class Question(Struct, frozen=True):
    """A form as it is shown now: values on the wire over the defaults, and what is wrong with them."""

    form: type[Form]
    values: Mapping[str, Any] = {}
    faults: tuple[str, ...] = ()

    def saying(self, *faults: str) -> Question:
        """Return the same form with these sentences above its fields."""
        return Question(self.form, self.values, (*self.faults, *faults))

    def reply(self, launch: Launch[Any], tagged: bool) -> dict[str, Any]:
        """Return the reply that shows it; `tagged` where an action has several forms."""
        shown = [Field(FieldType.LABEL, value=fault) for fault in self.faults]
        shown += [slot.shown(launch, self.values) for slot in slots_of(self.form)]
        if tagged or all(field.type is FieldType.LABEL for field in shown):  # else nothing would come back
            shown.append(Field(FieldType.HIDDEN, TAG, value=self.form.__name__, is_set=True))
        title, submit = self.form.form_title, self.form.form_submit
        reply: dict[str, Any] = {"type": "form", "items": [field.wire for field in shown]}
        more = {"title": title or str(launch.item.get("label") or ""), "submit_button_label": submit}
        return reply | {key: value for key, value in more.items() if value}


def question_of(launch: Launch[Any], said: Any) -> Question | None:
    """Return the question that a form means, however it is given; None for what is no form."""
    if isinstance(said, type) and issubclass(said, Form):
        return said.opening(launch)
    if isinstance(said, Form):
        return said.asked_again()
    return said if isinstance(said, Question) else None


def slots_of(form: type[Form]) -> tuple[Slot, ...]:
    """Return the fields of a form; raises BadForm for what no field can hold."""
    try:
        hints = get_type_hints(form, include_extras=True)
    except NameError as error:
        raise BadForm(
            f"{form.__name__}: {error}; types of a form's fields stand at the top level of its module."
        ) from None
    return tuple(
        slot_of(one.name, hints[one.name], _default(one), f"{form.__name__}.{one.name}")
        for one in dataclasses.fields(form)
    )


def _default(one: dataclasses.Field[Any]) -> Any:
    if one.default is not MISSING:
        return one.default
    return MISSING if one.default_factory is MISSING else one.default_factory()
