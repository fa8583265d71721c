"""What hooks would do with events of the past: for `replay --dry-run`, for replay, and for diff.

    events -> Listening -> decide -> Planned(hook, position, state, command, reason)

The same functions decide and fill here as in live runs; nothing is started.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec
from msgspec import Struct

from callboard.errors import CallboardError
from callboard.event import Event
from callboard.hooks.deciding import Decision, decide, document_of, scope_of
from callboard.hooks.listening import Listening
from callboard.hooks.model import Gcode, Hook, HookSet, Publish, System, Webhook
from callboard.hooks.publishing import event_of, shown_event
from callboard.hooks.run import Cancel, Run, Step, Wanted, started
from callboard.hooks.spelling import Spelling
from callboard.hooks.template import Refused, Values
from callboard.hooks.webhook import address_of, body_of


class Planned(Struct, frozen=True):
    """What one hook would do for one event: `state` is queued where it would run."""

    hook: str
    kind: str
    position: str
    topic: str
    time: float
    state: str
    command: str = ""
    reason: str = ""


class Difference(Struct, frozen=True):
    """What another configuration would change for one event."""

    position: str
    topic: str
    hook: str
    before: str
    """What the old one would do, empty when nothing."""
    after: str


def steps(hooks: Sequence[Hook], events: Iterable[Event], now: float | None, origin: str = "") -> list[Step]:
    """Return what these hooks want for events of the past, in order, as the room would store it.

    `now` is the time to decide at, None for each event's own: then nothing is late.
    """
    listening, spelling = Listening(hooks), Spelling()
    found: list[Step] = []
    for event in events:
        document = document_of(event)
        found += [
            Cancel(hook.name, scope_of(hook, event), f"unless: {event.topic} came behind it", origin)
            for hook in listening.cancelled(document)
        ]
        other = spelling.other(event)
        at = now if now is not None or event.entry is None else event.entry.time
        for hook in listening.hooks(document):
            decision = Decision("skipped", other) if other else decide(hook, event, document, at or 0.0)
            found.append(wanted(hook, event, decision, origin))
    return found


def wanted(
    hook: Hook, event: Event, decision: Decision, origin: str = "", *, state: Any = None, repeats: int = 0
) -> Wanted:
    """Return the run that a decision asks for."""
    return Wanted(
        hook=hook.name,
        kind=hook.kind,
        event=event,
        state=state or decision.state,
        key=decision.key,
        scope=decision.scope,
        merge=decision.merge,
        due=decision.due,
        reason=decision.reason,
        origin=origin,
        repeats=repeats,
    )


def plan(hooks: HookSet, events: Iterable[Event], now: float | None, only: str = "") -> list[Planned]:
    """Return what would happen, nothing run: with windows, delays and `unless` taken into account."""
    named = {hook.name: hook for hook in hooks.hooks if hook.enabled and only in {"", hook.name}}
    planned: list[Planned] = []
    waiting: dict[int, Wanted] = {}
    for step in steps(list(named.values()), events, now):
        match step:
            case Wanted():
                _superseded(planned, waiting, step)
                waiting[len(planned)] = step
                planned.append(planned_of(named[step.hook], step))
            case Cancel():
                _cancelled(planned, waiting, step)
    return planned


def _superseded(planned: list[Planned], waiting: dict[int, Wanted], step: Wanted) -> None:
    """An event within the window takes the place of the one before."""
    if step.merge is None or step.state != "queued":
        return
    for at, other in list(waiting.items()):
        if (other.hook, other.merge, other.state) == (step.hook, step.merge, "queued"):
            planned[at] = msgspec.structs.replace(planned[at], state="merged", command="", reason="coalesced")
            del waiting[at]


def _cancelled(planned: list[Planned], waiting: dict[int, Wanted], cancel: Cancel) -> None:
    for at, other in list(waiting.items()):
        if other.hook == cancel.hook and other.due > 0 and _same(cancel.scope, other.scope):
            planned[at] = msgspec.structs.replace(
                planned[at], state="cancelled", command="", reason=cancel.reason
            )
            del waiting[at]


def _same(one: str, other: str) -> bool:
    return one == other or "" in {one, other}


def planned_of(hook: Hook, step: Wanted) -> Planned:
    """Return what a wanted run would do."""
    event = step.event
    entry = event.entry
    state, command, reason = str(step.state), "", step.reason
    if step.state == "queued":
        try:
            command = shown(hook, event)
        except Refused as error:
            state, reason = "refused", str(error)
    position, time = (entry.position, entry.time) if entry is not None else ("", 0.0)
    return Planned(hook.name, hook.kind, position, event.topic, time, state, command, reason)


def shown(hook: Hook, event: Event) -> str:
    """Return the very command that a hook would run for an event; raises Refused."""
    values = Values(event)
    match hook.action:
        case System() as action:
            return "\n".join(command.fill(values).shown for command in action.commands)
        case Gcode() as action:
            printer = action.printer or str(event.source.get("printer") or "") or action.only
            if not printer:
                raise Refused("The event names no printer, and the hook neither: add printer: NAME.")
            return f"{printer}: " + " | ".join(line.fill(values) for line in action.lines)
        case Webhook() as action:
            return f"POST {address_of(action, event)} {body_of(action, event).decode()}"
        case Publish() as action:
            return shown_event(event_of(action, _no_run(hook, event), event))


def _no_run(hook: Hook, event: Event) -> Run:
    return started(wanted(hook, event, Decision("queued")), 0)


def diff(old: HookSet, new: HookSet, events: Sequence[Event]) -> list[Difference]:
    """Return what `new` would have done otherwise than `old` with these events, at their own times."""
    before, after = _by_event(plan(old, events, None)), _by_event(plan(new, events, None))
    found: list[Difference] = []
    for event in events:
        position = event.entry.position if event.entry is not None else ""
        was, becomes = before.get(position, {}), after.get(position, {})
        renamed = set(was.values()) & set(becomes.values())
        for hook in {**was, **becomes}:
            one, other = was.get(hook, ""), becomes.get(hook, "")
            if one != other and not ((not one or not other) and {one, other} & renamed):
                found.append(Difference(position, event.topic, hook, one, other))
    return found


def _by_event(planned: Iterable[Planned]) -> dict[str, dict[str, str]]:
    found: dict[str, dict[str, str]] = {}
    for one in planned:
        text = one.command if one.state == "queued" else f"{one.state}: {one.reason}"
        found.setdefault(one.position, {})[one.hook] = text
    return found


def past(events: Iterable[Event]) -> list[Event]:
    """Return the events that have a position, each once, in the order given."""
    seen: dict[str, Event] = {}
    for event in events:
        if event.entry is None:
            raise CallboardError("An event without a position can't be replayed: take it from the log.")
        seen.setdefault(event.entry.position, event)
    return list(seen.values())
