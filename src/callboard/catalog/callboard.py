"""Our own topics: what Callboard says of itself, and two print events."""

from __future__ import annotations

from typing import Annotated

from msgspec import UNSET, UnsetType

from callboard.catalog.job import JOB, Job, printed
from callboard.catalog.payload import OWN, Payload, Topic, own


class Gap(Payload, frozen=True, kw_only=True):
    """A part of the log that a subscriber will never see."""

    after: Annotated[str, own("The position behind which events are missing.")]
    before: Annotated[str, own("The position of the first event that is there again.")]
    missed: Annotated[int | None, own("How many are missing at most.")] | UnsetType = UNSET


class HookFailed(Payload, frozen=True, kw_only=True):
    """A hook that gave up on an event."""

    hook: Annotated[str, own("The hook's name.")]
    event: Annotated[str, own("The topic of the event it ran for.")]
    position: Annotated[str, own("The position of that event.")]
    reason: Annotated[str, own("What went wrong, in a sentence that quotes no command.")]
    attempts: Annotated[int, own("How often it was tried.")]
    exit_code: Annotated[int | None, own("What the command returned, if it ended by itself.")] | UnsetType = (
        UNSET
    )
    run: Annotated[int, own("The run's number.")] | UnsetType = UNSET
    state: Annotated[str, own("What became of the run: dead, refused, unknown, ...")] | UnsetType = UNSET


class HooksLoaded(Payload, frozen=True, kw_only=True):
    """The hooks of a configuration."""

    hooks: Annotated[list[str], own("The names of those that listen now.")]
    faults: Annotated[
        list[str], own("Those that were left out: file, line and kind of fault each, never a command.")
    ]


class HooksRefused(Payload, frozen=True, kw_only=True):
    """A configuration that was not taken."""

    faults: Annotated[list[str], own("What is wrong: file, line and kind of fault each, never a command.")]


class HooksStopped(Payload, frozen=True, kw_only=True):
    """The hooks listen no more; nothing more to say."""


class HooksLease(Payload, frozen=True, kw_only=True):
    """A node's word that it runs the hooks; the log's order decides whose word counts."""

    lease: Annotated[str, own("What is leased: hooks.")]
    node: Annotated[str, own("The node that speaks.")]
    term: Annotated[int, own("Which claim in a row it is: the first with a number wins.")]
    cursor: Annotated[str, own("The position behind which the next node would have to begin.")]
    released: Annotated[bool, own("True when the node gives the lease up.")]


class LayerChange(Payload, frozen=True, kw_only=True):
    """A layer."""

    layer: Annotated[int, own("The layer's number; the first is 1.")]
    z: Annotated[float, own("Its height above the bed, in mm.")]
    layers: Annotated[int | None, own("How many there will be, when that is known.")] | UnsetType = UNSET


class PrintSettled(Job, frozen=True, kw_only=True):
    """A job whose last move has ended."""

    time: Annotated[float, own("How long it took, in seconds, the last moves too.")]


TOPICS = (
    printed(
        "LayerChange",
        "The first line of a new layer is being laid; a hop of the tool is no layer.",
        OWN,
        LayerChange,
        {"layer": 3, "z": 0.6, "layers": 91},
    ),
    printed(
        "PrintSettled",
        "A finished job's last move has ended: the printer stands still.",
        OWN,
        PrintSettled,
        {**JOB, "time": 2719.8},
    ),
    Topic(
        name="callboard.meta.gap",
        description="Events that this subscriber asked for are gone from the log; nothing else was skipped.",
        source=OWN,
        published_by="the hub, to one subscriber",
        payload=Gap,
        example={"after": "k3v9-1200", "before": "k3v9-5001", "missed": 3800},
        since="0.1",
    ),
    Topic(
        name="callboard.hook.failed",
        description="A hook gave up on an event after its last attempt.",
        source=OWN,
        published_by="the hooks room",
        payload=HookFailed,
        example={
            "hook": "tell the shop",
            "event": "octoprint.PrintDone",
            "position": "k3v9-1200",
            "reason": "exit code 1",
            "attempts": 3,
            "exit_code": 1,
        },
        since="0.1",
    ),
    Topic(
        name="callboard.hooks.loaded",
        description="The hooks of a configuration listen from here on.",
        source=OWN,
        published_by="the hooks room",
        payload=HooksLoaded,
        example={"hooks": ["tell the shop"], "faults": ["callboard.yaml:14: type is missing"]},
        since="0.1",
    ),
    Topic(
        name="callboard.hooks.refused",
        description="A changed configuration can't be used; the hooks from before go on.",
        source=OWN,
        published_by="the hooks room",
        payload=HooksRefused,
        example={"faults": ["callboard.yaml:14: type is missing"]},
        since="0.1",
    ),
    Topic(
        name="callboard.hooks.stopped",
        description="The hooks listen no more: the hub is shutting down, or another node takes over.",
        source=OWN,
        published_by="the hooks room",
        payload=HooksStopped,
        example={},
        since="0.1",
    ),
    Topic(
        name="callboard.hooks.lease",
        description="With several nodes on one log: which of them runs the hooks.",
        source=OWN,
        published_by="the hooks room",
        payload=HooksLease,
        example={"lease": "hooks", "node": "b7f2", "term": 4, "cursor": "k3v9-1200", "released": False},
        since="0.1",
    ),
)
"""Callboard's own topics."""
