"""Whether a hook runs for an event, when, and why not: one pure function for live, explain and replay.

decide(hook, event, now) -> Decision(state, reason, key, due)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from msgspec import Struct

from callboard.event import Event
from callboard.hooks.clause import failing
from callboard.hooks.model import Hook
from callboard.hooks.run import State
from callboard.hooks.template import Refused, Values


class Decision(Struct, frozen=True):
    """What a hook does with an event that it is for."""

    state: State
    """queued or skipped"""
    reason: str = ""
    key: str = ""
    scope: str = ""
    merge: str | None = None
    due: float = 0.0


def document_of(event: Event) -> Mapping[str, Any]:
    """Return an event as expressions read it."""
    entry = event.entry
    return {
        "topic": event.topic,
        "data": event.data,
        "source": event.source,
        "target": event.target,
        "id": event.id,
        "inReplyToEvent": event.in_reply_to_event,
        "in_reply_to_event": event.in_reply_to_event,
        "entry": {"position": entry.position, "time": entry.time, "publisher": entry.publisher}
        if entry
        else {},
    }


def decide(hook: Hook, event: Event, document: Mapping[str, Any], now: float) -> Decision:
    """Return what `hook` does with an event that its selection matches, at the time `now`."""
    policy = hook.policy
    if (hops := hops_of(event)) >= policy.max_hops:
        return Decision("skipped", f"a loop: {hops} causes led to this event, max_hops is {policy.max_hops}")
    if policy.when is not None and not policy.when.matches(document):
        return Decision("skipped", f"when: {failing(policy.when, document)}")
    due = _due(hook, event, now)
    if reason := lateness(hook, event, due, now):
        return Decision("skipped", reason)
    scope = scope_of(hook, event)
    merge = None if policy.coalesce is None else key_of(policy.coalesce.key, event)
    return Decision("queued", "", _key(hook, event), scope, merge, due)


def _due(hook: Hook, event: Event, now: float) -> float:
    if hook.policy.coalesce is not None:
        return now + hook.policy.coalesce.window
    return _time(event) + hook.policy.delay if hook.policy.delay else 0.0


def _time(event: Event) -> float:
    return event.entry.time if event.entry is not None else 0.0


def _key(hook: Hook, event: Event) -> str:
    """Return what must not run side by side: all of a hook, those of a key, or nothing."""
    if hook.policy.order_by:
        return key_of(hook.policy.order_by, event)
    return "" if hook.policy.concurrency == 1 or event.entry is None else event.entry.position


def key_of(name: str, event: Event) -> str:
    """Return the text of a key's placeholder, empty when the event has none."""
    if not name:
        return ""
    try:
        return Values(event).text(name)[:1000]
    except Refused:
        return ""


def scope_of(hook: Hook, event: Event) -> str:
    """Return what `unless` is about: the hook's key, else the event's printer."""
    if hook.policy.order_by:
        return key_of(hook.policy.order_by, event)
    return str(event.source.get("printer") or "")


def lateness(hook: Hook, event: Event, due: float, now: float) -> str:
    """Return why an event is too late for the hook, or nothing; a delay is no lateness."""
    policy = hook.policy
    if policy.max_age is None or policy.on_late == "run":
        return ""
    age = now - max(_time(event), due)
    return f"late: {age:.1f} s old, max_age is {policy.max_age:g} s" if age > policy.max_age else ""


def hops_of(event: Event) -> int:
    """Return how many causes led to this event, one to another, as its trace says."""
    trace = event.source.get("trace")
    hops = trace.get("hops") if isinstance(trace, Mapping) else 0
    return hops if isinstance(hops, int) and not isinstance(hops, bool) and hops > 0 else 0
