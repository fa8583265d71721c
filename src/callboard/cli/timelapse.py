"""`callboard timelapse`: films of prints, by hand."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.files import NotDone, amount, moment, save
from callboard.cli.outcome import AsJson
from callboard.cli.output import note, printable, say, say_json, table
from callboard.cli.reach import Reach, talk
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

app = App(name="timelapse", help="Films of prints.", help_format="plaintext")

_ADDRESS = "/v1/timelapses"
_WIDEST = 160
"""Characters of a reason in a list; --json has all of it."""

Name = Annotated[str, Parameter(help="A name as `timelapse list` shows it.")]


@app.command(name="list")
def list_films(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List films, and pictures of which none was made yet."""
    found = talk(reach, lambda http: http.ask("GET", _ADDRESS))
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
        address = f"{_ADDRESS}/unrendered/{_quoted(name)}"
        if not wait:
            return await http.ask("POST", f"{address}/render")
        since = (await http.ask("GET", "/v1/log"))["last"]
        if (reel := await http.ask("GET", address))["rendering"]:
            note(f"The film {_doing(reel)} already.")
        else:
            await http.ask("POST", f"{address}/render")
        return await _made(http, name, since)

    answer = talk(reach, ask)
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

    talk(reach, ask)
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
    say(str(save(reach, f"{_ADDRESS}/films/{_quoted(name)}", name.rpartition("/")[2], to, overwrite)))


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
            raise NotDone(" ".join(data.get("error") or []) or "The film could not be made.")
    raise CallboardError("The hub has stopped; it goes on when it starts again.")


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="replace")


def _film(one: dict[str, Any]) -> tuple[str, ...]:
    frames = str(one["frames"]) if one.get("frames") is not None else ""
    return (one["name"], one.get("printer") or "", amount(one["size"]), moment(one["date"]), frames, "")


def _reel(one: dict[str, Any]) -> tuple[str, ...]:
    size, date = amount(one["size"]), moment(one["date"])
    return (one["name"], one.get("printer") or "", size, date, str(one["count"]), _said(one))


def _said(one: dict[str, Any]) -> str:
    """Return what becomes of pictures without a film."""
    if one["recording"]:
        return "is being recorded"
    if one["rendering"]:
        return _doing(one)
    return f"failed: {one['error']}"[:_WIDEST] if one.get("error") else "no film yet"


def _doing(one: dict[str, Any]) -> str:
    return "waits for a worker" if one.get("waiting") else "is being made"
