"""Following: a job's progress, or what all printers do, live in the terminal.

/v1/state/stream -> the newest values -> bars (in a terminal), or a line for each change that matters
/v1/events/stream -> the job's last event -> the exit code
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from typing import TYPE_CHECKING, Any

import msgspec

from callboard.cli.outcome import DONE, FAILED
from callboard.cli.output import note, printable, say
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from callboard.client.http import Http

_PREFIX = "printers/"
_STEP = 10
"""Percent between two lines where there is no terminal."""


async def here(http: Http) -> str:
    """Return the log's newest position."""
    return str((await http.ask("GET", "/v1/log"))["last"])


async def follow_job(http: Http, name: str, since: str) -> int:
    """Show how far a printer's job is until it ends; returns the exit code."""
    watching = asyncio.create_task(watch_printers(http, name))
    try:
        ended = await _ended(http, name, since)
    finally:
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
    data = ended["data"] or {}
    if ended["topic"] == "octoprint.PrintDone":
        say(printable(f"{data['file']} is printed, in {clock(data['time'])}."))
        return DONE
    why = str(data.get("error") or data.get("reason", "it failed")).rstrip(".")
    note(printable(f"{data['file']} was not printed: {why}."))
    return FAILED


async def _ended(http: Http, name: str, since: str) -> dict[str, Any]:
    """Return the event that ends a job which began behind `since`."""
    expression = f'source.printer="{name}" and (topic=octoprint.PrintDone or topic=octoprint.PrintFailed)'
    stream = http.stream("GET", "/v1/events/stream", expression=expression, after=since)
    async with contextlib.aclosing(stream) as messages:
        async for message in messages:
            entry = json.loads(message.data) if message.data else {}
            if "event" in entry:
                event: dict[str, Any] = entry["event"]
                return event
    raise CallboardError("The hub has stopped; `callboard printers show` says how the job goes on.")


async def watch_printers(http: Http, name: str = "") -> None:
    """Show what printers do until cancelled, or the hub stops."""
    prefix = f"{_PREFIX}{name}/" if name else _PREFIX
    shown: Bars | Lines = Bars() if sys.stdout.isatty() else Lines()
    values: dict[str, dict[str, Any]] = {}
    with shown:
        async with contextlib.aclosing(http.stream("GET", "/v1/state/stream", prefix=prefix)) as messages:
            async for message in messages:
                for printer in _take(values, msgspec.json.decode(message.data)):
                    shown.show(printer, values[printer])


def _take(values: dict[str, dict[str, Any]], changes: dict[str, Any]) -> set[str]:
    """Take changes of state in, and return the printers that they are about."""
    changed = set()
    for key, value in changes.items():
        printer, _, part = key.removeprefix(_PREFIX).partition("/")
        values.setdefault(printer, {})[part] = value
        changed.add(printer)
    return changed


class Bars:
    """One bar for each printer, in a terminal."""

    def __init__(self) -> None:
        self._bars: dict[str, TaskID] = {}

    def __enter__(self) -> Bars:
        from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

        self._progress: Progress = Progress(
            TextColumn("[bold]{task.description}"),
            BarColumn(bar_width=30),
            TaskProgressColumn(),
            TextColumn("{task.fields[said]}", markup=False),
        )
        self._progress.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._progress.stop()

    def show(self, printer: str, values: dict[str, Any]) -> None:
        """Draw a printer as it is now."""
        from rich.markup import escape

        if printer not in self._bars:
            name = escape(printable(printer))
            self._bars[printer] = self._progress.add_task(name, total=100.0, said="")
        done = (values.get("progress") or {}).get("percent", 0.0)
        self._progress.update(self._bars[printer], completed=done, said=printable(said_of(values)))


class Lines:
    """A line for each change of state, and for each tenth of a job; for files and pipes."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[str, int]] = {}

    def __enter__(self) -> Lines:
        return self

    def __exit__(self, *_: object) -> None:
        """Nothing is left open."""

    def show(self, printer: str, values: dict[str, Any]) -> None:
        """Say how a printer is, if that is news."""
        state = (values.get("state") or {}).get("text", "Offline")
        step = int((values.get("progress") or {}).get("percent", 0.0)) // _STEP
        if self._last.get(printer) != (state, step):
            self._last[printer] = (state, step)
            say(printable(f"{printer}  {said_of(values)}"))


def said_of(values: dict[str, Any]) -> str:
    """Return how a printer is in a few words: state, file, layer, time left, temperatures."""
    from callboard.cli.printers import heat_of, job_of

    progress = values.get("progress") or {}
    layer, layers, left = (progress.get(key) for key in ("layer", "layers", "left"))
    parts = [
        (values.get("state") or {}).get("text", "Offline"),
        job_of(values),
        f"layer {layer}" + (f" of {layers}" if layers else "") if layer else "",
        f"{clock(left)} left" if left is not None else "",
        heat_of(values),
    ]
    return "  ".join(part for part in parts if part)


def clock(seconds: float) -> str:
    """Return a duration as people say it: 1:02:03, or 2:03."""
    minutes, rest = divmod(max(round(seconds), 0), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
