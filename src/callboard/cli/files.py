"""`callboard files`: what can be printed, in and out and about, by hand."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from cyclopts import App, Parameter

from callboard.cli.bringing import address_of, bar, sent
from callboard.cli.outcome import FAILED, AsJson, WrongUse, told
from callboard.cli.output import note, printable, say, say_json, table
from callboard.cli.reach import Reach, talk
from callboard.errors import CallboardError

if TYPE_CHECKING:
    from callboard.client.http import Http

app = App(name="files", help="Files that can be printed.", help_format="plaintext")
app.command("callboard.cli.analyse:analyse", name="analyse", help="Analyse G-code: time, filament, size.")

_PATIENCE = 30
"""Seconds that a printer has to answer a wish."""

Stored = Annotated[str, Parameter(help="Path of a file or folder on the hub, as `files list` shows it.")]


class NotDone(CallboardError):
    """The hub did not do that."""


@app.command(name="list")
def list_files(
    folder: Annotated[str, Parameter(help="Only what lies in this folder.")] = "",
    /,
    *,
    recursive: Annotated[
        bool, Parameter(name=("--recursive", "-r"), help="Folders inside too.", negative="")
    ] = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """List the files on the hub, and those on printers' SD cards."""
    asked = "true" if recursive else "false"
    path = address_of(folder) if folder.strip("/") else "/v1/files"
    found = _ask(reach, "GET", path, recursive=asked)
    files = found.get("children", []) if folder.strip("/") else found["files"]
    if as_json:
        say_json(files)
        return
    table(("path", "size", "changed", "estimate", "prints"), map(_row, _flat(files)))
    if "free" in found:
        note(f"{amount(found['free'])} of {amount(found['total'])} are free.")


@app.command
def upload(
    file: Annotated[Path, Parameter(help="The file; - is not taken: a name is needed.")],
    /,
    *,
    to: Annotated[str, Parameter(help="Its path on the hub; with / at the end the folder.")] = "",
    print_on: Annotated[str, Parameter(name="--print", help="Print it on this printer.")] = "",
    select_on: Annotated[str, Parameter(name="--select", help="Select it on this printer.")] = "",
    overwrite: Annotated[bool, Parameter(help="Replace a file with this name.", negative="")] = False,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> int | None:
    """Bring a file to the hub; prints its path there. Exits with 1 if it shall print and does not."""
    path = to if to and not _is_folder(to) else f"{to.strip('/')}/{file.name}"
    wishes = {"print": print_on or None, "select": select_on or None}
    made = talk(reach, lambda http: sent(http, file, path, overwrite=overwrite, **wishes))
    if as_json:
        say_json(made)
    else:
        say(printable(made["file"]["path"]))
        _say_effect(made, print_on, select_on)
    done = (made["effectivePrint"] or not print_on) and (made["effectiveSelect"] or not select_on)
    return None if done else FAILED


@app.command
def download(
    path: Stored,
    /,
    *,
    to: Annotated[Path | None, Parameter(help="Where to; else here, under its own name.")] = None,
    overwrite: Annotated[bool, Parameter(help="Replace a file that is there.", negative="")] = False,
    reach: Reach | None = None,
) -> None:
    """Get a file from the hub; prints where it is now."""
    say(str(save(reach, address_of(path), path.strip("/").rpartition("/")[2], to, overwrite)))


@app.command
def transfer(
    path: Stored,
    /,
    *,
    printer: Annotated[str, Parameter(help="The printer whose card it goes to.")],
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Copy a file to a printer's SD card. It returns once that has begun; a transfer takes long."""
    wish = {"printer": printer, "file": path.strip("/"), "deadline": _PATIENCE}
    asked = {
        "event": {"topic": "callboard.printer.transfer", "data": wish},
        "timeout": _PATIENCE,
        "limit": 1,
    }
    replies = _ask(reach, "POST", "/v1/requests", asked)["replies"]
    if not replies:
        raise NotDone("No print host answered: is one configured under `printers`?")
    outcome = replies[0]["event"]["data"]
    if as_json:
        say_json(outcome)
    if not isinstance(outcome, dict) or outcome.get("success") is not True:
        raise NotDone(str(outcome.get("message") if isinstance(outcome, dict) else "") or "It was not done.")
    if not as_json:
        note(outcome.get("message", ""))


@app.command
def move(
    path: Stored,
    destination: Annotated[str, Parameter(help="Its new path; a folder means inside it.")],
    /,
    *,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Move a file or folder on the hub; what is known of it goes along."""
    _command(reach, path, "move", destination, as_json)


@app.command
def copy(
    path: Stored,
    destination: Annotated[str, Parameter(help="Its path; a folder means inside it.")],
    /,
    *,
    as_json: AsJson = False,
    reach: Reach | None = None,
) -> None:
    """Copy a file or folder on the hub."""
    _command(reach, path, "copy", destination, as_json)


@app.command
def remove(
    path: Stored,
    /,
    *,
    recursive: Annotated[
        bool, Parameter(name=("--recursive", "-r"), help="A folder with all it holds.", negative="")
    ] = False,
    reach: Reach | None = None,
) -> None:
    """Remove a file or folder from the hub, for good."""
    asked = "true" if recursive else "false"
    _ask(reach, "DELETE", address_of(path), recursive=asked)
    note(f"{path} is gone.")


def _is_folder(path: str) -> bool:
    """Return whether a destination means a folder: it ends so, or no file can be called like that."""
    from callboard.files.names import kind_of

    return path.endswith("/") or kind_of(path) is None


def _command(reach: Reach | None, path: str, command: str, destination: str, as_json: bool) -> None:
    asked = {"command": command, "destination": destination}
    made = _ask(reach, "POST", address_of(path), asked)
    if as_json:
        say_json(made)
    else:
        say(printable(made["path"]))


def _ask(reach: Reach | None, method: str, path: str, body: Any = None, **query: Any) -> Any:
    return talk(reach, lambda http: http.ask(method, path, body, **query))


def save(reach: Reach | None, address: str, name: str, to: Path | None, overwrite: bool) -> Path:
    """Get what is at an address of the hub, whole or not at all; return the file that it is in now."""
    target = to / name if to is not None and to.is_dir() else to or Path(name)
    if target.exists() and not overwrite:
        raise WrongUse(f"{target} is there already: pass --to or --overwrite.")
    part = target.with_name(f".{target.name}.part")

    async def fetch(http: Http) -> None:
        async with http.fetch(address, download="true") as (size, pieces):
            with bar(name, size) as advance, part.open("wb") as file:
                async for piece in pieces:
                    file.write(piece)
                    advance(len(piece))

    try:
        talk(reach, fetch)
        part.replace(target)
    except OSError as error:
        raise CallboardError(f"{target} can't be written: {told(error)}.") from None
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
    return target


def _say_effect(made: dict[str, Any], print_on: str, select_on: str) -> None:
    """Say what the printer did with a file."""
    if print_on and made["effectivePrint"]:
        note(f"{print_on} prints it.")
    elif print_on:
        note(f"It is stored, but {print_on} does not print it: `callboard printers list` shows why.")
    elif select_on and not made["effectiveSelect"]:
        note(f"It is stored, but {select_on} did not select it: `callboard printers list` shows why.")


def _flat(files: list[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    for one in files:
        yield one
        yield from _flat(one.get("children", []))


def _row(one: dict[str, Any]) -> tuple[str, ...]:
    if one["type"] == "folder":
        return (f"{one['path']}/", "", moment(one.get("date")), "", "")
    path = f"{one['printer']}: {one['path']}" if one["origin"] == "sdcard" else one["path"]
    size = amount(one["size"]) if one.get("size") is not None else ""
    seconds = (one.get("analysis") or {}).get("estimatedPrintTime")
    prints = one.get("prints")
    count = f"{prints['success']} of {prints['success'] + prints['failure']}" if prints else ""
    return (path, size, moment(one.get("date")), _duration(seconds), count)


def moment(text: str | None) -> str:
    """Return an ISO 8601 time as local date and time; empty for none."""
    from datetime import datetime

    return f"{datetime.fromisoformat(text).astimezone():%Y-%m-%d %H:%M}" if text else ""


def _duration(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return ""
    minutes = round(seconds / 60)
    return f"{minutes // 60}h {minutes % 60:02}m" if minutes >= 60 else f"{minutes}m"


def amount(count: float) -> str:
    """Return bytes as people read them: 1.8 MB."""
    for unit in ("B", "kB", "MB", "GB"):
        if count < 1000:
            return f"{count:.0f} {unit}" if unit == "B" or count >= 100 else f"{count:.1f} {unit}"
        count /= 1000
    return f"{count:.1f} TB"
