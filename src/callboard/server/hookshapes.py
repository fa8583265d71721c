"""The shapes of hooks and runs over HTTP, and how each is made from what the hooks room has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from msgspec import UNSET, Meta, Struct, UnsetType

from callboard.hooks.checking import Checked
from callboard.hooks.explaining import Explanation
from callboard.hooks.model import Fault, Hook, HookSet
from callboard.hooks.planning import Planned
from callboard.hooks.run import Run
from callboard.hooks.template import event_name
from callboard.server.entries import iso
from callboard.server.shapes import Position


def _says(text: str) -> Meta:
    return Meta(description=text)


class FaultInfo(Struct):
    """What is wrong in a configuration, and where."""

    file: str
    line: int
    reason: str


class HookInfo(Struct, omit_defaults=True):
    """A hook, and how many runs of it there are in each state."""

    name: str
    kind: Annotated[str, _says("system, gcode, webhook or publish")]
    line: Annotated[int, _says("Where it begins in the file.")]
    enabled: bool
    events: Annotated[list[str], _says("Names, topics and expressions.")]
    counts: dict[str, int] | UnsetType = UNSET
    since: Annotated[Position | UnsetType | None, _says("From where on it listens; null: not yet.")] = UNSET


class HookList(Struct):
    """The hooks that are loaded, in the order of the file, and what is wrong with the others."""

    file: str
    hooks: list[HookInfo]
    faults: list[FaultInfo]
    hints: list[FaultInfo]


class CheckedConfig(Struct):
    """What a configuration says of hooks."""

    ok: Annotated[bool, _says("True without a fault: it would be loaded.")]
    enabled: Annotated[bool, _says("False when `events.enabled` turns all of them off.")]
    hooks: list[HookInfo]
    faults: list[FaultInfo]
    hints: list[FaultInfo]
    warnings: list[str]


class RunInfo(Struct):
    """One hook and one event, what came of it and why."""

    id: int
    hook: str
    kind: str
    position: Position
    origin: Annotated[str, _says("Empty for a live run, else which replay it is of.")]
    topic: str
    event: Annotated[str, _says("The event's id.")]
    time: Annotated[str, _says("When the event was stored.")]
    state: str
    reason: str
    command: Annotated[str, _says("What was run, filled in; empty until it ran.")]
    exit: Annotated[int | None, _says("The exit code, or the answer's status.")]
    output: Annotated[str, _says("The first and the last 8 KB.")]
    attempt: int
    repeats: Annotated[int, _says("How often it was begun again after a crash.")]
    merged: Annotated[int, _says("How many earlier events it stands for.")]
    due: Annotated[str | None, _says("When it may start; null: at once.")]
    queued: str
    started: str | None
    ended: str | None


class RunList(Struct):
    """Runs, newest first."""

    runs: list[RunInfo]
    next: Annotated[int | None, _says("Pass it as `before` to go on; null at the end.")]


class ExplanationInfo(Struct):
    """Why a hook ran for an event, or why it did not."""

    hook: str
    position: Position
    ran: bool
    reason: str
    runs: list[RunInfo]


class Replaying(Struct, forbid_unknown_fields=True):
    """Which events to replay, for which hooks."""

    since: Annotated[str, _says("A position, or an ISO 8601 time, behind which to begin.")]
    hook: Annotated[str, _says("One hook's name; empty for all.")] = ""
    dry_run: Annotated[bool, _says("True: nothing runs.")] = False
    until: Annotated[str, _says("A position; empty is the end of the log as it is now.")] = ""


class PlannedInfo(Struct):
    """What one hook would do for one event: `state` is queued where it would run."""

    hook: str
    kind: str
    position: Position
    topic: str
    time: str
    state: str
    command: str
    reason: str


class Replayed(Struct):
    """One page of a replay."""

    planned: Annotated[list[PlannedInfo], _says("Empty unless it was a dry run.")]
    queued: Annotated[int, _says("How many runs were queued, or would be.")]
    next: Annotated[Position | None, _says("Pass it as `since` to go on; null at the end.")]
    until: Annotated[Position, _says("Pass it again with each page.")]


class Redriving(Struct, forbid_unknown_fields=True):
    """Which dead letters to try again: by their ids, of one hook, or all."""

    runs: Annotated[list[int], Meta(max_length=10_000)] | None = None
    hook: str = ""


class Redriven(Struct):
    """How many runs were queued again."""

    queued: int


def hook_info(hook: Hook, counts: Mapping[str, int] | None = None, since: str | None = None) -> HookInfo:
    """Return a hook; without `counts` one that is only looked at."""
    selection = hook.selection
    events = sorted(map(event_name, selection.topics)) + [one.text for one in selection.expressions]
    known = HookInfo(hook.name, hook.kind, hook.line, hook.enabled, events)
    if counts is not None:
        known.counts, known.since = dict(counts), since
    return known


def faults_info(faults: tuple[Fault, ...]) -> list[FaultInfo]:
    """Return faults or hints."""
    return [FaultInfo(fault.file, fault.line, fault.reason) for fault in faults]


def checked_info(checked: Checked) -> CheckedConfig:
    """Return what a configuration says."""
    found: HookSet = checked.hooks
    return CheckedConfig(
        ok=not found.faults,
        enabled=checked.enabled,
        hooks=[hook_info(hook) for hook in found.hooks],
        faults=faults_info(found.faults),
        hints=faults_info(found.hints),
        warnings=list(checked.warnings),
    )


def run_info(run: Run) -> RunInfo:
    """Return a run."""
    return RunInfo(
        id=run.id,
        hook=run.hook,
        kind=run.kind,
        position=run.position,
        origin=run.origin,
        topic=run.topic,
        event=run.event_id,
        time=iso(run.time),
        state=run.state,
        reason=run.reason,
        command=run.command,
        exit=run.exit,
        output=run.output,
        attempt=run.attempt,
        repeats=run.repeats,
        merged=run.merged,
        due=iso(run.due) if run.due > 0 else None,
        queued=iso(run.queued),
        started=_moment(run.started),
        ended=_moment(run.ended),
    )


def explanation_info(found: Explanation) -> ExplanationInfo:
    """Return an explanation, with its runs."""
    return ExplanationInfo(
        found.hook, found.position, found.ran, found.reason, [run_info(run) for run in found.runs]
    )


def planned_info(planned: Planned, most: int) -> PlannedInfo:
    """Return what would happen, with at most so many characters of a command."""
    return PlannedInfo(
        hook=planned.hook,
        kind=planned.kind,
        position=planned.position,
        topic=planned.topic,
        time=iso(planned.time),
        state=planned.state,
        command=planned.command[:most],
        reason=planned.reason,
    )


def _moment(seconds: float | None) -> str | None:
    return iso(seconds) if seconds is not None else None
