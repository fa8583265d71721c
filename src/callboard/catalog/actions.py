"""Actions: what the menu on a selection offers, what a launch says, and what may be shown after it.

Discover and launch have the selection twice, in the seed's place (`context.selection`) and where
every handler in use reads it (`selection`); publish both. The keys of an item's `actionData` come
flat in the launch too.
"""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, UnsetType

from callboard.catalog.payload import STUDIO, Entity, Payload, Topic, seed, today

_EVENTS = f"{STUDIO}: Events list"
_SELECTED = [{"entityId": "eb16970c-5fc6-11e2-bb9a-f23c91df25eb", "entityType": "task"}]


class Context(Payload, frozen=True, kw_only=True):
    """Where an action is asked for."""

    selection: Annotated[list[Entity], seed("The selected entities.")]


class ActionDiscover(Payload, frozen=True, kw_only=True):
    """A question for actions that fit a selection."""

    context: Annotated[Context, seed("The selection, in the seed's place.")] | UnsetType = UNSET
    selection: Annotated[list[Entity], today("The selection, where handlers read it.")] | UnsetType = UNSET
    groupers: Annotated[list[Any], today("The groupers of the grid that was clicked.")] | UnsetType = UNSET
    filters: Annotated[list[Any], today("The filters of that grid.")] | UnsetType = UNSET
    sorters: Annotated[list[Any], today("The sorters of that grid.")] | UnsetType = UNSET


class ActionItem(Payload, frozen=True, kw_only=True):
    """An action in the menu; keys beside these come back in the launch as they are."""

    label: Annotated[str, seed("What people see; items with the same label are one group.")]
    actionIdentifier: Annotated[str, seed("What the launch names, for the listener to know its action by.")]
    actionData: Annotated[dict[str, Any], seed("Free values that come back in the launch.")] | UnsetType = (
        UNSET
    )
    variant: Annotated[str | None, seed("What tells this item from others in its group.")] | UnsetType = UNSET
    description: Annotated[str | None, seed("A line of explanation.")] | UnsetType = UNSET
    icon: Annotated[str | None, seed("The address of a picture, or the name of a known one.")] | UnsetType = (
        UNSET
    )


class ActionItems(Payload, frozen=True, kw_only=True):
    """The actions that one listener offers; the asker joins the items of all replies."""

    items: Annotated[list[ActionItem], seed("The actions, in order.")]


class ActionLaunch(Payload, frozen=True, kw_only=True):
    """The chosen item's keys, merged flat, with the selection."""

    actionIdentifier: Annotated[str, seed("Which action was chosen.")]
    actionData: Annotated[dict[str, Any], seed("The item's own free values.")] | UnsetType = UNSET
    context: Annotated[Context, seed("The selection, in the seed's place.")] | UnsetType = UNSET
    selection: Annotated[list[Entity], today("The selection, where handlers read it.")] | UnsetType = UNSET
    values: Annotated[dict[str, Any], today("What was filled into the form, by field.")] | UnsetType = UNSET
    label: Annotated[str, today("The item's label.")] | UnsetType = UNSET
    variant: Annotated[str | None, today("The item's variant.")] | UnsetType = UNSET
    description: Annotated[str | None, today("The item's description.")] | UnsetType = UNSET
    icon: Annotated[str | None, today("The item's icon.")] | UnsetType = UNSET
    applicationIdentifier: Annotated[str, today("The application to start.")] | UnsetType = UNSET
    host: Annotated[str, today("The machine whose launcher offered the item.")] | UnsetType = UNSET


class Field(Payload, frozen=True, kw_only=True):
    """A field of a form."""

    type: Annotated[str, today("text, textarea, number, date, boolean, enumerator, label or hidden.")]
    name: Annotated[str, today("The key of its value; a label has none.")] | UnsetType = UNSET
    label: Annotated[str | None, today("What people see.")] | UnsetType = UNSET
    value: Annotated[Any, today("What it holds to begin with.")] | UnsetType = UNSET
    data: Annotated[list[Any], today("The choices of an enumerator: {label, value} each.")] | UnsetType = (
        UNSET
    )
    multi_select: Annotated[bool, today("Whether several choices may be taken.")] | UnsetType = UNSET
    empty_text: Annotated[str, today("Shown while the field is empty.")] | UnsetType = UNSET


class ActionOutcome(Payload, frozen=True, kw_only=True):
    """What came of a launch: a message, or a form or page to show next."""

    success: Annotated[bool, seed("Whether it worked; missing beside a form.")] | UnsetType = UNSET
    message: Annotated[str, seed("One line for people; missing beside a form.")] | UnsetType = UNSET
    type: Annotated[str, today("message, form or widget.")] | UnsetType = UNSET
    items: Annotated[list[Field], today("The fields of a form.")] | UnsetType = UNSET
    title: Annotated[str, today("What stands above a form or page.")] | UnsetType = UNSET
    submit_button_label: Annotated[str, today("What stands on a form's button.")] | UnsetType = UNSET
    url: Annotated[str, today("The page of a widget.")] | UnsetType = UNSET


class TriggerUserInterface(Payload, frozen=True, kw_only=True):
    """Something to show to one user; which keys are needed depends on `type`."""

    type: Annotated[str, seed("message, form or widget.")]
    success: Annotated[bool, seed("Whether it is good news; for a message.")] | UnsetType = UNSET
    message: Annotated[str, seed("The text of a message.")] | UnsetType = UNSET
    actionIdentifier: Annotated[str, seed("The action that a form launches.")] | UnsetType = UNSET
    selection: Annotated[list[Entity], seed("What a form or widget works on.")] | UnsetType = UNSET
    items: Annotated[list[Field], today("The fields of a form.")] | UnsetType = UNSET
    title: Annotated[str, today("What stands above it.")] | UnsetType = UNSET
    submit_button_label: Annotated[str, today("What stands on a form's button.")] | UnsetType = UNSET
    url: Annotated[str, today("The page of a widget.")] | UnsetType = UNSET


TOPICS = (
    Topic(
        name="ftrack.action.discover",
        description="Somebody opened the actions menu on a selection; who has actions for it replies.",
        source=_EVENTS,
        published_by="the tracker's server, for one user",
        since="0.1",
        payload=ActionDiscover,
        example={"context": {"selection": _SELECTED}, "selection": _SELECTED},
        reply=ActionItems,
        reply_example={
            "items": [
                {
                    "label": "Send to the farm",
                    "variant": "GPU",
                    "description": "Render the latest version on the GPU pool",
                    "icon": "http://icons.example.com/farm.png",
                    "actionIdentifier": "farm.submit",
                    "actionData": {"pool": "gpu"},
                }
            ]
        },
    ),
    Topic(
        name="ftrack.action.launch",
        description="Somebody chose an action; the listener that offered it runs it and replies.",
        source=_EVENTS,
        published_by="the tracker's server, for one user",
        since="0.1",
        payload=ActionLaunch,
        free=True,
        example={
            "actionIdentifier": "farm.submit",
            "actionData": {"pool": "gpu"},
            "context": {"selection": _SELECTED},
            "selection": _SELECTED,
            "label": "Send to the farm",
            "variant": "GPU",
            "values": {"frames": "1001-1096"},
        },
        reply=ActionOutcome,
        reply_example={"success": True, "message": "96 frames are queued."},
    ),
    Topic(
        name="ftrack.action.trigger-user-interface",
        description="A message, form or page shall be shown to whoever the target names.",
        source=_EVENTS,
        published_by="any client",
        payload=TriggerUserInterface,
        example={"type": "message", "success": True, "message": "Your render is done."},
    ),
)
"""The seed's topics around actions."""
