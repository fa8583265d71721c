"""`callboard slicing`: the jobs and profiles of slicing, by hand; `callboard slice` makes the jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.outcome import AsJson
from callboard.cli.output import note, say_json, table
from callboard.cli.reach import Reach, talk

if TYPE_CHECKING:
    from callboard.client.http import Http

app = App(name="slicing", help="Slicing: its jobs and profiles.", help_format="plaintext")

_ADDRESS: Final = "/v1/slicing"

Slicer = Annotated[str, Parameter(help="prusaslicer, curaengine or slic3r.")]
Profile = Annotated[str, Parameter(help="A profile as `slicing profiles` shows it.")]


@app.command
def jobs(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List the jobs that wait or run, and the last that ended."""
    found = talk(reach, lambda http: http.ask("GET", f"{_ADDRESS}/jobs"))["jobs"]
    if as_json:
        say_json(found)
    else:
        table(("id", "state", "%", "slicer", "profile", "model", "to", "reason"), map(_job, found))


@app.command
def cancel(
    job: Annotated[str, Parameter(name="id", help="A job as `slicing jobs` shows it.")],
    /,
    *,
    reach: Reach | None = None,
) -> None:
    """Call a job off."""
    found = talk(reach, lambda http: http.ask("DELETE", f"{_ADDRESS}/jobs/{_quoted(job)}"))
    note(f"The slicing of {found['source']} is called off.")


@app.command
def profiles(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List the profiles of all slicers."""
    found = talk(reach, _profiles)
    if as_json:
        say_json(found)
    else:
        table(("slicer", "profile", "", "settings", "description"), map(_profile, found))


@app.command
def default(slicer: Slicer, profile: Profile, /, *, reach: Reach | None = None) -> None:
    """Have a profile meant when none is named."""
    talk(reach, lambda http: http.ask("PATCH", _address(slicer, profile), {"default": True}))
    note(f"{profile} is the default profile of {slicer}.")


@app.command
def remove(slicer: Slicer, profile: Profile, /, *, reach: Reach | None = None) -> None:
    """Remove a stored profile, for good."""

    async def ask(http: Http) -> Any:
        await http.ask("DELETE", _address(slicer, profile))
        return await http.ask("GET", _ADDRESS)

    left = next(one for one in talk(reach, ask)["slicers"] if one["key"] == slicer)
    note(f"The profile {profile} of {slicer} is gone.")
    if left["profiles"] and not left["defaultProfile"]:
        note(f"{slicer} has no default profile now: callboard slicing default {slicer} {left['profiles'][0]}")


async def _profiles(http: Http) -> list[dict[str, Any]]:
    slicers = (await http.ask("GET", _ADDRESS))["slicers"]
    asked = [f"{_ADDRESS}/{_quoted(one['key'])}/profiles" for one in slicers if one["profiles"]]
    return [profile for address in asked for profile in (await http.ask("GET", address))["profiles"]]


def _job(one: dict[str, Any]) -> tuple[str, ...]:
    about = (one["slicer"], one["profile"], one["source"], one["destination"])
    return (one["id"], one["state"], str(one["progress"]), *about, one.get("reason", ""))


def _profile(one: dict[str, Any]) -> tuple[str, ...]:
    words = [word for word in ("default", "configured") if one[word]]
    return (one["slicer"], one["key"], ", ".join(words), str(len(one["data"])), one["description"])


def _address(slicer: str, profile: str) -> str:
    return f"{_ADDRESS}/{_quoted(slicer)}/profiles/{_quoted(profile)}"


def _quoted(name: str) -> str:
    return quote(name, safe="", errors="replace")
