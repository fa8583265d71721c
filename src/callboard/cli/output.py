"""What commands print: one line for each thing, for eyes in a terminal and for programs as JSON.

Texts come from anywhere, so nothing that could steer a terminal is let through.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from callboard.event import Event

_HOUSE = "callboard"
_DIM, _BOLD, _CYAN, _END = "\x1b[2m", "\x1b[1m", "\x1b[36m", "\x1b[0m"


def complain(reason: str) -> None:
    """Say on stderr what went wrong; lines that begin with a blank belong to the one before."""
    for line in printable(reason, lines=True).split("\n"):
        said = line if line.startswith(" ") else f"callboard: {line}"
        print(said, file=sys.stderr, flush=True)  # noqa: T201


def note(text: str) -> None:
    """Say something to the person on stderr: stdout holds what was asked for."""
    print(printable(text, lines=True), file=sys.stderr, flush=True)  # noqa: T201


def say(text: str = "") -> None:
    """Print a line."""
    print(text, flush=True)  # noqa: T201


def say_json(value: Any) -> None:
    """Print a value as one line of JSON, in which nothing steers a terminal either."""
    text = json.dumps(value, ensure_ascii=not _unicode(), separators=(", ", ": "))
    say(text if text.isprintable() else "".join(map(_in_json, text)))


def _in_json(char: str) -> str:
    """Return a character of JSON text, escaped unless it can be printed; such ones are in strings alone."""
    if char.isprintable():
        return char
    return "\\u007f" if char == "\x7f" else json.dumps(char)[1:-1]


def printable(text: str, *, lines: bool = False) -> str:
    """Return text without control characters: they are shown as their escapes."""
    if text.isprintable():
        return text
    return "".join(
        char if char.isprintable() or (lines and char == "\n") else ascii(char)[1:-1] for char in text
    )


def event_line(event: Event, before: int = 0) -> str:
    """Return an event on one line: time, topic, whose it is, data; cut to the terminal's width.

    `before` is how many characters stand before it.
    """
    stamp = event.entry
    clock = _clock(stamp.time if stamp else None)
    topic, whose = printable(event.topic), printable(_whose(event))
    data = printable(json.dumps(event.data, ensure_ascii=not _unicode()))
    if not sys.stdout.isatty():
        return f"{clock}  {topic}  {whose}  {data}"
    import shutil

    room = shutil.get_terminal_size().columns - before - len(clock) - len(topic) - len(whose) - 6
    return f"{_DIM}{clock}{_END}  {_CYAN}{topic}{_END}  {whose}  {_DIM}{cut(data, max(room, 20))}{_END}"


def run_line(run: Mapping[str, Any]) -> str:
    """Return the run of a hook on one line: time, the hook's name, what came of it."""
    began, ended = (_seconds(run[key]) for key in ("started", "ended"))
    clock = _clock(began if began is not None else _seconds(run["queued"]))
    took = f" in {ended - began:.2f} s" if began is not None and ended is not None else ""
    exit_ = f", exit {run['exit']}" if run["exit"] else ""
    reason = f": {run['reason']}" if run["reason"] else ""
    tries = f", attempt {run['attempt']}" if run["attempt"] > 1 else ""
    return f"{clock}  hook  {printable(run['hook'])}  {run['state']}{took}{exit_}{tries}{printable(reason)}"


def _seconds(iso: str | None) -> float | None:
    return datetime.fromisoformat(iso).timestamp() if iso else None


def _whose(event: Event) -> str:
    """Return the publisher; of what the hub's own print host tells, the printer."""
    publisher = event.entry.publisher if event.entry else ""
    printer = event.source.get("printer")
    return printer if publisher == _HOUSE and isinstance(printer, str) and printer else publisher


def _clock(seconds: float | None) -> str:
    """Return the local time, with the date when it is not today's."""
    now = datetime.now(UTC).astimezone()
    time = now if seconds is None else datetime.fromtimestamp(seconds, UTC).astimezone()
    return time.strftime("%H:%M:%S.%f" if time.date() == now.date() else "%Y-%m-%d %H:%M:%S.%f")[:-3]


def event_json(event: Event) -> dict[str, Any]:
    """Return an event as the HTTP interface gives entries, without `sent`, which nobody reads."""
    stamp = event.entry
    time = datetime.fromtimestamp(stamp.time, UTC).isoformat(timespec="microseconds") if stamp else None
    return {
        "position": stamp.position if stamp else None,
        "time": time.replace("+00:00", "Z") if time else None,
        "publisher": stamp.publisher if stamp else None,
        "event": {
            "topic": event.topic,
            "data": event.data,
            "source": event.source,
            "target": event.target,
            "id": event.id,
            "inReplyToEvent": event.in_reply_to_event,
        },
    }


def say_event(event: Event, as_json: bool) -> None:
    """Print an event."""
    if as_json:
        say_json(event_json(event))
    else:
        say(event_line(event))


def cut(text: str, width: int) -> str:
    """Return text, cut with an ellipsis where it is longer than `width`."""
    return text if len(text) <= width else f"{text[: width - 1]}…"


def bold(text: str) -> str:
    """Return text that stands out, in a terminal."""
    return f"{_BOLD}{text}{_END}" if sys.stdout.isatty() else text


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> None:
    """Print rows in columns."""
    shown = [[printable(cell) for cell in row] for row in rows]
    widths = [max(map(len, column)) for column in zip(head, *shown, strict=True)]
    say(bold(_row(head, widths)))
    for row in shown:
        say(_row(row, widths))


def facts(values: Mapping[str, object]) -> None:
    """Print names and what they are, one a line."""
    width = max(map(len, values))
    for name, value in values.items():
        say(f"{name:{width}}  {printable(str(value))}")


def _row(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(f"{cell:{width}}" for cell, width in zip(cells, widths, strict=True)).rstrip()


def _unicode() -> bool:
    return (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
