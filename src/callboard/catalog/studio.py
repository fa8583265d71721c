"""The studio vocabulary: `ftrack.*`, as the seed names it and as today's clients send it.

Where the seed and the clients differ the payload has both forms (`context.selection` and
`selection`, `componentId` and `component_id`), and so should whoever publishes.
"""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from typing import Annotated, Any, Literal

from msgspec import UNSET, UnsetType

from callboard.catalog.payload import (
    STUDIO,
    Anything,
    Entity,
    EntityId,
    EntityType,
    Payload,
    Topic,
    own,
    seed,
    today,
)

_TASK = "eb16970c-5fc6-11e2-bb9a-f23c91df25eb"
_SHOW = "5671dcb0-66de-11e1-8e6e-f23c91df25eb"
_EVENTS = f"{STUDIO}: Events list"

ApiType = Annotated[str, today("The entity's class in the API: Task, Shot, Project, ...")]


class Connect(Payload, frozen=True, kw_only=True):
    """A wish that the artist's desktop helper does something."""

    action: Annotated[str, seed("What to do, such as `start`.")]
    plugin: Annotated[str, seed("Which part of the desktop helper is meant, such as `publish`.")]
    entity: Annotated[Entity, seed("The entity to do it for.")]


class RecordData(Payload, frozen=True, kw_only=True):
    """The record whose form holds the menu."""

    entity: Annotated[Entity, seed("The record.")]
    changes: Annotated[dict[str, Any], seed("Values in the form that are not saved yet, by attribute.")]


class DynamicEnumerator(Payload, frozen=True, kw_only=True):
    """A question for the entries of a menu."""

    attributeName: Annotated[str, seed("The attribute whose menu it is.")]
    recordData: Annotated[RecordData, seed("The record that is edited.")]
    query: Annotated[str, seed("What was typed into the menu so far.")]
    sorters: Annotated[list[Any], seed("How the caller wants the entries sorted.")]
    groupers: Annotated[list[Any], seed("How the caller wants the entries grouped.")]
    filters: Annotated[list[Any], seed("Which entries the caller wants.")]


class Choice(Payload, frozen=True, kw_only=True):
    """One entry of a menu."""

    name: Annotated[str, seed("What people see.")]
    value: Annotated[Any, seed("What is stored.")]


class LocatedComponent(Payload, frozen=True, kw_only=True):
    """A component and a location."""

    componentId: Annotated[str, seed("The component; today's clients leave it out.")] | UnsetType = UNSET
    locationId: Annotated[str, seed("The location; today's clients leave it out.")] | UnsetType = UNSET
    component_id: Annotated[str, today("The component, as today's clients write it.")] | UnsetType = UNSET
    location_id: Annotated[str, today("The location, as today's clients write it.")] | UnsetType = UNSET


class RequestResolve(Payload, frozen=True, kw_only=True):
    """A question for the path of a component."""

    locationName: Annotated[str | None, seed("The location by name; null: choose one.")]
    componentId: Annotated[str, seed("The component.")]
    platform: Annotated[str, seed("For which system the path is meant: Linux, Darwin, Windows.")]
    serverUrl: Annotated[str, seed("The server that asks; today it is left out.")] | UnsetType = UNSET


class ResolvedPath(Payload, frozen=True, kw_only=True):
    """The answer of a listener that knows the location; others stay silent."""

    path: Annotated[str, seed("The full path.")]


class Parent(Payload, frozen=True, kw_only=True):
    """An entity on the way up to the project."""

    entityId: EntityId
    entityType: EntityType
    entity_type: ApiType | UnsetType = UNSET
    parentId: Annotated[str | None, today("The next one up; null for the project.")] | UnsetType = UNSET


class Change(Payload, frozen=True, kw_only=True):
    """One value before and after."""

    old: Annotated[Any, seed("The value before; null when the entity is new.")]
    new: Annotated[Any, seed("The value after; null when the entity is gone.")]


class ChangedEntity(Payload, frozen=True, kw_only=True):
    """An entity and what became of it; thin entries have only action and entityType."""

    action: Annotated[str, seed("add, update, remove or move; others may come.")]
    entityType: EntityType
    entityId: Annotated[str, seed("The entity's id; thin entries lack it.")] | UnsetType = UNSET
    keys: Annotated[list[str], seed("The names of what changed; the keys of `changes`.")] | UnsetType = UNSET
    parents: (
        Annotated[list[Parent], seed("From the entity itself (today) or its parent up to the project.")]
        | UnsetType
    ) = UNSET
    changes: Annotated[dict[str, Change], seed("What changed, by name, when it is known.")] | UnsetType = (
        UNSET
    )
    entity_type: ApiType | UnsetType = UNSET
    objectTypeId: Annotated[str | None, today("The id of its type.")] | UnsetType = UNSET
    parentId: Annotated[str | None, today("Its direct parent.")] | UnsetType = UNSET


class UpdatingUser(Payload, frozen=True, kw_only=True):
    """Who made a change."""

    userid: Annotated[str | None, today("The user's id.")] | UnsetType = UNSET
    name: Annotated[str | None, today("The user's name.")] | UnsetType = UNSET


class Update(Payload, frozen=True, kw_only=True):
    """All entities that one commit changed."""

    entities: Annotated[list[ChangedEntity], seed("What changed, one item an entity.")]
    parents: Annotated[list[str], today("The ids of all parents, in no order.")] | UnsetType = UNSET
    user: Annotated[UpdatingUser | None, today("Who made the change.")] | UnsetType = UNSET
    clientToken: Annotated[str | None, today("The client that made the change.")] | UnsetType = UNSET
    pushToken: Annotated[str | None, today("The request that made the change.")] | UnsetType = UNSET


class Validate(Payload, frozen=True, kw_only=True):
    """The fields of a record that somebody is about to create."""

    name: Annotated[str, seed("The record's short name.")] | UnsetType = UNSET
    fullname: Annotated[str, seed("The record's full name.")] | UnsetType = UNSET
    status: Annotated[str, seed("The record's status.")] | UnsetType = UNSET
    startdate: Annotated[str, seed("When it starts, ISO 8601.")] | UnsetType = UNSET


class Verdict(Payload, frozen=True, kw_only=True):
    """What a listener says of the fields; the asker merges the verdicts by key."""

    changes: Annotated[dict[str, Any], seed("Better values, by field.")] | UnsetType = UNSET
    errors: Annotated[dict[str, str], seed("What is wrong, by field.")] | UnsetType = UNSET


class Subscriber(Payload, frozen=True, kw_only=True):
    """What targets are matched against; more keys are welcome."""

    id: Annotated[str, today("The subscriber's id, stable across reconnects.")] | UnsetType = UNSET
    applicationId: Annotated[str, today("What kind of program it is.")] | UnsetType = UNSET
    user: Annotated[dict[str, Any], today("Whose program it is: username, id.")] | UnsetType = UNSET
    host: Annotated[str, today("The machine it runs on.")] | UnsetType = UNSET
    durable: (
        Annotated[
            bool | Literal["handled"],
            own("Keep my place while I am away; `handled`: move on only once I have replied."),
        ]
        | UnsetType
    ) = UNSET


class Subscribe(Payload, frozen=True, kw_only=True):
    """A wish for events."""

    subscription: Annotated[str, seed("An expression over events.")]
    subscriber: Annotated[Subscriber, seed("Who wants them; may be left out.")] | UnsetType = UNSET


class Unsubscribe(Payload, frozen=True, kw_only=True):
    """The end of a wish, named by its text or by its subscriber."""

    subscription: Annotated[str, seed("The expression; today's clients leave it out.")] | UnsetType = UNSET
    subscriber: Annotated[Subscriber, today("The subscriber, by its id.")] | UnsetType = UNSET


_CHOSEN = {"entityId": _TASK, "entityType": "task"}
_LOCATED = {
    "componentId": "e2dc0524-b576-11d3-9612-080027331d74",
    "locationId": "07b82a97-8cf9-11e3-9383-20c9d081909b",
    "component_id": "e2dc0524-b576-11d3-9612-080027331d74",
    "location_id": "07b82a97-8cf9-11e3-9383-20c9d081909b",
}

TOPICS = (
    Topic(
        name="ftrack.connect",
        description="The desktop helper of one user shall do something, such as open its publisher.",
        source=_EVENTS,
        published_by="the tracker's server, for one user",
        since="0.1",
        payload=Connect,
        example={"action": "start", "plugin": "publish", "entity": _CHOSEN},
    ),
    Topic(
        name="ftrack.dynamic-enumerator",
        description="A menu in a form needs its entries; who knows them replies.",
        source=_EVENTS,
        published_by="the tracker's server",
        since="0.1",
        payload=DynamicEnumerator,
        example={
            "attributeName": "render_pool",
            "recordData": {"entity": _CHOSEN, "changes": {"bid": 3}},
            "query": "gp",
            "sorters": [],
            "groupers": [],
            "filters": [],
        },
        reply=list[Choice],
        reply_example=[{"name": "GPU pool", "value": "gpu"}, {"name": "Group pool", "value": "group"}],
    ),
    Topic(
        name="ftrack.location.component-added",
        description="A component was added to a location.",
        source=_EVENTS,
        published_by="the studio clients; Callboard, for versions that it makes",
        since="0.1",
        payload=LocatedComponent,
        example=_LOCATED,
    ),
    Topic(
        name="ftrack.location.component-removed",
        description="A component was removed from a location.",
        source=_EVENTS,
        published_by="the studio clients",
        payload=LocatedComponent,
        example=_LOCATED,
    ),
    Topic(
        name="ftrack.location.request-resolve",
        description="Somebody needs the path of a component in a location; who knows it replies.",
        source=_EVENTS,
        published_by="the tracker's server",
        since="0.1",
        payload=RequestResolve,
        example={
            "locationName": "london",
            "componentId": "e2dc0524-b576-11d3-9612-080027331d74",
            "platform": "Linux",
            "serverUrl": "http://tracker.example.com:8030",
        },
        reply=ResolvedPath,
        reply_example={"path": "/mnt/london/shows/opera/sh010/comp.v004.exr"},
    ),
    Topic(
        name="ftrack.update",
        description="Entities of the production changed.",
        source=_EVENTS,
        published_by="the tracker's server",
        since="0.1",
        payload=Update,
        example={
            "entities": [
                {
                    "action": "update",
                    "entityId": _TASK,
                    "entityType": "task",
                    "entity_type": "Task",
                    "keys": ["statusid"],
                    "changes": {
                        "statusid": {
                            "old": "44ddd0fe-4164-11df-9218-0019bb4983d8",
                            "new": "44dd9fb2-4164-11df-9218-0019bb4983d8",
                        }
                    },
                    "parents": [{"entityId": _SHOW, "entityType": "show", "parentId": None}],
                }
            ],
            "parents": [_SHOW],
            "user": {"userid": "d4b8e4f2-0000-11e8-a4b2-0a580ae40a16", "name": "Jane Doe"},
        },
    ),
    Topic(
        name="ftrack.validate",
        description="A record is about to be created; who has rules for it replies.",
        source=_EVENTS,
        published_by="the tracker's server",
        since="0.1",
        payload=Validate,
        free=True,
        example={
            "name": "opera",
            "fullname": "The Opera",
            "status": "active",
            "startdate": "2026-11-21T08:00:00.000Z",
        },
        reply=Verdict,
        reply_example={"changes": {"name": "OPERA"}, "errors": {"fullname": "There is one of that name."}},
    ),
    Topic(
        name="ftrack.meta.subscribe",
        description="A connection wants events; the hub takes it in and passes it on to nobody.",
        source=f"{STUDIO}: Subscribing to events",
        published_by="clients, to the hub",
        payload=Subscribe,
        example={
            "subscription": "topic=ftrack.update and data.entities.entityType=task",
            "subscriber": {"id": "farm-watcher", "applicationId": "farm", "durable": True},
        },
    ),
    Topic(
        name="ftrack.meta.unsubscribe",
        description="A connection no longer wants events; the hub takes it in and passes it on to nobody.",
        source=f"{STUDIO}: Subscribing to events",
        published_by="clients, to the hub",
        payload=Unsubscribe,
        example={"subscriber": {"id": "farm-watcher"}},
    ),
    Topic(
        name="ftrack.meta.reply",
        description="An answer to the event whose id stands in `inReplyToEvent`.",
        source=f"{STUDIO}: Sending replies",
        published_by="clients",
        payload=Anything,
        free=True,
        example={"success": True, "message": "96 frames are queued."},
    ),
)
"""The seed's topics, those around actions aside."""
