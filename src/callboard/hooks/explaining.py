"""Why a hook ran for an event, or why it did not: the clause that failed, or the run."""

from __future__ import annotations

import time
from collections.abc import Sequence

from msgspec import Struct

from callboard.event import Event
from callboard.hooks.clause import failing
from callboard.hooks.deciding import decide, document_of
from callboard.hooks.fields import nearest
from callboard.hooks.model import Hook, HookSet
from callboard.hooks.run import Run, number_of
from callboard.hooks.runs import Runs
from callboard.hooks.template import event_name


class Explanation(Struct, frozen=True):
    """One sentence, and the runs that it speaks of."""

    hook: str
    position: str
    ran: bool
    reason: str
    runs: tuple[Run, ...] = ()


async def explain(hooks: HookSet, runs: Runs, name: str, position: str, event: Event | None) -> Explanation:
    """Return why the hook `name` ran, or did not run, for the event at `position`.

    `event` is what the log has there, None when it has nothing any more.
    """
    found = await runs.find(name, position)
    if found:
        return Explanation(name, position, any(run.attempt for run in found), _told(found), tuple(found))
    hook = next((hook for hook in hooks.hooks if hook.name == name), None)
    if hook is None:
        return Explanation(name, position, False, _no_hook(hooks, name))
    reason = _never(hook, event) or await _not_yet(runs, hook, position)
    return Explanation(name, position, False, reason)


def _told(found: Sequence[Run]) -> str:
    return "; ".join(_run_told(run) for run in found)


def _run_told(run: Run) -> str:
    again = f", a repeat after a crash ({run.repeats})" if run.repeats else ""
    origin = f" ({run.origin})" if run.origin else ""
    if run.started is None or run.ended is None:
        ended = f"it is {run.state}" + (f": {run.reason}" if run.reason else "")
    else:
        took = f"{run.ended - run.started:.2f} s"
        ended = f"it ran: {run.state} after {took}" + (f", {run.reason}" if run.reason else "")
    attempts = f", attempt {run.attempt}" if run.attempt > 1 else ""
    return ended + attempts + again + origin


def _no_hook(hooks: HookSet, name: str) -> str:
    names = [hook.name for hook in hooks.hooks]
    faults = f"; {len(hooks.faults)} were left out for their faults" if hooks.faults else ""
    return f"there is no hook {name!r}{nearest(name, names)}{faults}"


def _never(hook: Hook, event: Event | None) -> str:
    """Return what in the hook itself keeps it from this event, or nothing."""
    if not hook.enabled:
        return "enabled: the hook is switched off"
    if event is None:
        return "the event is not on the log any more, and no run of it was kept"
    document = document_of(event)
    if not hook.selection.matches(document):
        return f"event: {_not_selected(hook, event)}"
    at = event.entry.time if event.entry is not None else time.time()
    return decide(hook, event, document, at).reason


def _not_selected(hook: Hook, event: Event) -> str:
    topics = ", ".join(sorted(map(event_name, hook.selection.topics)))
    parts = [f"it is for {topics}, this is {event_name(event.topic)}"] if topics else []
    document = document_of(event)
    parts += [failing(expression, document) for expression in hook.selection.expressions]
    return "; ".join(parts)


async def _not_yet(runs: Runs, hook: Hook, position: str) -> str:
    since = await runs.known_since(hook.name)
    if since is None:
        return "the hook has not begun to listen: it is not loaded, or the server has not caught up"
    if number_of(position) <= number_of(since):
        return f"the hook began to listen at {since}, behind this event: replay it if it should run"
    return "the event has not been read yet, or its run was so long ago that it is forgotten"
