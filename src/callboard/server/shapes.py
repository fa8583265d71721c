"""The shapes of what goes over HTTP: they make the schemas of the OpenAPI document.

Events themselves are not decoded into these: the hub moves JSON text.
"""

from __future__ import annotations

from typing import Annotated, Any

from msgspec import UNSET, Meta, Struct, UnsetType, field


def _says(text: str, **more: Any) -> Meta:
    return Meta(description=text, extra_json_schema=more or None)


Position = Annotated[str, _says("A place in the log: opaque text.")]
Expr = Annotated[str, _says("An expression over events; empty matches everything.")]


class PublishedEvent(Struct, rename="camel", omit_defaults=True):
    """An event. Only `topic` must be there; other keys than these are dropped."""

    topic: Annotated[str, _says("What kind of thing happened.", examples=["render.done"])]
    data: Annotated[Any, _says("Any JSON: what the event carries.")] = UNSET
    source: Annotated[
        dict[str, Any] | UnsetType,
        _says("Who it is from; `id`, `applicationId` and `user` are filled in where they are missing."),
    ] = UNSET
    target: Annotated[
        str | UnsetType | None, _says("An expression over subscribers; empty means everybody.")
    ] = UNSET
    id: Annotated[str | UnsetType | None, _says("Made by the hub when it is missing.")] = UNSET
    in_reply_to_event: Annotated[str | UnsetType | None, _says("The id of the event this answers.")] = UNSET


class StoredEvent(Struct, rename="camel"):
    """An event as it was stored."""

    topic: str
    data: Any
    source: Any
    target: str | None
    id: str
    sent: Any
    in_reply_to_event: str | None


class Entry(Struct):
    """One line of the log."""

    position: Position
    time: Annotated[str, Meta(description="When it was stored.", extra_json_schema={"format": "date-time"})]
    publisher: Annotated[str, _says("Who published it: the user of the key, proven.")]
    event: StoredEvent


class Positions(Struct):
    """Where the published events stand in the log, in the order in which they were sent."""

    positions: list[Position]


class Gap(Struct):
    """Events that were asked for and that the log no longer has."""

    after: Position
    before: Position
    missed: Annotated[int | None, _says("How many; null when the position is of another log.")]


class Page(Struct, omit_defaults=True):
    """Part of the log."""

    events: list[Entry]
    next: Annotated[str, _says("Pass it as `after` to go on; it is there at the end of the log, too.")]
    gap: Gap | UnsetType = UNSET


class Asking(Struct, rename="camel", omit_defaults=True):
    """A request: an event, and how long and for how many replies to wait."""

    event: PublishedEvent
    timeout: Annotated[float, Meta(gt=0, le=300, description="Seconds.")] = 10
    limit: Annotated[int, Meta(ge=1, le=1000, description="So many replies are enough.")] = 1000


class Replies(Struct):
    """The replies that came, in the order in which they came."""

    replies: list[Entry]


class Values(Struct):
    """What is true now, by key."""

    state: dict[str, Any]


class KeyInfo(Struct):
    """What is known of a key."""

    id: int
    user: str
    publish: Annotated[str | None, _says("What it may publish; null is the default, empty is everything.")]
    receive: Annotated[str | None, _says("What it may receive; null or empty is everything.")]
    rights: list[str]
    created: Annotated[str, Meta(extra_json_schema={"format": "date-time"})]


class KeyList(Struct):
    """All keys, oldest first."""

    keys: list[KeyInfo]


class NewKey(Struct, omit_defaults=True, forbid_unknown_fields=True):
    """Whom a key is for, and what it may."""

    user: Annotated[str, Meta(min_length=1, max_length=256)]
    publish: Annotated[
        Expr | None, _says("Left out: everything but octoprint.*, callboard.* and ftrack.update.")
    ] = None
    receive: Expr | None = None
    rights: Annotated[list[str], Meta(max_length=20, description="Of: hooks, keys, printers, settings.")] = (
        field(default_factory=list)
    )


class MadeKey(Struct):
    """A fresh key; its text can't be had again."""

    id: int
    key: str


class LogInfo(Struct):
    """How the log is; `events` is the number of positions from the first to the last."""

    id: str
    first: Position
    last: Position
    since: Annotated[str | None, _says("When the first was stored.")]
    until: Annotated[str | None, _says("When the last was stored.")]
    events: int
    bytes: Annotated[int, _says("What the events take where they are stored, about.")]
    nodes: Annotated[int, _says("How many nodes are on this log now.")]
    cursors: Annotated[dict[str, str], _says("How far each durable subscriber has come: user/name.")]


class Before(Struct):
    """Up to where to forget."""

    before: Annotated[str, _says("A position, or an ISO 8601 time.")]


class Pruned(Struct):
    """How many events went."""

    pruned: int


class Health(Struct, omit_defaults=True):
    """How the node is."""

    status: str
    version: str
    behind: Annotated[int | UnsetType, _says("Entries of the log that have not been routed yet.")] = UNSET


class ProblemDocument(Struct):
    """An RFC 9457 problem document; some have further keys (`index`, `position`)."""

    type: str
    title: str
    status: int
    detail: str
