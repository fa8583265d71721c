"""Placeholders: `{file}` in a text, and what an event says for it.

    "Done: {file}" -> parse -> ("Done: ", Placeholder("file")) -> Values(event).fill -> "Done: cube.gcode"

Only lookups: no formats, no attributes, nothing asked of a printer. Python's `str.format` lost
because it reaches attributes (`{x.__class__}`) and raises on what users write every day.
Source: seeds/print-events.txt, "Placeholders"; facts/print-host-facts.md 2.2.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final

from msgspec import Struct

from callboard.errors import CallboardError
from callboard.event import Event, encode_json

PRINT_PREFIX: Final = "octoprint."
MAX_TEMPLATE: Final = 64 * 1024
"""Characters a template may have."""

_NAME = re.compile(r"[\w-]+(?:\.[\w-]+)*")
_BRACE = re.compile(r"\{\{|\}\}|\{|\}")


class BadTemplate(CallboardError):
    """This text has a placeholder that is none: write {key} or {data.key}, and {{ for a brace.

    `kind` says what is wrong without a word of the text.
    """

    def __init__(self, message: str | None = None, kind: str = "a text that can't be used") -> None:
        self.kind = kind
        super().__init__(message)


class Refused(CallboardError):
    """This run was refused: the event's values can't stand in the command."""


class Placeholder(Struct, frozen=True):
    """A name in braces, to be looked up in an event."""

    name: str

    def __str__(self) -> str:
        return f"{{{self.name}}}"


Part = str | Placeholder


def parse(text: str) -> tuple[Part, ...]:
    """Return `text` cut into literal text and placeholders; `{{` and `}}` are braces.

    Raises BadTemplate with the reason: a lone brace, a format, an index, an attribute.
    """
    if len(text) > MAX_TEMPLATE:
        raise BadTemplate(
            f"This text has {len(text)} characters; at most {MAX_TEMPLATE} can hold placeholders."
        )
    parts: list[Part] = []
    at = 0
    while brace := _BRACE.search(text, at):
        parts.append(text[at : brace.start()])
        part, at = _after(text, brace)
        parts.append(part)
    parts.append(text[at:])
    return _joined(parts)


def _after(text: str, brace: re.Match[str]) -> tuple[Part, int]:
    """Return what the brace begins, and where it ends."""
    if len(brace[0]) == 2:
        return brace[0][0], brace.end()
    end = text.find("}", brace.end())
    if brace[0] == "}" or end < 0:
        raise BadTemplate(
            f"A lone {brace[0]!r} stands in {text[:80]!r}: write {brace[0] * 2} for a literal brace.",
            "a lone brace",
        )
    return Placeholder(_checked(text[brace.end() : end])), end + 1


def _checked(name: str) -> str:
    if _NAME.fullmatch(name):
        return name
    if ":" in name or "!" in name:
        why = "placeholders take no format: leave out what follows the name"
    elif "[" in name:
        why = "write a dotted path instead of brackets, {position.x}"
    else:
        why = "write {key}, {data.key} or {source.key}, and {{ }} for literal braces"
    raise BadTemplate(f"{{{name[:80]}}} is no placeholder: {why}.", "no placeholder")


def _joined(parts: Sequence[Part]) -> tuple[Part, ...]:
    joined: list[Part] = []
    for part in parts:
        if isinstance(part, str) and joined and isinstance(joined[-1], str):
            joined[-1] += part
        elif part != "":
            joined.append(part)
    return tuple(joined)


def placeholders(parts: Sequence[Part]) -> tuple[str, ...]:
    """Return the names that `parts` look up, in order."""
    return tuple(part.name for part in parts if isinstance(part, Placeholder))


class Values:
    """What an event says: text and values by placeholder name, from the event alone."""

    def __init__(self, event: Event) -> None:
        self.event = event

    def value(self, name: str) -> Any:
        """Return the JSON value that `name` means; raises Refused when the event has none."""
        if name in SPECIAL:
            return SPECIAL[name](self.event)
        try:
            return _find(self.event, name)
        except LookupError:
            raise Refused(
                f"The event {self.event.topic} has nothing for {{{name}}}: it has {_known(self.event)}."
            ) from None

    def text(self, name: str) -> str:
        """Return the value as text: text as it is, lists and maps as JSON, the rest as Python says it."""
        value = self.value(name)
        if isinstance(value, str):
            return value
        return encode_json(value).decode() if isinstance(value, dict | list) else str(value)

    def fill(self, parts: Sequence[Part]) -> str:
        """Return `parts` joined, each placeholder replaced by its text."""
        return "".join(part if isinstance(part, str) else self.text(part.name) for part in parts)


def _find(event: Event, name: str) -> Any:
    """Look in the payload's own keys first: what a printer calls `source` is its own."""
    data = event.data
    if isinstance(data, Mapping) and name in data:
        return data[name]
    head, _, rest = name.partition(".")
    if rest and head in {"data", "source", "entry"}:
        return _walk(_node(event, head), rest)
    if not rest and head in {"topic", "id", "target"}:
        return getattr(event, head)
    return _walk(data, name)


def _node(event: Event, head: str) -> Any:
    if head == "data":
        return event.data
    return event.source if head == "source" else _stamp(event)


def _stamp(event: Event) -> Mapping[str, Any]:
    entry = event.entry
    return (
        {}
        if entry is None
        else {"position": entry.position, "time": entry.time, "publisher": entry.publisher}
    )


def _walk(value: Any, path: str) -> Any:
    for step in path.split("."):
        if isinstance(value, Mapping):
            value = value[step]
        elif isinstance(value, list) and step.isascii() and step.isdigit() and len(step) < 10:
            value = value[int(step)]
        else:
            raise LookupError(step)
    return value


def _known(event: Event) -> str:
    keys = list(event.data)[:12] if isinstance(event.data, Mapping) else []
    return ", ".join(str(key)[:40] for key in keys) or "no payload keys"


def _job(event: Event) -> Mapping[str, Any]:
    job = event.source.get("job")
    return job if isinstance(job, Mapping) else {}


def _of_job(key: str, unknown: str) -> Callable[[Event], str]:
    def lookup(event: Event) -> str:
        value = _job(event).get(key)
        return unknown if value is None else str(value)

    return lookup


def _progress(event: Event) -> str:
    value = _job(event).get("progress")
    return str(round(value)) if isinstance(value, int | float) and abs(value) < 1e6 else "0"


def _now(event: Event) -> str:
    """Local time without a zone, as OctoPrint prints it; of the event, not of the run."""
    time = 0.0 if event.entry is None else event.entry.time
    return datetime.fromtimestamp(time).isoformat(timespec="microseconds")  # noqa: DTZ006


def event_name(topic: str) -> str:
    """Return the name a hook knows a topic by: `octoprint.PrintDone` is PrintDone."""
    return topic.removeprefix(PRINT_PREFIX)


SPECIAL: Final[Mapping[str, Callable[[Event], str]]] = {
    "__currentZ": _of_job("z", "-1"),
    "__filename": _of_job("file", "NO FILE"),
    "__filepath": _of_job("path", "NO PATH"),
    "__fileorigin": _of_job("origin", "NO FILE"),
    "__progress": _progress,
    "__data": lambda event: str(event.data) if event.data else "None",
    "__json": lambda event: encode_json(event.data).decode() if event.data else "{}",
    "__now": _now,
    "__eventname": lambda event: event_name(event.topic),
}
"""The placeholders that begin with two underscores: always there, with the seed's word for unknown."""
