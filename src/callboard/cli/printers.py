"""`callboard printers`: the printers of a hub, by hand: what they do, and what they shall do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, TypeVar
from urllib.parse import quote

from cyclopts import App, Parameter

from callboard.cli.bringing import Overwrite
from callboard.cli.outcome import AsJson, WrongUse
from callboard.cli.output import facts, note, printable, say, say_json, table
from callboard.cli.reach import Reach, talk

if TYPE_CHECKING:
    from callboard.client.http import Http

T = TypeVar("T")

app = App(name="printers", help="Printers: what they do, and what they shall do.", help_format="plaintext")

Name = Annotated[str, Parameter(help="The printer's name, as `callboard printers list` shows it.")]
Follow = Annotated[
    bool, Parameter(name=("--follow", "-f"), negative="", help="Show how far it is until it ends.")
]


@app.command(name="list")
def list_printers(*, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """List the printers: where each is, what it does, how hot it is, how far its job is."""
    found = talk(reach, lambda http: http.ask("GET", "/v1/printers"))["printers"]
    if as_json:
        for one in found:
            say_json(one)
        return
    if not found:
        note("There are no printers: name them under `printers` in the configuration.")
        return
    table(("name", "state", "port", "temperatures", "job", "bed", "tags"), map(_row, found))
    for one in found:
        if one["reason"]:
            note(f"{one['name']}: {printable(one['reason'])}")


@app.command
def show(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Show one printer, and the last lines that went both ways."""
    found = talk(reach, lambda http: http.ask("GET", _address(name)))
    if as_json:
        say_json(found)
        return
    facts(_facts(found))
    for line in found.get("terminal", []):
        say(f"  | {printable(line)}")


@app.command
def connect(
    name: Name,
    /,
    *,
    port: Annotated[str | None, Parameter(help="Another of its ports.")] = None,
    baudrate: Annotated[int | None, Parameter(help="Its speed; found out without it.")] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Open the link to a printer, and wait for its answer."""
    said = {"port": port, "baudrate": baudrate}
    _do(reach, name, "connect", {key: value for key, value in said.items() if value is not None}, as_json)


@app.command
def disconnect(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Close the link to a printer; it is not opened again by itself."""
    _do(reach, name, "disconnect", {}, as_json)


@app.command(name="print")
def print_file(
    name: Name,
    file: Annotated[str, Parameter(help="A stored file's path; one on this machine is uploaded first.")],
    /,
    *,
    follow: Follow = False,
    if_clear: Annotated[
        bool, Parameter(negative="", help="Only if the bed was said to be clear since its last print.")
    ] = False,
    overwrite: Overwrite = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int | None:
    """Print a file."""

    async def go(http: Http) -> int | None:
        from callboard.cli.bringing import brought
        from callboard.cli.following import follow_job, here

        path = await brought(http, file, overwrite)
        since = await here(http) if follow else ""
        wish = {"file": path, **({"if_clear": True} if if_clear else {})}
        _answer(await http.ask("POST", _address(name, "print"), wish), as_json)
        return await follow_job(http, name, since) if follow else None

    return talk(reach, go)


@app.command
def pause(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Let a printer's job stand still."""
    _do(reach, name, "pause", {}, as_json)


@app.command
def resume(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Let a paused job go on."""
    _do(reach, name, "resume", {}, as_json)


@app.command
def cancel(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Call a printer's job off."""
    _do(reach, name, "cancel", {}, as_json)


@app.command
def clear(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Say that a printer's bed is clear: what was printed is taken off."""
    _do(reach, name, "clear", {}, as_json)


@app.command
def gcode(
    name: Name,
    line: Annotated[Sequence[str], Parameter(help="Lines of G-code, each as one argument: G28 'G1 X10'.")],
    /,
    *,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Send lines of G-code to a printer, in order."""
    if not line:
        raise WrongUse("Give at least one line of G-code.")
    _do(reach, name, "gcode", {"commands": list(line)}, as_json)


@app.command
def heat(
    name: Name,
    target: Annotated[Sequence[str], Parameter(help="HEATER=DEGREES: tool0=210 bed=60; 0 is off.")],
    /,
    *,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Set how hot a printer's heaters shall be."""
    _do(reach, name, "temperature", {"targets": dict(map(_target, target))}, as_json)


@app.command
def stop(name: Name, /, *, as_json: AsJson = False, reach: Reach | None = None) -> None:
    """Stop a printer at once (M112): heaters off, the link closed."""
    _do(reach, name, "stop", {}, as_json)


@app.command
def watch(
    name: Annotated[str, Parameter(help="One printer; without it all.")] = "",
    /,
    *,
    reach: Reach | None = None,
) -> None:
    """Show live what printers do, until Ctrl-C."""

    async def go(http: Http) -> None:
        from callboard.cli.following import watch_printers

        if name:
            await http.ask("GET", _address(name))  # a wrong name is told at once
        await watch_printers(http, name)

    talk(reach, go)


def _do(reach: Reach | None, name: str, verb: str, body: dict[str, Any], as_json: bool) -> None:
    _answer(talk(reach, lambda http: http.ask("POST", _address(name, verb), body)), as_json)


def _answer(answer: dict[str, Any], as_json: bool) -> None:
    if as_json:
        say_json(answer)
    else:
        say(printable(answer["message"]))


def _address(name: str, verb: str = "") -> str:
    return f"/v1/printers/{quote(name, safe='')}" + (f"/{verb}" if verb else "")


def _target(text: str) -> tuple[str, float]:
    heater, _, degrees = text.partition("=")
    try:
        return heater, float(degrees)
    except ValueError:
        raise WrongUse(f"{text[:40]!r} is no target: write HEATER=DEGREES, as in tool0=210.") from None


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    return (
        *(one["name"], one["state"]["text"], one["port"] or one["configured_port"] or "", heat_of(one)),
        *(job_of(one), bed_of(one), ", ".join(one["tags"])),
    )


def _facts(one: dict[str, Any]) -> dict[str, object]:
    known = {
        "name": one["name"],
        "tags": ", ".join(one["tags"]),
        "state": one["state"]["text"],
        "why": one["reason"],
        "port": one["port"] or one["configured_port"],
        "baudrate": one["baudrate"],
        "temperatures": heat_of(one),
        "job": job_of(one),
        "bed": bed_of(one),
    }
    return {key: value for key, value in known.items() if value}


def bed_of(one: dict[str, Any]) -> str:
    """Return what may lie on a printer's bed."""
    bed = one["bed"]
    return "clear" if bed["clear"] else str(bed["file"] or "not known")


def heat_of(one: dict[str, Any]) -> str:
    """Return temperatures and their targets in a few words."""
    return "  ".join(_heat(name, said) for name, said in (one.get("temperatures") or {}).items())


def _heat(name: str, said: dict[str, Any]) -> str:
    actual = "?" if said["actual"] is None else f"{said['actual']:.0f}"
    return f"{name} {actual}/{said['target']:.0f}" if said.get("target") else f"{name} {actual}"


def job_of(one: dict[str, Any]) -> str:
    """Return the job and how far it is in a few words."""
    job, progress = one.get("job"), one.get("progress")
    if not job:
        return ""
    return f"{job['file']} {progress['percent']:.0f} %" if progress else str(job["file"])
