"""What the catalog says of one topic, and the marks that a payload's keys carry.

A payload is a frozen Struct. Each key says in one line what it holds, and where it comes from:

    seed      stands in a seed: it is in every event, unless its line says otherwise
    today     today's publishers send it too: it may be missing
    own       Callboard's addition: it may be missing where others publish

The catalog documents, it never rejects: unknown keys and unknown topics are fine.
"""
# ruff: noqa: N815 - keys are named as they are on the wire

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

ORIGIN = "x-origin"
"""The keyword in a JSON Schema that tells where a key comes from: seed, today or callboard."""

PRINT = "print-events"
STUDIO = "studio-events"
PRINT_TODAY = "print hosts today"
STUDIO_TODAY = "studio clients today"
OWN = "callboard"


def seed(line: str) -> Meta:
    """Mark a key of a seed."""
    return Meta(description=line, extra_json_schema={ORIGIN: "seed"})


def today(line: str) -> Meta:
    """Mark a key that today's publishers send beside the seed's."""
    return Meta(description=line, extra_json_schema={ORIGIN: "today"})


def own(line: str) -> Meta:
    """Mark a key that Callboard adds."""
    return Meta(description=line, extra_json_schema={ORIGIN: OWN})


class Payload(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """What an event carries under `data`; unknown keys beside the known ones are fine."""


class Anything(Payload, frozen=True, kw_only=True):
    """Whatever its publisher chose."""


class Nothing(Payload, frozen=True, kw_only=True):
    """No payload: an empty object."""


EntityId = Annotated[str, seed("The entity's id.")]
EntityType = Annotated[str, seed("The entity's kind in lower case: task, show, assetversion, ...")]


class Entity(Payload, frozen=True, kw_only=True):
    """An entity of the production, by id and kind."""

    entityId: EntityId
    entityType: EntityType


class Topic(Struct, frozen=True, kw_only=True):
    """A known topic.

    `payload` is the type of its data, `reply` that of a reply's data (None: none is expected).
    `source` is where it is described, `file: section` for the seeds. `published_by` says who
    publishes it; `since` is the version from which Callboard itself does, empty while it does not.
    A `local` topic never reaches a hub: a client publishes it to its own handlers.
    A `free` one has keys of its publisher's choice, so that no list of them is complete.
    """

    name: str
    description: str
    source: str
    published_by: str
    payload: type[Payload] = Nothing
    example: Mapping[str, Any] = msgspec.field(default_factory=dict)
    reply: Any = None
    reply_example: Any = None
    since: str = ""
    local: bool = False
    free: bool = False

    @property
    def seed(self) -> bool:
        """True when one of the seeds has this topic."""
        return self.source.startswith((PRINT, STUDIO))
