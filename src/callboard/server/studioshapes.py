"""The shapes of what the studio takes and gives over HTTP: they make the schemas of the OpenAPI document.

Entities and items are checked by these and passed on as they came, keys that nobody knows included.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field


def _says(text: str, **more: Any) -> Meta:
    return Meta(description=text, **more)


MOST_SELECTED = 10_000
LONGEST_WAIT = 300.0

Timeout = Annotated[
    float, Meta(gt=0, le=LONGEST_WAIT, description="Seconds; left out: the setting's own deadline.")
]
Grid = Annotated[list[Any], _says("As the grid that was clicked has it; passed on.", max_length=1000)]
Record = dict[str, Any]


class SelectedEntity(Struct, rename="camel"):
    """An entity of the production; other keys are passed on."""

    entity_id: Annotated[str, _says("Its id.", min_length=1, max_length=256)]
    entity_type: Annotated[str, _says("Its kind, such as `task`.", min_length=1, max_length=256)]


Selection = Annotated[list[SelectedEntity], _says("The selected entities.", max_length=MOST_SELECTED)]


class UserInfo(Struct):
    """A user, as actions see one in `source.user`."""

    id: Annotated[str, _says("The id of the tracker's User; the username where there is no tracker.")]
    username: str


class AnswerFault(Struct):
    """What was wrong with an answer."""

    subscriber: Annotated[str, _says("The id of who answered, as it names itself.")]
    publisher: Annotated[str, _says("The user whose key it came with, proven.")]
    reason: Annotated[str, _says("What was wrong, in a sentence.")]


class Discovering(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What is selected, and how long to wait for the actions that fit."""

    selection: Selection
    groupers: Grid | UnsetType = UNSET
    filters: Grid | UnsetType = UNSET
    sorters: Grid | UnsetType = UNSET
    timeout: Timeout | UnsetType = UNSET


class ActionMenu(Struct):
    """The actions of all listeners, in the order in which they came."""

    items: Annotated[list[Record], _says("As the listeners sent them; equal ones are there once.")]
    faults: list[AnswerFault]


class Launching(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An item of the menu, what it is launched on, and what was filled into its form."""

    item: Annotated[Record, _says("As `discover` gave it; `actionIdentifier` is needed.")]
    selection: Selection
    values: Annotated[Record, _says("What was filled into a form, by field.")] | UnsetType = UNSET
    timeout: Timeout | UnsetType = UNSET
    limit: Annotated[int, Meta(ge=1, le=1000, description="So many replies are enough.")] = 1000


class LaunchReply(Struct, omit_defaults=True):
    """What one listener said."""

    data: Annotated[Any, _says("`{success, message}`, a form, a widget, or whatever it sent.")]
    source: Annotated[Record, _says("Who it says it is.")]
    publisher: Annotated[str, _says("The user whose key it came with, proven.")]
    position: str
    time: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]
    fault: Annotated[str, _says("What is wrong with it.")] | UnsetType = UNSET


class LaunchReplies(Struct, omit_defaults=True):
    """What was said to a launch, in the order in which it came."""

    replies: list[LaunchReply]
    faults: Annotated[list[AnswerFault], _says("Answers that were not kept.")] = field(default_factory=list)


class EditedRecord(Struct, forbid_unknown_fields=True):
    """The record whose form holds the menu."""

    entity: SelectedEntity
    changes: Annotated[Record, _says("What is in the form and not saved yet.")] = field(default_factory=dict)


class Enumerating(Struct, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """Which menu, of which record."""

    attribute_name: Annotated[str, _says("The attribute whose menu it is.", min_length=1, max_length=256)]
    record_data: EditedRecord
    query: Annotated[str, _says("What was typed into the menu so far.", max_length=4096)] = ""
    sorters: Grid = field(default_factory=list)
    groupers: Grid = field(default_factory=list)
    filters: Grid = field(default_factory=list)
    timeout: Timeout | UnsetType = UNSET


class MenuEntry(Struct):
    """One entry of a menu."""

    name: Annotated[str, _says("What people see.")]
    value: Annotated[Any, _says("What is stored.")]


class MenuEntries(Struct):
    """The entries of all listeners; of equal values the first that came."""

    items: list[MenuEntry]
    faults: list[AnswerFault]


class Connecting(Struct, forbid_unknown_fields=True, omit_defaults=True):
    """What shall happen on whose workstation."""

    action: Annotated[str, _says("What to do, such as `start`.", min_length=1, max_length=256)]
    plugin: Annotated[str, _says("Which part of the desktop helper, such as `publish`.", max_length=256)]
    entity: SelectedEntity
    user: (
        Annotated[str, _says("Whose workstation; left out: yours.", min_length=1, max_length=256)] | UnsetType
    ) = UNSET


class Connected(Struct):
    """The wish is stored."""

    position: str
    asked: Annotated[int, _says("Subscribers of this node that it went to, who only look on included.")]


class NewProject(Struct, omit_defaults=True):
    """A project, by the names that `ftrack.validate` has."""

    name: Annotated[str, _says("Its short name, unique.")]
    fullname: Annotated[str, _says("Its name as people read it; left out: `name`.")] | UnsetType = UNSET
    status: Annotated[str, _says("Left out: active.")] | UnsetType = UNSET
    startdate: Annotated[str, _says("ISO 8601; left out: today.")] | UnsetType = UNSET
    enddate: str | UnsetType = UNSET
    root: str | UnsetType = UNSET
    color: str | UnsetType = UNSET
    is_private: bool | UnsetType = UNSET


class MadeProject(Struct):
    """A new project, and what listeners had to say."""

    project: Annotated[Record, _says("Its fields, and its `id`.")]
    changes: Annotated[Record, _says("What listeners changed, by field.")]
    faults: list[AnswerFault]


class ComponentPath(Struct):
    """Where a component is."""

    path: str
    subscriber: Annotated[str, _says("The id of who knew it, as it names itself.")]
    publisher: Annotated[str, _says("The user whose key it came with, proven.")]
    faults: list[AnswerFault]
