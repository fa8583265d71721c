"""The `publish` kind: a new event on the bus, caused by the one at hand."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from typing import Any, Final

from callboard.bus import Bus
from callboard.errors import CallboardError, StorageFailed
from callboard.event import Event, caused_by, encode_json
from callboard.hooks.filling import fill_value
from callboard.hooks.model import Publish
from callboard.hooks.run import Outcome, Run
from callboard.hooks.template import BadTemplate, Part, Placeholder, Refused, Values, parse

_NAMES: Final = uuid.UUID("7a1f0a52-7b0e-4b5e-9c53-0a0f1f6f2f11")
_CONTEXT: Final = ("printer", "tags", "job")
"""What of an event's source the new one carries on: what hooks after this one may look up."""


def read_target(text: str) -> tuple[Part, ...]:
    """Return a target with placeholders, each of which stands alone between quotes; raises BadTemplate."""
    parts = parse(text)
    for at, part in enumerate(parts):
        if isinstance(part, Placeholder) and not _quoted(parts, at):
            raise BadTemplate(
                f'put quotes around {part}, as in id="{part}": a value must not become a clause'
            )
    return parts


def _quoted(parts: Sequence[Part], at: int) -> bool:
    before = parts[at - 1] if at else ""
    after = parts[at + 1] if at + 1 < len(parts) else ""
    if not isinstance(before, str) or not isinstance(after, str) or not before or not after:
        return False
    return before[-1] in "\"'" and before[-2:-1] in {"=", ">", "<", " "} and after[0] == before[-1]


async def publish_event(bus: Bus, action: Publish, run: Run, event: Event) -> Outcome:
    """Publish a hook's event; a repeat of the run has the same event id."""
    try:
        made = event_of(action, run, event)
    except Refused as error:
        return Outcome("refused", str(error))
    shown = shown_event(made)
    try:
        await bus.publish(made)
    except CallboardError as error:
        return Outcome("failed", str(error), command=shown, retry=isinstance(error, StorageFailed))
    return Outcome("done", command=shown)


def event_of(action: Publish, run: Run, event: Event) -> Event:
    """Return the event that a hook publishes for `event`; raises Refused."""
    values = Values(event)
    context: dict[str, Any] = {key: event.source[key] for key in _CONTEXT if key in event.source}
    return Event(
        action.topic,
        fill_value(action.data, values),
        {**context, "trace": caused_by(event)},
        target="".join(part if isinstance(part, str) else _literal(part, values) for part in action.target),
        id=uuid.uuid5(_NAMES, f"{run.hook}\n{run.position}\n{run.origin}").hex,
    )


def shown_event(event: Event) -> str:
    """Return an event as `callboard publish` would be told it."""
    target = f" --target {event.target!r}" if event.target else ""
    return f"publish {event.topic} --data {encode_json(event.data).decode()}{target}"


def _literal(part: Placeholder, values: Values) -> str:
    text: Any = values.text(part.name)
    if any(mark in text for mark in "\"'\\\n\r") or text.endswith("*"):
        raise Refused(
            f"The value of {part} can't stand in a target: it has a quote, a backslash, a line end or *."
        )
    return str(text)
