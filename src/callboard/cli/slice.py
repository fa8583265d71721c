"""`callboard slice`: a model becomes G-code, and maybe is printed, while one watches."""

from __future__ import annotations

import asyncio
import contextlib
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, TypeVar
from urllib.parse import quote

import msgspec
from cyclopts import Parameter

from callboard.cli.bringing import Overwrite, brought
from callboard.cli.outcome import FAILED, AsJson, WrongUse
from callboard.cli.output import note, printable, say, say_json, table
from callboard.cli.reach import Reach, talk
from callboard.files.names import Kind, kind_of

if TYPE_CHECKING:
    from callboard.client.http import Http

T = TypeVar("T")

_JOBS: Final = "/v1/slicing/jobs"
_ASKING: Final = 0.2
_PATIENCE: Final = 20.0


def slice_file(
    file: Annotated[str, Parameter(help="A stored model; one on this machine is uploaded first.")] = "",
    /,
    *,
    profile: Annotated[str, Parameter(help="The profile; the default one without it.")] = "",
    slicer: Annotated[
        str, Parameter(help="prusaslicer, curaengine or slic3r; the default one without it.")
    ] = "",
    to: Annotated[str, Parameter(help="The G-code's path; beside the model without it.")] = "",
    setting: Annotated[
        Sequence[str],
        Parameter(name=("--set", "-s"), negative="", help="KEY=VALUE over the profile's; may be repeated."),
    ] = (),
    print_on: Annotated[str, Parameter(name="--print", help="Print it on this printer.")] = "",
    if_clear: Annotated[
        bool, Parameter(help="Print it only if the bed was said to be clear since its last print.")
    ] = True,
    select_on: Annotated[str, Parameter(name="--select", help="Select it on this printer.")] = "",
    overwrite: Overwrite = False,
    background: Annotated[bool, Parameter(help="Return at once.", negative="")] = False,
    list_: Annotated[bool, Parameter(name="--list", help="List slicers and profiles.", negative="")] = False,
    add: Annotated[
        Path | None, Parameter(name="--import", help="Store an exported profile, as --profile of --slicer.")
    ] = None,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int | None:
    """Slice a model; prints the path of its G-code. Exits with 1 if it fails, or shall print and does not."""
    if list_:
        return talk(reach, lambda http: _list(http, as_json))
    if add is not None:
        return talk(reach, lambda http: _import(http, add, slicer, profile, as_json))
    if not file:
        raise WrongUse("Name a model: callboard slice part.stl --profile draft")
    if kind_of(file) is not Kind.MODEL:
        raise WrongUse(f"{file} is no model: slice a .stl, .3mf or .obj file.")
    wish = {
        "profile": profile,
        "slicer": slicer,
        "to": to,
        "overrides": dict(map(_setting, setting)),
        "print": print_on,
        "select": select_on,
    }
    asked = {key: value for key, value in wish.items() if value} | ({} if if_clear else {"if_clear": False})

    async def go(http: Http) -> int | None:
        return await _slice(http, await brought(http, file, overwrite), asked, background, as_json)

    return talk(reach, go)


async def _slice(http: Http, file: str, asked: dict[str, Any], background: bool, as_json: bool) -> int | None:
    job = await http.ask("POST", _JOBS, {"file": file, **asked})
    if not as_json:
        note(_how(job, background))
    try:
        found = job if background else await _followed(http, job, bool(asked.keys() & {"print", "select"}))
    except (asyncio.CancelledError, KeyboardInterrupt):
        note(f"It goes on: callboard listen 'data.job={job['id']}' tells how it ends.")
        raise
    return _told(found, asked, as_json)


def _how(job: dict[str, Any], background: bool) -> str:
    """Return what slices it, and how."""
    settings = f"the profile {job['profile']}" if job["profile"] else "its own settings: it has no profile"
    id_ = f" `callboard slicing cancel {job['id']}` calls it off." if background else ""
    return f"{job['slicer']} slices {job['source']} with {settings}.{id_}"


async def _followed(http: Http, job: dict[str, Any], and_printed: bool) -> dict[str, Any]:
    """Show how far a job is until it has ended; returns it as it is then."""
    with _bar(str(job["source"])) as show:
        watching = asyncio.create_task(_watch(http, str(job["id"]), show))
        try:
            return await _ended(http, str(job["id"]), and_printed)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)


async def _watch(http: Http, id_: str, show: Callable[[int], None]) -> None:
    stream = http.stream("GET", "/v1/state/stream", prefix=f"slicingProgress/{id_}")
    async with contextlib.aclosing(stream) as messages:
        async for message in messages:
            for value in msgspec.json.decode(message.data).values():
                if isinstance(value, dict):
                    show(int(value.get("progress", 0)))


async def _ended(http: Http, id_: str, and_printed: bool) -> dict[str, Any]:
    """Return a job once it has ended and, if that was asked for, the printer was told."""
    loop = asyncio.get_running_loop()
    until = float("inf")
    while True:
        job: dict[str, Any] = await http.ask("GET", f"{_JOBS}/{id_}")
        settled = job["state"] != "done" or not and_printed or "effectivePrint" in job
        if job["state"] not in {"waiting", "slicing"}:
            until = min(until, loop.time() + _PATIENCE)
            if settled or loop.time() > until:
                return job
        await asyncio.sleep(_ASKING)


def _told(job: dict[str, Any], asked: dict[str, Any], as_json: bool) -> int | None:
    """Say how a job ended, and return the exit code."""
    if as_json:
        say_json(job)
    state = job["state"]
    failed = state in {"failed", "cancelled"}
    if failed and not as_json:
        note(f"{job['source']} was not sliced: {job.get('reason', state)}")
    for warning in job.get("warnings", []):
        note(f"Look at it before printing: {warning}")
    if not failed and not as_json:
        say(printable(job["destination"]))
        if "time" in job:
            note(f"Sliced in {job['time']:.1f} s.")
    return FAILED if failed or not _printed(job, asked) else None


def _printed(job: dict[str, Any], asked: dict[str, Any]) -> bool:
    """Say what the printer did, and return whether it did what was asked."""
    printer = asked.get("print") or asked.get("select")
    if not printer or job["state"] != "done":
        return True
    if job.get("effectivePrint"):
        note(f"{printer} {'prints' if asked.get('print') else 'has selected'} it.")
        return True
    note(str(job.get("reason") or f"{printer} did not answer in time."))
    return False


async def _list(http: Http, as_json: bool) -> None:
    found = (await http.ask("GET", "/v1/slicing"))["slicers"]
    if as_json:
        say_json(found)
        return
    table(("slicer", "", "default profile", "profiles"), map(_row, found))
    for one in found:
        if not one["available"]:
            note(one["reason"])


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    states = [*(["default"] if one["default"] else []), *([] if one["available"] else ["not here"])]
    return (one["key"], ", ".join(states), one["defaultProfile"], ", ".join(one["profiles"]))


async def _import(http: Http, file: Path, slicer: str, profile: str, as_json: bool) -> None:
    """Store a profile that a slicer exported."""
    if not slicer:
        raise WrongUse("Name the slicer whose profile this is with --slicer.")
    try:
        data = await asyncio.to_thread(file.read_bytes)
    except OSError as error:
        raise WrongUse(f"{file} can't be read: {error.strerror}.") from None
    key = profile or file.name.partition(".")[0]

    async def pieces() -> Any:
        yield data

    stored = await http.send(f"/v1/slicing/{quote(slicer)}/profiles/{quote(key)}", pieces(), len(data))
    if left := stored.get("leftOut"):
        note(f"Left out, since a profile must not set it: {', '.join(left)}.")
    if as_json:
        say_json(stored)
    else:
        say(printable(f"{stored['slicer']} has the profile {stored['key']}, {len(stored['data'])} settings."))


def _setting(text: str) -> tuple[str, str]:
    key, sign, value = text.partition("=")
    if not sign or not key:
        raise WrongUse(f"{text[:40]!r} is no setting: write KEY=VALUE, as in layer_height=0.3.")
    return key, value


@contextmanager
def _bar(name: str) -> Iterator[Callable[[int], None]]:
    """Show a bar on stderr; nothing where nobody watches."""
    if not sys.stderr.isatty():
        yield lambda _: None
        return
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn, TimeElapsedColumn

    columns = (
        TextColumn("{task.description}", markup=False),
        BarColumn(),
        TaskProgressColumn(),
        TimeElapsedColumn(),
    )
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task(f"slicing {printable(name)}", total=100)
        yield lambda percent: progress.update(task, completed=percent)
