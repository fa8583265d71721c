"""`callboard timelapse`: films of prints, by hand."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.files import NotDone, amount, bar, moment
from callboard.cli.outcome import AsJson, WrongUse, told
from callboard.cli.output import note, printable, say, say_json, table
from callboard.cli.reach import Reach
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

app = App(name="timelapse", help="Films of prints.", help_format="plaintext")

_ADDRESS = "/v1/timelapses"

Name = Annotated[str, Parameter(help="A name as `timelapse list` shows it.")]


@app.command(name="list")
def list_films(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List films, and pictures of which none was made yet."""
    found = _with(reach, lambda http: http.ask("GET", _ADDRESS))
    if as_json:
        say_json(found)
        return
    rows = [_film(each) for each in found["films"]] + [_reel(each) for each in found["unrendered"]]
    table(("name", "printer", "size", "date", "pictures", ""), rows)
    note(f"{amount(found['free'])} of {amount(found['total'])} are free.")


@app.command
def render(
    name: Name,
    /,
    *,
    wait: Annotated[bool, Parameter(help="Return once the film is there.", negative="")] = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Have a film made of pictures that have none."""

    async def ask(http: Http) -> Any:
        since = (await http.ask("GET", "/v1/log"))["last"] if wait else ""
        asked = await http.ask("POST", f"{_ADDRESS}/unrendered/{_quoted(name)}/render")
        return await _made(http, name, since) if wait else asked

    answer = _with(reach, ask)
    if as_json:
        say_json(answer)
    elif wait:
        say(printable(answer["movie_basename"]))
    else:
        note("The film will be made; `callboard timelapse list` shows it.")


@app.command
def delete(name: Name, /, *, reach: Reach | None = None) -> None:
    """Remove a film, or pictures without one, for good."""

    async def ask(http: Http) -> None:
        kind = "films" if name.endswith((".mp4", ".mpg")) else "unrendered"
        await http.ask("DELETE", f"{_ADDRESS}/{kind}/{_quoted(name)}")

    _with(reach, ask)
    note(f"{name} is gone.")


@app.command
def download(
    name: Name,
    /,
    *,
    to: Annotated[Path | None, Parameter(help="Where to; else here, under its own name.")] = None,
    overwrite: Annotated[bool, Parameter(help="Replace a file that is there.", negative="")] = False,
    reach: Reach | None = None,
) -> None:
    """Get a film; prints where it is now."""
    own = name.rpartition("/")[2]
    target = to / own if to is not None and to.is_dir() else to or Path(own)
    if target.exists() and not overwrite:
        raise WrongUse(f"{target} is there already: pass --to or --overwrite.")
    part = target.with_name(f".{target.name}.part")

    async def fetch(http: Http) -> None:
        address = f"{_ADDRESS}/films/{_quoted(name)}"
        async with http.fetch(address, download="true") as (size, pieces):
            with bar(own, size) as advance, part.open("wb") as file:
                async for piece in pieces:
                    file.write(piece)
                    advance(len(piece))

    try:
        _with(reach, fetch)
        part.replace(target)
    except OSError as error:
        raise CallboardError(f"{target} can't be written: {told(error)}.") from None
    finally:
        with contextlib.suppress(OSError):
            part.unlink(missing_ok=True)
    say(str(target))


async def _made(http: Http, name: str, since: str) -> Any:
    """Return what MovieDone tells of these pictures; raises NotDone with what MovieFailed does."""
    expression = "topic=octoprint.MovieDone or topic=octoprint.MovieFailed"
    stream = http.stream("GET", "/v1/events/stream", expression=expression, after=since)
    async with contextlib.aclosing(stream) as messages:
        async for message in messages:
            event = json.loads(message.data or b"{}").get("event") or {}
            data = event.get("data") or {}
            if data.get("movie_prefix") != name:
                continue
            if event["topic"].endswith("Done"):
                return data
            raise NotDone("; ".join(data.get("error") or []) or "The film could not be made.")
    raise CallboardError("The hub has stopped; it goes on when it starts again.")


def _with(reach: Reach | None, work: Callable[[Http], Awaitable[Any]]) -> Any:
    from callboard.client.http import Http

    async def run() -> Any:
        async with Http((reach or Reach()).credentials) as http:
            return await work(http)

    return asyncio.run(run())


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="replace")


def _film(one: dict[str, Any]) -> tuple[str, ...]:
    frames = str(one["frames"]) if one.get("frames") is not None else ""
    return (one["name"], one.get("printer") or "", amount(one["size"]), moment(one["date"]), frames, "")


def _reel(one: dict[str, Any]) -> tuple[str, ...]:
    doing = [word for word in ("recording", "rendering") if one[word]]
    said = doing[0] if doing else "no film yet"
    size, date = amount(one["size"]), moment(one["date"])
    return (one["name"], one.get("printer") or "", size, date, str(one["count"]), said)
