"""The event that tells of a run that failed for good, or whose outcome nobody knows."""

from __future__ import annotations

from typing import Any, Final

from callboard.event import Event, caused_by
from callboard.hooks.run import Outcome, Run

FAILED: Final = "callboard.hook.failed"

_SAID: Final = {
    "failed": "it failed; `callboard hooks runs` says why",
    "refused": "the event's values can't stand in it; `callboard hooks runs` says which",
    "unknown": "nobody knows what came of it",
}
"""What events say where the reason could quote a command, an address or a value."""


def failure(run: Run, state: str, outcome: Outcome) -> Event:
    """Return `callboard.hook.failed` for a run; its cause is the event that the run was for.

    The command stays in callboard.db, and so does a reason that could quote it: both may hold what
    not every listener may know.
    """
    data = {
        "hook": run.hook,
        "event": run.topic,
        "position": run.position,
        "reason": outcome.reason if outcome.plain else _SAID.get(outcome.state, ""),
        "attempts": run.attempt,
        "exit_code": outcome.exit,
        "run": run.id,
        "state": state,
    }
    if run.event is None:
        return Event(FAILED, data)
    source: dict[str, Any] = {"trace": caused_by(run.event)}
    if "printer" in run.event.source:
        source["printer"] = run.event.source["printer"]
    return Event(FAILED, data, source)
