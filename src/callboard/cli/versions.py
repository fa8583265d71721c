"""`callboard tracker publish` and `fetch`: files and films become versions, components become files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import Parameter

from callboard.cli.bringing import Overwrite
from callboard.cli.outcome import AsJson, WrongUse
from callboard.cli.output import note, printable, say, say_json
from callboard.cli.reach import Reach, talk

if TYPE_CHECKING:
    from callboard.client.http import Http


def publish(
    file: Annotated[str, Parameter(help="A stored file; one on this machine is uploaded first.")] = "",
    /,
    *,
    film: Annotated[str, Parameter(help="The name of a film, instead of a file.")] = "",
    task: Annotated[str, Parameter(help="The task that it was made for: its id, or its path.")] = "",
    parent: Annotated[
        str, Parameter(help="What has the asset, id or path; the task's parent without it.")
    ] = "",
    asset: Annotated[str, Parameter(help="The asset's name; the task's without it.")] = "",
    type_: Annotated[str, Parameter(name="--type", help="The type of an asset that is new.")] = "",
    comment: Annotated[str, Parameter(help="What is new in this version.")] = "",
    note_: Annotated[str, Parameter(name="--note", help="A note on the task.")] = "",
    status: Annotated[str, Parameter(help="The status that the task gets.")] = "",
    location: Annotated[str, Parameter(help="The file location; the first one without it.")] = "",
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Make a version of a file or a film; prints where it lies."""
    if bool(file) == bool(film):
        raise WrongUse("Name a file, or a film with --film: callboard tracker publish part.stl --task ID")
    wish = {
        "film": film,
        "task": task,
        "parent": parent,
        "asset": asset,
        "type": type_,
        "comment": comment,
        "note": note_,
        "status": status,
        "location": location,
    }
    _say(talk(reach, lambda http: _publish(http, file, overwrite, _given(wish))), as_json)


def fetch(
    *,
    task: Annotated[str, Parameter(help="A task, by id or path: its newest version is meant.")] = "",
    version: Annotated[str, Parameter(help="The id of a version.")] = "",
    component: Annotated[str, Parameter(help="The id of a component.")] = "",
    file_type: Annotated[str, Parameter(help="Such as .stl; a model, or else G-code, without it.")] = "",
    to: Annotated[str, Parameter(help="Its path among the files.")] = "",
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Copy a component's file to the files, to be sliced or printed; prints its path."""
    wish = {"task": task, "version": version, "component": component, "file_type": file_type, "to": to}
    _say(talk(reach, lambda http: _fetch(http, _given(wish))), as_json)


async def _publish(http: Http, file: str, overwrite: bool, wish: dict[str, Any]) -> Any:
    from callboard.cli.bringing import brought

    wish = await _named(http, wish)
    if file:
        wish["file"] = await brought(http, file, overwrite)
    return await http.ask("POST", "/v1/versions", wish)


async def _fetch(http: Http, wish: dict[str, Any]) -> Any:
    return await http.ask("POST", "/v1/versions/fetch", await _named(http, wish))


async def _named(http: Http, wish: dict[str, Any]) -> dict[str, Any]:
    """Return a wish with ids for what is named by its path in the production."""
    from callboard.cli.selected import at

    paths = {key: wish[key] for key in ("task", "parent") if "/" in wish.get(key, "")}
    return wish | {key: (await at(http, path))["entityId"] for key, path in paths.items()}


def _given(wish: dict[str, str]) -> dict[str, Any]:
    return {key: value for key, value in wish.items() if value}


def _say(made: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(made)
    else:
        note(made["message"])
        say(printable(made.get("path", "")))
