"""What a listener wants shown to somebody: a message, a form, or a widget (a web page).

    launch reply, or data of ftrack.action.trigger-user-interface -> Shown(interface, faults)

It is total: whatever comes is shown somehow, and what is wrong with it is said in `faults`. A form that
can't be submitted (no actionIdentifier, no selection, fields that can't be understood) is read-only.
Bounded in number; texts for people are cut, values go along as they came: state may hide in them.
Source: facts 4.3 and 4.4; seed, "ftrack.action.trigger-user-interface".
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, Final
from urllib.parse import urlsplit

from msgspec import Struct

from callboard.studio.fields import Choice, Field, FieldType

MOST_FIELDS: Final = 500
MOST_CHOICES: Final = 10_000
"""Choices in all fields of one form."""
MOST_SELECTED: Final = 10_000
LONGEST_TEXT: Final = 10_000
"""Characters of a text for people."""
LONGEST_NAME: Final = 500
LONGEST_ADDRESS: Final = 4_000
_MOST_FAULTS: Final = 20

Item = Mapping[str, Any]
Selection = Sequence[Mapping[str, Any]]

_NOT_THE_ITEMS: Final = frozenset(
    {"type", "items", "title", "submit_button_label", "url", "success", "message", "selection", "context"}
    | {"values"}
)
"""Keys of a triggered interface that are its own; all others go into the launch."""


class Message(Struct, frozen=True):
    """One or more lines of text, good news or bad."""

    success: bool
    text: str


class Form(Struct, frozen=True):
    """Fields to fill in. `item` with `selection` and the values is the next launch.

    Without either it can only be looked at.
    """

    fields: tuple[Field, ...]
    title: str = ""
    submit: str = ""
    message: str = ""
    item: Item | None = None
    selection: Selection | None = None

    @property
    def read_only(self) -> bool:
        """True when it can't be submitted."""
        return self.item is None or self.selection is None


class Widget(Struct, frozen=True):
    """A web page, for the selected entities; without a selection it is for looking only."""

    url: str
    title: str = ""
    message: str = ""
    selection: Selection | None = None

    @property
    def read_only(self) -> bool:
        """True when nobody said what it works on."""
        return self.selection is None


class Shown(Struct, frozen=True):
    """What is shown, and what was wrong with how it was said: one sentence each."""

    interface: Message | Form | Widget
    faults: tuple[str, ...] = ()


def read_reply(data: Any, item: Item, selection: Selection) -> Shown:
    """Return what the reply to the launch of `item` wants shown; never raises."""
    if isinstance(data, str):
        return Shown(Message(True, data[:LONGEST_TEXT]))
    if isinstance(data, bool):
        return Shown(Message(data, ""))
    if not isinstance(data, Mapping):
        said = "What the action answered can't be understood."
        return Shown(Message(False, said), (f"The reply is no object but {_kind(data)}.",))
    return _Reader(data).read(item, selection)


def read_trigger(data: Any) -> Shown:
    """Return what the data of `ftrack.action.trigger-user-interface` wants shown; never raises."""
    if not isinstance(data, Mapping):
        said = "Somebody wants something shown that can't be understood."
        return Shown(Message(False, said), (f"The data is no object but {_kind(data)}.",))
    reader = _Reader(data)
    selection = reader.selection()
    return reader.read(reader.item(), selection)


class _Reader:
    """Reads one interface and notes what is wrong with it."""

    def __init__(self, data: Mapping[str, Any]) -> None:
        self._data = data
        self._faults: list[str] = []
        self._choices = 0
        self._broken = False

    def read(self, item: Item | None, selection: Selection | None) -> Shown:
        said = self._data.get("type")
        has_items, has_url = (self._data.get(key) is not None for key in ("items", "url"))
        if said == "widget" and has_items and not has_url:
            interface: Message | Form | Widget = self._panel(selection)
        elif said == "form" or (said != "widget" and has_items):
            interface = self._form(item, selection)
        elif said == "widget" or (has_url and said is None):
            interface = self._widget(selection)
        else:
            interface = self._message(said)
        return Shown(interface, tuple(self._faults))

    def item(self) -> Item | None:
        """Return what a triggered form launches: its actionIdentifier and the keys that are not its own."""
        named = self._data.get("actionIdentifier")
        if isinstance(named, str) and named:
            return {key: value for key, value in self._data.items() if key not in _NOT_THE_ITEMS}
        return None

    def selection(self) -> Selection | None:
        """Return what a triggered form or widget works on, at the top or under `context`."""
        found = self._data.get("selection")
        if found is None and isinstance(context := self._data.get("context"), Mapping):
            found = context.get("selection")
        if found is None:
            return None
        if not isinstance(found, list) or len(found) > MOST_SELECTED:
            self._fault(f"selection is no list of at most {MOST_SELECTED} entities")
            return None
        if not all(isinstance(one, Mapping) for one in found):
            self._fault("selection holds something that is no entity {entityId, entityType}")
            return None
        return tuple(found)

    def _message(self, said: Any) -> Message:
        if said not in (None, "message"):
            self._fault(f"type is {_short(said)}: message, form and widget are known")
        text = self._text("message")
        success = self._data.get("success", True)
        if not isinstance(success, bool):
            self._fault("success is neither true nor false")
        if not text and "success" not in self._data:
            self._fault("it says neither whether it worked nor what came of it")
        return Message(bool(success), text)

    def _form(self, item: Item | None, selection: Selection | None) -> Form:
        fields = self._fields()
        if item is None:
            self._fault("a form needs actionIdentifier: without it nothing can be launched")
        if selection is None:
            self._fault("a form needs selection: without it nobody knows what to work on")
        usable = None if self._broken else item
        return Form(
            fields,
            self._text("title"),
            self._text("submit_button_label"),
            self._text("message"),
            usable,
            selection,
        )

    def _panel(self, selection: Selection | None) -> Form:
        """Return fields in place of a page, as one server sends them: for looking only."""
        if selection is None:
            self._fault("a widget needs selection")
        return Form(self._fields(), self._text("title"), message=self._text("message"), selection=selection)

    def _widget(self, selection: Selection | None) -> Message | Widget:
        url = self._data.get("url")
        title, message = self._text("title"), self._text("message")
        if not isinstance(url, str) or not is_page(url):
            self._fault("url is no web address: a widget needs one that begins with http:// or https://")
            told = f"{title or message or 'A page'}: its address can't be opened."
            return Message(False, told)
        if selection is None:
            self._fault("a widget needs selection: without it nobody knows what it is for")
        return Widget(url, title, message, selection)

    def _fields(self) -> tuple[Field, ...]:
        items = self._data.get("items")
        if isinstance(items, Mapping) and not items:
            items = []  # an empty Python list comes as an object
        if not isinstance(items, list):
            self._break("items is no list of fields")
            return ()
        if len(items) > MOST_FIELDS:
            self._break(f"items has {len(items)} fields; at most {MOST_FIELDS} are shown")
        return tuple(field for one in items[:MOST_FIELDS] if (field := self._field(one)) is not None)

    def _field(self, said: Any) -> Field | None:
        if not isinstance(said, Mapping):
            self._break("a field is no object")
            return None
        try:
            kind = FieldType(str(said.get("type")))
        except ValueError:
            return self._unknown(said)
        value = said.get("value")
        if kind is FieldType.LABEL:
            return Field(kind, value=_cut(value))
        name = said.get("name")
        if not isinstance(name, str) or not name or len(name) > LONGEST_NAME:
            self._break(f"a field of type {kind.value} has no name")
            name = ""
        return Field(
            kind,
            name,
            _cut(said.get("label"), LONGEST_NAME) or name,
            value,
            self._entries(name, said.get("data")) if kind is FieldType.ENUMERATOR else (),
            bool(said.get("multi_select")),
            "value" in said,
            _cut(said.get("empty_text"), LONGEST_NAME),
        )

    def _unknown(self, said: Mapping[str, Any]) -> Field:
        """Return a field of a type that nobody knows, as text to look at."""
        self._break(f"a field has the type {_short(said.get('type'))}, which nobody knows")
        label = _cut(said.get("label") or said.get("name"), LONGEST_NAME)
        return Field(FieldType.LABEL, value=f"{label}: {_cut(said.get('value'))}")

    def _entries(self, name: str, data: Any) -> tuple[Choice, ...]:
        found = data if isinstance(data, list) else []
        if not found:
            self._fault(f"the menu {_short(name)} has no choices (`data` is a list of label and value)")
        room = MOST_CHOICES - self._choices
        if len(found) > room:
            self._fault(f"all menus together have more than {MOST_CHOICES} choices; the rest is left out")
        choices = tuple(_choice(one) for one in found[:room])
        self._choices += len(choices)
        return choices

    def _text(self, key: str) -> str:
        value = self._data.get(key)
        if value is not None and not isinstance(value, str):
            self._fault(f"{key} is no text")
        return _cut(value)

    def _break(self, fault: str) -> None:
        """Note what makes it impossible to submit a form as it was meant."""
        self._broken = True
        self._fault(fault)

    def _fault(self, fault: str) -> None:
        sentence = f"{fault[:1].upper()}{fault[1:]}."
        if len(self._faults) < _MOST_FAULTS and sentence not in self._faults:
            self._faults.append(sentence)


def is_page(url: str) -> bool:
    """Tell whether an address is one of the web; others (javascript:, file:) are no widgets."""
    if len(url) > LONGEST_ADDRESS or not url.isprintable() or " " in url:
        return False
    try:
        parts = urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        return False


def _choice(one: Any) -> Choice:
    """Return an entry of a menu; one that is only a value has it for its label too."""
    if not isinstance(one, Mapping):
        return Choice(_cut(one, LONGEST_NAME), one)
    value = one.get("value")
    return Choice(_cut(one.get("label", one.get("name", value)), LONGEST_NAME), value)


def _cut(value: Any, most: int = LONGEST_TEXT) -> str:
    """Return a value as text for people, cut to `most` characters."""
    text = "" if value is None else value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
    return text if len(text) <= most else f"{text[: most - 1]}…"


def _short(value: Any) -> str:
    return repr(_cut(value, 40))


def _kind(value: Any) -> str:
    return "a list" if isinstance(value, list) else "nothing" if value is None else _short(value)
