"""`callboard files analyse`: what a G-code file will do; one that lies here needs no hub.

a file of this machine -> analyse it, here
a path on the hub -> POST /v1/files/... -> its progress (/v1/state/stream) -> its end (/v1/events/stream)
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from cyclopts import Parameter

from callboard.cli.outcome import AsJson, WrongUse, told
from callboard.cli.output import note, printable, say, say_json
from callboard.cli.reach import Reach
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

_GRACE: Final = 2.0
"""Seconds between the end of an analysis and the event that tells it."""
_PATIENCE: Final = 3.0
"""Seconds until somebody who waits is told why."""

Advance = Callable[[float], None]
"""Takes how much is done, 0 to 1."""


class NotAnalysed(CallboardError):
    """The hub did not analyse this file: its log says why."""


def analyse(
    path: Annotated[str, Parameter(help="A file of this machine, or the path of one on the hub.")],
    /,
    *,
    acceleration: Annotated[
        bool, Parameter(help="Tell the time with acceleration; only for a file that lies here.", negative="")
    ] = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Analyse G-code: time, filament, size and layers of a print."""
    file = Path(path)
    if file.is_file():
        result = _here(file, acceleration=acceleration)
    elif acceleration:
        raise WrongUse(f"{path} is no file of this machine, and only there is --acceleration taken.")
    else:
        result = asyncio.run(_on_hub(path.strip("/"), reach or Reach()))
    if as_json:
        say_json(result)
        return
    for what, value in _lines(result):
        say(f"{what:<10}{value}")


def _here(file: Path, *, acceleration: bool) -> dict[str, Any]:
    from callboard.files.analysis import Analyser
    from callboard.files.analysis import analyse as work

    try:
        with _bar(file.name) as advance:
            return work(file, Analyser(acceleration=acceleration), advance).result()
    except OSError as error:
        raise CallboardError(f"{file} can't be read: {told(error)}.") from None


async def _on_hub(path: str, reach: Reach) -> dict[str, Any]:
    from callboard.client.http import Http

    async with Http(reach.credentials) as http:
        since = str((await http.ask("GET", "/v1/log"))["last"])
        await http.ask("POST", f"/v1/files/local/{quote(path, errors='replace')}", {"command": "analyse"})
        ending = asyncio.create_task(_ended(http, path, since))
        with _bar(path.rpartition("/")[2]) as advance:
            watching = asyncio.create_task(_watch(http, path, advance))
            try:
                return await _first(ending, watching)
            finally:
                ending.cancel()
                watching.cancel()
                await asyncio.gather(ending, watching, return_exceptions=True)


async def _first(ending: asyncio.Task[dict[str, Any]], watching: asyncio.Task[None]) -> dict[str, Any]:
    """Return the result; an analysis that is over without one has failed."""
    done, _ = await asyncio.wait({ending, watching}, timeout=_PATIENCE, return_when=asyncio.FIRST_COMPLETED)
    if not done:
        note("It takes a while, or waits for its turn: no file is analysed while a printer prints.")
        await asyncio.wait({ending, watching}, return_when=asyncio.FIRST_COMPLETED)
    await asyncio.wait({ending}, timeout=_GRACE)
    if not ending.done():
        await watching
        raise NotAnalysed
    return ending.result()


async def _ended(http: Http, path: str, since: str) -> dict[str, Any]:
    """Return the result that the hub tells of."""
    expression = f"topic=octoprint.MetadataAnalysisFinished and data.path={json.dumps(path)}"
    stream = http.stream("GET", "/v1/events/stream", expression=expression, after=since)
    async with contextlib.aclosing(stream) as messages:
        async for message in messages:
            entry = json.loads(message.data) if message.data else {}
            if "event" in entry:
                return dict(entry["event"]["data"]["result"])
    raise NotAnalysed("The hub has stopped: try again once it runs.")


async def _watch(http: Http, path: str, advance: Advance) -> None:
    """Show how far the analysis is; returns when it is over."""
    key = f"files/analysis/{path}"
    begun = False
    async with contextlib.aclosing(http.stream("GET", "/v1/state/stream", prefix=key)) as messages:
        async for message in messages:
            changes = json.loads(message.data) if message.data else {}
            if key not in changes:
                continue
            if changes[key] is None and begun:
                return
            if changes[key] is not None:
                begun = True
                advance(changes[key]["progress"])
                if changes[key]["paused"]:
                    note("A printer prints: the analysis goes on when it is done.")


@contextlib.contextmanager
def _bar(name: str) -> Iterator[Advance]:
    """Show a bar on stderr; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeRemainingColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(printable(name), total=1.0)
        yield lambda done: progress.update(task, completed=done)


def _lines(result: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield what a person wants to know of a result."""
    from callboard.cli.following import clock

    if result.get("_empty"):
        yield "print", "nothing: no material is laid"
        return
    yield "time", clock(result["estimatedPrintTime"])
    for tool, used in result["filament"].items():
        volume = f", {used['volume']:.1f} cm³" if used["volume"] else ""
        name = "filament" if len(result["filament"]) == 1 else tool
        yield name, f"{used['length'] / 1000:.2f} m{volume}"
    size, area = result["dimensions"], result["printingArea"]
    yield "size", " x ".join(f"{size[side]:.1f}" for side in ("width", "depth", "height")) + " mm"
    spans = (f"{axis} {area[f'min{axis}']:.1f} to {area[f'max{axis}']:.1f}" for axis in "XYZ")
    yield "place", ", ".join(spans)
    if "layers" in result:
        yield "layers", str(result["layers"])
